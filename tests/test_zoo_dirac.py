"""The Dirac-GAN of the literature, repeated by recipes: which losses arrive at the truth, and by which way."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.loop.launch import start
from gan_recipe.runs.check_recipe import check

Way = list[tuple[float, float]]
Gradients = Callable[[float, float], tuple[float, float]]

#: Mescheder, Geiger and Nowozin 2018, figure 3 and section 3: whether training ends at the truth. What does not
#: saturate gets there too, but at a rate that falls with the distance: after 500 steps it is still on its way.
ARRIVES = {
    "gan": False,
    "wgan": False,
    "wgan_gp": False,
    "instance_noise": True,
    "r1": True,
    "r2": True,
    "relativistic": True,
}


BENCHMARK = Path(__file__).parent / "benchmarks" / "zoo.py"


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def sign(x: float) -> float:
    return (x > 0) - (x < 0)


#: The gradients by psi and by theta, differentiated by hand for D(x) = psi x, a real at 0 and a fake at theta.
BY_HAND: dict[str, tuple[Gradients, float]] = {
    "gan": (lambda psi, theta: (sigmoid(psi * theta) * theta, -sigmoid(psi * theta) * psi), math.inf),
    "non_saturating": (lambda psi, theta: (sigmoid(psi * theta) * theta, -sigmoid(-psi * theta) * psi), math.inf),
    "wgan": (lambda psi, theta: (theta, -psi), 1.0),
    "wgan_gp": (lambda psi, theta: (theta + 2 * (abs(psi) - 1) * sign(psi), -psi), math.inf),
    "r1": (lambda psi, theta: (sigmoid(psi * theta) * theta + psi, -sigmoid(psi * theta) * psi), math.inf),
    "r2": (lambda psi, theta: (sigmoid(psi * theta) * theta + psi, -sigmoid(psi * theta) * psi), math.inf),
    "relativistic": (
        lambda psi, theta: (sigmoid(psi * theta) * theta + 2 * psi, -sigmoid(-psi * theta) * psi),
        math.inf,
    ),
}


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Way]:
    """(|theta|, |psi|) at every tenth round of every Dirac recipe, trained as shipped."""
    registry = Registry.installed()
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("dirac"))
        for name in {*ARRIVES, *BY_HAND}:
            folder = start(check(f"zoo/dirac_{name}", registry=registry), registry, QuietScreen()).folder
            lines = [json.loads(line) for line in Path(folder.metrics).read_text().splitlines()]
            found[name] = [(line["metrics/theta"], line["metrics/psi"]) for line in lines if "metrics/theta" in line]
    return found


@pytest.mark.parametrize("name", BY_HAND)
def test_a_dirac_recipe_goes_the_way_that_the_formulas_say(ways: dict[str, Way], name: str) -> None:
    """Components, graph, schedule, optimiser and constraint together equal the iteration in Python's floats."""
    gradients, clip = BY_HAND[name]
    psi, theta = -1.0, 1.0
    for round in range(1, 501):
        psi -= 0.2 * gradients(psi, theta)[0]
        psi = min(max(psi, -clip), clip)
        theta -= 0.2 * gradients(psi, theta)[1]
        if round % 10 == 0:
            assert ways[name][round // 10 - 1] == pytest.approx((abs(theta), abs(psi)), abs=2e-4)
    assert len(ways[name]) == 50


@pytest.mark.parametrize(("name", "arrives"), ARRIVES.items())
def test_those_losses_arrive_that_the_paper_says(ways: dict[str, Way], name: str, arrives: bool) -> None:
    """The last hundred rounds are near the truth (0.1 where noise is drawn, 1e-4 else), or never within 0.9 of it."""
    distances = [math.hypot(*at) for at in ways[name][-10:]]
    near = 0.1 if name == "instance_noise" else 1e-4
    assert max(distances) < near if arrives else min(distances) > 0.9, distances


def test_the_loss_that_does_not_saturate_drifts_in_slowly(ways: dict[str, Way]) -> None:
    """Always nearer than 100 rounds before, and still 0.2 away after 500: slower than any power of a factor."""
    distances = [math.hypot(*at) for at in ways["non_saturating"]]
    assert all(late < early for early, late in zip(distances, distances[10:], strict=False))
    assert 0.2 < distances[-1] < 0.35
    shrinking = [distances[at + 10] / distances[at] for at in (9, 19, 29, 39)]
    assert shrinking == sorted(shrinking)


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The script that measures the zoo and writes its page."""
    spec = importlib.util.spec_from_file_location("zoo", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_zoo_is_what_was_measured(benchmark: ModuleType) -> None:
    """Every figure of docs/zoo.md comes from docs/zoo.json, and every recipe of the zoo has one."""
    measured = benchmark.read()
    assert benchmark.PAGE.read_text() == benchmark.page(measured)
    shipped = {name.removeprefix("zoo/") for name in shipped_recipes() if name.startswith("zoo/")}
    assert shipped == set(measured)
    assert all(f"`{name}`" in benchmark.page(measured) for name in measured)


def test_the_dirac_figures_of_the_page_are_those_of_today(benchmark: ModuleType, ways: dict[str, Way]) -> None:
    """The suite trains them, so the page cannot grow stale."""
    for name, way in ways.items():
        kept = benchmark.read()[f"dirac_{name}"]["0"]
        assert way[-1] == pytest.approx((kept["theta"], kept["psi"]), rel=0.02, abs=1e-6), name
