"""What the doctor costs: ``python tests/benchmarks/doctor.py`` (``--help``: its options).

The same training plays ten rounds in which the doctor looks, as it would in rounds 50, 100 ... 500 (dear signals are
due in some of them), and ten in which it does not, interleaved; what the looks add is spread over the 500 rounds. A
figure is the median over the repeats; with ``--alone`` each signal has a row of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.hardware import use_available_cores
from gan_recipe.engine.journal import Journal
from gan_recipe.engine.observers import Observers
from gan_recipe.engine.training import Training
from gan_recipe.health.doctor import Doctor
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder

LOOKS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="d_supervised")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="also each signal alone")
    chosen = parser.parse_args()
    networks = {"d_supervised": ("encoder", "decoder", "trunk"), "dcgan": ("generator", "trunk")}[chosen.recipe]
    small = [f"networks.{name}.width={chosen.width}" for name in networks]
    data = ["data.faces.identities=12", "data.faces.held_out=4", f"run.batch={chosen.batch}", "run.precision=float32"]
    registry = Registry.installed()
    recipe = check(chosen.recipe, [*small, *data], registry)
    print(f"{use_available_cores()} threads, {chosen.recipe}, width {chosen.width}, batch {chosen.batch}")
    training = Training(recipe)
    names = [(), *([(name,) for name in recipe.doctor.signals] if chosen.alone else [])]
    for only in names:
        share, look, round = _cost(training, registry, only, chosen.repeats)
        name = " ".join(only) or "all signals"
        print(f"{name:20} {share:7.2%} of the training: a look {look * 1e3:7.1f} ms, a round {round * 1e3:6.1f} ms")


def _cost(training: Training, registry: Registry, only: tuple[str, ...], repeats: int) -> tuple[float, float, float]:
    """The share of the training's time, and the seconds of a look and of a round without one."""
    every = training.recipe.doctor.settings.every
    with tempfile.TemporaryDirectory() as folder:
        observers = Observers(registry.manager.hook)
        run = RunFolder(Path(folder))
        doctor = Doctor(training, run, observers, Journal(training, run, observers, QuietScreen()))
        if only:
            doctor._signals = {name: signal for name, signal in doctor._signals.items() if name in only}
        batches = [training.stream.batch(place) for place in range(LOOKS)]
        ratios, looks, rounds = [], [], []
        for repeat in range(repeats + 1):
            doctor._looked = dict.fromkeys([*training.players, ""], 0)
            plain = watched = 0.0
            for place, batch in enumerate(batches):
                round = (place + 1) * every - 1
                for with_doctor in (place % 2 == 0, place % 2 == 1):
                    for player in training.players.values():
                        player.moved = 1  # no lazy term is due, which would hide what is measured
                    began = time.perf_counter()
                    training.play(round, batch, doctor.watch if with_doctor else None)
                    if with_doctor:
                        doctor.after(round + 1)
                        watched += time.perf_counter() - began
                    else:
                        plain += time.perf_counter() - began
            if repeat:
                ratios.append((watched - plain) / (plain * every))
                looks.append((watched - plain) / LOOKS)
                rounds.append(plain / LOOKS)
        return statistics.median(ratios), statistics.median(looks), statistics.median(rounds)


if __name__ == "__main__":
    os.nice(5)
    main()
