"""Checking, whatever the text: sound recipes read back as the same, all others are told, at once and without torch."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unwalked import unwalked

from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError, UserError
from gan_recipe.language.recipe_file import plain, shipped_recipes
from gan_recipe.runs.check_recipe import check

Write = Callable[..., str]

STANDALONE = sorted(name for name in shipped_recipes() if not name.startswith("notebook/"))


@pytest.mark.parametrize("name", STANDALONE)
def test_shipped_recipes_are_sound_from_any_folder(
    name: str,
    given: Callable[[str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    registry: Registry,
) -> None:
    """By bare name, from a folder that knows nothing of them."""
    monkeypatch.chdir(tmp_path)
    assert check(name, given(name), registry=registry).players


# --------------------------------------------------------------------------------------------------- properties


def test_a_resolved_recipe_reads_back_as_the_same(
    ring: str, write: Write, registry: Registry, given: Callable[[str], list[str]], tmp_path: Path
) -> None:
    """What a run keeps of its recipe, read from elsewhere: equal in everything but where it was written."""
    write(b"", "pictures/face.png")
    text = ring.replace("noise =", 'photos = { use = "image_folder", folder = "pictures" }\nnoise =')
    overridden = ["run.seed=5", "values.seen=trunk(toy.point)"]
    sources: list[tuple[str, list[str]]] = [(name, given(name)) for name in STANDALONE]
    for stated, overrides in [(str(tmp_path / write(text)), overridden), *sources]:
        first = check(stated, overrides, registry)
        second = check(str(tmp_path / write(plain(first.resolved_tables), "elsewhere/copy.toml")), (), registry)
        assert second.resolved_tables == first.resolved_tables
        for part in ("run", "data", "data_use", "fields", "schedule", "schedule_use", "sheet"):
            assert getattr(first, part) == getattr(second, part)
        for part in ("networks", "values", "players", "metrics"):
            assert repr(getattr(first, part)) == repr(getattr(second, part))


SHIPPED = {name: path.read_bytes() for name, path in shipped_recipes().items()}
TOKENS = [
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b".",
    b",",
    b'"',
    b"'",
    b"\n",
    b"#",
    b"-",
    b"_",
    b"\\",
    b"\0",
    b"\xff",
    b"\r",
    b"\t",
]
TOKENS += [
    b"true",
    b"nan",
    b"inf",
    b"-1",
    b"1e400",
    b"9" * 30,
    b'""',
    b"[]",
    b"{}",
    b"use",
    b"fake",
    b"image",
    b"trunk(_)",
]
TOKENS += [
    "\u202e".encode(),
    "é".encode(),
    b"1979-05-27",
    b"\n[run]\n",
    b"\n[[players]]\n",
    b'"\\u001b[31m"',
    b"0" * 40,
]
_WORD = re.compile(rb"\w+|\s+|[^\w\s]")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A shipped recipe with a few bytes, words or lines changed, dropped, doubled or swapped."""
    source = SHIPPED[draw(st.sampled_from(sorted(SHIPPED)))]
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["byte", "word", "word", "word", "swap", "line"]))
        if kind == "byte":
            at = draw(st.integers(0, len(source)))
            source = source[:at] + draw(st.binary(max_size=2)) + source[at + draw(st.integers(0, 2)) :]
            continue
        parts = source.splitlines(keepends=True) if kind == "line" else _WORD.findall(source)
        first = draw(st.integers(0, max(len(parts) - 1, 0)))
        second = draw(st.integers(0, max(len(parts) - 1, 0)))
        if kind == "word" and parts:
            parts[first] = draw(st.sampled_from(TOKENS) | st.just(b"") | st.just(parts[second]))
        elif parts:
            parts[first], parts[second] = draw(
                st.sampled_from([(parts[second], parts[first]), (b"", parts[second]), (parts[second], parts[second])])
            )
        source = b"".join(parts)
    return source


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=mutated())
def test_whatever_the_text_a_person_is_told_and_at_once(source: bytes, write: Write, registry: Registry) -> None:
    """A recipe is sound or refused with problems that name file and line, within 0.1 CPU seconds; nothing else."""
    name = write(source)

    def seconds() -> float:
        began = time.process_time()
        try:
            check(name, (), registry)
        except RecipeError as error:
            assert error.problems
            for problem in error.problems:
                assert re.match(r"(ring\.toml|[\w./-]+\.toml):\d+$", problem.where), problem
                assert problem.what and str(problem).isprintable()
            assert len(set(error.problems)) == len(error.problems)
        return time.process_time() - began

    assert seconds() < 0.1 or min(seconds(), seconds()) < 0.1


KEYS = ["run.rounds", "data", "data.toy", "networks.trunk.outputs", "values.seen", "players.critic.losses", "extends"]
KEYS += ["players.critic.losses.gan.weight", "schedule.periods", "run", "a.b", '"run".rounds', "metrics.far.baseline"]
VALUES = [
    "",
    "1",
    "-1",
    "nan",
    "1e999",
    "{}",
    "[]",
    "{ x = 1 }",
    "true",
    '"',
    "[" * 500,
    "{a=" * 500,
    "é",
    "\0",
    "1\n2",
]
VALUES += ["9" * 5000, "{ use = 1 }", "x" * 10_000, "\ud800", '"trunk(z)"', "1979-05-27", '{ use = "l1" }']
overriding = st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map("=".join) | st.text(max_size=30)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(overrides=st.lists(overriding, min_size=1, max_size=3))
def test_whatever_the_overrides_a_person_is_told(
    overrides: list[str], ring: str, write: Write, registry: Registry
) -> None:
    """The same of overrides, those included that no shell would pass on by accident."""
    name = write(ring)
    try:
        check(name, overrides, registry)
    except UserError as error:
        assert all(line.isprintable() for line in str(error).split("\n"))


def test_checking_imports_neither_torch_nor_numpy(tmp_path: Path) -> None:
    """Nor does finding every mistake of a wrong recipe."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SHIPPED["d_supervised"].decode().replace("adam", "adom").replace("linear_fc", "linear_fd"))
    code = (
        "import sys\nfrom gan_recipe.runs.check_recipe import check\nfrom gan_recipe.errors import RecipeError\n"
        f"check('d_supervised')\ntry:\n    check({str(wrong)!r})\nexcept RecipeError:\n    pass\n"
        "sys.exit(bool({'torch', 'numpy', 'PIL', 'timm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_recipe_with_thousands_of_mistakes_is_told_a_hundred_in_no_time(ring: str, write: Callable[..., str]) -> None:
    """Nobody reads more, and looking for a right name for each takes time: below 300 ms of CPU for 98 KB of them."""
    import time

    stated = write(ring + "".join(f"\nkeyword_number_{number} = {number}" for number in range(3_000)))
    check_registry = Registry.installed()
    check_registry.every()
    with unwalked():
        began = time.thread_time()
        with pytest.raises(RecipeError) as refused:
            check(stated, registry=check_registry)
        assert time.thread_time() - began < 0.3
    assert len(refused.value.problems) == 101
    assert "100 problems, and perhaps more" in str(refused.value)
