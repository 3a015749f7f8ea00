"""A recipe brought to life: networks, players and streams, and one round of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from gan_recipe.components.failure import blame, raised
from gan_recipe.distributed.digests import Digests
from gan_recipe.distributed.patience import patience
from gan_recipe.distributed.processes import Processes
from gan_recipe.distributed.row_draws import RowDraws
from gan_recipe.distributed.shared_batch_norm import share_batch_norms, strange_batch_norms
from gan_recipe.distributed.whole_batch import Rehearsed, SharedBatch
from gan_recipe.engine.balance import balanced
from gan_recipe.engine.build import build_networks, fields_read, rehearse, training_fields
from gan_recipe.engine.concatenation import Value
from gan_recipe.engine.first_weights import begin
from gan_recipe.engine.graph import Graph, Store
from gan_recipe.engine.player import Player
from gan_recipe.engine.precision import wants_bf16
from gan_recipe.engine.randomness import Seeds, derived_seed
from gan_recipe.engine.split_check import check_split
from gan_recipe.engine.steering import Steering
from gan_recipe.engine.stream import Batch, Stream
from gan_recipe.engine.waiting_for_data import Say, SilenceError, in_time
from gan_recipe.errors import HangError, Problem, RecipeError
from gan_recipe.interfaces import Source, SteeredSchedule
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.find import find
from gan_recipe.language.plan import Move, movers, plan_round
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_diff import Change
from gan_recipe.runs.checkpoint import Checkpoint

_ALL_ROWS = nullcontext()
# Samples that are looked at again and again.
_FIXED = 32

#: Is shown every move between its losses and its step: the round, the move, its values, its losses once balanced.
Watch = Callable[[int, Move, Store, Sequence[Tensor]], None]

Movers = tuple[tuple[str, tuple[str, ...]], ...]


# A move with who makes it and the names of the losses that are due.
_Turn = tuple[Move, Player, list[str]]


class Training:
    """Everything of a run that lives in memory."""

    def __init__(
        self,
        recipe: Recipe,
        device: str = "cpu",
        processes: Processes | None = None,
        *,
        order: int = 0,
        recoveries: int = 0,
        say: Say | None = None,
    ) -> None:
        """Build and rehearse; nothing is written. Raises RecipeError for whatever does not fit, RunError for data that
        hangs.

        ``order`` says how often the order of data has changed, ``recoveries`` how often the run has gone back; ``say``
        is told where data is waited for.
        """
        #: Is told where data is waited for.
        self.say = say
        self.processes = processes
        self.order, self.recoveries = order, recoveries
        #: Whether it has just gone back, so that no figure and no checkpoint tells of it yet.
        self.is_back = False
        seed = derived_seed("order", recipe.run.seed, order) if order else recipe.run.seed
        self._seed_of = Seeds("round", seed)
        self.recipe = recipe
        self.device = device
        run = recipe.run
        self.leaves = training_fields(recipe)
        self._sources: dict[tuple[str, bool], Source] = {}
        share = (processes.rank, processes.count) if processes else (0, 1)
        if run.batch % share[1]:
            raise RecipeError([_uneven(recipe, share[1])])
        read = frozenset(node.name for node in self.leaves)
        self.stream = self.open_stream(read, share=share, seed=seed)
        seen = frozenset(node.name for node in _fields_below(looked_at(recipe)))
        self.held_out = self.open_stream(seen, held_out=True)
        first = self.open_stream(frozenset(node.name for node in fields_read(recipe))).in_time(
            0, 2 * (run.batch // share[1]) if processes else None
        )
        networks = build_networks(recipe, first)
        #: Where the weights of networks that are not fresh come from.
        self.origins = begin(recipe, networks)
        self._trained = {name for player in recipe.players.values() for name in player.trains}
        self._rows: AbstractContextManager[Any] = _ALL_ROWS
        if processes:
            first = self._share(processes, networks, first)
        self.bf16 = wants_bf16(recipe, networks, first, device)
        self.graph = Graph(networks, bf16=self.bf16, device=device)
        self.train_mode()
        #: What will not work, found on the built networks as well as in the recipe.
        with self._rehearsing(first):
            self.findings = find(recipe, rehearse(recipe, self.graph, first, shared=processes is not None))
        if run.compile:
            self.graph.forward = {name: torch.compile(network) for name, network in networks.items()}
        self.players = {name: Player(recipe, spec, self.graph, processes) for name, spec in recipe.players.items()}
        schedule = recipe.schedule
        #: What a schedule that steers has heard; None for one that is a function of the round.
        self.steering = (
            Steering(schedule, recipe.schedule_reads, processes) if isinstance(schedule, SteeredSchedule) else None
        )
        #: By which several processes find out that they no longer hold one run.
        self.digests = Digests(processes, networks) if processes else None
        self._planned: dict[Movers, tuple[_Turn, ...]] = {}
        self._at_round = [
            (name, at)
            for name, network in networks.items()
            for module in network.modules()
            if callable(at := getattr(module, "at_round", None))
        ]
        self._fixed: dict[bool, Batch] = {}
        #: The round that is played, or was played last.
        self.round = 0

    def _share(self, processes: Processes, networks: dict[str, nn.Module], first: Batch) -> Batch:
        """Make ready to train on a share of every batch; a share of ``first``, which holds two. Raises RecipeError."""
        recipe, share = self.recipe, self.recipe.run.batch // processes.count
        set_modes(networks, self._trained)
        draws: AbstractContextManager[Any] = nullcontext()
        if check_split(recipe, networks, first, share=share, device=self.device):
            if recipe.run.compile:
                what = "compiled networks draw numbers out of sight, and processes would draw others than one process"
                raise RecipeError([Problem(recipe.file.origin(("run", "compile")).where, "run.compile", what)])
            draws = RowDraws(processes.rank, processes.count, share)
        self._rows = SharedBatch(processes, draws)
        problems = []
        for name, kind in strange_batch_norms(networks).items():
            if name in self._trained:
                key = recipe.networks[name].key
                what = (
                    f"its {kind} takes statistics of a process's own share of the batch, and cannot be given the whole "
                    "batch. Use torch's own batch norm or another norm there, or train by one process"
                )
                problems.append(Problem(recipe.file.origin(key).where, ".".join(key), what))
        if problems:
            raise RecipeError(problems)
        # Two samples at least: the rehearsal's batch norm is not shared yet.
        return {name: tensor[: max(share, 2)] for name, tensor in first.items()}

    def _rehearsing(self, first: Batch) -> AbstractContextManager[Any]:
        """Where processes share batches, modules that ask for the whole one are rehearsed with as many samples."""
        if self.processes is None or not first:
            return _ALL_ROWS
        rows = len(next(iter(first.values())))
        return SharedBatch(Rehearsed(self.recipe.run.batch // rows), _ALL_ROWS)

    def open_stream(
        self,
        fields: frozenset[str],
        *,
        held_out: bool = False,
        share: tuple[int, int] = (0, 1),
        seed: int | None = None,
    ) -> Stream:
        """The training or the held-out data, of which batches hold ``fields``. A source is opened once."""
        run = self.recipe.run
        sources = {
            name: self._source(name, held_out)
            for name in self.recipe.data
            if any(full.startswith(f"{name}.") for full in fields)
        }
        return Stream(
            sources,
            sorted(fields),
            batch=run.batch,
            seed=run.seed if seed is None else seed,
            device=self.device,
            channels_last=run.channels_last,
            share=share,
            say=self.say,
        )

    def _source(self, name: str, held_out: bool) -> Source:
        if (name, held_out) not in self._sources:
            data, seconds = self.recipe.data[name], patience()
            try:
                opened = in_time(lambda: data.open(held_out=held_out), seconds, f"data.{name} to open", self.say)
                self._sources[name, held_out] = opened
            except SilenceError as error:
                raise HangError(
                    f"data.{name} has not opened within {error.seconds:g} s: it hangs, or is too slow and does not "
                    "tell how far it is ($GAN_RECIPE_PATIENCE is how many seconds a run waits)"
                ) from None
            except Exception as error:  # a stranger's source may raise anything
                key, what = ("data", name), raised(error, data)
                raise RecipeError([Problem(self.recipe.file.origin(key).where, ".".join(key), what)]) from error
        return self._sources[name, held_out]

    # ------------------------------------------------------------------------------------------------ a round

    def play(self, round: int, batch: Batch, watch: Watch | None = None) -> None:
        """One round: whoever moves in it moves, in order, as planned. ``watch`` sees it and leaves it as it is."""
        self.round = round
        # Dropout and the like draw from torch's global generators, which are functions of the round.
        self._seed(self._seed_of(round))
        if self.processes is not None:
            self.processes.waiting.round = round
        for name, follow in self._at_round:
            try:
                follow(round)
            except Exception as error:
                blame(error, "networks", name)
        turns = self._turns(round)
        store: Store = {leaf: batch[leaf.name] for leaf in self.leaves}
        for move, player, names in turns:
            with self._rows:
                self.graph.compute(move, store)
                values = self.graph.losses(move, store)
            balance = player.spec.balance
            terms, factors = balanced(balance, move, store, values, self.processes) if balance else (values, {})
            if self.steering is not None:
                try:
                    self.steering.see(round, store)
                except Exception as error:  # a stranger's schedule may raise anything
                    blame(error, "schedule")
            if watch is not None:
                watch(round, move, store, terms)
            player.step(names, values, terms, self.graph.weights(move, terms, round), factors)
            for node in move.frees:
                del store[node]
        for player in self.players.values():
            player.end_round()

    def _seed(self, seed: int) -> None:
        # torch.manual_seed asks every kind of device there might be, for 100 us a round.
        torch.default_generator.manual_seed(seed)
        if self.device != "cpu":
            torch.cuda.manual_seed(seed)

    def _turns(self, round: int) -> tuple[_Turn, ...]:
        """Who moves in the round, and how; planned once for all rounds in which the same losses are due."""
        try:
            steered = self.steering.moves(round, tuple(self.recipe.players)) if self.steering else None
            moved = {name: player.moved for name, player in self.players.items()}
            moving = movers(self.recipe, round, moved, steered)
        except Exception as error:  # a stranger's schedule may raise anything
            blame(error, "schedule")
        turns = self._planned.get(moving)
        if turns is None:
            turns = self._planned[moving] = tuple(
                (move, self.players[name], [term.loss.name for term in move.terms])
                for move, (name, _) in zip(plan_round(self.recipe, moving).moves, moving, strict=True)
            )
        return turns

    # ------------------------------------------------------------------------------------------------ looking

    def train_mode(self) -> None:
        """Networks that somebody trains are in train mode; a frozen network never changes, its statistics included.

        So are networks without parameters, such as noise: nobody could train them, and they are there to act.
        """
        set_modes(self.graph.networks, self._trained)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block the networks are in eval mode and hold their averaged weights, where there are some."""
        held: list[tuple[nn.Parameter, Tensor]] = []
        for player in self.players.values():
            for (network, key), average in player.averages.items():
                parameter = self.graph.networks[network].get_parameter(key)
                held.append((parameter, parameter.data))
                parameter.data = average
        for module in self.graph.networks.values():
            module.eval()
        try:
            yield
        finally:
            for parameter, data in held:
                parameter.data = data
            self.train_mode()

    def values(self, nodes: Sequence[Node], samples: int, *, start: int = 0) -> list[Value]:
        """Values over ``samples`` held-out samples from batch ``start`` on, on the CPU; call it within ``averaged``."""
        size = self.recipe.run.batch
        with self.held_out.ahead(start, start + -(-samples // size)) as batches:
            parts = [self.graph.evaluate(nodes, batch) for batch in batches]
        return [torch.cat([part[index].cpu() for part in parts])[:samples] for index in range(len(nodes))]

    def sheet(self, rows: int, *, start: int = 0) -> list[tuple[str, Tensor]]:
        """The sheet's columns by name, over ``rows`` held-out samples from batch ``start`` on, by averaged weights."""
        with self.averaged():
            values = self.values(self.recipe.columns, rows, start=start)
        return list(zip(self.recipe.sheet.columns, values, strict=True))

    def fixed_batch(self, fields: Sequence[str], *, held_out: bool) -> Batch:
        """32 samples of the training or of the held-out data, always the same ones; as many more as make whole groups,
        where the run's batch can be cut into groups of another size (packs of three)."""
        known = self._fixed.setdefault(held_out, {})
        if missing := [name for name in fields if name not in known]:
            twos = self.recipe.run.batch & -self.recipe.run.batch
            group = self.recipe.run.batch // twos * min(twos, _FIXED)
            count = -(-_FIXED // group) * group
            known.update(self.open_stream(frozenset(missing), held_out=held_out).in_time(0, count))
        return {name: known[name] for name in fields}

    # ------------------------------------------------------------------------------------------------ processes

    def join(self) -> None:
        """Where there are several processes: begin with the first one's tensors, and share batch statistics."""
        if self.processes is not None:
            networks = self.graph.networks
            self.processes.give([tensor for network in networks.values() for tensor in network.state_dict().values()])
            self.processes.give([average for player in self.players.values() for average in player.averages.values()])
            share_batch_norms(networks, self.processes)

    # ------------------------------------------------------------------------------------------------ state

    def checkpoint(self, round: int) -> Checkpoint:
        """The state before ``round``."""
        tensors: dict[str, dict[str, Tensor]] = {
            "networks": {
                f"{name}/{key}": value
                for name, network in self.graph.networks.items()
                for key, value in network.state_dict().items()
            }
        }
        state: dict[str, Any] = {"players": {}, **({"recoveries": self.recoveries} if self.recoveries else {})}
        if self.steering is not None:
            state["schedule"] = self.steering.state()
        for name, player in self.players.items():
            tensors[f"player-{name}"], state["players"][name] = player.tensors()
        return Checkpoint(round, tensors, state)

    def restore(self, checkpoint: Checkpoint, changes: Sequence[Change] = ()) -> None:
        """Go on from a checkpoint of this recipe, which has changed so since."""
        if self.steering is not None and "schedule" in checkpoint.state:
            self.steering.restore(checkpoint.state["schedule"])
        for name, network in self.graph.networks.items():
            prefix = f"{name}/"
            mine = {
                key.removeprefix(prefix): value
                for key, value in checkpoint.tensors["networks"].items()
                if key.startswith(prefix)
            }
            network.load_state_dict(mine)
        for name, player in self.players.items():
            player.restore(checkpoint.tensors[f"player-{name}"], checkpoint.state["players"][name])
            for change in changes:
                if change.key[:-1] == (*player.spec.key, "optimizer"):
                    player.set_option(change.key[-1], change.before, change.after)


def set_modes(networks: Mapping[str, nn.Module], trained: Collection[str]) -> None:
    """Train mode for what is trained or has no parameters, eval mode for the rest."""
    for name, network in networks.items():
        network.train(name in trained or next(network.parameters(), None) is None)


def _uneven(recipe: Recipe, count: int) -> Problem:
    batch = recipe.run.batch
    even = [n for n in range(1, min(batch, 2 * count) + 1) if batch % n == 0]
    near = max(1, round(batch / count)) * count
    what = (
        f"{batch} samples cannot be shared evenly by {count} processes. Start {' or '.join(map(str, even[-2:]))} of "
        f"them, or state a batch that {count} divides, such as {near}"
    )
    return Problem(recipe.file.origin(("run", "batch")).where, "run.batch", what)


def looked_at(recipe: Recipe) -> list[Node]:
    """What sheets and metrics read on held-out samples."""
    nodes = list(recipe.columns)
    for metric in recipe.metrics.values():
        nodes += [*metric.reads.values(), *(metric.baseline or {}).values()]
    return nodes


def _fields_below(nodes: Sequence[Node]) -> list[Node]:
    return [node for node in below(nodes) if node.arguments is None]
