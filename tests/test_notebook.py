"""The notebook's entries: each checks, rehearses and trains at a tiny size, through its parents' checkpoints."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from doc_blocks import blocks

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError
from gan_recipe.language.override import find_overlay
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import load, shipped_folder, shipped_recipes
from gan_recipe.loop.launch import start
from gan_recipe.loop.train import Outcome
from gan_recipe.runs import checkpoint as checkpoints
from gan_recipe.runs.check_recipe import check
from gan_recipe_plugins.siamese_contrastive import SiameseContrastive
from gan_recipe_plugins.synthetic_faces import SyntheticFaces

NAMES = [name.removeprefix("notebook/") for name in shipped_recipes() if name.startswith("notebook/")]
ENTRIES = [name for name in NAMES if name.startswith("n")]

# 50,000 rounds become 2, and 28,000 and 31,600 become 1. All losses and metrics are as stated.
TINY = [
    "run.scale=0.00004",
    "run.batch=4",
    "run.held_out=8",
    "run.observers=[]",
    "data.faces.size=16",
    "data.faces.identities=4",
    "data.faces.held_out=2",
    "networks.*.width=0.05",
]
QUICK = ["metrics.*.samples=64", "metrics.*.epochs=1"]


# The findings' recipes are small as they are.
FEW = ["run.rounds=2", "run.batch=4", "run.held_out=8", "run.observers=[]"]
FEW_FACES = [*FEW, "data.faces.identities=4", "data.faces.held_out=2"]


def tiny(name: str, registry: Registry) -> Recipe:
    if name.startswith("findings/"):
        tables = load(f"notebook/{name}").tables
        judged = any("judged" in table["use"] for table in tables["metrics"].values())
        few = FEW_FACES if "faces" in tables["data"] else FEW
        return check(f"notebook/{name}", [*few, *(QUICK if judged else [])], registry)
    judged = any("judged" in str(table.get("use")) for table in load(name).tables.get("metrics", {}).values())
    return check(f"notebook/{name}", [*TINY, *(QUICK if judged else [])], registry)


def parents(name: str) -> set[str]:
    """The runs whose weights a recipe starts with."""
    starts = [table.get("start") for table in load(f"notebook/{name}").tables["networks"].values()]
    return {stated.partition("@")[0] for stated in starts if stated}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Callable[[str], Outcome]]:
    """Trains an entry once, after those that it starts from."""
    done: dict[str, Outcome] = {}

    def trained(name: str) -> Outcome:
        for parent in sorted(parents(name)):
            trained(parent)
        if name not in done:
            done[name] = start(tiny(name, registry), registry, QuietScreen(), device="cpu")
        return done[name]

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the judges of so tiny a run are poor ones, and say so
        patch.setenv("GAN_RECIPE_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield trained


def test_all_32_entries_are_here() -> None:
    """n01 to n32, once each; n00 is the earlier run that some start from."""
    assert [name[:3] for name in ENTRIES] == [f"n{number:02}" for number in range(33)]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_of_the_notebook_trains_two_rounds(
    name: str, trained: Callable[[str], Outcome], registry: Registry
) -> None:
    """Checked, rehearsed, trained and measured; what it starts from is trained before it."""
    outcome = trained(name)
    recipe = tiny(name, registry)
    assert outcome.how == "done" and outcome.round == recipe.run.rounds >= 2
    assert set(outcome.figures) == set(recipe.metrics)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_headed_by_its_number_and_verdict(name: str) -> None:
    """The comment says which entry, what it tried, and what its author thought of it."""
    text = (shipped_folder() / "notebook" / f"{name}.toml").read_text()
    comment = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    number = "Before N01" if name.startswith("n00") else f"N{name[1:3]}"
    assert comment.startswith(number)
    silent = ("n00", "n05", "n15")
    assert name.startswith(silent) or "erdict" in comment
    assert 'extends = "' in text


@pytest.mark.parametrize("name", ["n07_siamese_GAN_1", "n08_siamese_GAN_2", "n09_siamese_GAN_SR"])
def test_the_chain_goes_through_real_checkpoints(name: str, trained: Callable[[str], Outcome]) -> None:
    """N03 at 28,000 begins N05, whose 31,600 begins N07 to N09: the frozen decoder is N05's to the bit, N05's frozen
    encoder N03's, and each run tells whose weights it began with."""
    first, middle, last = (trained(each) for each in ("n03_siamese_train_3", "n05_siamese_train_M_2", name))
    assert checkpoints.load(first.folder, 1) and checkpoints.load(middle.folder, 1)
    for child, parent, frozen in ((middle, first, "encoder"), (last, middle, "decoder")):
        told = child.folder.describe()["parents"][frozen]
        assert told["run"] == parent.folder.name and told["round"] == 1
        theirs = checkpoints.load(parent.folder, 1).tensors["networks"]
        ours = checkpoints.load(child.folder, 2).tensors["networks"]
        weights = [key for key in ours if key.startswith(f"{frozen}/")]
        assert weights and all(bool((ours[key] == theirs[key]).all()) for key in weights)
        moving = "decoder" if frozen == "encoder" else "encoder"
        assert any(bool((ours[key] != theirs[key]).any()) for key in ours if key.startswith(f"{moving}/"))


