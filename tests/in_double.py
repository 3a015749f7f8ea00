"""``gan-recipe`` in float64, for tests that compare numbers of processes: float32 would hide what differs.

Every process leaves the names of the threads that it still has at its end, in ``threads-left-RANK``.
``SPOILED=1`` gives process 1 a batch with a nan, or with ``PERTURB`` a weight that differs, or with ``PIPE`` a batch
that never comes, out of a pipe that nobody writes to; ``IN_FLOAT`` keeps float32. ``DEAF=1`` gives process 1 a doctor
that tells of nothing, and a schedule whose figures are too low, as if it rounded otherwise. ``DIES=1`` ends process 1
when the run goes back for the first time, once it is decided and before anything else is done.
"""

from __future__ import annotations

import atexit
import os
import signal
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_recipe.cli import main
from gan_recipe.engine.stream import Stream
from gan_recipe.engine.training import Training
from gan_recipe.health.bench import Bench
from gan_recipe.loop import train
from gan_recipe_plugins.accuracy_band import AccuracyBand

_tensor = Stream._tensor


def _double(self: Stream, array: object) -> Tensor:
    tensor = _tensor(self, array)
    return tensor.double() if tensor.is_floating_point() else tensor


_batch = Stream.batch
_own_part = Stream._own_part
_play = Training.play


def _poisoned(self: Stream, position: int, size: int | None = None) -> dict[str, Tensor]:
    """Batch 5 holds one number that is none."""
    batch = _batch(self, position, size)
    if position == 5 and size is None:
        next(t for t in batch.values() if t.is_floating_point()).view(-1)[0] = float("nan")
    return batch


def _perturbed(self: Training, round: int, batch: dict[str, Tensor], watch: Any = None) -> None:
    """After round 5, one bit of one weight of the network ``trunk`` is another."""
    _play(self, round, batch, watch)
    if round == 5:
        with torch.no_grad():
            weight = self.graph.parameters["trunk"][0].view(-1)[:1]
            weight.copy_(torch.nextafter(weight, weight + 1))


def _note_threads() -> None:
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    Path(f"threads-left-{os.environ['RANK']}").write_text("\n".join(names))


def _hanging(self: Stream, name: str, position: int) -> Any:
    """Part 5 of the data ``faces`` never comes."""
    part = _own_part(self, name, position)
    if (name, position) == ("faces", 5):
        open(os.environ["PIPE"]).close()
    return part


def _deaf() -> None:
    """What this process finds by itself differs from what the others find."""
    Bench.hear = lambda self, round, figures: []  # type: ignore[method-assign]
    see = AccuracyBand.__call__
    AccuracyBand.__call__ = lambda self, real, fake: see(self, real, fake) - 0.25  # type: ignore[method-assign]


def _dying() -> None:
    """The first process dies before anything is put away, another one before it reads what the first has left."""
    name = "carry_out" if os.environ.get("RANK", "0") == "0" else "trained_anew"
    go = getattr(train, name)

    def die(*given: Any) -> Any:
        if not os.path.exists("died"):
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return go(*given)

    setattr(train, name, die)


if __name__ == "__main__":
    if os.environ.get("DIES") == os.environ.get("RANK", "0"):
        _dying()
    if os.environ.get("DEAF") == os.environ.get("RANK", "0"):
        _deaf()
    if "RANK" in os.environ:
        atexit.register(_note_threads)
    if "IN_FLOAT" not in os.environ:
        torch.set_default_dtype(torch.float64)
        Stream._tensor = _double  # type: ignore[method-assign]
    if os.environ.get("SPOILED") == os.environ.get("RANK", "0"):
        if "PERTURB" in os.environ:
            Training.play = _perturbed  # type: ignore[method-assign]
        elif "PIPE" in os.environ:
            Stream._own_part = _hanging  # type: ignore[method-assign]
        else:
            Stream.batch = _poisoned  # type: ignore[method-assign]
    main()
