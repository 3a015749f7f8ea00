"""What the framework costs against loops written by hand: ``python tests/benchmarks/run.py`` (``--help``: its options).

All variants do the same work on the same batches in one process, interleaved in a new random order in every repeat; a
figure is the median over the repeats of the ratio within the repeat. The row A/A is the framework against itself: when
it is off by more than 2 %, the machine was too noisy and the table is void (exit 1). The process keeps freed memory, as
a run does; so the loops do, too.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import attrs
import torch
from interpreter import microseconds
from loops import Batch, Round, contiguous, contiguous_batch, hand_tuned, textbook, with_torchs_elu

from gan_recipe.engine.freed_memory import keep_freed_memory
from gan_recipe.engine.hardware import use_available_cores
from gan_recipe.engine.training import Training
from gan_recipe.runs.check_recipe import check

SCHEDULES = {
    "together": ([], lambda round: (True, True)),
    "every:4": (
        ["schedule.use=every", "schedule.periods={critic=4}"],
        lambda round: (round % 4 == 0, True),
    ),
    "every:6": (
        ["schedule.use=every", "schedule.periods={critic=6}"],
        lambda round: (round % 6 == 0, True),
    ),
    "cycle:4:6": (
        ["schedule.use=cycle", "schedule.blocks={critic=4,generator=6}"],
        lambda round: (round % 10 < 4, round % 10 >= 4),
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64, help="px")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--width", type=float, default=1.0, help="of all three casia networks")
    parser.add_argument("--stem", type=int, default=2, help="of the same: 1 is the notebook's, at full resolution")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=8, help="in a measurement; 8 hold one lazy penalty")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as a run would take")
    parser.add_argument("--schedule", choices=SCHEDULES, default="together")
    parser.add_argument("--terms", action="store_true", help="measure 31 more loss terms in place of the loops")
    parser.add_argument("--interpreter", action="store_true", help="measure the framework's own time in place of them")
    chosen = parser.parse_args()
    threads = chosen.threads or use_available_cores()
    torch.set_num_threads(threads)
    keep_freed_memory()
    print(f"{threads} threads, torch {torch.__version__}, {vars(chosen)}")
    if chosen.interpreter:
        for recipe in ("dcgan", "d_supervised"):
            print(f"{recipe}: {microseconds(recipe, chosen.repeats):.1f} us a round")
        return 0
    variants = _terms(chosen) if chosen.terms else _loops(chosen)
    batches = [variants.batches(round) for round in range(chosen.rounds)]
    return report(interleaved(variants.rounds, batches, chosen.repeats), chosen.rounds)


class _Variants:
    """What is compared, and the batches that all of it is fed."""

    def __init__(self, first: Training, rounds: dict[str, Round]) -> None:
        self.batches, self.rounds = first.stream.batch, rounds


def _loops(chosen: argparse.Namespace) -> _Variants:
    overrides, moves = SCHEDULES[chosen.schedule]
    framework, again, short = (_training(chosen, overrides, precision) for precision in ("float32", "float32", "bf16"))
    networks = framework.graph.networks
    name = "textbook" if not chosen.schedule.startswith("every") else "notebook"

    def plain(modules: dict[str, torch.nn.Module]) -> Round:
        return textbook(modules, moves, wasteful=name == "notebook")

    default = contiguous(networks)
    batches = [contiguous_batch(framework.stream.batch(round)) for round in range(chosen.rounds)]

    return _Variants(
        framework,
        {
            "framework": _counted(framework),
            "A/A": _counted(again),
            "hand-tuned": hand_tuned(networks, moves),
            name: _fed(plain(default), batches),
            f"{name}, torch's ELU": _fed(plain(with_torchs_elu(default)), batches),
            f"{name}, channels_last": plain(networks),
            "framework, batches ahead": _ahead(again, chosen.rounds),
            "framework bf16": _counted(short),
            "hand-tuned bf16": hand_tuned(short.graph.networks, moves, bf16=True),
        },
    )


def _fed(play: Round, batches: list[Batch]) -> Round:
    """The round on batches of its own, whatever it is handed."""

    def own(round: int, batch: Batch) -> None:
        play(round, batches[round])

    return own


def _terms(chosen: argparse.Namespace) -> _Variants:
    """The recipe with one term on the generator's image, and with 32 of them whose weights add up to its."""
    one, again, many = (_training(chosen, [], "float32", terms) for terms in (1, 1, 32))
    return _Variants(one, {"framework": _counted(one), "A/A": _counted(again), "32 terms": _counted(many)})


def _training(chosen: argparse.Namespace, overrides: list[str], precision: str, terms: int = 1) -> Training:
    casia = ("encoder", "decoder", "trunk")
    networks = [f"networks.{name}.{key}={getattr(chosen, key)}" for name in casia for key in ("width", "stem")]
    data = [f"data.faces.size={chosen.size}", "data.faces.identities=12", "data.faces.held_out=2"]
    run = [f"run.batch={chosen.batch}", f"run.precision={precision}"]
    recipe = check("d_supervised", [*run, *data, *networks, *overrides])
    losses = recipe.players["generator"].losses
    if terms > 1:
        one = losses["l1"]
        weight = one.weight / terms
        more = {f"l1_{n}": attrs.evolve(one, name=f"l1_{n}", weight=weight) for n in range(1, terms)}
        players = {
            **recipe.players,
            "generator": attrs.evolve(
                recipe.players["generator"], losses={**losses, "l1": attrs.evolve(one, weight=weight), **more}
            ),
        }
        recipe = attrs.evolve(recipe, players=players)
    return Training(recipe)


def _counted(training: Training) -> Round:
    """The framework's round, with the lazy penalty in the first of every measurement."""

    def play(round: int, batch: Batch) -> None:
        if round == 0:
            for player in training.players.values():
                player.moved = 0
        training.play(round, batch)

    return play


def _ahead(training: Training, rounds: int) -> Round:
    """The same on batches that are made meanwhile, as a run has them, and not on what it is handed."""
    counted, ahead = _counted(training), ExitStack()
    batches: Iterator[Batch] = iter(())

    def play(round: int, batch: Batch) -> None:
        nonlocal batches
        if round == 0:
            batches = iter(ahead.enter_context(training.stream.ahead(0, rounds)))
        counted(round, next(batches))
        if round == rounds - 1:
            ahead.close()

    return play


def interleaved(variants: dict[str, Round], batches: list[Batch], repeats: int) -> dict[str, list[float]]:
    """Seconds of each variant in each repeat, after one that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants)
    for repeat in range(repeats + 1):
        random.Random(repeat).shuffle(order)
        for name in order:
            began = time.perf_counter()
            for round, batch in enumerate(batches):
                variants[name](round, batch)
            if repeat:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def report(seconds: dict[str, list[float]], rounds: int) -> int:
    """Print the table; 1 when the row A/A makes it void."""
    print(f"{'':24}{'ms a round':>11}{'of framework':>14}")
    for name, measured in seconds.items():
        ratios = [each / reference for each, reference in zip(measured, seconds["framework"], strict=True)]
        print(f"{name:24}{1e3 * statistics.median(measured) / rounds:11.1f}{statistics.median(ratios):14.3f}")
    same = statistics.median(a / b for a, b in zip(seconds["A/A"], seconds["framework"], strict=True))
    if abs(same - 1) > 0.02:
        print(f"void: A/A is {same:.3f}, the machine was too noisy")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
