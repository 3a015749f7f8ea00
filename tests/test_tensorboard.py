"""Tensorboard's events: what they hold, and that no state of the disk stops a training that writes them."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event

from gan_recipe_plugins import tensorboard

RECIPE = """
[run]
rounds = 4
batch = 4
log_every = 1

[data]
toy = { use = "toy_2d", modes = 4 }
noise = { use = "noise", size = 2 }

[networks]
generator = { use = "linear_fc", outputs = 2 }
verdict = { use = "linear_fc" }

[values]
fake = "generator(noise)"

[players.critic]
trains = ["verdict"]
optimizer = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_critic", real = "verdict(point)", fake = "verdict(fake)" }

[players.generator]
trains = ["generator"]
optimizer = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_generator", fake = "verdict(fake)" }

[schedule]
use = "together"

[sheet]
columns = ["point", "fake"]
rows = 4
every = 2
"""


def events_of(folder: Path) -> Iterator[Event]:
    """Every event in a folder, read as the format states: length, its checksum, the event, its checksum."""
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack_from("<Q", data)
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


TRAIN = """
import sys
from gan_recipe.cli import main
sys.argv[1:] = ["run", "toy.toml"]
main()
"""

#: Every figure is written 200 times, into a file that may hold 1 KB; other files may hold what they need.
WITHOUT_ROOM = """
import resource
from gan_recipe_plugins.tensorboard import _Events

write = _Events.write

def without_room(events, round, *summaries):
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
    try:
        write(events, round, *summaries * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

_Events.write = without_room
"""


def trained(folder: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "toy.toml").write_text(RECIPE)
    command = [sys.executable, "-c", before + TRAIN]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def lines_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_events_hold_what_the_metrics_and_the_sheets_hold(tmp_path: Path) -> None:
    """Each figure of each line at its round, in float32, and each sheet as the very file that was drawn."""
    done = trained(tmp_path)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "toy" / "1"
    scalars, sheets = {}, {}
    for event in events_of(run / "tensorboard"):
        for value in event.summary.value:
            if value.HasField("image"):
                sheets[event.step] = value.image.encoded_image_string
            else:
                scalars[event.step, value.tag] = value.simple_value
    figures = {
        (line["round"], name): value for line in lines_of(run) for name, value in line.items() if name != "round"
    }
    assert {round for round, name in figures if name == "critic/loss/gan"} == {1, 2, 3, 4}
    assert scalars == pytest.approx(figures, rel=1e-6)
    drawn = {int(path.stem.split("-")[-1]): path.read_bytes() for path in (run / "sheets").glob("*.png")}
    assert sheets and sheets.items() <= drawn.items()


def test_a_file_that_may_not_grow_stops_no_training(tmp_path: Path) -> None:
    """The run ends, its figures are whole, and what is lost is said once."""
    done = trained(tmp_path, WITHOUT_ROOM)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("tensorboard") == 1 and "File too large" in done.stderr, done.stderr
    assert {line["round"] for line in lines_of(tmp_path / "runs" / "toy" / "1")} == {1, 2, 3, 4}


def test_event_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last sheet that fits, sheets are left out and figures go on."""
    from PIL import Image

    monkeypatch.setattr(tensorboard, "MAX_SHEETS", 2)
    Image.new("RGB", (4, 3)).save(tmp_path / "sheet.png")
    tensorboard.gan_recipe_run_started(tmp_path)
    for round in range(1, 6):
        tensorboard.gan_recipe_sheet(tmp_path, round, tmp_path / "sheet.png")
        tensorboard.gan_recipe_logged(tmp_path, round, {"critic/gan": 0.5})
    tensorboard.gan_recipe_run_ended(tmp_path)
    told = [(event.step, value.tag) for event in events_of(tmp_path / "tensorboard") for value in event.summary.value]
    assert [step for step, tag in told if tag == "sheet"] == [1, 2]
    assert [step for step, tag in told if tag == "critic/gan"] == [1, 2, 3, 4, 5]
