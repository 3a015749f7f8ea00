"""What the framework costs against loops written by hand: ``python tests/benchmarks/run.py`` (``--help``: its options).

All variants do the same work on the same batches in one process, interleaved in a new random order in every repeat; a
figure is the median over the repeats of the ratio within the repeat. The row A/A is the framework against itself: when
it is off by more than 2 %, the machine was too noisy and the table is void (exit 1).
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable

import torch
from loops import Batch, Round, hand_tuned, textbook

from gan_recipe.check import check
from gan_recipe.training import Training, use_available_cores


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64, help="px")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--width", type=float, default=0.5, help="of all three casia networks")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=8, help="in a measurement; 8 hold one lazy penalty")
    parser.add_argument("--every", type=int, default=1, help="the critic moves in every so many rounds")
    chosen = parser.parse_args()
    print(f"{use_available_cores()} threads, torch {torch.__version__}, {vars(chosen)}")

    def training(precision: str) -> Training:
        networks = [f"networks.{name}.width={chosen.width}" for name in ("encoder", "decoder", "trunk")]
        data = [f"data.faces.size={chosen.size}", "data.faces.identities=12", "data.faces.held_out=2"]
        run = [f"run.batch={chosen.batch}", f"run.precision={precision}"]
        made = Training(check("d_supervised", [*run, *data, *networks]))
        return made

    framework, again, short = training("float32"), training("float32"), training("bf16")
    networks = framework.graph.networks
    batches = [framework.stream.batch(round) for round in range(chosen.rounds)]
    every = chosen.every
    variants: dict[str, Round] = {
        "framework": _scheduled(framework, every),
        "A/A": _scheduled(again, every),
        "hand-tuned": hand_tuned(networks, every=every),
        "notebook" if every > 1 else "textbook": textbook(networks, every=every),
        "framework bf16": _scheduled(short, every),
        "hand-tuned bf16": hand_tuned(networks, bf16=True, every=every),
    }
    seconds = interleaved(variants, batches, chosen.repeats)
    print(f"{'':18}{'ms a round':>11}{'of framework':>14}")
    for name, measured in seconds.items():
        ratios = [each / reference for each, reference in zip(measured, seconds["framework"], strict=True)]
        print(f"{name:18}{1e3 * statistics.median(measured) / chosen.rounds:11.1f}{statistics.median(ratios):14.3f}")
    same = statistics.median(a / b for a, b in zip(seconds["A/A"], seconds["framework"], strict=True))
    if abs(same - 1) > 0.02:
        print(f"void: A/A is {same:.3f}, the machine was too noisy")
        return 1
    return 0


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


def _scheduled(training: Training, every: int) -> Callable[[int, Batch], None]:
    """The framework's round, with the critic in every ``every``-th and the penalty in the first."""
    schedule = check("d_supervised", ["schedule.use=every", f"schedule.periods={{critic={every}}}"]).schedule
    object.__setattr__(training.recipe, "schedule", schedule)

    def play(round: int, batch: Batch) -> None:
        if round == 0:
            training.players["critic"].moved = 0
        training.play(round, batch)

    return play


if __name__ == "__main__":
    sys.exit(main())
