"""``check`` says how much disk a run will use: remembered from a build or shipped, and never a wrong number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given as examples
from hypothesis import strategies as some
from recipe_sizes import fresh, phantom_checkpoint

import gan_recipe_plugins
from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.checkpoint_size import checkpoint_size
from gan_recipe.engine.rehearsal import first_sheet
from gan_recipe.engine.training import Training
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.loop.launch import start
from gan_recipe.runs import known_sizes as module
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.disk_use import foretold
from gan_recipe.runs.known_sizes import Sizes, known_sizes, remember_sizes, shape_digest, sizes_table

TABLE = json.loads(sizes_table().read_text())
FRESH = cache(fresh)


@pytest.fixture(autouse=True)
def remembers_nothing_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a test remembers is its own, while rendered faces stay where they are."""
    monkeypatch.setattr(module, "_folder", lambda: tmp_path / "sizes")


@pytest.fixture
def recipe(write: Callable[..., str], ring: str) -> Recipe:
    return check(write(ring))


# ------------------------------------------------------------------------------------------------- what is told


def test_check_and_run_tell_the_same(gan_recipe: Callable, write: Callable[..., str], ring: str) -> None:
    """Unknown at first, with the option that finds out; after it, or after a run, to the byte what a run tells."""
    name = write(ring)
    unknown = gan_recipe("check", name)
    assert unknown.code == 0 and "2 checkpoints" not in unknown.out
    assert "disk: 1 checkpoint, 2 sheets, 3 lines of figures and a report; their size is not known" in unknown.out
    assert "--rehearse" in unknown.out and not Path("runs").exists()
    rehearsed = gan_recipe("check", name, "--rehearse")
    assert rehearsed.code == 0 and not Path("runs").exists()
    (line,) = (line for line in rehearsed.out.splitlines() if line.startswith("disk: about "))
    told = line.partition(")")[0]
    assert told in gan_recipe("check", name).out
    assert told in gan_recipe("run", name).out.replace("\n", " ")
    # Where fewer rounds are asked for, less is kept of the same sizes.
    assert (
        "disk: about " in gan_recipe("check", name, "-s", "run.rounds=2", "-s", "players.generator.optimizer.lr=9").out
    )
    assert "their size is not known" in gan_recipe("check", name, "-s", "networks.trunk.outputs=9").out


