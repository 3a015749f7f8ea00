"""``run``: a recipe trained, or a run gone on with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gan_recipe.cli.changes import changes
from gan_recipe.cli.check import strict_option
from gan_recipe.engine.stopping import exit_code
from gan_recipe.errors import UserError, harmless

if TYPE_CHECKING:
    from gan_recipe.components.registry import Registry
    from gan_recipe.distributed.processes import Processes
    from gan_recipe.engine.journal import Screen
    from gan_recipe.language.recipe import Recipe
    from gan_recipe.loop.train import Outcome
    from gan_recipe.runs.chain import Chain, Link


@click.command()
@click.argument("recipe", required=False)
@changes
@click.option("--name", help="The run's folder is runs/NAME/<n>; the recipe's name by default.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, or auto.")
@click.option("--resume", "resumed", metavar="RUN", help="Go on with a run: NAME (its newest), NAME/N or a path.")
@click.option(
    "--resume-or-start", is_flag=True, help="Go on with the newest run of this very recipe, or start one: for a job."
)
@strict_option
@click.option(
    "--with-parents",
    is_flag=True,
    help="Train the runs first whose weights this one starts from and that are missing; -s and --overlay change them "
    "all.",
)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def run(
    recipe: str | None,
    overrides: tuple[str, ...],
    overlays: tuple[str, ...],
    name: str | None,
    device: str,
    resumed: str | None,
    resume_or_start: bool,
    strict: bool,
    with_parents: bool,
    quiet: bool,
) -> None:
    """Train a recipe: a .toml file or the name of a shipped one.

    The recipe is checked, built and rehearsed before anything is written. Ctrl-C, SIGTERM or SIGUSR1 finishes the round
    and saves; a second one stops at once and leaves the last checkpoint. Either way the run goes on with --resume.

    \b
    Exit codes:
      0    trained to the end
      1    the run failed, for a reason that is told
      2    the recipe or the command is wrong; nothing was written
      3    stopped at a verdict that the recipe names in doctor.stop; saved
      73   another process is training this run
      130  stopped by Ctrl-C (SIGINT)
      138  stopped by SIGUSR1
      143  stopped by SIGTERM
    """
    if (recipe is None) == (resumed is None):
        raise click.UsageError("Give a recipe, or --resume RUN to go on with a run.")
    if resumed and (overrides or overlays or name):
        raise click.UsageError(
            "--resume goes on with a run exactly as it was: -s, --overlay and --name are for new runs. One that begins "
            f"with its weights, with fresh optimisers: gan-recipe run RECIPE -s 'networks.*.start={resumed}' -s ..."
        )
    if resumed and resume_or_start:
        raise click.UsageError("--resume-or-start takes a recipe, and finds its run by itself.")
    if resumed and with_parents:
        raise click.UsageError("--with-parents takes a recipe; a run that is resumed has its weights.")
    from gan_recipe.cli.screen import screen_for
    from gan_recipe.components.registry import Registry

    registry = Registry.installed()
    with _processes() as processes:
        first = processes is None or processes.first
        screen = screen_for(quiet=quiet or not first)
        if with_parents:
            from gan_recipe.runs.chain import plan_chain

            def plan() -> Chain:
                assert recipe is not None
                return plan_chain(recipe, overrides, overlays, registry, name)

            chain = plan() if processes is None else processes.together(plan)
            outcome = _train_chain(
                chain,
                registry,
                screen,
                device,
                strict,
                resume_or_start=resume_or_start,
                quiet=quiet or not first,
                processes=processes,
            )
        elif resumed:
            from gan_recipe.loop import launch

            outcome = launch.resume(resumed, registry, screen, device=device, processes=processes)
        else:
            assert recipe is not None
            from gan_recipe.runs.check_recipe import check

            def check_it() -> Recipe:
                return check(recipe, overrides, registry, overlays=overlays)

            checked = check_it() if processes is None else processes.together(check_it)
            from gan_recipe.loop import launch

            outcome = launch.start(
                checked,
                registry,
                screen,
                name=name,
                device=device,
                strict=strict,
                resume_or_start=resume_or_start,
                processes=processes,
            )
    if first and not quiet:
        _report(outcome)
    if outcome.signal is not None:
        sys.exit(exit_code(outcome.signal))


def _train_chain(
    chain: Chain,
    registry: Registry,
    screen: Screen,
    device: str,
    strict: bool,
    *,
    resume_or_start: bool,
    quiet: bool,
    processes: Processes | None,
) -> Outcome:
    """Train every link, or go on with it where it was stopped; the outcome of the last, or of the one that stopped."""
    from gan_recipe.loop import launch

    def train(link: Link, *, resume_or_start: bool) -> Outcome:
        return launch.start(
            link.recipe,
            registry,
            screen,
            name=link.name,
            device=device,
            strict=strict,
            resume_or_start=resume_or_start,
            processes=processes,
        )

    for sentence in chain.told:
        screen.say(sentence)
    *parents, last = chain.links
    for number, link in enumerate(parents, 1):
        screen.say(f"{number} of {len(chain.links)}: {link.name}")
        outcome = train(link, resume_or_start=True)
        if outcome.how == "done" and not link.is_made():  # somebody removed its checkpoints
            outcome = train(link, resume_or_start=False)
        if outcome.how != "done":
            return outcome
        if not quiet:
            _report(outcome)
    if parents:
        screen.say(f"{len(chain.links)} of {len(chain.links)}: {last.name}")
    return train(last, resume_or_start=resume_or_start)


@contextmanager
def _processes() -> Iterator[Processes | None]:
    """The processes that torchrun started; torch is loaded before the check only where it did."""
    stated = os.environ.get("WORLD_SIZE", "1")
    if not stated.isdecimal():
        raise UserError(f"$WORLD_SIZE is {stated!r}; expected a number of processes, as torchrun sets it")
    if int(stated) < 2:
        yield None
        return
    from gan_recipe.distributed.joining import joined

    with joined() as processes:
        yield processes


def _report(outcome: Outcome) -> None:
    folder = outcome.folder
    if outcome.why:
        click.echo(harmless(f"Stopped at a verdict that doctor.stop names. {outcome.why}"))
    if outcome.how == "stopped":
        click.echo(f"Stopped and saved after {outcome.round:,} rounds. Go on: gan-recipe run --resume {folder.name}")
        return
    if outcome.figures:
        width = max(map(len, ["held-out", *outcome.figures]))
        click.echo(f"\n{'held-out':{width}}   before    after")
        for name, value in outcome.figures.items():
            before = f"{outcome.baseline[name]:8.3f}" if name in outcome.baseline else "       -"
            click.echo(f"{name:{width}} {before} {value:8.3f}")
    click.echo(f"\nDone: {folder.path}")
    sheets = sorted(folder.sheets.glob("*.png"))
    if sheets:
        click.echo(f"Last sheet: {sheets[-1]}")
    report = folder.path / "report.html"
    if report.is_file():
        click.echo(f"Report: {report}")
