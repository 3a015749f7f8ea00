"""The hand-written pages: copied beside the generated ones, with links that lead out of them made to fit."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from gan_recipe.language.recipe_file import shipped_folder

_KEPT = {".md", ".png", ".jpg", ".svg"}
# Other pages are written from it.
_TEMPLATE = ".template.md"
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *(`{3,}|~{3,})")


def copy_hand_written(source: Path, target: Path, generated: Collection[str]) -> list[str]:
    """Copy pages and their pictures; the paths of the pages are returned. Raises ValueError where two claim one path.

    A folder with a pyproject.toml is a package, and none of its files is a page. A link to a shipped recipe leads to
    its page; one to anything else that is no page becomes its text.
    """
    pages = []
    for path in _files(source):
        name = path.relative_to(source).as_posix()
        if name in generated:
            raise ValueError(f"{path} would be replaced by a generated page of that name")
        to = target / name
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            pages.append(name)
            to.write_text(_links_made_to_fit(path, source, generated), encoding="utf-8")
        else:
            shutil.copyfile(path, to)
    return pages


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith((".", "_")) and not (path / "pyproject.toml").exists():
            yield from _files(path)
        elif path.suffix in _KEPT and not path.name.endswith(_TEMPLATE):
            yield path


def _links_made_to_fit(page: Path, source: Path, generated: Collection[str]) -> str:
    def fit(match: re.Match[str]) -> str:
        words, link = match[1], match[2]
        at, _, _ = link.partition("#")
        if ":" in link or not at:
            return match[0]
        meant = Path(os.path.normpath(page.parent / at))
        if meant.is_relative_to(source) and (
            meant.relative_to(source).as_posix() in generated or meant.suffix in _KEPT or not meant.exists()
        ):
            return match[0]
        top = os.path.relpath(source, page.parent)
        if meant.resolve().is_relative_to(shipped_folder().resolve()):
            if meant.suffix != ".toml":
                return f"[{words}]({top}/recipes.md)"
            name = meant.resolve().relative_to(shipped_folder().resolve()).with_suffix("").as_posix()
            return f"[{words}]({top}/recipes/{name.replace('/', '-')}.md)"
        return words if meant.exists() else match[0]

    lines, fence = [], ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if found := _FENCE.match(line):
            fence = "" if fence and found[1].startswith(fence) else fence or found[1]
        lines.append(line if fence else _LINK.sub(fit, line))
    return "\n".join(lines) + "\n"
