"""Batches on their way from the data to the device, made ahead of the loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from gan_recipe.component_failure import blame
from gan_recipe.errors import RunError
from gan_recipe.interfaces import Source
from gan_recipe.randomness import derived_seed

Batch = dict[str, Tensor]


class Stream:
    """The batches of a recipe by position.

    Batch number n is a function of the seed and of n, so a stream has no state to save. Iterating makes batches ahead
    in a thread; numpy lets go of the interpreter where the time is spent.
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
    ) -> None:
        """``sources`` are opened data by name, ``fields`` what batches hold, as ``source.field``.

        ``share`` is (k, n) for a stream that yields part k of every batch, cut into n: all of it by default.
        """
        self.sources = sources
        self._fields = {full: full.partition(".")[::2] for full in fields}
        self._wanted = {name: [field for source, field in self._fields.values() if source == name] for name in sources}
        self._batch = batch
        self._share = share
        self._seeds = {name: derived_seed("data", name, seed) for name in sources}
        self._device = torch.device(device)
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
        if self._device.type == "cuda":
            tensor = tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor.contiguous(memory_format=self._format) if tensor.dim() == 4 else tensor

    def ahead(self, start: int, stop: int, depth: int = 2) -> Prefetch:
        """The batches from ``start`` to before ``stop``, ``depth`` of them made ahead."""
        return Prefetch(self, start, stop, depth)


class Prefetch:
    """Iterates over batches made in a thread. Leaving the context ends the thread."""

    def __init__(self, stream: Stream, start: int, stop: int, depth: int) -> None:
        self._stream, self._next, self._stop, self._depth = stream, start, stop, depth
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._made: deque[Future[Batch]] = deque()

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __iter__(self) -> Iterator[Batch]:
        while self._next < self._stop or self._made:
            while self._next < self._stop and len(self._made) < self._depth:
                self._made.append(self._pool.submit(self._stream.batch, self._next))
                self._next += 1
            yield self._made.popleft().result()
