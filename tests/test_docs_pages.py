"""The hand-written pages are true: their recipes train, their commands run, their links lead somewhere.

What a page shows in a block marked ``toml``, ``sh`` or ``python`` is tried as it stands there, in the page's order.
Before a block that only illustrates stands an HTML comment that says why: ``<!-- illustration: it needs two GPUs -->``.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from attrs import frozen
from PIL import Image

from gan_recipe.cli.command_reference import command_reference
from gan_recipe.registry import Registry
from gan_recipe.schema import recipe_schema
from gan_recipe.site.pages import generated_pages

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Pages whose blocks another test tries, and that test.
ELSEWHERE = {
    "plugins.md": "test_plugin_tutorial.py",
    "resume.md": "test_resume_page.py",
    "sweep.md": "test_guides.py",
    "processes.md": "test_guides.py",
    "treatments.md": "test_treatments_page.py",
    "notebook/index.md": "test_notebook.py",
    "notebook/findings.md": "test_notebook.py",
}
# What makes minutes seconds. A setting that a recipe does not have is left out of its command.
# In six rounds the generator of an n_critic of 5 has moved.
SMALL = ("run.rounds=6", "run.batch=4", "run.held_out=4", "run.precision=float32", "run.checkpoint_every=1")
SMALL_DATA = ("data.faces.identities=4", "data.faces.held_out=2", "run.measure_every=0")
SMALL_DATA += tuple(f"networks.{name}.width=0.0625" for name in ("generator", "trunk", "encoder", "decoder"))
SMALL_DATA += ("data.faces.size=32", "networks.generator.size=32", "sheet.rows=1")
PLACES = {"/where/they/are/cmu_faces": "my_photographs"}


@frozen
class Block:
    language: str
    text: str
    #: Why it is only an illustration; None where it is tried.
    illustration: str | None


def pages() -> list[Path]:
    """Every page of the site that somebody wrote."""
    found = sorted(DOCS.rglob("*.md"))
    return [path for path in found if "examples" not in path.parts and not path.name.endswith(".template.md")]


def named(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


def blocks(text: str) -> Iterator[Block]:
    pattern = r"(?:<!-- illustration: ([^>]*?) -->\s*\n)?^```(\w+)\n(.*?)^```$"
    for found in re.finditer(pattern, text, re.DOTALL | re.MULTILINE):
        yield Block(found[2], found[3], found[1])


TRIED = [pytest.param(path, id=named(path)) for path in pages() if named(path) not in ELSEWHERE]


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


@pytest.mark.parametrize("page", TRIED)
def test_every_block_of_a_page_holds(
    page: Path, folder: Path, schema: dict[str, Any], gan_recipe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named recipes are written for the page's commands; all TOML fits the schema; commands exit with 0."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for block in blocks(page.read_text()):
        if block.illustration is not None:
            continue
        if block.language == "toml":
            tables = tomllib.loads(block.text)
            jsonschema.Draft202012Validator(schema).validate(tables)
            if found := re.match(r"# (\S+\.toml)\n", block.text):
                (folder / found[1]).write_text(block.text)
        elif block.language == "sh":
            for line in block.text.splitlines():
                _try(line, gan_recipe, folder)
        elif block.language == "python":
            exec(compile(block.text, str(page), "exec"), {"__name__": "page"})


def _try(line: str, gan_recipe: Callable[..., Any], folder: Path) -> None:
    words = [PLACES.get(word, word) for word in shlex.split(line, comments=True)]
    if not words:
        return
    assert words[0] == "gan-recipe", f"only gan-recipe's own commands can be tried; mark as an illustration: {line}"
    words = [re.sub("|".join(PLACES), lambda found: PLACES[found[0]], word) for word in words[1:]]
    if words[0] in ("run", "verify-resume", "judge") and "--resume" not in words:
        words += _small(words, gan_recipe)
        words += ["--quiet", "--device", "cpu"] if words[0] == "run" else []
    done = gan_recipe(*words)
    assert done.code == 0, f"{line}\n{done.out}{done.err}"


def _small(words: list[str], gan_recipe: Callable[..., Any]) -> list[str]:
    """The overrides that the recipe of this command can have."""
    stated = next(word for word in words[1:] if not word.startswith("-"))
    given = [part for at, word in enumerate(words) if word == "-s" for part in ("-s", words[at + 1])]
    kept: list[str] = []
    for override in (*SMALL, *SMALL_DATA):
        if words[0] == "verify-resume" and override.startswith("run.rounds"):
            continue
        if gan_recipe("check", stated, *given, *kept, "-s", override).code == 0:
            kept += ["-s", override]
    assert words[0] == "verify-resume" or SMALL[0] in kept, f"{stated} cannot be made short"
    return kept


@pytest.mark.parametrize("page", pages(), ids=named)
def test_links_between_pages_lead_somewhere(page: Path, generated: set[str]) -> None:
    """To a file of the repository or a generated page; one that leads out is a well-formed https address."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        at, _, anchor = link.partition("#")
        if ":" in at:
            assert re.fullmatch(r"https://[\w.-]+\.[a-z]{2,}(/[\w./~%?=&#-]*)?", link), link
            continue
        target = (page.parent / at).resolve() if at else page
        inside = target.relative_to(DOCS).as_posix() if target.is_relative_to(DOCS) else None
        assert target.exists() or inside in generated, f"{named(page)} links to {link}"
        if anchor and target.suffix == ".md" and target.exists():
            slugs = {_slug(line) for line in target.read_text().splitlines() if line.startswith("#")}
            assert anchor in slugs, f"{named(page)} links to {link}; there are {sorted(slugs)}"


def _slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lstrip("# ").lower()).replace(" ", "-")


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
    from gan_recipe.cli import cli

    text = command_reference()
    for name, command in cli.commands.items():
        assert f"## {name}\n" in text
        for option in command.params:
            if option.param_type_name == "option" and option.name != "help":
                assert f"`{option.opts[-1]}`" in text, (name, option.opts)


def test_an_illustration_says_why() -> None:
    """A block that nothing tries has a reason that a reader of the source can judge."""
    for page in pages():
        for block in blocks(page.read_text()):
            if block.illustration is not None:
                assert len(block.illustration) > 15, (page, block.text)
