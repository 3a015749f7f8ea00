"""The command line. Each command imports what it uses when it runs; ``--help`` imports click and little else."""

from __future__ import annotations

import sys

import click

import gan_recipe
from gan_recipe.cli.explore import list_, recipes, show
from gan_recipe.cli.graph import graph
from gan_recipe.cli.run import check, run
from gan_recipe.cli.runs import runs, sample
from gan_recipe.errors import RunError, UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(gan_recipe.__version__, package_name="gan-recipe")
def cli() -> None:
    """GAN variants as short, checked, remembered recipes.

    \b
    gan-recipe run d_supervised          train a shipped recipe
    gan-recipe check my.toml             find every mistake before training
    gan-recipe list, show linear_fc      the components there are
    """


for command in (run, check, list_, show, graph, recipes, runs, sample):
    cli.add_command(command)


def main() -> None:
    """Exit codes: 0 done, 1 the run failed, 2 the input was wrong."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except UserError as error:
        click.echo(f"{error}", err=True)
        sys.exit(2)
    except RunError as error:
        click.echo(f"The run failed: {error}", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped at once; what the last checkpoint holds is kept.", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output went away, such as `| head`
        sys.exit(0)
