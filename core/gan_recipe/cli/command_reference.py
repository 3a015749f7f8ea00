"""The reference of the command line, as Markdown, from the commands themselves.

(sphinx-click was weighed: it writes reStructuredText for Sphinx alone, and these are sixty lines.)
"""

from __future__ import annotations

import inspect

import click

from gan_recipe.site.markdown import code, fenced, page, prose, table


def command_reference() -> str:
    """The page: every command in the order of the alphabet, with its arguments and options."""
    from gan_recipe.cli.program import cli

    context = click.Context(cli, info_name="gan-recipe")
    return page(
        "# Command line",
        _help(cli),
        _options(cli),
        *(_command(cli.commands[name], context, name) for name in sorted(cli.commands)),
        "## Exit codes",
        _paragraphs(_main_docstring()),
    )


def _command(command: click.Command, above: click.Context, name: str, depth: int = 2) -> str:
    context = click.Context(command, above, info_name=name)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = ["#" * depth + f" {context.command_path.removeprefix('gan-recipe ')}", fenced(usage, "text")]
    parts += [_help(command), _options(command)]
    if isinstance(command, click.Group):
        parts += [_command(command.commands[each], context, each, depth + 1) for each in sorted(command.commands)]
    return page(*parts).rstrip()


def _help(command: click.Command) -> str:
    return _paragraphs(inspect.cleandoc(command.help or ""))


def _paragraphs(text: str) -> str:
    """click's own markup: a paragraph that begins with \\b keeps its lines."""
    told = []
    for block in text.split("\n\n"):
        if block.startswith("\b\n"):
            told.append(fenced(block[2:], "text"))
        elif block.strip():
            told.append(prose(block))
    return "\n\n".join(told)


def _options(command: click.Command) -> str:
    rows = []
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
            value = "" if option.is_flag or option.count else f" {code(_value(command, option))}"
            rows.append((names + value, prose(option.help or "") + _default(option)))
    return table(("Option", "What it does"), rows) if rows else ""


def _value(command: click.Command, option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.make_metavar(click.Context(command)) if option.metavar is None else option.metavar


def _default(option: click.Option) -> str:
    return f" Default: {code(str(option.default))}." if option.show_default and option.default is not None else ""


def _main_docstring() -> str:
    from gan_recipe.cli import main

    return inspect.getdoc(main) or ""
