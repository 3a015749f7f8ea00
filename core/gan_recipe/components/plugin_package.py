"""A new plugin's package written from the template, and brought up to date with a newer one.

copier merges what a template changed with what an author changed since, and for that it needs every version of the
template that was ever used: a git repository with tags. It is kept in the cache folder, where each version of
gan-recipe that writes or updates a plugin commits its own template. Nothing is fetched. A plugin that was written on
another machine can be updated here only if the version that wrote it was used here, too.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

import gan_recipe
from gan_recipe.api import API_VERSION
from gan_recipe.cache import cache_folder
from gan_recipe.errors import UserError
from gan_recipe.interfaces import KINDS as COMPONENT_KINDS

#: What the template writes: a component of one of the kinds, or an observer, which is hooks and no component.
KINDS = (*COMPONENT_KINDS, "observer")

_TEMPLATE = Path(__file__).parents[1] / "plugin_template"
_ANSWERS = ".copier-answers.yml"


@frozen
class Answers:
    """What the template asks."""

    namespace: str
    distribution: str
    component: str
    kind: str
    author: str

    def check(self) -> None:
        """Raises UserError for names that Python, a recipe or a package index could not hold."""
        for what in ("namespace", "component"):
            name = getattr(self, what)
            if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
                raise UserError(f"the {what} {name!r} is no name: expected lower-case letters, digits and '_'")
        if not re.fullmatch("[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", self.distribution):
            raise UserError(f"{self.distribution!r} is no name for a package: expected letters, digits, '-' and '_'")
        if self.kind not in KINDS:
            raise UserError(f"there is no template for the kind {self.kind!r}. Known: {', '.join(KINDS)}")


def write_plugin(answers: Answers, folder: Path) -> None:
    """Write the package into ``folder``, which must not exist. Raises UserError."""
    answers.check()
    copier = _copier()
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} exists already, and nothing is overwritten; state another folder by --folder")
    repository, version = _repository()
    told: dict[str, Any] = {**asdict(answers), "api": API_VERSION}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it cannot remove what it could not write
            copier.run_copy(str(repository), folder, told, vcs_ref=version, defaults=True, quiet=True)
    except (copier.errors.CopierError, OSError) as error:
        raise UserError(f"{folder} cannot be written: {getattr(error, 'strerror', None) or error}") from None


def update_plugin(folder: Path) -> tuple[str, str]:
    """Merge what the template changed into the package. Returns the versions before and after. Raises UserError.

    The folder must be a git repository without uncommitted changes. Where both changed one place, both versions stand
    in the file between git's conflict marks.
    """
    copier = _copier()
    before = _written_by(folder)
    repository, version = _repository()
    known = _git(repository, "tag").split()
    if before not in known:
        raise UserError(
            f"{folder} was written by the template of gan-recipe {before}, which was never used on this machine "
            f"({repository} has: {', '.join(known)}). Write a new plugin beside it and compare the two"
        )
    answers = folder / _ANSWERS
    text = answers.read_text(encoding="utf-8")
    moved = re.sub(r"(?m)^_src_path: .*$", lambda _: f"_src_path: {repository}", text)
    if moved != text:
        # Written on another machine, or from another cache folder: the template is the same, its place is not.
        answers.write_text(moved, encoding="utf-8")
        _git(folder, "commit", "-qam", "Where the template of gan-recipe is kept")
    try:
        copier.run_update(
            folder, {"api": API_VERSION}, vcs_ref=version, defaults=True, overwrite=True, quiet=True, conflict="inline"
        )
    except (copier.errors.CopierError, OSError) as error:
        raise UserError(f"{folder} cannot be updated: {getattr(error, 'strerror', None) or error}") from None
    return before, version


def _written_by(folder: Path) -> str:
    try:
        text = (folder / _ANSWERS).read_text(encoding="utf-8")
    except OSError:
        raise UserError(f"{folder} was not written by `gan-recipe plugin new`: it has no {_ANSWERS}") from None
    if not (folder / ".git").exists():
        raise UserError(
            f"{folder} is no git repository; changes are merged in one: git init && git add -A && git commit"
        )
    if _git(folder, "status", "--porcelain"):
        raise UserError(f"{folder} has changes that are not committed; commit them, so that nothing can be lost")
    found = re.search(r"(?m)^_commit: (\S+)$", text)
    if found is None:
        raise UserError(f"{folder / _ANSWERS} does not tell which version wrote the plugin")
    return found[1]


def _repository() -> tuple[Path, str]:
    """The template's repository, with this version's template committed, and the tag of that. Raises UserError."""
    try:
        folder = cache_folder() / "plugin_template"
        if not (folder / ".git").is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _git(folder, "init", "-q")
        for old in folder.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(_TEMPLATE, folder, dirs_exist_ok=True)
    except OSError as error:
        raise UserError(f"the template of plugins cannot be kept: {error}") from None
    _git(folder, "add", "-A", "--force")
    tags = _git(folder, "tag").split()
    tree = _git(folder, "write-tree").strip()
    for tag in reversed(tags):
        if _git(folder, "rev-parse", f"{tag}^{{tree}}").strip() == tree:
            return folder, tag
    version = gan_recipe.__version__
    number = sum(tag == version or tag.startswith(f"{version}.post") for tag in tags)
    tag = f"{version}.post{number}" if number else version
    _git(folder, "commit", "-q", "--allow-empty", "-m", f"The template of gan-recipe {tag}")
    _git(folder, "tag", tag)
    return folder, tag


def _git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=gan-recipe", "-c", "user.email=gan-recipe@localhost", "-c", "core.autocrlf=false")
    # A hook of git's that called us would otherwise have us work in its repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, env=environment
        )
    except OSError:
        raise UserError("git is not installed; the template of plugins is kept in a git repository") from None
    if done.returncode:
        raise UserError(f"git {words[0]} in {folder}: {done.stderr.strip()}")
    return done.stdout


def _copier() -> Any:
    try:
        import copier
        import copier.errors
    except ImportError:
        raise UserError("copier is not installed, which writes plugins: pip install 'gan-recipe[plugin]'") from None
    return copier
