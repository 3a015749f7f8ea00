"""``diff``: what two recipes or runs have in different."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from gan_recipe.errors import AmbiguousNameError, UserError, did_you_mean, harmless

if TYPE_CHECKING:
    from gan_recipe.components.registry import Registry
    from gan_recipe.language.recipe_diff import Change
    from gan_recipe.runs.run_folder import RunFolder

# Keys that are longer stand on a line of their own.
_LONGEST_KEY = 40


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
def diff(before: str, after: str) -> None:
    """Show what recipe B states differently from A.

    A and B are each a .toml file, the name of a shipped recipe, or a run: NAME (its newest), NAME/N or a path. A name
    that both a recipe and a run have is the recipe's. How a recipe comes by a setting makes no difference, nor does one
    that is stated as what it is by default.
    """
    from gan_recipe.components.registry import Registry
    from gan_recipe.language.recipe_defaults import RecipeDefaults
    from gan_recipe.language.recipe_diff import difference

    registry = Registry.installed()
    (one, old), (other, new) = (_tables(stated, registry) for stated in (before, after))
    changes = difference(old, new, RecipeDefaults(registry))
    if not changes:
        click.echo(harmless(f"{one} and {other} do not differ."))
    for line in change_lines(changes):
        click.echo(line)


def change_lines(changes: Iterable[Change], columns: int | None = None) -> Iterator[str]:
    """The changes in two columns, none wider than the page: the key, and ``before -> after``; below it when long."""
    from gan_recipe.cli.paragraphs import page_width

    columns = columns or page_width()
    changes = list(changes)
    left = min(max((len(harmless(change.name)) for change in changes), default=0), _LONGEST_KEY, columns // 2)
    for change in changes:
        name, told = harmless(change.name), _told(change)
        if len(name) <= left and (lines := _laid(told, columns - left - 2)):
            yield f"{click.style(f'{name:{left}}', bold=True)}  {lines[0]}"
            yield from (" " * (left + 2) + line for line in lines[1:])
        else:
            yield from (click.style(line, bold=True) for line in _wrapped(name, columns))
            told = [(line, colour) for text, colour in told for line in _wrapped(text, columns - 4)]
            yield from ("    " + line for line in _laid(told, columns - 4))


def _told(change: Change) -> list[tuple[str, str]]:
    """The change as texts with their colours: red for what was, green for what is."""
    before, after = (None if text is None else harmless(text) for text in change.told)
    if before is None:
        return [(f"added {after}", "green")]
    if after is None:
        return [(f"removed {before}", "red")]
    return [(before, "red"), (f"-> {after}", "green")]


def _laid(told: list[tuple[str, str]], columns: int) -> list[str]:
    """The texts on one line, or on one each; nothing where even that is too long."""
    styled = [click.style(text, fg=colour) for text, colour in told]
    lengths = [len(text) for text, _ in told]
    if sum(lengths) + len(lengths) - 1 <= columns:
        return [" ".join(styled)]
    return styled if max(lengths) <= columns else []


def _wrapped(text: str, columns: int) -> list[str]:
    """The text on lines, broken between the settings of a table where there is a choice."""
    import textwrap

    kept = text.replace(" = ", "\0=\0")
    lines = textwrap.wrap(kept, columns, break_on_hyphens=False, subsequent_indent="  ")
    return [line.replace("\0", " ") for line in lines]


def _tables(stated: str, registry: Registry) -> tuple[str, dict[str, Any]]:
    """What ``stated`` is, and its resolved tables. Raises UserError."""
    from gan_recipe.language.check import resolved
    from gan_recipe.language.recipe_file import find_recipe
    from gan_recipe.runs.recoveries import in_force

    try:
        find_recipe(stated)
    except UserError as no_recipe:
        run = _run(stated, no_recipe)
        if not os.path.isfile(run.recipe):
            raise UserError(f"{run.name} keeps no recipe: there is no {run.recipe} that could be read") from None
        return f"the run {run.name}", resolved(in_force(run), registry)
    return f"the recipe {stated}", resolved(stated, registry)


def _run(stated: str, no_recipe: UserError) -> RunFolder:
    """The run that ``stated`` names, which is no recipe. Raises UserError for what is neither."""
    from gan_recipe.language.recipe_file import shipped_recipes
    from gan_recipe.runs.run_folder import all_runs, find_run

    try:
        return find_run(stated)
    except UserError:
        if stated.endswith(".toml") or isinstance(no_recipe, AmbiguousNameError):
            raise no_recipe from None
        known = [*shipped_recipes(), *(run.name for run in all_runs())]
        raise UserError(f"there is neither a recipe nor a run {stated!r}.{did_you_mean(stated, known)}") from None
