"""Runs that are killed, stopped and starved of disk at seeded instants, and whether they lose anything."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from faults.victims import Ended, Victims

RECIPE = """
[run]
rounds = 18
batch = 4
precision = "float32"
log_every = 2
checkpoint_every = 3

[data]
toy = { use = "toy_2d", modes = 4 }
noise = { use = "noise", size = 2 }

[networks]
generator = { use = "linear_fc", outputs = 2 }
trunk = { use = "linear_fc", outputs = 8 }
verdict = { use = "linear_fc" }

[values]
fake = "generator(noise)"

[players.critic]
trains = ["trunk", "verdict"]
optimizer = { use = "adam", lr = 1e-3 }
lr_schedule = { use = "multi_step", milestones = [4, 11], gamma = 0.5 }
losses.gan = { use = "bce_critic", real = "verdict(trunk(point))", fake = "verdict(trunk(fake))" }
losses.r1 = { use = "r1", critic = "verdict(trunk(_))", real = "point", every = 3 }
constraints.norm = { use = "spectral_norm", on = ["trunk"] }

[players.generator]
trains = ["generator"]
optimizer = { use = "adam", lr = 1e-3 }
ema = 0.9
losses.gan = { use = "bce_generator", fake = "verdict(trunk(fake))", weight = { from = 1, to = 0.5, over = 12 } }

[schedule]
use = "every"
periods = { critic = 2 }

[sheet]
columns = ["point", "fake"]
rows = 4
every = 7

