"""The pages as a site: Sphinx, with the theme furo, reading Markdown by MyST. They are the extra ``docs``."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import gan_recipe
from gan_recipe.components.registry import Registry
from gan_recipe.site.hand_written import copy_hand_written
from gan_recipe.site.pages import generated_pages, write_pages

_STATIC = Path(__file__).parent / "static"
_LANDING = """\
# Components and recipes

What is installed here.

```{toctree}
:maxdepth: 1

components
recipes
reference/recipe
reference/cli
reference/api
```
"""


def build_site(
    source: Path | None, out: Path, registry: Registry, also: dict[str, str], *, plugins: bool = False
) -> list[str]:
    """Write the site to ``out`` and return Sphinx's warnings.

    ``source`` holds hand-written pages and their index.md; without it the site is the reference alone. ``also`` are
    generated pages that the caller has, by path. Raises ImportError without the extra ``docs``, ValueError for a hand-
    written page with a generated one's name.
    """
    import furo  # noqa: F401
    import myst_parser  # noqa: F401
    from sphinx.application import Sphinx

    pages = generated_pages(registry, plugins=plugins) | also
    with tempfile.TemporaryDirectory(prefix="gan-recipe-docs-") as folder:
        top = Path(folder, "pages")
        write_pages(pages, top)
        if source is None:
            (top / "index.md").write_text(_LANDING, encoding="utf-8")
        else:
            copy_hand_written(source, top, pages)
        shutil.copytree(_STATIC, top / "_static")
        warnings = io.StringIO()
        app = Sphinx(
            top, None, out, Path(folder, "doctrees"), "html", _settings(), status=None, warning=warnings, freshenv=True
        )
        app.build(force_all=True)
    # A folder of pages may be empty; Sphinx gives that warning no type by which it could be told to leave it out.
    told = [_plain(line, top) for line in warnings.getvalue().splitlines() if line.strip()]
    return [line for line in told if "toctree glob pattern" not in line]


def _settings() -> dict[str, Any]:
    return {
        "project": "gan-recipe",
        "author": "the gan-recipe authors",
        "version": gan_recipe.__version__,
        "release": gan_recipe.__version__,
        "extensions": ["myst_parser"],
        "myst_heading_anchors": 3,
        # Quotes in these pages are TOML's.
        "smartquotes": False,
        "html_theme": "furo",
        "html_title": "gan-recipe",
        "html_static_path": ["_static"],
        "html_css_files": ["site.css"],
        "html_favicon": "_static/favicon.svg",
        "html_copy_source": False,
        "html_show_copyright": False,
        "html_show_sourcelink": False,
        "pygments_style": "friendly",
        # An outline of a recipe is no TOML.
        "suppress_warnings": ["misc.highlighting_failure"],
    }


def _plain(line: str, top: Path) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line).replace(f"{top}/", "")
