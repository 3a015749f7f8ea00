"""Batches on their way from the data to the device, made ahead of the loop."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from queue import SimpleQueue
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from gan_recipe.components.failure import blame
from gan_recipe.distributed.patience import patience
from gan_recipe.engine.randomness import derived_seed
from gan_recipe.engine.waiting_for_data import Say, SilenceError, awaited
from gan_recipe.errors import HangError, RunError
from gan_recipe.interfaces import Source

Batch = dict[str, Tensor]
# Seconds for the batch that is being made when nobody wants one any more.
_LAST_BATCH = 5.0


class Stream:
    """The batches of a recipe by position.

    Batch number n is a function of the seed and of n, so a stream has no state to save. ``ahead`` makes them in a
    thread; numpy lets go of the interpreter where the time is spent.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        fields: Collection[str],
        *,
        batch: int,
        seed: int,
        device: str,
        channels_last: bool,
        share: tuple[int, int] = (0, 1),
        say: Say | None = None,
    ) -> None:
        """``sources`` are opened data by name, ``fields`` what batches hold, as ``source.field``.

        ``share`` is (k, n) for a stream that yields part k of every batch, cut into n: all of it by default. ``say``
        is told where a batch is waited for.
        """
        self.say = say
        self.sources = sources
        self._fields = {full: full.partition(".")[::2] for full in fields}
        self._wanted = {name: [field for source, field in self._fields.values() if source == name] for name in sources}
        self._batch = batch
        self._asked = ""
        self._share = share
        self._seeds = {name: derived_seed("data", name, seed) for name in sources}
        self.device = torch.device(device)
        self._format = torch.channels_last if channels_last else torch.contiguous_format

    @property
    def fingerprints(self) -> dict[str, str]:
        return {name: source.fingerprint for name, source in self.sources.items()}

    def batch(self, position: int, size: int | None = None) -> Batch:
        """Batch number ``position``, on the device: this stream's share of it, or all of one of another ``size``."""
        made: dict[str, Tensor] = {}
        for name in self.sources:
            try:
                part = self._own_part(name, position) if size is None else self._part(name, position, size)
                made |= {
                    full: self._tensor(part[short]) for full, (source, short) in self._fields.items() if source == name
                }
            except OSError as error:
                raise RunError(f"data.{name} failed at batch {position}: {error}. The checkpoints are kept") from error
            except Exception as error:  # a stranger's source may raise anything
                blame(error, "data", name, when=f"at batch {position:,}")
        return {full: made[full] for full in self._fields}

    def _part(self, name: str, position: int, size: int) -> Mapping[str, object]:
        self._asked = name
        return self.sources[name].batch(self._seeds[name], position, size, self._wanted[name])

    def _own_part(self, name: str, position: int) -> Mapping[str, Any]:
        part, parts = self._share
        size = self._batch // parts
        if parts == 1 or getattr(self.sources[name], "by_sample", False):
            return self._part(name, position * parts + part, size)
        # Such a source gives other samples when it is asked for fewer: the whole batch is made, and cut.
        whole: Mapping[str, Any] = self._part(name, position, self._batch)
        return {field: array[part * size : (part + 1) * size] for field, array in whole.items()}

    def _tensor(self, array: object) -> Tensor:
        tensor = torch.as_tensor(array)
        if self.device.type == "cuda":
            tensor = tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.contiguous(memory_format=self._format) if tensor.dim() == 4 else tensor

    def ahead(self, start: int, stop: int, depth: int = 2) -> Prefetch:
        """The batches from ``start`` to before ``stop``, ``depth`` of them at a time: made ahead, or in use."""
        return Prefetch(self, start, stop, depth)

    def in_time(self, position: int, size: int | None = None) -> Batch:
        """What ``batch`` gives. Raises RunError where it takes longer than patience lasts."""
        with Prefetch(self, position, position + 1, 1, size) as batches:
            return next(iter(batches))

    @property
    def asked(self) -> str:
        """The source that was asked last."""
        return self._asked


class Prefetch:
    """Iterates over batches made in a thread. Leaving the context ends the thread, unless it hangs.

    On a CPU the thread computes alone. With a team of its own beside that of the loop there are more OpenMP threads
    than cores, for which libgomp lets all of them sleep between any two operations: a round of d_supervised took 1.5
    times as long on two cores.
    """

    def __init__(self, stream: Stream, start: int, stop: int, depth: int, size: int | None = None) -> None:
        self._stream, self._positions, self._size = stream, range(start, stop), size
        self._patience = patience()
        self._room = threading.Semaphore(depth)
        self._made: SimpleQueue[Batch | BaseException] = SimpleQueue()
        self._left = self._hangs = False
        self._is_alone = threading.Event()
        # A daemon: an interpreter that ends waits for every other thread, and so for one that hangs.
        self._thread = threading.Thread(target=self._make, name="batches", daemon=True)

    def __enter__(self) -> Prefetch:
        threads = torch.get_num_threads()
        self._thread.start()
        self._is_alone.wait()
        # The number is each thread's own, and what it was last set to is what threads to come begin with.
        torch.set_num_threads(threads)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._left = True
        self._room.release()
        self._thread.join(0.0 if self._hangs else _LAST_BATCH)

    def __iter__(self) -> Iterator[Batch]:
        for position in self._positions:
            try:
                made = awaited(self._made, self._patience, self._next, self._stream.say)
            except SilenceError as error:
                self._hangs = True
                raise HangError(
                    f"data.{self._stream.asked} has not made batch {position} within {error.seconds:g} s: it hangs, "
                    "or is too slow ($GAN_RECIPE_PATIENCE is how many seconds a run waits). The checkpoints are kept"
                ) from None
            if isinstance(made, BaseException):
                raise made
            yield made
            self._room.release()

    def _next(self) -> str:
        return f"data.{self._stream.asked} to make a batch"

    def _make(self) -> None:
        if self._stream.device.type == "cpu":
            torch.get_num_threads()  # a thread takes up the number at its first question, over one that was set before
            torch.set_num_threads(1)
        self._is_alone.set()
        for position in self._positions:
            self._room.acquire()
            if self._left:
                return
            try:
                self._made.put(self._stream.batch(position, self._size))
            except BaseException as error:  # raised where the batch is asked for
                self._made.put(error)
                return