[metrics]
far = { use = "l1_distance", output = "fake", target = "point" }
"""
JOB = ("run", "victim.toml", "--resume-or-start", "--quiet", "--device", "cpu")
STRUCK = "faults.victims:struck"
PLAIN = "faults.victims:gan_recipe"


def what_must_be_equal(folder: Path) -> dict[str, bytes]:
    """Everything of a finished run that a fault could have changed."""
    run = folder / "runs" / "victim" / "1"
    kept = [*run.glob("*.jsonl"), *run.glob("sheets/*.png"), *run.glob("checkpoints/00000018/*")]
    assert len(kept) >= 8, sorted(path.name for path in kept)
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in kept}


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "victim.toml").write_text(RECIPE)
    return folder


def reference(victims: Victims, folder: Path) -> dict[str, bytes]:
    """What a run that nothing happens to leaves."""
    ended = victims.run(PLAIN, *JOB, folder=fresh(folder))
    assert ended.code == 0, ended.err
    return what_must_be_equal(folder)


def lines_at(victims: Victims, folder: Path, where: str) -> int:
    """How many lines a whole run executes at a place."""
    victims.run(STRUCK, 0, where, 0, *JOB, folder=fresh(folder))
    return int((folder / ".victim.lines").read_text())


def kills(victims: Victims, folder: Path, *, count: int, in_save: int, seed: int = 0) -> dict[str, int]:
    """Kill runs, up to five times each, at seeded lines; at least ``in_save`` of the instants lie inside a save."""
    draw = random.Random(seed)
    whole = reference(victims, folder / "whole")
    lines = {where: lines_at(victims, folder / "lines", where) for where in ("anywhere", "save")}
    figures = dict.fromkeys(("kills", "inside a save", "failed to resume", "runs", "runs that differ"), 0)
    while figures["kills"] < count or figures["inside a save"] < in_save:
        run = fresh(folder / "run")
        figures["runs"] += 1
        for _ in range(5):
            where = "save" if figures["inside a save"] < in_save and draw.random() < 0.5 else "anywhere"
            ended = victims.run(STRUCK, signal.SIGKILL, where, draw.randrange(1, lines[where]), *JOB, folder=run)
            if ended.code != -signal.SIGKILL:
                figures["failed to resume"] += ended.code != 0
                break
            figures["kills"] += 1
            figures["inside a save"] += (run / ".victim.struck").read_text() == "save"
        figures["failed to resume"] += victims.run(PLAIN, *JOB, folder=run).code != 0
        figures["runs that differ"] += what_must_be_equal(run) != whole
    return figures


def stops(victims: Victims, folder: Path, *, each: int, seed: int = 0) -> dict[str, int]:
    """SIGTERM at seeded lines of the critic's move, the generator's, a save and the loader, ``each`` times."""
    draw = random.Random(seed)
    whole = reference(victims, folder / "whole")
    figures = dict.fromkeys(("stops", "exit codes other than 143", "failed to resume", "runs that differ"), 0)
    for where in ("critic", "generator", "save", "loader"):
        lines = lines_at(victims, folder / "lines", where)
        for _ in range(each):
            run = fresh(folder / "run")
            # The last save is of a run that is done: nothing is left to stop there.
            nth = draw.randrange(1, lines * 4 // 5)
            ended = victims.run(STRUCK, signal.SIGTERM, where, nth, *JOB, folder=run)
            figures["stops"] += 1
            figures["exit codes other than 143"] += ended.code != 143
            figures["failed to resume"] += victims.run(PLAIN, *JOB, folder=run).code != 0
            figures["runs that differ"] += what_must_be_equal(run) != whole
    return figures


def _told(ended: Ended) -> bool:
    """Whether a person was told what is wrong, and not by a traceback."""
    return ended.code in (1, 2) and "Traceback" not in ended.err and ("cannot be" in ended.err)


def full_disks(victims: Victims, folder: Path, *, sizes: int, seed: int = 0) -> dict[str, int]:
    """A small tmpfs that is full after a seeded number of bytes; then room is made and the run goes on.

    Raises PermissionError where nothing can be mounted.
    """
    disk = folder / "disk"

    def full(run: Callable[[], Ended], kilobytes: int) -> Ended:
        _mount(f"remount,size={kilobytes}k", disk)
        try:
            return run()
        finally:
            _mount("remount,size=64m", disk)

    disk.mkdir(parents=True)
    whole = reference(victims, folder / "whole")
    _mount("size=64m", disk, "-t", "tmpfs", "tmpfs")
    try:
        run = fresh(disk / "run")
        assert victims.run(PLAIN, *JOB, folder=run).code == 0
        needs = sum(path.stat().st_blocks for path in disk.rglob("*")) // 2
        return _starved(victims, lambda: fresh(disk / "run"), full, whole, sizes, needs + 40, seed)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def lost_folders(victims: Victims, folder: Path, blow: str, *, each: int, seed: int = 0) -> dict[str, int]:
    """The run's folder vanishes, or becomes read-only, at seeded lines; where it is left, it is resumed.

    Raises PermissionError where nothing can be mounted.
    """
    draw = random.Random(seed)
    whole = reference(victims, folder / "whole")
    then = ("came back",) if blow == "vanish" else ("failed to resume", "runs that differ")
    names = ("runs", "exit codes other than 1", "of these not told", *then, "slowest in s")
    figures = dict.fromkeys(names, 0)
    if blow == "read-only":
        _mount("bind", fresh(folder / "run"), str(folder / "run"))
        subprocess.run(["umount", str(folder / "run")], check=True)
    for where in ("anywhere", "critic", "save", "loader"):
        lines = lines_at(victims, folder / "lines", where)
        for _ in range(each):
            run = fresh(folder / "run")
            kept = run / "runs" / "victim" / "1"
            began = time.monotonic()
            # In the first half: later ones may have written all that they will.
            ended = victims.run(STRUCK, blow, where, draw.randrange(lines // 8, lines // 2), *JOB, folder=run)
            figures["slowest in s"] = max(figures["slowest in s"], round(time.monotonic() - began))
            figures["runs"] += 1
            figures["exit codes other than 1"] += ended.code != 1
            figures["of these not told"] += not _told(ended)
            if blow == "vanish":
                figures["came back"] += kept.exists()
                continue
            subprocess.run(["umount", str(kept)], check=True)
            figures["failed to resume"] += victims.run(PLAIN, *JOB, folder=run).code != 0
            figures["runs that differ"] += what_must_be_equal(run) != whole
    return figures


def unwritable(victims: Victims, folder: Path) -> dict[str, int]:
    """A folder of runs that is read-only from the start: for a new run, and for one that was stopped.

    Raises PermissionError where nothing can be mounted.
    """
    run = fresh(folder / "run")
    stopped = victims.run(STRUCK, signal.SIGTERM, "generator", 40, *JOB, folder=run)
    assert stopped.code == 143, stopped.err
    before = sorted(path.relative_to(run) for path in run.rglob("*"))
    _mount("bind", run / "runs", str(run / "runs"))
    try:
        _mount("remount,bind,ro", run / "runs")
        ends = [victims.run(PLAIN, *JOB, folder=run), victims.run(PLAIN, *JOB, "--name", "new", folder=run)]
    finally:
        subprocess.run(["umount", str(run / "runs")], check=False)
    return {
        "runs": len(ends),
        "exit codes other than 2": sum(ended.code != 2 for ended in ends),
        "of these not told": sum(not _told(ended) for ended in ends),
        "left something": int(sorted(path.relative_to(run) for path in run.rglob("*")) != before),
        "failed to resume": int(victims.run(PLAIN, *JOB, folder=run).code != 0),
    }


def full_shared_memory(victims: Victims, folder: Path) -> dict[str, int]:
    """Nothing fits into /dev/shm: batches are made by threads, so that nobody misses it."""
    whole = reference(victims, folder / "whole")
    ended = victims.run("faults.victims:with_full_shared_memory", *JOB, folder=fresh(folder / "run"))
    if "PermissionError" in ended.err:
        raise PermissionError(ended.err.strip().rpartition("\n")[2])
    return {
        "runs": 1,
        "failed": int(ended.code != 0),
        "runs that differ": int(what_must_be_equal(folder / "run") != whole),
    }


def small_files(victims: Victims, folder: Path, *, sizes: int, seed: int = 0) -> dict[str, int]:
    """No file may grow above a seeded size (RLIMIT_FSIZE); then it may, and the run goes on."""
    whole = reference(victims, folder / "whole")

    def limited(run: Callable[[], Ended], size: int) -> Ended:
        return run()

    return _starved(victims, lambda: fresh(folder / "run"), limited, whole, sizes, 6_000, seed, limit=True)


def _starved(
    victims: Victims,
    begin: Callable[[], Path],
    starve: Callable[[Callable[[], Ended], int], Ended],
    whole: dict[str, bytes],
    sizes: int,
    most: int,
    seed: int,
    limit: bool = False,
) -> dict[str, int]:
    draw = random.Random(seed)
    names = ("sizes", "ended without room", "of these not told", "failed to resume", "runs that differ")
    figures = dict.fromkeys(names, 0)
    for size in sorted(draw.sample(range(1, most), sizes)):
        run = begin()
        words = (size, *JOB) if limit else JOB
        call = "faults.victims:in_small_files" if limit else "faults.victims:on_a_disk_that_fills"

        def job(run: Path = run, call: str = call, words: tuple[object, ...] = words) -> Ended:
            return victims.run(call, *words, folder=run)

        ended = starve(job, size)
        figures["sizes"] += 1
        if ended.code != 0:
            figures["ended without room"] += 1
            figures["of these not told"] += not _told(ended)
        figures["failed to resume"] += victims.run(PLAIN, *JOB, folder=run).code != 0
        figures["runs that differ"] += what_must_be_equal(run) != whole
    return figures


def _mount(options: str, disk: Path, *more: str) -> None:
    done = subprocess.run(["mount", "-o", options, *more, str(disk)], capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(done.stderr.strip())
