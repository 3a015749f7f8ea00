"""Shell completion of recipes, components, runs and ``-s`` keys, by click's own mechanism.

The completers are hung onto the parameters by name, and only when a shell asks: no other command pays for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

from gan_recipe.cli.asked_by_shell import COMPLETE
from gan_recipe.errors import UserError

_PROGRAM = "gan-recipe"

# bash takes "=" to end a word, click believes it; here the line itself is cut, and only the rest of the word is given.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' item
    COMPREPLY=()
    while read -r item; do
        COMPREPLY+=("$item")
    done < <(env COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1")
    [[ "${COMPREPLY[0]}" == *[=/.] ]] && compopt -o nospace
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

# click's own puts a space behind "run.batch=" and "mine/", too, where the word goes on.
_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a whole begun told response
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
        %(complete_var)s=zsh_complete %(prog_name)s)}")
    local type key help
    for type key help in ${response}; do
        if [[ "$type" == dir ]]; then
            _path_files -/
        elif [[ "$type" == file ]]; then
            _path_files -f
        elif [[ "$help" != _ ]]; then
            told+=("$key:$help")
        elif [[ "$key" == *[=/.] ]]; then
            begun+=("$key")
        else
            whole+=("$key")
        fi
    done
    (( $#told )) && _describe -V unsorted told -U
    (( $#whole )) && compadd -U -V unsorted -a whole
    (( $#begun )) && compadd -U -S '' -V unsorted -a begun
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete gan-recipe's words.

    \b
    bash  echo 'eval "$(gan-recipe completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(gan-recipe completion zsh)"' >> ~/.zshrc
    fish  gan-recipe completion fish > ~/.config/fish/completions/gan-recipe.fish
    """
    add_completion_class(_Bash)
    add_completion_class(_Zsh)
    made = get_completion_class(shell)
    assert made is not None, "click knows the three"
    click.echo(made(click.Command(_PROGRAM), {}, _PROGRAM, COMPLETE).source())


class _Bash(BashComplete):
    source_template = _BASH

    @staticmethod
    def _check_version() -> None:
        """``compopt -o nosort`` is of bash 4.4; an older one says so itself."""

    def get_completion_args(self) -> tuple[list[str], str]:
        from click.shell_completion import split_arg_string

        line = os.environ["COMP_LINE"]
        before = line[: int(os.environ.get("COMP_POINT", len(line)))]
        words = split_arg_string(before)
        started = bool(words) and not before[-1:].isspace()
        return words[1 : -1 if started else None], words[-1] if started else ""

    def complete(self) -> str:
        _, incomplete = self.get_completion_args()
        breaks = [sign for sign in "=:" if sign in os.environ.get("COMP_WORDBREAKS", "=:")]
        cut = max((incomplete.rfind(sign) + 1 for sign in breaks), default=0)
        return "\n".join(line[cut:] for line in super().complete().splitlines())

    def format_completion(self, item: CompletionItem) -> str:
        return str(item.value)


class _Zsh(ZshComplete):
    source_template = _ZSH


def hang_completers(group: click.Group) -> None:
    """Let the parameters of all commands complete what they take; called when a shell asks."""
    add_completion_class(_Bash)
    words: dict[str, Callable[[str], Iterable[str]]] = {
        "recipe": lambda begun: [*_recipes(), *_files(begun)],
        "component": lambda _: _components(),
        "kind": lambda _: _kinds(),
        "run": lambda _: _runs(),
        "resumed": lambda _: _runs(),
        "names": lambda _: _runs(),
        "before": lambda begun: [*_recipes(), *_runs(), *_files(begun)],
        "after": lambda begun: [*_recipes(), *_runs(), *_files(begun)],
        "overlays": lambda begun: [*_overlays(), *_files(begun)],
    }
    for command in group.commands.values():
        for parameter in command.params:
            if parameter.name == "overrides":
                _hang(parameter, _override)
            elif parameter.name in words and not isinstance(parameter.type, click.Choice):
                _hang(parameter, _of(words[parameter.name]))


def _of(words: Callable[[str], Iterable[str]]) -> Callable[[click.Context, str], Iterable[str]]:
    return lambda _, begun: words(begun)


def _hang(parameter: click.Parameter, words: Callable[[click.Context, str], Iterable[str]]) -> None:
    def complete(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(word) for word in words(ctx, incomplete) if word.startswith(incomplete)]
        except UserError:  # who runs the command is told
            return []

    parameter.shell_complete = complete  # type: ignore[method-assign]


# ------------------------------------------------------------------------------------------------------- words


def _recipes() -> list[str]:
    from gan_recipe.language.recipe_file import shipped_recipes

    return [*shipped_recipes(), *(path.name for path in sorted(Path().glob("*.toml")))]


def _files(incomplete: str) -> list[str]:
    """Folders and recipes below a folder that was begun."""
    if "/" not in incomplete:
        return []
    found = sorted(Path(incomplete).parent.glob("*") if not incomplete.endswith("/") else Path(incomplete).glob("*"))
    return [f"{path}/" if path.is_dir() else f"{path}" for path in found if path.is_dir() or path.suffix == ".toml"]


def _overlays() -> list[str]:
    from gan_recipe.language.recipe_file import OVERLAYS, shipped_folder

    return [path.stem for path in sorted((shipped_folder() / OVERLAYS).glob("*.toml"))]


def _components() -> list[str]:
    from gan_recipe.components.registry import Registry

    return sorted(Registry.installed().names())


def _kinds() -> list[str]:
    from gan_recipe.interfaces import KINDS

    return list(KINDS)


def _runs() -> list[str]:
    from gan_recipe.runs.run_folder import all_runs

    found = [run.name for run in all_runs()]
    return [*dict.fromkeys(name.partition("/")[0] for name in found), *found]


def _override(context: click.Context, incomplete: str) -> list[str]:
    """Keys of the recipe that stands before, and the values of those that have few."""
    from gan_recipe.components.registry import Registry
    from gan_recipe.language.override_keys import keys, values
    from gan_recipe.language.recipe_file import load

    # Of a line that ends with -s click leaves the words before it unread.
    stated: Any = context.params.get("recipe") or next((word for word in context.args if word[:1] != "-"), None)
    tables = load(stated).tables if stated else {}
    key, equals, _ = incomplete.partition("=")
    registry = Registry.installed()
    if not equals:
        return [f"{each}=" for each in keys(tables, registry)]
    return [f"{key}={value}" for value in values(tables, registry, key)]
