"""The command line. Each command imports what it uses when it runs; ``--help`` imports click and little else."""

from __future__ import annotations

import os
import signal
import sys

import click

import gan_recipe
from gan_recipe.cli.completion import VARIABLE, completion, hang_completers
from gan_recipe.cli.diagnose import diagnose
from gan_recipe.cli.diff import diff
from gan_recipe.cli.docs import docs
from gan_recipe.cli.explore import list_, recipes, show
from gan_recipe.cli.export import export
from gan_recipe.cli.graph import graph
from gan_recipe.cli.judge import judge
from gan_recipe.cli.log import log, note
from gan_recipe.cli.plugin import plugin
from gan_recipe.cli.plugins import plugins, restrict_plugins
from gan_recipe.cli.report import compare, report
from gan_recipe.cli.run import check, run
from gan_recipe.cli.runs import runs, sample
from gan_recipe.cli.schema import schema
from gan_recipe.cli.sweep import sweep
from gan_recipe.cli.verify import verify_resume
from gan_recipe.errors import RunError, ToldElsewhereError, UserError, harmless
from gan_recipe.stopping import exit_code


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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


for command in (run, check, list_, show, graph, diff, recipes, runs, log, note, sample, diagnose, judge, export):
    cli.add_command(command)
for command in (report, compare):
    cli.add_command(command)
# What concerns plugins, editors and the site.
for command in (plugins, plugin, schema, completion, docs):
    cli.add_command(command)
cli.add_command(verify_resume)


cli.add_command(sweep)


def main() -> None:
    """Exit codes: 0 done, 1 failed, 2 wrong input, 73 the run is another process's, 130, 138 and 143 stopped."""
    if VARIABLE in os.environ:
        hang_completers(cli)
    try:
        cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except UserError as error:
        _tell(str(error))
        sys.exit(error.exit_code)
    except ToldElsewhereError as error:
        sys.exit(error.exit_code)
    except RunError as error:
        rank = int(os.environ.get("RANK", "0"))
        _tell(f"Process {rank} failed: {error}" if rank else f"The run failed: {error}")
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        _tell("Stopped at once. `gan-recipe runs` lists the runs; go on with one by --resume.")
        # click hides the interrupt behind an Abort.
        sys.exit(exit_code(getattr(error.__cause__ or error, "number", signal.SIGINT)))
    except BrokenPipeError:
        # Whoever read our output went away, such as `| head`: there is nobody to tell, nor any use in flushing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _tell(text: str) -> None:
    for line in text.split("\n"):
        click.echo(harmless(line), err=True)
