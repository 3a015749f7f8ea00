"""The checks of a component: found by its kind, run by name, with a reason for each that fails."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from gan_recipe.errors import did_you_mean
from gan_recipe.interfaces import Component
from gan_recipe.testing.trial import ConformanceError, Failure, Trial, first_line

if TYPE_CHECKING:
    import pytest

#: The modules that hold the checks of each kind; every function of one that is not private is a check. A kind that is
#: not named here has those of every component.
_OF_EVERY = "component_checks"
_OF_KIND: dict[str, tuple[str, ...]] = {
    "encoder": ("network_checks", "slope_checks", "graph_capture_checks"),
    "decoder": ("network_checks", "graph_capture_checks"),
    "head": ("network_checks", "slope_checks", "graph_capture_checks"),
    "loss": ("loss_checks",),
    "constraint": ("constraint_checks",),
    "schedule": ("schedule_checks",),
    "data": ("data_checks",),
    "metric": ("metric_checks",),
    "signal": ("signal_checks",),
    "verdict": ("verdict_checks",),
}
_SLOW = {"graph_capture_checks"}


@frozen
class Check:
    """One promise, by name. Calling it with a trial raises Failure when the promise is not kept."""

    name: str
    #: What is promised.
    promise: str
    #: Whether it takes seconds.
    slow: bool
    _run: Callable[[Trial], None]

    def __call__(self, trial: Trial) -> None:
        try:
            self._run(trial)
        except Failure:
            raise
        except Exception as error:  # a stranger's component may raise anything
            raise Failure(
                first_line(error), self.promise, "see the traceback above, which starts in the component"
            ) from error


def checks_for(component: Component | type[Component] | Trial, *, slow: bool = True) -> list[Check]:
    """The checks of the component's kind, in the order in which a failure of one explains those of later ones."""
    kind = component.kind if isinstance(component, Trial) else str(getattr(component, "kind", ""))
    found = []
    for module_name in (_OF_EVERY, *_OF_KIND.get(kind, ())):
        module = importlib.import_module(f"gan_recipe.testing.{module_name}")
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_"):
                promise = " ".join((inspect.getdoc(function) or "").split())
                found.append(Check(name, promise, module_name in _SLOW, function))
    return [check for check in found if slow or not check.slow]


def check_component(component: Component | type[Component] | Trial, *, slow: bool = False, **about: Any) -> None:
    """Run every check of the component's kind. Raises ConformanceError, which tells all that failed.

    ``about`` are the fields of ``Trial``: examples of what the component reads, what comes out, exemptions.
    ``slow`` runs ``torch.compile`` and ``torch.export``, too.
    """
    trial = component if isinstance(component, Trial) else Trial(component, **about)
    checks = checks_for(trial)
    _check_exemptions(trial, checks)
    failures: dict[str, str] = {}
    for check in checks:
        if check.slow and not slow:
            continue
        try:
            check(trial)
        except Failure as failure:
            if check.name not in trial.exempt:
                failures[check.name] = str(failure)
        else:
            if check.name in trial.exempt:
                failures[check.name] = str(_needless(trial, check.name))
    if failures:
        told = [f"{trial.name} ({trial.kind or 'of no kind'}) fails {len(failures)} of {len(checks)} checks"]
        told += [f"{name}\n  {reason}" for name, reason in failures.items()]
        told.append('A check that cannot hold here is exempted by name: exempt={"NAME": "the reason"}')
        raise ConformanceError("\n\n".join(told), failures)


def parametrize_with_checks(trials: Iterable[Trial | Component | type[Component]]) -> pytest.MarkDecorator:
    """One test for each trial and check; the test function takes ``check`` and ``trial`` and calls ``check(trial)``.

    Slow checks carry the mark ``slow``, exempted ones are expected to fail, strictly.
    """
    import pytest

    parameters = []
    for each in trials:
        trial = each if isinstance(each, Trial) else Trial(each)
        checks = checks_for(trial)
        _check_exemptions(trial, checks)
        for check in checks:
            marks = [pytest.mark.slow] if check.slow else []
            if check.name in trial.exempt:
                marks.append(pytest.mark.xfail(reason=trial.exempt[check.name], raises=Failure, strict=True))
            parameters.append(pytest.param(check, trial, id=f"{trial.name}-{check.name}", marks=marks))
    return pytest.mark.parametrize(("check", "trial"), parameters)


def _check_exemptions(trial: Trial, checks: list[Check]) -> None:
    names = [check.name for check in checks]
    for name, reason in trial.exempt.items():
        if name not in names:
            raise ValueError(f"{trial.name} is exempted from {name!r}, which is no check.{did_you_mean(name, names)}")
        if not reason.strip():
            raise ValueError(f"{trial.name} is exempted from {name!r} without a reason; state why it cannot hold")


def _needless(trial: Trial, name: str) -> Failure:
    return Failure(
        f"{trial.name} is exempted from it ({trial.exempt[name]}), and passes",
        "an exemption that is needed",
        "take the exemption away",
    )
