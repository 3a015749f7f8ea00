"""What follows from a verdict: nothing, a stop, or going back to a healthy checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gan_recipe.components.registry import Registry
from gan_recipe.engine.stopping import BY_VERDICT, Stop
from gan_recipe.health.bench import Told
from gan_recipe.health.going_back import GoBack, go_back_to
from gan_recipe.health.recovery import recoveries
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.run_folder import RunFolder


class Consequences:
    """Carries out what a recipe states in ``doctor.stop`` and ``[recovery]``."""

    def __init__(
        self, recipe: Recipe, registry: Registry, folder: RunFolder, stop: Stop, say: Callable[[str], None]
    ) -> None:
        self._recipe, self._registry, self._folder, self._stop, self._say = recipe, registry, folder, stop, say

    def follow(self, told: Sequence[Told]) -> None:
        """Take up the verdicts of one moment. Raises GoBack, which is on file then, where the run is to go back."""
        recovery = self._recipe.recovery
        acted = [each for each in told if recovery is not None and each.verdict in recovery.on]
        if recovery is not None and acted:
            # Of several, the one whose signs began first: before them all was well.
            first = min(acted, key=lambda each: each.round if each.since is None else each.since)
            done = recoveries(self._folder)
            if len(done) >= recovery.times:
                times = "once" if recovery.times == 1 else f"{recovery.times} times"
                self._say(f"it has gone back {times}, as often as recovery.times lets it; it trains on as it is")
            else:
                to = go_back_to(self._recipe, self._folder, first)
                if to is not None:
                    raise GoBack(first, to)
                self._say(
                    f"no checkpoint is kept from before the first signs of {first.verdict}, so that it does not go "
                    f"back; recovery.reach = {recovery.reach} is too short for them"
                )
        for each in told:
            if each.verdict in self._recipe.doctor.settings.stop and self._stop.verdict is None:
                self._stop.verdict = each
                self._stop.asked = self._stop.asked or BY_VERDICT
