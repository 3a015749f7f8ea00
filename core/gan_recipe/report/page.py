"""A page as one file: templates filled in, everything escaped, and only our own scripts allowed to run."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gan_recipe.runs.durable import replace_file
from gan_recipe.runs.run_folder import RunFolder, now

if TYPE_CHECKING:
    import jinja2

_FOLDER = Path(__file__).parent / "page"


def rendered(template: str, scripts: Sequence[str], **context: Any) -> str:
    """The page of ``template``, with the named ``scripts`` in it.

    Whatever the context holds is escaped by jinja2. Should that fail one day, the page's content security policy lets
    a browser run nothing but these scripts, by their hashes, and load nothing from anywhere.
    """
    from markupsafe import Markup

    context["written"] = now()[:16].replace("T", " ")
    sources = [_source(f"{name}.js") for name in scripts]
    policy = "; ".join(
        [
            "default-src 'none'",
            "img-src data:",
            "style-src 'unsafe-inline'",
            f"script-src {' '.join(map(_hash, sources))}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return (
        _environment()
        .get_template(template)
        .render(css=Markup(_source("page.css")), scripts=list(map(Markup, sources)), policy=policy, **context)
    )


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = figure
    return environment


def write_page(path: Path, html: str) -> Path:
    """Write the page at once. Raises OSError."""
    # Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark.
    replace_file(path, html.encode("utf-8", "replace"))
    return path


def link(run: RunFolder, folder: Path) -> str:
    """The way from a page in ``folder`` to the report of ``run``."""
    return quote(Path(os.path.relpath(run.path / "report.html", folder)).as_posix())


def link_if_written(run: RunFolder, folder: Path) -> str:
    """The same; empty where there is no report."""
    return link(run, folder) if (run.path / "report.html").is_file() else ""


def cut(text: str, most: int) -> str:
    """The text, and a sign where it goes on."""
    return text if len(text) <= most else f"{text[:most]} …"


def figure(value: float | None) -> str:
    """A number as tables show it."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e9 else f"{value:.4g}"


def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
