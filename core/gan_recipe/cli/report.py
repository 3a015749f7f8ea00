"""``report`` and ``compare``: what was trained, as pages for a browser."""

from __future__ import annotations

from pathlib import Path

import click

from gan_recipe.cli.places import FILE
from gan_recipe.errors import RunError, harmless


@click.command()
@click.argument("run", required=False)
@click.option(
    "--all", "every", is_flag=True, help="An index of all runs, and the reports that are missing or outdated."
)
def report(run: str | None, every: bool) -> None:
    """Write a run's report, one HTML file, anew.

    It needs no network. RUN is NAME (its newest), NAME/N or a path; it may be training still. Every run writes its
    report when it ends.
    """
    if (run is None) != every:
        raise click.UsageError("Give a run, or --all for an index of all runs.")
    from gan_recipe.report import write_index, write_report
    from gan_recipe.runs.run_folder import find_run

    try:
        if run is not None:
            click.echo(harmless(str(write_report(find_run(run)))))
            return
        path, written, failed = write_index()
    except OSError as error:
        raise _unwritten(error) from error
    for each in written:
        click.echo(harmless(f"wrote {each.path / 'report.html'}"))
    for each, why in failed:
        click.echo(harmless(f"no report of {each.name}: {why}"), err=True)
    click.echo(harmless(str(path)))


@click.command()
@click.argument("runs", metavar="RUN [RUN]...", nargs=-1, required=True)
@click.option("-o", "--output", type=FILE, help="The page; beside the runs by default.")
def compare(runs: tuple[str, ...], output: Path | None) -> None:
    """Write a page that shows runs side by side.

    It holds the settings that differ, the same held-out samples and aligned curves. Each RUN is NAME (its newest),
    NAME/N or a path.
    """
    from gan_recipe.report import write_comparison
    from gan_recipe.runs.run_folder import find_run

    found = {run.path: run for run in map(find_run, runs)}
    try:
        click.echo(harmless(str(write_comparison(list(found.values()), output))))
    except OSError as error:
        raise _unwritten(error) from error


def _unwritten(error: OSError) -> RunError:
    return RunError(f"{error.filename or 'the page'} cannot be written: {error.strerror}")
