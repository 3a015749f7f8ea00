"""``export``: a value of a run for others to use."""

from __future__ import annotations

from pathlib import Path

import click

from gan_recipe.cli.places import FOLDER
from gan_recipe.errors import harmless


@click.command()
@click.argument("run")
@click.option("--value", required=True, help="A value of the run's recipe, such as fake.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(["safetensors", "torch", "onnx"]),
    multiple=True,
    default=["safetensors"],
    show_default=True,
    help="State it again for another format beside it.",
)
@click.option("--out", type=FOLDER, help="The folder; exports/VALUE in the run's.")
@click.option("--round", "at", metavar="N", type=click.IntRange(0), help="The checkpoint; the newest by default.")
def export(run: str, value: str, formats: tuple[str, ...], out: Path | None, at: int | None) -> None:
    """Write a value of a run as one module.

    The module has named inputs, and a model card lies beside it. RUN is NAME (its newest), NAME/N or a path. Averaged
    weights are taken where there are some. Each format is read back and compared with the run's networks at several
    batch sizes; one that disagrees is not kept.

    \b
    safetensors  weights and recipe; gan_recipe.exports.exported loads them
    torch        a torch.export program, which needs torch alone
    onnx         for onnxruntime and others; pip install 'gan-recipe[export]'
    """
    from gan_recipe.runs.run_folder import find_run

    folder = find_run(run)
    folder.describe()
    from gan_recipe.engine.hardware import use_available_cores
    from gan_recipe.exports import export as exporting

    use_available_cores()
    training, round = exporting.restored(folder, at)
    place = out or folder.path / "exports" / value
    for parity in exporting.export(folder, training, round, value, list(dict.fromkeys(formats)), place):
        told = ", ".join(f"{difference:.2g} at batch {size}" for size, difference in parity.difference.items())
        click.echo(
            f"{parity.format}: differs from the live networks by at most {told} (outputs up to {parity.scale:.3g})"
        )
    click.echo(harmless(str(place)))
