"""What verdicts promise: silence on healthy figures and on none, words and a sound cure on failing ones, no chance."""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from gan_recipe.errors import UserError
from gan_recipe.health.bench import Bench
from gan_recipe.health.case import Case
from gan_recipe.interfaces import Finding
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.figure_names import SIGNAL_PREFIX
from gan_recipe.runs.verdicts import Told
from gan_recipe.testing.contest import EVERY, LOOKS, case_of, failing, healthy, recipe_of, recipe_path, without_torch
from gan_recipe.testing.trial import Failure, Trial, first_line

Course = Mapping[str, Sequence[float]]


def silent_without_figures(trial: Trial) -> None:
    """Of a run that has no figures yet, or has been without any for a long while, nothing is told."""
    for round in (0, LOOKS * EVERY):
        case = case_of(trial)
        case.learn(round, {})
        if found := _judge(trial, case):
            raise Failure(
                f"in round {round} of a run without figures: {found[0].told}",
                "nothing: what was not measured is not known",
                "ask len(series), or series.stayed(...), before anything is told",
            )


def silent_on_healthy_figures(trial: Trial) -> None:
    """All along a healthy run nothing is told."""
    for round, _, found in _course(trial, healthy(trial)):
        if found:
            raise Failure(
                f"in round {round} of a healthy run: {found[0].told} {dict(found[0].figures)}",
                "nothing: whoever is warned for nothing stops reading",
                "set bounds that healthy figures keep; state trial.healthy where its own figures are others",
            )


def tells_of_a_failing_run(trial: Trial) -> None:
    """Along the figures that the trial calls failing it speaks: in words, with finite figures and the round."""
    if not trial.failing:
        raise Failure(
            "nothing says when it would speak",
            "figures of a run that fails as the verdict knows",
            'state them: Trial(Mine(), failing={"critic/gan/spread": 0.0}), one number, or one for each look',
        )
    recipe = recipe_of(trial)
    named = attrs.evolve(recipe, doctor=attrs.evolve(recipe.doctor, verdicts={"it": trial.made()}))
    bench, told = Bench(named, case_of(trial).parents), list[Told]()
    course = failing(trial)
    for look in range(LOOKS):
        told += bench.hear(
            1 + look * EVERY, {f"{SIGNAL_PREFIX}{name}": values[look] for name, values in course.items()}
        )
    if not told:
        raise Failure(
            f"in {LOOKS} looks at a failing run, {EVERY} rounds apart, nothing is told",
            "a finding",
            "see which figures it reads; names stand in trial.failing as signals write them: critic/gan/spread",
        )
    for each in told:
        if len(each.told.split()) < 3 or "\n" in each.told:
            raise Failure(f"it says {each.told!r}", "one line of words", "name who, what and how much")
        if not each.figures or not all(math.isfinite(value) for value in each.figures.values()):
            raise Failure(f"its figures are {dict(each.figures)}", "finite numbers by name", "state what it saw")
        if Told.of(json.loads(json.dumps(each.line()))) != each:
            raise Failure(f"{each.line()} is another after JSON", "what a run's files can hold", "give plain numbers")


def copes_with_missing_figures(trial: Trial) -> None:
    """Whichever figure is not measured, or came only once, it may say less, and never fails."""
    every = failing(trial)
    for name in every:
        for kept in (0, 1):
            some = {other: values for other, values in every.items() if other != name}
            case = case_of(trial)
            for look in range(LOOKS):
                figures = {other: values[look] for other, values in some.items()}
                case.learn(1 + look * EVERY, figures | ({name: every[name][look]} if look < kept else {}))
                if look < 3 or look > LOOKS - 2:
                    try:
                        _judge(trial, case)
                    except Exception as error:
                        raise Failure(
                            f"{'without' if not kept else 'with one value of'} {name}: {first_line(error)}",
                            "silence on what is not known",
                            "ask len(series) before .last, .mean() or .median()",
                        ) from error


def is_a_pure_function_of_the_figures(trial: Trial) -> None:
    """Asked again, or anew of a finished run's files, it tells the same; no torch, no chance, and a case left alone."""
    live: list[list[Finding]] = []
    state = random.getstate()
    with without_torch():
        for _, case, found in _course(trial, failing(trial)):
            before = repr((case._rounds, case._values))
            again = _judge(trial, case)
            if again != found:
                raise Failure(f"{_told(found)} and then {_told(again)}", "the same", "keep no state and draw nothing")
            if repr((case._rounds, case._values)) != before:
                raise Failure("the case's figures change", "a case that is read", "copy what you sort or cut")
            live.append(found)
        anew = [found for _, _, found in _course(trial, failing(trial))]
    if anew != live:
        raise Failure("of the same figures it tells otherwise", "the same", "keep no state and draw nothing")
    if random.getstate() != state:
        raise Failure("Python's random numbers were drawn", "no chance in what is told", "draw nothing")


def findings_are_told_apart(trial: Trial) -> None:
    """Two findings at once differ in ``about``: of those that do not, the run would keep the first alone."""
    for round, _, found in _course(trial, failing(trial)):
        about = [each.about for each in found]
        if len(set(about)) < len(about):
            raise Failure(
                f"in round {round} {len(about)} findings about {sorted(set(about))}",
                "one for each contest, loss or label",
                "state Finding(..., about=...)",
            )


def cures_are_sound(trial: Trial) -> None:
    """Whatever cure is stated, the run's recipe extended by its lines passes ``check``."""
    cures = {each.cure: each for _, _, found in _course(trial, failing(trial)) for each in found if each.cure}
    for cure in cures:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cured.toml"
            path.write_text("\n".join([f"extends = {json.dumps(recipe_path(trial))}", *cure, ""]), encoding="utf-8")
            try:
                check(str(path))
            except UserError as error:
                raise Failure(
                    f"the cure {' | '.join(cure)} is refused: {first_line(error)}",
                    "lines of a recipe that extends the run's",
                    "write tables and keys as a recipe does, and leave the cure out where there is none",
                ) from error


def _course(trial: Trial, course: Course) -> Iterator[tuple[int, Case, list[Finding]]]:
    """The figures, look by look, and what is told of them."""
    case = case_of(trial)
    for look in range(LOOKS):
        round = 1 + look * EVERY
        case.learn(round, {name: values[look] for name, values in course.items()})
        yield round, case, _judge(trial, case)


def _judge(trial: Trial, case: Case) -> list[Finding]:
    return list(trial.made().judge(case))


def _told(found: list[Finding]) -> list[str]:
    return [each.told for each in found]
