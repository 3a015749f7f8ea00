"""The conformance kit finds what it says it finds: for every check there is a component that breaks its promise."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faulty_components import FAULTS, ONE_SCORE
from faulty_data import SoundData, SoundMetric
from faulty_losses import SoundLoss
from faulty_networks import Sound
from faulty_schedules import Unfair
from faulty_signals import SoundSignal, SoundVerdict

from gan_recipe import Component, hookimpl
from gan_recipe.interfaces import KINDS
from gan_recipe.testing import ConformanceError, Failure, Trial, check_component, check_observer, checks_for
from gan_recipe.testing.conformance import parametrize_with_checks

ALL = {check.name for kind in KINDS for check in checks_for(KINDS[kind])}
SLOW = {"torch_compile", "torch_export"}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param(name, number, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, faults in FAULTS.items()
        for number in range(len(faults))
    ],
)
def test_each_check_finds_its_fault(name: str, number: int) -> None:
    """And says what was found, what was expected, and the cure."""
    component, about = FAULTS[name][number]
    trial = Trial(component, **about)
    (check,) = [check for check in checks_for(trial) if check.name == name]
    with pytest.raises(Failure, match=r"found: [\s\S]+expected: [\s\S]+cure: ") as caught:
        check(trial)
    assert all(len(part) > 3 for part in (caught.value.found, caught.value.expected, caught.value.cure))


def test_every_check_has_a_fault_that_it_finds() -> None:
    """No check is there that nothing could fail; an import of torch needs a module of its own, below."""
    assert set(FAULTS) | {"importing_it_is_cheap"} == ALL


@pytest.mark.parametrize(
    "component", [Sound(), SoundLoss(), SoundData(), SoundMetric(), SoundSignal(), SoundVerdict()], ids=repr
)
def test_what_the_faults_are_made_from_is_sound(component: Any) -> None:
    """So each fault above is the fault."""
    exempt = {"is_documented": "the setting is the fault"} if hasattr(component, "fault") else {}
    about = ONE_SCORE if isinstance(component, SoundVerdict) else {}
    check_component(component, exempt=exempt, **about)


def test_all_failures_come_at_once_and_are_readable() -> None:
    """The component, how many checks, each by name with its reason, and how to exempt one."""
    with pytest.raises(ConformanceError) as caught:
        check_component(Unfair())
    assert str(caught.value) == (
        "Unfair (schedule) fails 1 of 12 checks\n\n"
        "everybody_moves\n"
        "  found: in 1000 rounds generator never moves\n"
        "  expected: a move of every player\n"
        "  cure: check the arithmetic of the round; state trial.rounds where the schedule's cycle is longer\n\n"
        'A check that cannot hold here is exempted by name: exempt={"NAME": "the reason"}'
    )
    assert set(caught.value.failures) == {"everybody_moves"}


def test_a_check_is_exempted_by_name_with_a_reason_and_only_while_it_is_needed() -> None:
    """A name that is no check, an empty reason and an exemption that nobody needs are told."""
    check_component(Unfair(), exempt={"everybody_moves": "a schedule for one player"})
    with pytest.raises(ValueError, match=r"'everybody_move', which is no check\. Did you mean 'everybody_moves'"):
        check_component(Unfair(), exempt={"everybody_move": "x"})
    with pytest.raises(ValueError, match="without a reason"):
        check_component(Unfair(), exempt={"everybody_moves": " "})
    with pytest.raises(ConformanceError, match=r"is exempted from it .x., and passes"):
        check_component(Unfair(), exempt={"everybody_moves": "needed", "is_documented": "x"})


def test_pytest_gets_one_test_for_each_check() -> None:
    """By name, slow ones marked, exempted ones expected to fail, strictly."""
    mark = parametrize_with_checks([Trial(Sound(), exempt={"double_backward": "why"}, label="sound")]).mark
    names, parameters = mark.args
    assert names == ("check", "trial")
    marks = {each.id: [mark.name for mark in each.marks] for each in parameters}
    assert marks["sound-torch_export"] == ["slow"] and marks["sound-double_backward"] == ["xfail"]
    assert marks["sound-is_documented"] == [] and len(marks) == len(checks_for(Sound()))


def test_importing_the_kit_imports_neither_torch_nor_pytest() -> None:
    """A suite that only collects pays for neither."""
    code = "import sys, gan_recipe.testing; sys.exit(', '.join({'torch', 'numpy', 'pytest'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_module_that_imports_torch_at_its_top_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a fresh interpreter, so that it does not matter who imported torch before."""
    monkeypatch.syspath_prepend(tmp_path)
    source = "import torch\nfrom attrs import frozen\nfrom gan_recipe import Schedule\n"
    source += '@frozen\nclass Heavy(Schedule):\n    """All."""\n'
    (tmp_path / "heavy_component.py").write_text(source)
    heavy = importlib.import_module("heavy_component").Heavy
    (check,) = [check for check in checks_for(heavy) if check.name == "importing_it_is_cheap"]
    with pytest.raises(Failure, match=r"importing heavy_component imports .*torch"):
        check(Trial(heavy))


def test_a_kind_without_checks_of_its_own_has_those_of_every_component() -> None:
    """So a kind that is added later is checked from its first day."""

    class New(Component):
        kind = "new"

    assert next(check.name for check in checks_for(New)) == "is_a_frozen_attrs_class"


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ({"gan_recipe_logged": lambda folder, rounds: None}, "rounds"),
        ({"gan_recipe_loged": lambda folder: None}, "Did you mean 'gan_recipe_logged'"),
        (
            {"gan_recipe_sheet": lambda image: image.rename("nowhere/at/all")},
            "gan_recipe_sheet raises FileNotFoundError",
        ),
        ({"gan_recipe_logged": lambda values: values.clear()}, "gan_recipe_logged changes what it is told"),
        ({"gan_recipe_components": lambda: {}}, "has no hook"),
    ],
    ids=["argument", "misspelt", "raises", "changes", "no hook"],
)
def test_an_observers_fault_is_found(hook: dict[str, Any], told: str, tmp_path: Path) -> None:
    """A wrong argument, a hook that is none, an exception, steering, and an observer that observes nothing."""
    plugin = SimpleNamespace(**{name: hookimpl(function) for name, function in hook.items()})
    with pytest.raises(Failure, match=told):
        check_observer(plugin, tmp_path)
