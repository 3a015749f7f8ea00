"""A player while it trains: its optimiser, its constraints and the running average of its weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gan_recipe.components.failure import blame
from gan_recipe.distributed.gradient_exchange import GradientExchange
from gan_recipe.distributed.processes import Processes
from gan_recipe.engine.graph import Graph
from gan_recipe.engine.made_by_name import make_lr_schedule, make_optimizer
from gan_recipe.errors import Problem, RecipeError
from gan_recipe.language.recipe import PlayerSpec, Recipe
from gan_recipe.runs.checkpoint import optimizer_tensors, restore_optimizer

#: Before the name of a loss whose balance is meant.
BALANCE = "balance/"
# Where torch's optimisers and rate schedules keep rates in a group.
_RATES = ("lr", "initial_lr", "max_lr", "min_lr")


class Player:
    """Steps one player's networks."""

    def __init__(self, recipe: Recipe, spec: PlayerSpec, graph: Graph, processes: Processes | None = None) -> None:
        self.spec = spec
        self.parameters: list[Tensor] = [p for name in spec.trains for p in graph.parameters[name]]
        if not self.parameters:
            what = f"the networks that {spec.name!r} trains have no parameters"
            raise RecipeError([Problem(recipe.file.origin(spec.key).where, ".".join((*spec.key, "trains")), what)])
        key = spec.optimizer.key
        try:
            self.optimizer = make_optimizer(spec.optimizer, self.parameters)
            if spec.lr_schedule:
                key = spec.lr_schedule.key
            self.lr_schedule = make_lr_schedule(spec.lr_schedule, self.optimizer) if spec.lr_schedule else None
        except (ValueError, TypeError, RuntimeError) as error:
            raise RecipeError([Problem(recipe.file.origin(key).where, ".".join(key), str(error))]) from error
        self._enforced = [
            (constraint, graph.networks[name]) for constraint in spec.constraints.values() for name in constraint.on
        ]
        #: How often the player has moved.
        self.moved = 0
        names = [(name, key) for name in spec.trains for key, _ in graph.networks[name].named_parameters()]
        self._average: dict[tuple[str, str], Tensor] = {}
        if spec.ema is not None:
            self._average = {
                name: p.detach().clone(memory_format=torch.preserve_format)
                for name, p in zip(names, self.parameters, strict=True)
            }
        self._average_list = list(self._average.values())
        # Sums of the raw losses since the last line of figures, kept on the device: reading them waits for it.
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._processes = processes
        self._exchange = GradientExchange(processes, self.parameters) if processes else None

    def step(
        self,
        names: list[str],
        values: list[Tensor],
        terms: Sequence[Tensor],
        weights: Sequence[Tensor],
        factors: Mapping[str, Tensor] | None = None,
    ) -> None:
        """One move: gradients of the weighted terms, the optimiser's step, the constraints and the average.

        ``values`` are the raw losses, ``factors`` what the player's balance multiplied some of them with, and ``terms``
        what came of it.
        """
        try:
            self._descend(names, terms, weights)
        except Exception as error:  # the backward of a stranger's function may raise anything
            blame(error, *self.spec.key)
        with torch.no_grad():
            for constraint, network in self._enforced:
                try:
                    constraint.component.enforce(network)
                except Exception as error:
                    blame(error, *constraint.key)
            if self._average_list:
                assert self.spec.ema is not None
                torch._foreach_lerp_(self._average_list, self.parameters, 1.0 - self.spec.ema.at(self.moved))
            if factors:
                names = [*names, *(f"{BALANCE}{name}" for name in factors)]
                values = [*values, *factors.values()]
            self._note(names, values)
        self.moved += 1

    def _descend(self, names: list[str], terms: Sequence[Tensor], weights: Sequence[Tensor]) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if self._exchange is not None:
            self._exchange.begin()
        torch.autograd.backward(terms, weights)
        if self._exchange is not None:
            self._exchange.finish(names)
        if self.spec.clip_gradients is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.spec.clip_gradients)
        self.optimizer.step()

    def end_round(self) -> None:
        """Rates follow the rounds, whoever moved in them."""
        if self.lr_schedule is None:
            return
        if self.moved:
            self.lr_schedule.step()
        else:
            with warnings.catch_warnings():
                # Torch takes a rate that steps before its optimiser for a mistake; here the turn is yet to come.
                warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
                self.lr_schedule.step()

    def _note(self, names: list[str], values: list[Tensor]) -> None:
        fresh = [name for name in names if name not in self._sums]
        for name in fresh:
            self._sums[name] = torch.zeros_like(values[names.index(name)])
            self._counts[name] = 0
        torch._foreach_add_([self._sums[name] for name in names], values)
        for name in names:
            self._counts[name] += 1

    def take_means(self) -> dict[str, tuple[Tensor, int]]:
        """The sums of the raw losses and how many they are, since this was last called; still on the device.

        So of the factors of a balance, as ``balance/LOSS``.
        """
        self._share_sums()
        taken = {name: (self._sums[name], self._counts[name]) for name in self._sums}
        self._sums, self._counts = {}, {}
        return taken

    def _share_sums(self) -> None:
        """Each sum becomes the mean over processes: figures and checkpoints do not depend on their number."""
        if self._processes is not None:
            self._sums = self._processes.means(self._sums, "the figures of losses")

    @property
    def averages(self) -> Mapping[tuple[str, str], Tensor]:
        """The running average of every parameter, by network and name."""
        return self._average

    def tensors(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What a checkpoint holds of this player."""
        self._share_sums()
        tensors, other = optimizer_tensors(self.optimizer)
        sums, counts = self._sums, self._counts
        found = {f"optimizer/{key}": value for key, value in tensors.items()}
        found |= {f"average/{network}/{key}": value for (network, key), value in self._average.items()}
        found |= {f"sum/{name}": value for name, value in sums.items()}
        state = {"moved": self.moved, "optimizer": other, "counts": counts}
        if self.lr_schedule is not None:
            state["lr_schedule"] = {
                key: value for key, value in self.lr_schedule.state_dict().items() if not callable(value)
            }
        return found, state

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """The reverse of ``tensors``."""
        of_optimizer = {key.removeprefix("optimizer/"): v for key, v in tensors.items() if key.startswith("optimizer/")}
        restore_optimizer(self.optimizer, of_optimizer, state["optimizer"])
        with torch.no_grad():
            for (network, key), average in self._average.items():
                average.copy_(tensors[f"average/{network}/{key}"])
        device = self.parameters[0].device
        # A loss that the recipe has dropped when the run went back is summed no more.
        self._counts = {name: count for name, count in state["counts"].items() if self._is_mine(name)}
        self._sums = {name: tensors[f"sum/{name}"].to(device) for name in self._counts}
        self.moved = state["moved"]
        if self.lr_schedule is not None:
            self.lr_schedule.load_state_dict(_with_integer_keys(state["lr_schedule"]))

    def _is_mine(self, name: str) -> bool:
        return name.removeprefix(BALANCE) in self.spec.losses

    def set_option(self, option: str, before: Any, after: Any) -> None:
        """Change a number of the optimiser that has been restored; a rate where its schedule has brought it to."""
        if option != "lr":
            for group in self.optimizer.param_groups:
                group[option] = tuple(after) if isinstance(after, list) else after
            return
        factor = after / before
        for group in self.optimizer.param_groups:
            group |= {name: group[name] * factor for name in _RATES if name in group}
        for name in ("base_lrs", "_last_lr"):  # timm's schedules have read the new rate when they were made
            if hasattr(self.lr_schedule, name):
                setattr(self.lr_schedule, name, [rate * factor for rate in getattr(self.lr_schedule, name)])


def _with_integer_keys(state: Mapping[str, Any]) -> dict[str, Any]:
    """JSON turns the keys of MultiStepLR's milestones into text."""
    from collections import Counter

    restored = dict(state)
    if isinstance(restored.get("milestones"), dict):
        restored["milestones"] = Counter({int(key): count for key, count in restored["milestones"].items()})
    return restored
