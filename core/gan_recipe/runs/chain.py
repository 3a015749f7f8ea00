"""The runs to train, and in which order, so that a recipe's networks find the weights that they start from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from gan_recipe.components.registry import Registry
from gan_recipe.errors import Problem, RecipeError, UserError, did_you_mean
from gan_recipe.language.check import check_file
from gan_recipe.language.find import find
from gan_recipe.language.findings import refuse
from gan_recipe.language.override import overlay, override, read
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import RecipeFile, load
from gan_recipe.language.scale import scaled
from gan_recipe.language.settable import settings_of
from gan_recipe.language.start import Wanted
from gan_recipe.runs.kept_checkpoints import kept_checkpoints
from gan_recipe.runs.warm_start import find_start, is_round, missing_recipe, recipe_of_run


@frozen
class Link:
    """A run to train."""

    recipe: Recipe
    #: ``NAME`` or ``NAME/N``.
    name: str
    #: What later links start from in it.
    wanted: list[Wanted] = field(factory=list)

    def is_made(self) -> bool:
        """Whether the run, or one before it, holds everything that later links start from."""
        try:
            return all(find_start(each.stated, each.network, self.recipe.run.scale) for each in self.wanted)
        except ValueError:
            return False


@frozen
class Chain:
    """The links, each after those that it starts from; the last one is what was asked for."""

    links: tuple[Link, ...]
    #: Sentences on what exists already, and on overrides that not every recipe has a place for.
    told: tuple[str, ...]


def plan_chain(
    stated: str, overrides: Iterable[str], overlays: Iterable[str], registry: Registry, name: str | None
) -> Chain:
    """Check a recipe and every recipe whose run it lacks, overlays and overrides laid over each.

    ``name`` is the last run's, by default its recipe's. An override for which a parent has no place is passed over
    there, and told. Raises RecipeError with everything that is wrong in any of them.
    """
    planner = _Planner(registry, tuple(overrides), tuple(overlays))
    file, problems = read(stated, planner.overrides, planner.overlays, settings_of(registry))
    planner.problems += problems
    planner.plan(file, file.name if name is None else name)
    if planner.problems:
        raise RecipeError(list(dict.fromkeys(planner.problems)))
    return Chain(tuple(planner.links), tuple(dict.fromkeys(planner.told)))


@define
class _Planner:
    registry: Registry
    overrides: tuple[str, ...]
    overlays: tuple[str, ...]
    links: list[Link] = field(factory=list)
    told: list[str] = field(factory=list)
    problems: list[Problem] = field(factory=list)
    _planned: dict[str, Link | None] = field(factory=dict)
    _around: list[str] = field(factory=list)

    def plan(self, file: RecipeFile, name: str) -> Link | None:
        """Plan the run ``name`` of a recipe, after those that it starts from; None when something is wrong with it."""
        self._around.append(name)
        try:
            recipe = check_file(file, self.registry, starts=self._start)
            refuse(find(recipe))
        except RecipeError as error:
            self.problems += error.problems
            self._planned[name] = None
        else:
            self._planned[name] = link = Link(recipe, name)
            self.links.append(link)
        self._around.pop()
        return self._planned[name]

    def _start(self, wanted: Wanted) -> None:
        """See that a network's weights exist, or that a run which is planned will hold them. Raises ValueError."""
        name, round, network = wanted.parts
        path = recipe_of_run(wanted)
        if path is None:
            self._use(wanted, missing_recipe(wanted))
            return
        file = self._laid_over(path, name)
        scale: Any = file.tables.get("run", {}).get("scale", 1.0)
        if name not in self._planned and self._exists(wanted, scale):
            return
        if name in self._around:
            trip = " -> ".join([*self._around[self._around.index(name) :], name])
            raise ValueError(f"the run would start from itself: {trip}. One of these recipes has to start afresh")
        link = self._planned[name] if name in self._planned else self.plan(file, name)
        if link is None:
            return  # what is wrong with the parent is told at its own lines
        if network not in link.recipe.networks:
            raise ValueError(f"{file.shown} has no network {network!r}.{did_you_mean(network, link.recipe.networks)}")
        if round is not None:
            _check_kept(link.recipe, round)
        link.wanted.append(wanted)

    def _use(self, wanted: Wanted, otherwise: str) -> None:
        """A run that only exists, of which no recipe is known."""
        try:
            start = find_start(wanted.stated, wanted.network, wanted.scale)
        except ValueError as error:
            raise ValueError(f"{error} {otherwise}") from None
        self._tell_used(start.run.name, wanted)

    def _exists(self, wanted: Wanted, scale: float) -> bool:
        """Whether a run at the scale of its recipe holds the weights; where no round is stated it must have ended."""
        try:
            start = find_start(wanted.stated, wanted.network, scale)
            is_done = start.run.describe().get("outcome") == "done"
        except (ValueError, UserError):
            return False
        if start.run.scale != scale or not (is_done or wanted.parts[1] is not None):
            return False
        self._tell_used(start.run.name, wanted)
        return True

    def _tell_used(self, run: str, wanted: Wanted) -> None:
        self.told.append(f"{run} exists and has what {wanted.recipe} starts from")

    def _laid_over(self, path: Path, name: str) -> RecipeFile:
        """A parent's recipe with overlays and overrides, without those that it has no place for."""
        file, settings = load(str(path)), settings_of(self.registry)
        for each in self.overlays:
            for problem in overlay(file, each, settings):
                self.told.append(f"{name} passes over {problem}")
        for each in self.overrides:
            for problem in override(file, each, settings):
                self.told.append(f"{name} passes over {problem}")
        return file


def _check_kept(recipe: Recipe, round: str) -> None:
    """Raises ValueError when the run of a recipe will not hold a checkpoint of ``round``, as its file counts."""
    kept, where = kept_checkpoints(recipe).rounds, recipe.file.origin(("run",)).where
    if not is_round(round):
        raise ValueError(f"{round!r} is no number of a round, such as {recipe.name}@{recipe.run.rounds}")
    number = scaled(int(round), recipe.run.scale)
    if number not in kept:
        at_scale = f" (its {number}, at scale {recipe.run.scale:g})" if recipe.run.scale != 1 else ""
        raise ValueError(
            f"a run of {recipe.name} will hold no checkpoint of round {round}{at_scale}, only of "
            f"{', '.join(map(str, kept))}. State keep_at = [{int(round)}] in its [run] ({where})"
        )
