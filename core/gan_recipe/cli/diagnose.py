"""``diagnose``: what the doctor told of a run, or of all runs that stem from one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gan_recipe.cli.places import FILE
from gan_recipe.errors import UserError, harmless

if TYPE_CHECKING:
    from gan_recipe.health.diagnosis import Diagnosis
    from gan_recipe.runs.family import Branch


@click.command()
@click.argument("run")
@click.option("--family", is_flag=True, help="Every run that it stems from or that stems from it, as a tree.")
@click.option(
    "--cured",
    type=FILE,
    metavar="FILE",
    help="Write a recipe that extends the run's with a treatment of its verdicts, the first unless another is named.",
)
@click.option(
    "--treatment",
    type=click.IntRange(min=1),
    metavar="N",
    help="Which of the treatments, as they are numbered, --cured writes.",
)
def diagnose(run: str, family: bool, cured: Path | None, treatment: int | None) -> None:
    """Say what went wrong in a run, and what treats it.

    Each verdict comes with the figures that show it and the lines of a recipe that would treat it.

    RUN is NAME (its newest), NAME/N or a path; it may be training still. What the doctor could not measure in this
    recipe is named too, with the reason.
    """
    from gan_recipe.health.diagnosis import diagnosis
    from gan_recipe.runs.family import family as family_of
    from gan_recipe.runs.run_folder import all_runs, find_run

    if family and cured is not None:
        raise click.UsageError("Leave out --family: --cured is of one run.")
    if treatment is not None and cured is None:
        raise click.UsageError("Give --cured FILE too: --treatment says which one it writes.")
    folder = find_run(run)
    if family:
        for line in _tree(family_of(folder, all_runs())):
            click.echo(harmless(line))
        return
    found = diagnosis(folder)
    for line in _long(found):
        click.echo(line)
    if cured is not None:
        _write_cured(found, cured, treatment or 1)


def _tree(branches: Sequence[Branch], indent: str = "") -> Iterator[str]:
    from gan_recipe.health.diagnosis import diagnosis

    for branch in branches:
        if branch.run is None:
            yield f"{indent}{branch.name}: its folder is not here"
        elif branch.shown_before:
            yield f"{indent}{branch.name}: see above"
        else:
            try:
                yield from (indent + line for line in _short(diagnosis(branch.run)))
            except UserError as error:  # one that cannot be read keeps nothing of the others
                yield f"{indent}{branch.name}: cannot be judged: {' '.join(str(error).split())}"
        yield from _tree(branch.branches, indent + "  ")


def _short(found: Diagnosis) -> Iterator[str]:
    yield f"{found.folder.name}: {_summary(found)}"
    for recovery in found.recoveries:
        yield f"  {recovery}"
    for told in found.told:
        yield f"  round {told.round:,}: {told.verdict}" + (f" ({told.about})" if told.about else "")


def _summary(found: Diagnosis) -> str:
    outcome = found.outcome + (f" after {found.rounds:,} rounds" if found.rounds else "")
    if found.is_off:
        return f"{outcome}; the doctor was off"
    count = len(found.told)
    return f"{outcome}; {'nothing that the doctor knows' if not count else f'{count} verdict' + 's' * (count > 1)}"


def _long(found: Diagnosis) -> Iterator[str]:
    from gan_recipe.cli.paragraphs import reflowed, width

    yield harmless(f"{found.folder.name}: {_summary(found)}")
    for recovery in found.recoveries:
        yield ""
        yield from reflowed(harmless(f"It {recovery}"), width()).splitlines()
    several = sum(len(told.treatments) for told in found.told) > 1
    number = 0
    for told in found.told:
        yield ""
        about = f" of {told.about}" if told.about else ""
        yield click.style(harmless(f"{told.verdict}{about}"), bold=True) + f", round {told.round:,}"
        for line in reflowed(harmless(told.told), width() - 2).splitlines():
            yield "  " + line
        if told.figures:
            yield harmless("  " + "  ".join(f"{name} {value:.4g}" for name, value in told.figures.items()))
        for lines in told.treatments:
            number += 1
            first = lines is told.treatments[0]
            yield (
                ("  A recipe that extends this one would treat it with" if first else "  Or with")
                + (f" (treatment {number})" if several else "")
                + ":"
            )
            for line in lines:
                yield harmless(f"    {line}")
    if found.unmeasured:
        yield "\nNot measured here"
        for name, why in found.unmeasured.items():
            for line in reflowed(harmless(f"{name}: {why}"), width() - 4).splitlines():
                yield "  " + line


def _write_cured(found: Diagnosis, path: Path, treatment: int) -> None:
    from gan_recipe.components.toml_value import as_toml

    treatments = [(told, lines) for told in found.told for lines in told.treatments]
    if not treatments:
        raise UserError(f"{found.folder.name} has no verdict with a cure, so {path} was not written")
    if treatment > len(treatments):
        raise UserError(
            f"{found.folder.name} has no treatment {treatment}, so {path} was not written: "
            f"give a number from 1 to {len(treatments)}"
        )
    told, lines = treatments[treatment - 1]
    if path.exists():
        raise UserError(f"{path} exists; give a name that is free")
    extends = as_toml(str(found.folder.recipe.absolute()))
    about = f"# {found.folder.name} with the cure of its {told.verdict} in round {told.round:,}."
    try:
        path.write_text("\n".join([about, f"extends = {extends}", "", *lines, ""]), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(harmless(f"Written: {path}. Train it: gan-recipe run {path}"))
