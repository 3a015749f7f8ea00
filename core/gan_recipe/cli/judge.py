"""``judge``: the classifiers that a recipe's metrics ask, trained ahead of its runs."""

from __future__ import annotations

import click

from gan_recipe.cli.changes import changes


@click.command()
@click.argument("recipe")
@changes
def judge(recipe: str, overrides: tuple[str, ...], overlays: tuple[str, ...]) -> None:
    """Train and keep the judges of a recipe's outputs.

    These classifiers learn from the recipe's real training data alone. Runs that find them kept show label
    faithfulness as a curve while they train; others ask them at their end.
    """
    from gan_recipe.errors import UserError, harmless
    from gan_recipe.runs.check_recipe import check

    checked = check(recipe, overrides, overlays=overlays)
    judged = {name: spec for name, spec in checked.metrics.items() if spec.examples}
    if not judged:
        raise UserError(
            f"{checked.file.shown} has no metric that is judged; `gan-recipe show judged_accuracy` describes one"
        )
    from gan_recipe.cli.screen import say_aside
    from gan_recipe.engine.evaluate import examples_of
    from gan_recipe.engine.hardware import use_available_cores
    from gan_recipe.engine.training import Training

    use_available_cores()
    training = Training(checked, say=say_aside)
    for name, spec in judged.items():
        examples = examples_of(training, spec)
        if not hasattr(spec.component, "learn"):
            click.echo(harmless(f"{name}: {spec.use!r} learns when it is taken, and cannot be taught ahead"))
            continue
        kept = "kept already, " if spec.component.has_learnt(**examples) else ""
        click.echo(harmless(f"{name}: {kept}{spec.component.learn(**examples)}"))
