"""A page for every shipped recipe: what its first comment says, and the file."""

from __future__ import annotations

from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.site.markdown import code, escaped, fenced, page, prose, table


def recipe_link(recipe: str, top: str) -> str:
    """A link to the recipe's page from a page whose way to the top is ``top``."""
    return f"[{code(recipe)}]({top}recipes/{_file(recipe)}.md)"


def recipe_pages() -> dict[str, str]:
    """By path: the page that lists all shipped recipes, and one for each."""
    shipped = {name: path.read_text(encoding="utf-8") for name, path in shipped_recipes().items()}
    rows = [(recipe_link(name, ""), prose(_first_comment(text))) for name, text in shipped.items()]
    index = page(
        "# Recipes",
        "The recipes that come with gan-recipe. `gan-recipe run NAME` trains one as it stands; "
        '`extends = "NAME"` in a recipe of your own changes it.',
        table(("Recipe", "What it is"), rows),
    )
    pages = {f"recipes/{_file(name)}.md": _page(name, text) for name, text in shipped.items()}
    return {"recipes.md": index} | pages


def _page(name: str, text: str) -> str:
    return page(
        f"# {escaped(name)}",
        prose(_first_comment(text)),
        fenced(f"gan-recipe run {name}", "sh"),
        fenced(text.rstrip(), "toml"),
        "[All recipes](../recipes.md)",
    )


def _file(recipe: str) -> str:
    return recipe.replace("/", "-")


def _first_comment(text: str) -> str:
    """The comment that the file begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").strip())
    return " ".join(lines)
