"""``log`` and ``note``: the notebook that writes itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gan_recipe.errors import harmless

if TYPE_CHECKING:
    from gan_recipe.runs.history import Entry

# Of two recipes that have little in common, the terminal shows so many changes.
_MOST_CHANGES = 12
_LABEL = 10


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--markdown", is_flag=True, help="Write it as Markdown, with every change.")
def log(names: tuple[str, ...], markdown: bool) -> None:
    """Tell what was tried: every run, newest last.

    Each with the runs that its weights come from, what its recipe changed against them (or else against the run of the
    same name before it), its figures, how it ended, where it went back, what the doctor said, and your notes. With
    NAME, a run's or NAME/N, only those runs, what they came from and what came from them.
    """
    from gan_recipe.runs.history import history
    from gan_recipe.runs.run_folder import runs_root

    entries = history(names)
    if markdown:
        from gan_recipe.runs.notebook_page import notebook_page

        click.echo(notebook_page(entries), nl=False)
    elif not entries:
        click.echo(f"There are no runs in {runs_root()} yet. Start one: gan-recipe run d_supervised")
    for number, entry in enumerate([] if markdown else entries):
        if number:
            click.echo()
        for line in _lines(entry):
            click.echo(line)


@click.command()
@click.argument("run")
@click.argument("text", metavar="[TEXT]...", nargs=-1)
@click.option("--replace", is_flag=True, help="Put it in the place of the newest note.")
def note(run: str, text: tuple[str, ...], replace: bool) -> None:
    """Note what you think of a run.

    Such as: gan-recipe note siamese "keep: features clear". RUN is NAME (its newest), NAME/N or a path. Notes are kept
    with their dates in the run's folder, and shown by `runs` and `log`. Without TEXT, the run's notes are shown.
    """
    from gan_recipe.runs.notes import add_note, notes, replace_newest
    from gan_recipe.runs.run_folder import find_run

    folder = find_run(run)
    if replace:
        replace_newest(folder, " ".join(text))
    elif text:
        add_note(folder, " ".join(text))
    kept = notes(folder)
    if not kept:
        click.echo(harmless(f'{folder.name} has no notes. Write one: gan-recipe note {folder.name} "keep: ..."'))
    for each in kept if not text else kept[-1:]:
        first, *more = each.text.splitlines()
        click.echo(harmless(f"{folder.name}  {each.day}  {first}"))
        for line in more:
            click.echo("    " + harmless(line))


def _lines(entry: Entry) -> Iterator[str]:
    """An entry for the terminal, no line wider than the page."""
    from gan_recipe.cli.diff import change_lines
    from gan_recipe.cli.paragraphs import page_width
    from gan_recipe.runs.history import ending

    columns = page_width()
    head = f"{entry.run.name}  {ending(entry)}" + (f"  {entry.when}" if entry.when else "")
    for number, line in enumerate(_wrapped(head, columns)):
        yield click.style(line, bold=True) if not number else line
    if entry.why:
        yield from _labelled("why", entry.why, columns)
    for parent, networks in entry.parents.items():
        yield from _labelled("from", f"{parent}: {', '.join(networks)}", columns)
    for other, changes in entry.changes.items():
        one_parent = len(entry.changes) == 1 and entry.parents
        against = "" if one_parent else f" against {other}"
        if not changes:
            yield from _labelled("changed", f"nothing{against}", columns)
            continue
        if against:
            yield from _labelled("changed", against.strip(), columns)
        for number, line in enumerate(change_lines(changes[:_MOST_CHANGES], columns - _LABEL)):
            yield _label("changed" if not number and not against else "") + line
        if len(changes) > _MOST_CHANGES:
            rest = f"and {len(changes) - _MOST_CHANGES} more: gan-recipe diff {other} {entry.run.name}"
            yield from _labelled("", rest, columns)
    if entry.figures:
        yield from _labelled("figures", "  ".join(figure_texts(entry)), columns)
    for recovery in entry.recoveries:
        yield from _labelled("back", recovery, columns)
    for verdict in entry.verdicts:
        told = f"round {verdict.round:,}, {verdict.verdict}: {verdict.told}"
        yield from _labelled("doctor", told, columns)
        for number, treatment in enumerate(verdict.treatments):
            for line in (*["or with"] * bool(number), *treatment):
                yield from _labelled("", line, columns)
    for each in entry.notes:
        for number, line in enumerate(each.text.splitlines()):
            yield from _labelled("" if number else "note", line if number else f"{each.day}  {line}", columns)


def figure_texts(entry: Entry) -> list[str]:
    """``l1 8.47 (22.1 before)``."""
    return [
        f"{name} {value:.4g}" + (f" ({entry.baseline[name]:.4g} before)" if name in entry.baseline else "")
        for name, value in entry.figures.items()
    ]


def _labelled(label: str, text: str, columns: int) -> Iterator[str]:
    for number, line in enumerate(_wrapped(text, columns - _LABEL)):
        yield _label("" if number else label) + line


def _label(label: str) -> str:
    return "  " + click.style(f"{label:{_LABEL - 2}}", dim=True)


def _wrapped(text: str, columns: int) -> list[str]:
    import textwrap

    return textwrap.wrap(harmless(text), columns, break_on_hyphens=False) or [""]
