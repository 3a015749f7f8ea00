"""The hand-written pages are true: their recipes train, their commands run, their links lead somewhere.

What a page shows in a block marked ``toml``, ``sh``, ``console`` or ``python`` is tried as it stands there, in the
page's order. What a ``console`` block shows behind a command must be what the command prints; ``...`` stands for more.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from doc_blocks import DOCS, ROOT, Block, blocks
from PIL import Image
from tiny_commands import overrides

from gan_recipe.cli.command_reference import command_reference
from gan_recipe.components.registry import Registry
from gan_recipe.language.schema import recipe_schema
from gan_recipe.site.pages import generated_pages

# Pages whose blocks another test tries, and that test.
ELSEWHERE = {
    "plugins.md": "test_plugin_tutorial.py",
    "resume.md": "test_guides.py",
    "sweep.md": "test_guides.py",
    "processes.md": "test_guides.py",
    "treatments.md": "test_treatments_page.py",
    "notebook/index.md": "test_notebook.py",
    "notebook/findings.md": "test_notebook.py",
}
PLACES = {"/where/they/are/cmu_faces": "my_photographs"}


def pages() -> list[Path]:
    """Every page of the site that somebody wrote."""
    found = sorted(DOCS.rglob("*.md"))
    return [path for path in found if "examples" not in path.parts and not path.name.endswith(".template.md")]


def named(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


TRIED = [path for path in pages() if named(path) not in ELSEWHERE]
# Lists of contents are built with the site, without a warning (test_site_in_browser.py), and held to the pages below.
RUN_HERE = [block for path in TRIED for block in blocks(f"docs/{named(path)}") if not block.installs]


@pytest.fixture(scope="module")
def schema(registry: Registry) -> dict[str, Any]:
    found = recipe_schema(registry)
    # What a block changes of a recipe may name its sources, networks and players alone.
    found.pop("if")
    found.pop("then")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader might stand: with a few photographs."""
    photographs = tmp_path / "my_photographs"
    photographs.mkdir()
    for number, person in enumerate(("ann", "bob", "cem", "dot", "eva")):
        for turn, pose in enumerate(("forward", "left", "right", "up")):
            for mood, expression in enumerate(("happy", "sad")):
                image = Image.new("L", (64, 60), 40 * number + 20)
                image.paste(200, (10 + 10 * turn, 20 + 10 * mood, 20 + 10 * turn, 30 + 10 * mood))
                image.save(photographs / f"{person}_{pose}_{expression}_open.png")
    return tmp_path


@pytest.mark.parametrize("page", TRIED, ids=named)
def test_every_block_of_a_page_holds(
    page: Path, folder: Path, schema: dict[str, Any], gan_recipe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named recipes are written for the page's commands; all TOML fits the schema; commands exit with 0."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for block in RUN_HERE:
        if block.page != f"docs/{named(page)}":
            continue
        if block.language == "toml":
            tables = tomllib.loads(block.text)
            jsonschema.Draft202012Validator(schema).validate(tables)
            if found := re.match(r"# (\S+\.toml)\n", block.text):
                (folder / found[1]).write_text(block.text)
        elif block.language == "sh":
            for line in block.text.splitlines():
                _try(line, gan_recipe, folder)
        elif block.language == "console":
            _compare(block, gan_recipe, folder)
        elif block.language == "python":
            exec(compile(block.text, str(page), "exec"), {"__name__": "page"})
        else:
            assert block.language == "{toctree}", f"{block.page}:{block.line} is {block.language or 'not marked'}"


def _try(line: str, gan_recipe: Callable[..., Any], folder: Path) -> str:
    """Run a command, made small; returns what it prints."""
    line = re.sub("|".join(PLACES), lambda found: PLACES[found[0]], line)
    words = shlex.split(line, comments=True)[1:]
    if not line.startswith("gan-recipe"):
        shell = subprocess.run(["bash", "-e", "-c", line], cwd=folder, capture_output=True, text=True)
        assert shell.returncode == 0, f"{line}\n{shell.stderr}"
        return shell.stdout
    words += overrides(words)
    words += ["--quiet", "--device", "cpu"] if words[0] == "run" and "--resume" not in words else []
    done = gan_recipe(*words)
    assert done.code == 0, f"{line}\n{done.out}{done.err}"
    return str(done.err + done.out)


def _compare(block: Block, gan_recipe: Callable[..., Any], folder: Path) -> None:
    """Each command prints what the block shows behind it; lines may be broken elsewhere."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        printed = " ".join(_try(command, gan_recipe, folder).split())
        pattern = ".*".join(
            re.escape(" ".join(piece.split())) for piece in re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)
        )
        assert re.fullmatch(pattern.replace(".*", " ?.* ?"), printed), (
            f"{command} prints\n{printed}\nin place of\n{shown}"
        )


def test_the_lists_of_contents_name_pages(generated: set[str]) -> None:
    """Each a page that somebody wrote or that is generated, and no page stands in none."""
    listed = [line for block in RUN_HERE if block.language == "{toctree}" for line in block.text.splitlines()]
    entries = [line for line in listed if line and not line.startswith(":")]
    written = {named(path).removesuffix(".md") for path in pages()}
    for entry in entries:
        assert "*" in entry or entry in written or f"{entry}.md" in generated, entry
    assert all(any(fnmatchcase(page, entry) for entry in entries) for page in written - {"index"})


@pytest.fixture(scope="module")
def generated(registry: Registry) -> set[str]:
    return {*generated_pages(registry, pictures=False), "reference/cli.md"}


def test_pages_tried_elsewhere_are() -> None:
    """The test that is named for a page reads it."""
    for page, test in ELSEWHERE.items():
        assert (DOCS / page).is_file() and Path(page).name in (ROOT / "tests" / test).read_text()


def test_every_picture_of_a_page_is_small() -> None:
    """A page is read on a phone, too; and the repository stays small."""
    for path in [*DOCS.rglob("*.png"), *DOCS.rglob("*.jpg")]:
        assert path.stat().st_size <= 200_000, path


def test_the_command_reference_tells_every_option() -> None:
    """Of every command, in the words of its help."""
    from gan_recipe.cli.program import cli

    text = command_reference()
    for name, command in cli.commands.items():
        assert f"## {name}\n" in text
        for option in command.params:
            if option.param_type_name == "option" and option.name != "help":
                assert f"`{option.opts[-1]}`" in text, (name, option.opts)
