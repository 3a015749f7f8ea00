"""All generated pages, as plain Markdown: whatever engine makes HTML of them, they read well as they are."""

from __future__ import annotations

from pathlib import Path

from gan_recipe.components.registry import Registry
from gan_recipe.interfaces import Component
from gan_recipe.site.api_reference import api_reference
from gan_recipe.site.component_pages import Draw, Picture, component_index, component_page, listed, toctree
from gan_recipe.site.recipe_pages import recipe_pages
from gan_recipe.site.recipe_reference import recipe_reference


def generated_pages(registry: Registry, *, plugins: bool = False, pictures: bool = True) -> dict[str, str]:
    """Every page by its path below the top.

    With ``plugins``, components of every installed plugin get pages, else our own. ``pictures`` need torch, and what
    they show is computed: without them the pages are the same otherwise.
    """
    components = listed(registry, plugins=plugins)
    draw = _pictures(registry) if pictures else None
    pages = {f"components/{each.file}.md": component_page(each, draw) for each in components}
    below = [f"components/{each.file}" for each in components]
    pages["components.md"] = component_index(components) + "\n" + toctree(below) + "\n"
    recipes = recipe_pages()
    below = [path.removesuffix(".md") for path in recipes if path.startswith("recipes/")]
    pages |= recipes | {"recipes.md": recipes["recipes.md"] + "\n" + toctree(below) + "\n"}
    pages["reference/recipe.md"] = recipe_reference(registry)
    pages["reference/api.md"] = api_reference()
    return pages


def write_pages(pages: dict[str, str], folder: Path) -> None:
    """Write them below the folder; what lies there under these names is replaced."""
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _pictures(registry: Registry) -> Draw:
    from gan_recipe.site.curve import loss_curve
    from gan_recipe.site.network_shapes import shapes_drawer
    from gan_recipe.site.schedule_timeline import schedule_timeline

    shapes = shapes_drawer(registry)

    def draw(name: str, cls: type[Component]) -> Picture | None:
        return loss_curve(cls) or schedule_timeline(name, cls, registry) or shapes(name, cls)

    return draw
