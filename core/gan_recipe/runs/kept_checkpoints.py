"""Which checkpoints a run keeps: the rule by which old ones go, and what it leaves of a run that is yet to train."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from gan_recipe.language.recipe import Recipe


def is_regular(recipe: Recipe, round: int) -> bool:
    """Whether every run of the recipe makes a checkpoint of this round, wherever it is stopped between."""
    return round % recipe.run.checkpoint_every == 0 or round in recipe.run.keep_at


def within_reach(recipe: Recipe, regular: Collection[int]) -> list[int]:
    """Of regular rounds those of the last ``recovery.reach`` rounds, and the one before them."""
    if recipe.recovery is None or not regular:
        return []
    edge = max(regular) - recipe.recovery.reach
    oldest = max((round for round in regular if round <= edge), default=0)
    return sorted(round for round in regular if round >= oldest)


def spared(recipe: Recipe, held: Collection[int]) -> set[int]:
    """Of the rounds of which a run holds a checkpoint, those that stay beside the newest ones."""
    regular = [round for round in held if is_regular(recipe, round)] if recipe.recovery is not None else []
    return {*recipe.run.keep_at, *within_reach(recipe, regular)}.intersection(held)


@frozen
class KeptCheckpoints:
    """What is left of a run's checkpoints."""

    #: The rounds of those that it holds when it is done.
    rounds: tuple[int, ...]
    #: The most that it holds at once while it trains: a new one is whole before the oldest goes.
    most: int


def kept_checkpoints(recipe: Recipe) -> KeptCheckpoints:
    """Play a run of ``recipe`` that is never stopped."""
    run = recipe.run
    made = {*range(run.checkpoint_every, run.rounds + 1, run.checkpoint_every), run.rounds}
    made |= {round for round in run.keep_at if round <= run.rounds}
    # One that may go back begins with a checkpoint of its first weights.
    held = {0} if recipe.recovery is not None else set[int]()
    most = len(held)
    for round in sorted(made):
        held.add(round)
        most = max(most, len(held))
        stay = spared(recipe, held)
        held = stay | {*sorted(held - stay)[-run.keep :]}
    return KeptCheckpoints(tuple(sorted(held)), most)