def test_a_start_that_is_missing_names_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    """At the line that states it."""
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path))
    with pytest.raises(RecipeError) as caught:
        check("n07", registry=registry)
    told = {problem.key: problem for problem in caught.value.problems}
    assert set(told) == {f"networks.{name}.start" for name in ("encoder", "decoder", "pose", "light")}
    assert "gan-recipe run n07_siamese_GAN_1 --with-parents" in told["networks.encoder.start"].what
    assert "n07_siamese_GAN_1.toml:" in told["networks.encoder.start"].where


def test_the_small_overlay_fits_every_entry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, registry: Registry
) -> None:
    """Each of its lines matches something in each of them; it is the plan of the whole, shortened."""
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path))
    scale = load(str(find_overlay("small"))).tables["run"]["scale"]
    for name in ENTRIES:
        stated = load(f"notebook/{name}").tables["run"]["rounds"]
        try:
            recipe = check(f"notebook/{name}", registry=registry, overlays=["small"])
        except RecipeError as error:
            assert all(problem.key.endswith(".start") for problem in error.problems)
        else:
            assert recipe.run.rounds == round(stated * scale)


NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook"
# The recipes as they ship, which are tried above: the page is written from their files.
RUN_HERE = blocks("docs/notebook/index.md") + blocks("docs/notebook/findings.md")


def test_the_pages_are_what_their_figures_say() -> None:
    """docs/notebook/pages.py writes them; nobody else does."""
    pages = _module("pages")
    told = json.loads((NOTEBOOK / "figures.json").read_text())
    assert (NOTEBOOK / "index.md").read_text() == pages.index(told)
    assert (NOTEBOOK / "findings.md").read_text() == pages.findings(told)


def test_the_losses_as_published_train_beside_the_mended_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The plugin of the notebook's pages is found on the path; no component has its faults."""
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path))
    monkeypatch.syspath_prepend(str(NOTEBOOK / "as_published"))
    registry = Registry.installed()
    for path in sorted((NOTEBOOK / "as_published").glob("*.toml")):
        outcome = start(
            check(str(path), [*FEW_FACES, "run.held_out=16"], registry), registry, QuietScreen(), device="cpu"
        )
        assert outcome.how == "done" and 0 <= outcome.figures["verification"] <= 1


def test_the_published_loss_does_not_know_which_pair_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its value and its gradient are those of any other order of the flags; the mended loss's are not."""
    monkeypatch.syspath_prepend(str(NOTEBOOK / "as_published"))
    published = _module("as_published/gan_recipe_as_published").Contrastive()
    first, second = (torch.randn(6, 5, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    same = torch.tensor([1.0, 1, 0, 0, 1, 0])
    assert torch.isclose(published(first, second, same), published(first, second, same.flip(0)))
    mended = SiameseContrastive()
    assert not torch.isclose(mended(first, second, same), mended(first, second, same.flip(0)))


def test_the_published_list_of_cameras_has_two_neighbours_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """In training a next camera is 15, 105 or 120 degrees away; held-out pairs are those of `synthetic_faces`."""
    monkeypatch.syspath_prepend(str(NOTEBOOK / "as_published"))
    faces = _module("as_published/gan_recipe_as_published").UnsortedFaces(size=16, identities=4, held_out=4)
    labels = faces.open()._labels(0, 0, 4_000)
    pairs = labels["identity"] == labels["partner_identity"]
    pairs &= labels["light"] == labels["partner_light"]
    apart = 15 * abs(labels["pose"] - labels["partner_pose"])[pairs]
    angles, counts = np.unique(apart, return_counts=True)
    common = set(angles[counts > 100])
    assert common == {15, 105, 120}
    plain = SyntheticFaces(size=16, identities=4, held_out=4).open(held_out=True)
    mine, theirs = faces.open(held_out=True).batch(0, 0, 4), plain.batch(0, 0, 4)
    assert all((mine[name] == theirs[name]).all() for name in theirs)


def test_the_critic_s_discarded_work_changes_nothing_but_the_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both recipes of the pair end with the same bytes in every network."""
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path))
    registry = Registry.installed()
    ends = []
    for name in ("wasted_critic_work", "wasted_critic_work_mended"):
        recipe = check(f"notebook/findings/{name}", [*FEW_FACES, "run.rounds=6", "run.held_out=16"], registry)
        folder = start(recipe, registry, QuietScreen(), device="cpu").folder
        ends.append((folder.checkpoints / "00000006" / "networks.safetensors").read_bytes())
    assert ends[0] == ends[1]


def _module(name: str) -> Any:
    path = NOTEBOOK / f"{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
