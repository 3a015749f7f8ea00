"""What follows from a verdict: nothing, a stop, or going back to a healthy checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gan_recipe.components.registry import Registry
from gan_recipe.distributed.processes import Processes, by_first
from gan_recipe.engine.stopping import BY_VERDICT, Stop
from gan_recipe.health.going_back import GoBack, go_back_to
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.recoveries import recoveries
from gan_recipe.runs.run_folder import RunFolder
from gan_recipe.runs.verdicts import Told


class Consequences:
    """Carries out what a recipe states in ``doctor.stop`` and ``[recovery]``.

    Of several processes the first decides, and all hear of it before any goes on: figures that two machines round apart
    may lie on two sides of a threshold.
    """

    def __init__(
        self,
        recipe: Recipe,
        registry: Registry,
        folder: RunFolder,
        stop: Stop,
        say: Callable[[str], None],
        processes: Processes | None = None,
    ) -> None:
        self._recipe, self._registry, self._folder, self._stop, self._say = recipe, registry, folder, stop, say
        self._processes = processes
        self._acts = recipe.recovery is not None or bool(recipe.doctor.settings.stop)

    def follow(self, told: Sequence[Told]) -> None:
        """Take up the verdicts of one moment; processes come here at every line of figures, with or without one.

        Raises GoBack, in every process, where the run is to go back.
        """
        if not self._acts or (not told and self._processes is None):
            return
        decided = by_first(self._processes, lambda: self._decide(told))
        if back := Told.of(decided.get("back")):
            raise GoBack(back, decided["to"])
        if (stop := Told.of(decided.get("stop"))) and self._stop.verdict is None:
            self._stop.verdict = stop
            self._stop.asked = self._stop.asked or BY_VERDICT

    def _decide(self, told: Sequence[Told]) -> dict[str, Any]:
        """As JSON holds it: the verdict to go back at and where ``to``, or the one to stop at, or neither."""
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
                    return {"back": first.line(), "to": to}
                self._say(
                    f"no checkpoint is kept from before the first signs of {first.verdict}, so that it does not go "
                    f"back; recovery.reach = {recovery.reach} is too short for them"
                )
        stops = (each.line() for each in told if each.verdict in self._recipe.doctor.settings.stop)
        return {"stop": next(stops, None)}