def test_a_run_remembers(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it told before its first round; and the size of a checkpoint is taken once for all that ask."""
    from gan_recipe.loop import launch

    asked = []
    monkeypatch.setattr(launch, "checkpoint_size", lambda training: asked.append(1) or checkpoint_size(training))
    folder = start(recipe, Registry.installed(), QuietScreen()).folder
    known = known_sizes(recipe)
    assert known is not None and len(asked) == 1
    assert known.sheet == (folder.sheets / "round-000000.png").stat().st_size


def test_a_rehearsal_tells_what_only_building_shows(gan_recipe: Callable, write: Callable[..., str], ring: str) -> None:
    """A loss that cannot be computed is told at its line, as ``run`` does; ``check`` alone cannot know."""
    name = write(ring.replace('labels = "toy.mode"', 'labels = "point"'))
    known = gan_recipe("check", name)
    wrong = gan_recipe("check", name, "--rehearse")
    assert wrong.code == 2 and "ring.toml:" in wrong.err and "Traceback" not in wrong.err
    assert known.code in (0, 2) and not Path("runs").exists()


def test_check_needs_no_torch_to_tell(tmp_path: Path) -> None:
    """Of a shipped recipe it tells bytes, in a process that loads nothing heavy."""
    code = (
        "import sys; sys.argv = ['gan-recipe', 'check', 'd_supervised']\n"
        "from gan_recipe.cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'torch', 'numpy', 'timm'} & set(sys.modules)))"
    )
    env = {**os.environ, "GAN_RECIPE_CACHE": str(tmp_path / "empty")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert "disk: about 14" in done.stdout and done.stdout.endswith("[]\n"), done.stdout + done.stderr


# ------------------------------------------------------------------------------------------------- what is remembered

SAME = [
    "run.rounds=9",
    "run.seed=5",
    "players.critic.optimizer.lr=0.5",
    "players.critic.losses.mode.weight=3",
    "players.generator.ema=0.5",
    "sheet.every=2",
    "doctor.enabled=false",
]
OTHERS = [
    "run.batch=16",
    "data.toy.modes=5",
    "data.noise.size=3",
    "networks.trunk.outputs=9",
    "networks.generator.init.weight.std=0.1",
    "players.critic.optimizer.amsgrad=true",
    "players.generator.optimizer.use='adam'",
    "players.critic.constraints.clip.on=['trunk']",
    "players.critic.losses.r1.real='fake'",
    "sheet.rows=3",
    "sheet.columns=['fake']",
]


@pytest.mark.parametrize("override", [*SAME, *OTHERS])
def test_what_decides_a_size_is_in_the_digest(override: str, recipe: Recipe) -> None:
    """And what does not is not: rounds and rates may change, and the size is known still."""
    remember_sizes(recipe, Sizes(1_000, 20))
    other = check("ring.toml", [override])
    assert known_sizes(other) == (Sizes(1_000, 20) if override in SAME else None)


def test_no_average_is_another_size(recipe: Recipe, write: Callable[..., str], ring: str) -> None:
    """A player that averages its weights keeps them twice."""
    assert shape_digest(check(write(ring.replace("ema = 0.9\n", "")))) != shape_digest(recipe)


def test_other_code_remembers_nothing(recipe: Recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A plugin somebody has worked on, and another torch, may build other networks."""
    remember_sizes(recipe, Sizes(1_000, 20))
    real = module._stamp
    torch = Path(metadata.distribution("torch")._path).name  # type: ignore[attr-defined]
    for changed in ("linear_fc.py", torch, "checkpoint_size.py"):
        with monkeypatch.context() as patch:
            patch.setattr(
                module, "_stamp", lambda path, changed=changed: [("x", 0, 0)] if path.endswith(changed) else real(path)
            )
            assert known_sizes(recipe) is None, changed
    assert known_sizes(recipe) == Sizes(1_000, 20)
    monkeypatch.setattr(module, "_with_code", lambda recipe, shape: "of other code")
    remember_sizes(recipe, Sizes(2_000, 40))
    assert known_sizes(recipe) == Sizes(2_000, 40)
    assert any(path.endswith("linear_fc.py") for path, _, _ in module._sources(gan_recipe_plugins.__name__))


def test_what_is_kept_is_bounded(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go."""
    monkeypatch.setattr(module, "_MOST", 3)
    for number in range(5):
        monkeypatch.setattr(module, "shape_digest", lambda recipe, number=number: f"shape-{number}")
        remember_sizes(recipe, Sizes(number, 1))
        os.utime(module._folder() / f"shape-{number}", (number, number))
    assert sorted(path.name for path in module._folder().iterdir()) == ["shape-2", "shape-3", "shape-4"]


@examples(some.data())
def test_a_damaged_file_says_nothing(data: some.DataObject) -> None:
    """Any bytes, a flipped bit, a cut: the right sizes or none, and no error."""
    line = module._line("digest", Sizes(69_221_976, 212_461)).encode()
    damaged = data.draw(
        some.one_of(
            some.binary(max_size=300),
            some.integers(0, len(line)).map(lambda cut: line[:cut]),
            some.tuples(some.integers(0, len(line) - 1), some.integers(0, 7)).map(
                lambda at: line[: at[0]] + bytes([line[at[0]] ^ 1 << at[1]]) + line[at[0] + 1 :]
            ),
        )
    )
    folder = module._folder()
    folder.mkdir(exist_ok=True)
    (folder / "shape").write_bytes(damaged)
    kept = module._kept("shape") or ""
    assert module._told(kept, "digest") == (Sizes(69_221_976, 212_461) if damaged == line else None)
    assert module._told(kept, "another") is None and module._kept("of another shape") is None


@pytest.mark.parametrize("table", ["", "[]", "[" * 5000, '{"a": 3}', '{"a": {"recipe": 1}}', "\xff", None])
def test_a_damaged_table_says_nothing(table: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The shipped one, changed by somebody, or gone."""
    path = tmp_path / "sizes.json"
    if table is not None:
        path.write_bytes(table.encode("latin-1"))
    monkeypatch.setattr(module, "sizes_table", lambda: path)
    assert known_sizes(check("dcgan")) is None


def test_where_nothing_can_be_kept_nothing_fails(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that is a file, or that cannot be made: sizes are unknown, and a run is told of none of it."""
    Path("file").write_text("")
    monkeypatch.setattr(module, "_folder", lambda: Path("file") / "sizes")
    remember_sizes(recipe, Sizes(1, 1))
    assert known_sizes(recipe) is None


# ------------------------------------------------------------------------------------------------- what is shipped

BUILT = ["dcgan", "d_supervised", "zoo/ring_r1", "zoo/dirac_gan", "notebook/findings/lost_light"]


def test_the_table_holds_every_shipped_recipe() -> None:
    """As they are now; `python tests/recipe_sizes.py NAME` measures one anew."""
    for name in shipped_recipes():
        if (recipe := FRESH(name)) is not None:
            assert TABLE[name]["recipe"] == shape_digest(recipe), name
            assert known_sizes(recipe) == Sizes(TABLE[name]["checkpoint"], TABLE[name]["sheet"])
    assert TABLE.keys() <= shipped_recipes().keys()


@pytest.mark.parametrize("name", BUILT)
def test_networks_without_memory_are_as_large_as_real_ones(name: str) -> None:
    """And as the table has it, to the byte; its sheet within a hundredth."""
    recipe = FRESH(name)
    assert recipe is not None
    assert phantom_checkpoint(recipe) == TABLE[name]["checkpoint"]
    if name == "dcgan":  # 335 MB
        return
    training = Training(recipe)
    assert checkpoint_size(training) == TABLE[name]["checkpoint"]
    assert first_sheet(training) == pytest.approx(TABLE[name]["sheet"], rel=0.01)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_row_of_the_table_is_true(name: str) -> None:
    """Checkpoints to the byte, on networks that have no memory, and whatever the batch."""
    recipe = FRESH(name)
    assert recipe is not None
    larger = evolve(recipe, run=evolve(recipe.run, batch=2 * recipe.run.batch))
    for each in (recipe, larger):
        assert phantom_checkpoint(each) == TABLE[name]["checkpoint"]
        assert known_sizes(each) == Sizes(TABLE[name]["checkpoint"], TABLE[name]["sheet"])
    assert "disk: about " in foretold(recipe, Sizes(TABLE[name]["checkpoint"], TABLE[name]["sheet"]), Path())
