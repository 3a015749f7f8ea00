"""``cache``: what is kept because making it again takes time, and how to be rid of it."""

from __future__ import annotations

import click


@click.command()
@click.option("--empty", is_flag=True, help="Remove all of it, once you have said yes.")
@click.option("--yes", is_flag=True, help="With --empty: do not ask.")
def cache(empty: bool, yes: bool) -> None:
    """Tell what the cache holds, or empty it.

    It keeps rendered faces, decoded photographs, trained judges and how large checkpoints are, in $GAN_RECIPE_CACHE or
    else in ~/.cache/gan-recipe. All of it is made again when it is needed, by the same recipe to the same bytes; runs
    that are training keep what they have opened.
    """
    from gan_recipe.cache import cache_folder, cached, empty_cache
    from gan_recipe.errors import UserError, harmless
    from gan_recipe.runs.disk_use import in_words

    try:
        held = cached()
    except OSError as error:
        raise UserError(
            f"{error.filename} cannot be read: {error.strerror}" if error.filename else str(error)
        ) from None
    click.echo(harmless(f"{cache_folder()}: {in_words(sum(held.values()))}"))
    width = max(map(len, held), default=0)
    for name, size in held.items():
        click.echo(harmless(f"  {name:{width}}  {in_words(size)}"))
    if not empty or not held:
        return
    if not yes and not click.confirm("Remove all files in these folders?"):
        return
    try:
        gone = empty_cache(list(held))
    except OSError as error:
        raise UserError(f"{error.filename} cannot be removed: {error.strerror}") from None
    click.echo(f"Removed {in_words(gone)}.")
