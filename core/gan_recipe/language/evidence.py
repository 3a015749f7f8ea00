"""What is known of a recipe's networks and moves where nothing has been trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import field, frozen

from gan_recipe.errors import Problem, RecipeError
from gan_recipe.interfaces import Traits
from gan_recipe.language.findings import RecipeFinding
from gan_recipe.language.recipe import ConstraintSpec, LossSpec, Recipe
from gan_recipe.language.toml_file import Key

_T = TypeVar("_T")


@frozen
class Seen:
    """What building and rehearsing has shown; without it, what the components say of themselves is believed."""

    #: The kinds of norm layers in each network.
    norms: Mapping[str, frozenset[str]] = field(factory=dict)
    #: What a value went through last, by the key of the loss's parameter that reads it.
    last: Mapping[Key, str | None] = field(factory=dict)
    #: Operations on tensors of different shapes, in words, by the loss's key.
    broadcasts: Mapping[Key, str] = field(factory=dict)
    #: Networks that concatenate the batches of their calls and mix the samples.
    mixing: frozenset[str] = frozenset()


@frozen
class Evidence:
    """What the rehearsal has seen of a recipe, or else what its components say; and findings from it.

    Everything here raises RecipeError for a component that fails when it is asked.
    """

    recipe: Recipe
    seen: Seen

    def finding(self, name: str, key: Key, what: str) -> RecipeFinding:
        """Something that will not work, at ``key``."""
        return RecipeFinding(name, Problem(self.recipe.file.origin(key).where, ".".join(key), what))

    def norms(self, network: str) -> frozenset[str]:
        """The kinds of norm layers in a network."""
        if network in self.seen.norms:
            return self.seen.norms[network]
        traits = self._traits(network)
        return traits.norms if traits else frozenset()

    def last(self, loss: LossSpec, parameter: str) -> str | None:
        """What the value that a loss reads there went through last: a norm, a sigmoid, a softmax, a tanh."""
        key, node = (*loss.key, parameter), loss.reads[parameter]
        if key in self.seen.last:
            return self.seen.last[key]
        traits = self._traits(node.name) if node.arguments else None
        return traits.last if traits else None

    def clips_norms(self, constraint: ConstraintSpec) -> bool:
        """Whether a constraint reaches the gains of norm layers."""
        return self._asked(constraint.key, constraint.use, constraint.component.clips_norms)

    def moved(self, rounds: int) -> Mapping[str, int]:
        """How often each player moves in so many first rounds."""
        moved = dict.fromkeys(self.recipe.players, 0)
        for round in range(rounds):
            for name in self._asked(("schedule",), self.recipe.schedule_use, self._moves, round):
                moved[name] += 1
        return moved

    def _traits(self, network: str) -> Traits | None:
        spec = self.recipe.networks[network]
        return self._asked(spec.key, spec.use, spec.component.traits)

    def _moves(self, round: int) -> Sequence[str]:
        return self.recipe.schedule.moves(round, tuple(self.recipe.players))

    def _asked(self, key: Key, use: str, tell: Callable[..., _T], *asked: Any) -> _T:
        try:
            return tell(*asked)
        except Exception as error:  # a stranger's component may raise anything
            what = f"{use!r} fails when it is asked what it does: {type(error).__name__}: {error}"
            raise RecipeError([Problem(self.recipe.file.origin(key).where, ".".join(key), what)]) from error


def listed(names: Iterable[Any]) -> str:
    """Names in a sentence, each once."""
    return ", ".join(dict.fromkeys(map(str, names)))
