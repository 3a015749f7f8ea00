"""A page for every component, and the page that lists them all, from what ``show`` tells."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from gan_recipe.components.documentation import Read, Setting, example, reads, settings
from gan_recipe.components.registry import BARE, Registry
from gan_recipe.components.summary import summary
from gan_recipe.errors import article
from gan_recipe.interfaces import KINDS, Component
from gan_recipe.site.markdown import code, escaped, fenced, page, paragraphs, prose, table
from gan_recipe.site.recipe_pages import recipe_link
from gan_recipe.site.uses import shipped_uses

#: Draws the picture of a component, as an SVG with its caption; None for one that has none.
Draw = Callable[[str, type[Component]], "Picture | None"]

_FILTER = (Path(__file__).parent / "filter.html").read_text(encoding="utf-8").strip()


@frozen
class Picture:
    """A drawing for a page."""

    #: An SVG on one line.
    svg: str
    #: What it shows, in plain words: also what is read aloud in its place.
    caption: str


@frozen
class Listed:
    """A component that has a page."""

    name: str
    cls: type[Component]
    #: ``name version`` of the package that it came with.
    distribution: str

    @property
    def file(self) -> str:
        """The page's file name without its suffix: the component's name where a file may be called so."""
        safe = re.sub(r"[^A-Za-z0-9_.-]", lambda found: f"~{ord(found[0]):x}", self.name)
        return f"~{safe}" if safe.startswith(".") else safe


def listed(registry: Registry, *, plugins: bool) -> list[Listed]:
    """The components that get pages, by name: our own, and with ``plugins`` also everybody else's."""
    found = []
    for name, cls in sorted(registry.every().items()):
        plugin = registry.plugins[name.rpartition(".")[0] or BARE]
        if plugins or plugin.is_ours:
            found.append(Listed(name, cls, plugin.distribution))
    return found


def component_page(component: Listed, draw: Draw | None = None) -> str:
    """What the component does, its picture, what it reads, its settings, an example, and who uses it."""
    cls = component.cls
    first, _, rest = (inspect.getdoc(cls) or "").partition("\n\n")
    picture = draw(component.name, cls) if draw else None
    return page(
        f"# {escaped(component.name)}",
        f"*{article(cls.kind).capitalize()} {cls.kind} from {escaped(component.distribution)}*",
        paragraphs(first),
        figure(picture) if picture else "",
        fenced(example(component.name, cls), "toml"),
        _reads(reads(cls)),
        settings_table(settings(cls)),
        f"## Details\n\n{paragraphs(rest)}" if rest else "",
        _used(component.name),
        "[All components](../components.md)",
    )


def component_index(components: list[Listed]) -> str:
    """Every component on one page, in the order of their kinds; a script in the page narrows the table."""
    order = list(KINDS)
    rows = [
        (
            f"[{code(each.name)}](components/{each.file}.md)",
            each.cls.kind,
            escaped(each.distribution),
            prose(summary(each.cls)),
        )
        for each in sorted(components, key=lambda each: (order.index(each.cls.kind), each.name))
    ]
    return page(
        "# Components",
        "What recipes are made of. Every page is told by the component's own class, as `gan-recipe show` tells it.",
        table(("Component", "Kind", "From", "What it is"), rows),
        _FILTER,
    )


def toctree(names: list[str]) -> str:
    """Sphinx's list of the pages below this one."""
    return "\n".join(["```{toctree}", ":hidden:", ":maxdepth: 1", "", *names, "```"])


def figure(picture: Picture) -> str:
    """The picture as a block of HTML, which Markdown passes on."""
    from html import escape

    return f"<figure class='drawing'>{picture.svg}<figcaption>{escape(picture.caption)}</figcaption></figure>"


def settings_table(stated: list[Setting], title: str = "## Settings") -> str:
    """Names, types, defaults and comments; nothing where there are no settings."""
    if not stated:
        return ""
    rows = [(code(each.name), prose(each.type), _default(each), prose(each.doc)) for each in stated]
    told = table(("Key", "Type", "Default", "What it does"), rows)
    return f"{title}\n\n{told}" if title else told


def _default(setting: Setting) -> str:
    if setting.default is None:
        return "must be stated"
    return setting.default if setting.default == "left out" else code(setting.default)


def _reads(read: list[Read]) -> str:
    if not read:
        return ""
    lines = [f"- {code(each.name)}: {each.told}" for each in read]
    return "## Reads\n\n" + "\n".join(lines)


def _used(name: str) -> str:
    recipes = shipped_uses().get(name, ())
    if not recipes:
        return ""
    return "## Used by\n\n" + ", ".join(recipe_link(recipe, "../") for recipe in recipes)
