"""An observer: figures and sheets as tensorboard events in the run's folder.

It is a plugin of its own, named by ``[run] observers``, and a model for other people's: hooks in a module, state by
folder, no care for what fails: the framework tells of it once and trains on. What it writes is derived from
``metrics.jsonl``.

Events are written where they are made, by tensorboardX's plain writer. Its ``SummaryWriter`` hands them to a thread,
which dies on a full disk and leaves the training to wait for ever before the thread's queue (2.6.5); asking whether
the thread lives does not help, for it dies between the question and the write.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from gan_recipe import hookimpl

#: Event files only grow: a noisy sheet of 256 px is about 100 KB each time.
MAX_SHEETS = 100
#: Seconds after which events are synced to the disk.
SYNC_EVERY = 10.0


@define
class _Events:
    """One run's event file."""

    writer: Any
    sheets: int = 0
    synced: float = field(factory=time.monotonic)

    def write(self, round: int, *summaries: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        for summary in summaries:
            self.writer.write_event(Event(wall_time=time.time(), step=round, summary=summary))
        if time.monotonic() - self.synced >= SYNC_EVERY:
            self.writer.flush()
            self.synced = time.monotonic()


_runs: dict[Path, _Events] = {}


@hookimpl
def gan_recipe_run_started(folder: Path) -> None:
    from tensorboardX.event_file_writer import EventsWriter

    events = folder / "tensorboard"
    events.mkdir(exist_ok=True)
    # A file is named after the second; one that is resumed in the same second must not take the other's place.
    _runs[folder] = _Events(EventsWriter(str(events / "events"), f".{os.getpid()}"))


@hookimpl
def gan_recipe_logged(folder: Path, round: int, values: Mapping[str, float]) -> None:
    from tensorboardX.summary import scalar

    _runs[folder].write(round, *(scalar(name, value) for name, value in values.items()))


@hookimpl
def gan_recipe_sheet(folder: Path, round: int, image: Path) -> None:
    from PIL import Image
    from tensorboardX.proto.summary_pb2 import Summary

    events = _runs[folder]
    if events.sheets == MAX_SHEETS:
        return
    with Image.open(image) as sheet:
        width, height = sheet.size
    # The file as it is: a sheet is encoded once.
    encoded = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=image.read_bytes())
    events.write(round, Summary(value=[Summary.Value(tag="sheet", image=encoded)]))
    events.sheets += 1


@hookimpl
def gan_recipe_run_ended(folder: Path) -> None:
    _runs.pop(folder).writer.close()
