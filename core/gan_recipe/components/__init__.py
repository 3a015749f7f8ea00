"""What recipes may name: found in plugins, in torch and timm, and described; and how a plugin is begun."""
