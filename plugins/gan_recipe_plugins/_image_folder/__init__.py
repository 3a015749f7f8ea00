"""Photographs in a folder: what their names state, how they are decoded, kept, matched and drawn."""
