"""An observer: figures and sheets as tensorboard events in the run's folder.

It is a plugin of its own, named by ``[run] observers``, and a model for other people's: hooks in a module, state by
folder. What it writes is derived from ``metrics.jsonl``; a failure warns once and never reaches the training.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_recipe import hookimpl

#: Event files only grow: a noisy sheet of 256 px is about 100 KB each time.
MAX_SHEETS = 100

_writers: dict[Path, Any] = {}
_sheets: dict[Path, int] = {}


@hookimpl
def gan_recipe_run_started(folder: Path) -> None:
    from tensorboardX import SummaryWriter

    _sheets[folder] = 0
    try:
        _writers[folder] = SummaryWriter(str(folder / "tensorboard"), flush_secs=10)
        _hush(_worker(_writers[folder]))
    except OSError as error:
        _give_up(folder, error)


@hookimpl
def gan_recipe_logged(folder: Path, round: int, values: Mapping[str, float]) -> None:
    def write(writer: Any) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, round)

    _guarded(folder, write)


@hookimpl
def gan_recipe_sheet(folder: Path, round: int, image: Path) -> None:
    def write(writer: Any) -> None:
        import numpy as np
        from PIL import Image

        with Image.open(image) as sheet:
            writer.add_image("sheet", np.asarray(sheet.convert("RGB")), round, dataformats="HWC")

    _sheets[folder] = _sheets.get(folder, 0) + 1
    if _sheets[folder] <= MAX_SHEETS:
        _guarded(folder, write)


@hookimpl
def gan_recipe_run_ended(folder: Path) -> None:
    _guarded(folder, lambda writer: writer.close())
    _writers.pop(folder, None)


def _guarded(folder: Path, write: Callable[[Any], None]) -> None:
    writer = _writers.get(folder)
    if writer is None:
        return
    try:
        # On a full disk the writer's thread dies, and the bounded queue before it then blocks for ever.
        if not _worker_lives(writer):
            raise OSError("its writing thread has died, probably of a full disk")
        write(writer)
    except Exception as error:
        _give_up(folder, error)


def _give_up(folder: Path, error: Exception) -> None:
    _writers.pop(folder, None)
    warnings.warn(f"tensorboard events are not written any more: {error}", RuntimeWarning, stacklevel=2)


def _worker_lives(writer: Any) -> bool:
    worker = _worker(writer)
    return worker is None or worker.is_alive()


def _worker(writer: Any) -> threading.Thread | None:
    worker = getattr(getattr(getattr(writer, "file_writer", None), "event_writer", None), "_worker", None)
    return worker if isinstance(worker, threading.Thread) else None


def _hush(worker: threading.Thread | None) -> None:
    """Its death is told by the next write, in a sentence; the traceback that Python would print is left out."""
    before = threading.excepthook

    def told(arguments: threading.ExceptHookArgs) -> None:
        if arguments.thread is None or arguments.thread is not worker:
            before(arguments)

    threading.excepthook = told
