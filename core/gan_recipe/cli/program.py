"""The program: its commands, each imported when it runs, and what is told and returned however one ends."""

from __future__ import annotations

import errno
import os
import sys
import time

import click

import gan_recipe
from gan_recipe.cli.asked_by_shell import is_asked_by_shell
from gan_recipe.cli.on_demand import OnDemand
from gan_recipe.cli.plugins import restrict_plugins
from gan_recipe.errors import HangError, RunError, ToldElsewhereError, UserError, harmless

_COMMANDS = {
    "run": "gan_recipe.cli.run:run",
    "check": "gan_recipe.cli.check:check",
    "list": "gan_recipe.cli.explore:list_",
    "show": "gan_recipe.cli.explore:show",
    "graph": "gan_recipe.cli.graph:graph",
    "diff": "gan_recipe.cli.diff:diff",
    "recipes": "gan_recipe.cli.explore:recipes",
    "runs": "gan_recipe.cli.runs:runs",
    "log": "gan_recipe.cli.log:log",
    "note": "gan_recipe.cli.log:note",
    "sample": "gan_recipe.cli.runs:sample",
    "diagnose": "gan_recipe.cli.diagnose:diagnose",
    "judge": "gan_recipe.cli.judge:judge",
    "cache": "gan_recipe.cli.cache:cache",
    "export": "gan_recipe.cli.export:export",
    "report": "gan_recipe.cli.report:report",
    "compare": "gan_recipe.cli.report:compare",
    "plugins": "gan_recipe.cli.plugins:plugins",
    "plugin": "gan_recipe.cli.plugin:plugin",
    "schema": "gan_recipe.cli.schema:schema",
    "completion": "gan_recipe.cli.completion:completion",
    "docs": "gan_recipe.cli.docs:docs",
    "verify-resume": "gan_recipe.cli.verify:verify_resume",
    "sweep": "gan_recipe.cli.sweep:sweep",
}

# Why standard output takes no more.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
# Seconds that a process waits for the one that tells a person why all of them end, its report included.
_FOR_WHO_TELLS = 10.0


@click.group(
    commands=OnDemand(_COMMANDS), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(gan_recipe.__version__, package_name="gan-recipe")
@click.option(
    "--only-plugins",
    metavar="A,B",
    expose_value=False,
    callback=restrict_plugins,
    help="The only plugins that may load beside our own; also $GAN_RECIPE_ONLY_PLUGINS.",
)
def cli() -> None:
    """GAN variants as short, checked, remembered recipes.

    \b
    gan-recipe run d_supervised     train a shipped recipe
    gan-recipe check my.toml        find every mistake before training
    gan-recipe show linear_fc       read what a component does
    """


def run() -> None:
    """Exit codes: 0 done, 1 failed, 2 wrong input, 73 the run is another process's, 130, 138 and 143 stopped."""
    if is_asked_by_shell():
        from gan_recipe.cli.completion import hang_completers

        hang_completers(cli)
    try:
        # click strips colours where nobody sees them, and does not ask whether they are wanted (no-color.org).
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        cli.main(standalone_mode=False, color=False if plain else None)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except UserError as error:
        _tell(str(error))
        sys.exit(error.exit_code)
    except ToldElsewhereError as error:
        # A launcher ends all as soon as one has ended: the one that tells comes first, and its end cuts this short.
        time.sleep(_FOR_WHO_TELLS)
        sys.exit(error.exit_code)
    except RunError as error:
        rank = int(os.environ.get("RANK", "0"))
        _tell(f"Process {rank} failed: {error}" if rank else f"The run failed: {error}")
        if isinstance(error, HangError):
            # An interpreter that ends would wait for the threads of a pool, of which one may hang for ever.
            sys.stdout.flush()
            os._exit(error.exit_code)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        from signal import SIGINT

        from gan_recipe.engine.stopping import exit_code

        _tell("Stopped at once. `gan-recipe runs` lists the runs; go on with one by --resume.")
        # click hides the interrupt behind an Abort.
        sys.exit(exit_code(getattr(error.__cause__ or error, "number", SIGINT)))
    except BrokenPipeError:
        # Whoever read our output went away, such as `| head`: there is nobody to tell.
        _let_go_of_output()
        sys.exit(1)
    except OSError as error:
        if error.filename is not None or error.errno not in _NO_ROOM:
            raise
        _let_go_of_output()
        _tell(f"The output cannot be written: {error.strerror}")
        sys.exit(1)


def _let_go_of_output() -> None:
    """What is left in the buffer is not flushed at the end: that would fail as well."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(text: str) -> None:
    for line in text.split("\n"):
        click.echo(harmless(line), err=True)
