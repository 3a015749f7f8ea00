"""Run folders: numbered, found again, locked, described; and a person is told what is wrong with a name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_recipe.errors import RunError, UserError
from gan_recipe.runs.new_run import check_new, new_run
from gan_recipe.runs.run_folder import RunFolder, all_runs, checkpoint_rounds, find_run, runs_root


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_runs_are_numbered_in_their_order() -> None:
    """From 1 on, each name by itself; a number may be asked for, and is then the one counted from."""
    assert [new_run("a").name, new_run("a").name, new_run("b").name] == ["a/1", "a/2", "b/1"]
    assert new_run("a/7").name == "a/7"
    assert new_run("a").name == "a/8"
    assert [run.name for run in all_runs()] == ["a/1", "a/2", "a/7", "a/8", "b/1"]


def test_runs_that_begin_at_once_get_numbers_of_their_own() -> None:
    """Whoever makes the folder has it; the others take the next."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_run("a").name, range(24)))
    assert sorted(made, key=lambda name: int(name[2:])) == [f"a/{n}" for n in range(1, 25)]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "a/../b",
        "/abs",
        ".hidden",
        "a b",
        "a/b",
        "a/",
        "a/-1",
        "a/1/2",
        "a/²",
        "a/٣",
        "é",
        "x" * 101,
        "a\n",
        "-x",
        "\x1b[31m",
        "a/" + "9" * 10,
        "\0",
        "[bold]",
    ],
)
def test_a_name_that_is_none_is_refused_before_anything_is_made(name: str, runs: Path) -> None:
    """Whatever would leave the folder of runs, hide in it, or could not be typed back."""
    for ask in (check_new, new_run):
        with pytest.raises(UserError, match="is no name for a run"):
            ask(name)
    assert not runs.exists()


@settings(max_examples=300)
@given(name=st.text(max_size=12))
def test_a_run_never_leaves_the_folder_of_runs(name: str) -> None:
    """A name that is allowed is two plain folders below it."""
    try:
        check_new(name)
    except UserError:
        return
    parts = Path(runs_root(), name).resolve().relative_to(runs_root().resolve()).parts
    assert 1 <= len(parts) <= 2 and ".." not in parts


def test_a_run_that_exists_is_not_begun_again(runs: Path) -> None:
    """Told before any work, with how to go on with it; what it holds is not touched."""
    (new_run("a/1").path / "x").write_text("kept")
    for ask in (check_new, new_run):
        for spelled in ("a/1", "a/01"):
            with pytest.raises(
                UserError, match=r"the run a/0?1 exists in .*; go on with it by `gan-recipe run --resume"
            ):
                ask(spelled)
    assert (runs / "a/1/x").read_text() == "kept"
    check_new("a")
    check_new("a/2")


def test_a_folder_that_cannot_be_made_is_told(runs: Path) -> None:
    """Files in the way, at each level."""
    runs.mkdir()
    (runs / "a").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        new_run("a")
    (runs / "b").mkdir()
    (runs / "b" / "1").write_text("")
    for name in ("b", "b/1"):
        with pytest.raises(UserError, match=r"cannot be made|exists"):
            new_run(name)
    (runs / "b" / "1").unlink()
    assert new_run("b").name == "b/1"


def test_a_run_is_found_by_name_number_or_path(runs: Path) -> None:
    """The newest of a name is its highest number, not its last in the alphabet."""
    for number in (1, 2, 10):
        new_run(f"a/{number}").write_description({"rounds": number})
    assert find_run("a").describe() == {"rounds": 10}
    for stated in ("a/2", "a/02", "a/2/", str(runs / "a" / "2"), os.path.relpath(runs / "a" / "2")):
        assert find_run(stated).describe() == {"rounds": 2}
    os.chdir(runs / "a" / "2")
    assert find_run(".").name == "a/2"


@pytest.mark.parametrize("stated", ["b", "a/3", "a/²", "a/x", "../a", "", "x" * 5_000, "\0", "a/" + "9" * 5_000, "é/1"])
def test_a_run_that_is_not_there_is_told_with_the_nearest(stated: str) -> None:
    """Whatever is asked for."""
    new_run("a/1").write_description({})
    with pytest.raises(UserError, match="there is no run"):
        find_run(stated)
    with pytest.raises(UserError, match=r"Did you mean 'aa/1'\?"):
        new_run("aa/1")
        find_run("aa/2")


def test_what_is_no_run_among_the_runs_is_passed_over(runs: Path) -> None:
    """Files, foreign folders and numbers that are none."""
    new_run("a")
    for name in ("a/²", "a/notes", ".cache/1", "a b/1"):
        (runs / name).mkdir(parents=True)
    (runs / "file").write_text("")
    assert [run.name for run in all_runs()] == ["a/1"]


@pytest.mark.parametrize("text", [None, "", "[]", "7", "{", "\xff", "[" * 100_000])
def test_a_description_that_cannot_be_read_is_told(text: str | None) -> None:
    """Missing, cut short, or no description at all."""
    run = new_run("a")
    if text is not None:
        (run.path / "run.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"is no run: its run\.json cannot be read"):
        run.describe()


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5), st.none()), max_size=4))
def test_a_description_reads_back_as_written(told: dict[str, object]) -> None:
    """And is replaced whole."""
    run = RunFolder(runs_root() / "a" / "1")
    run.path.mkdir(parents=True, exist_ok=True)
    run.write_description({"before": 1})
    run.write_description(told)
    assert run.describe() == told
    assert [path.name for path in run.path.iterdir()] == ["run.json"]


def test_what_was_appended_after_a_checkpoint_is_cut_off_and_what_is_missing_is_told() -> None:
    """Byte for byte, in every file of lines; a resumed run writes the rest again."""
    run = new_run("a")
    for round in (10, 20):
        run.append(json.dumps({"round": round}))
    lengths = run.lengths()
    before = run.metrics.read_bytes()
    run.append(json.dumps({"round": 30}))
    with run.metrics.open("a") as file:
        file.write('{"round": 40, "x"')
    assert [line["round"] for line in run.lines()] == [10, 20, 30]
    (run.path / "later.jsonl").write_text("{}\n")
    assert run.cut_back(lengths) == []
    assert run.metrics.read_bytes() == before and (run.path / "later.jsonl").read_bytes() == b""
    run.metrics.write_bytes(before[:-3])
    (told,) = run.cut_back(lengths)
    assert told == "metrics.jsonl is 3 bytes shorter than it was: lines of it are lost"


def test_a_line_that_the_disk_refuses_leaves_no_part_of_itself() -> None:
    """A full disk takes a part of a line before it refuses: that part is taken back."""
    run = new_run("a")
    run.append("first")
    code = (
        "import resource, signal, sys; from pathlib import Path; from gan_recipe.runs.run_folder import RunFolder\n"
        "from gan_recipe.errors import RunError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "try:\n    RunFolder(Path(sys.argv[1])).append('second')\nexcept RunError as error:\n    sys.exit(str(error))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run.path)], capture_output=True, text=True)
    assert "metrics.jsonl cannot be written: File too large" in done.stderr
    assert run.metrics.read_text() == "first\n"


def test_a_link_in_a_runs_folder_is_not_written_through(tmp_path: Path) -> None:
    """Nor cut: a folder that a stranger packed cannot reach out of itself."""
    run = new_run("a")
    outside = tmp_path / "outside"
    outside.write_text("mine")
    run.metrics.symlink_to(outside)
    for write in (lambda: run.append("x"), lambda: run.cut_back({})):
        with pytest.raises(RunError, match=r"metrics\.jsonl cannot be written"):
            write()
    assert outside.read_text() == "mine"


def test_what_a_killed_process_began_is_no_run_and_is_swept(runs: Path) -> None:
    """A run that can be seen has its files."""
    made = new_run("a", {"recipe.toml": "x", "run.json": "{}"})
    assert {path.name for path in made.path.iterdir()} == {".lock", "recipe.toml", "run.json"}
    (runs / "a" / ".new-123").mkdir()
    (runs / "a" / ".new-123" / ".lock").write_text("")
    assert [run.name for run in all_runs()] == ["a/1"]
    new_run("a")
    assert sorted(path.name for path in (runs / "a").iterdir()) == ["1", "2"]


def test_two_processes_do_not_write_one_run(runs: Path) -> None:
    """The second is told; when the first has let go, it may."""
    run = new_run("a")
    run.lock()
    ask = (
        "import sys; from gan_recipe.runs.run_folder import find_run, RunFolder\n"
        "from gan_recipe.errors import UserError\nfrom pathlib import Path\n"
        "try:\n    RunFolder(Path(sys.argv[1])).lock()\nexcept UserError as error:\n    sys.exit(str(error))"
    )

    def other() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", ask, str(run.path)], capture_output=True, text=True)

    refused = other()
    assert refused.returncode == 1 and "another process is training a/1" in refused.stderr
    assert run.is_being_written()
    run.unlock()
    assert other().returncode == 0 and not run.is_being_written()


def test_what_cannot_be_written_is_told(runs: Path) -> None:
    """A folder that is gone: a run error for a run's own files, a user's mistake for a lock."""
    run = RunFolder(runs / "gone" / "1")
    with pytest.raises(RunError, match=r"run\.json cannot be written: No such file"):
        run.write_description({})
    with pytest.raises(RunError, match=r"metrics\.jsonl cannot be written"):
        run.append("{}")
    with pytest.raises(UserError, match="cannot be written"):
        run.lock()


def test_checkpoints_are_counted_by_round_and_litter_is_not() -> None:
    """Half-written ones have other names; files are none."""
    run = new_run("a")
    assert checkpoint_rounds(run) == []
    for name in ("00000500", "00000020", ".00000700.123", "notes", "²"):
        (run.checkpoints / name).mkdir(parents=True)
    (run.checkpoints / "00000900").write_text("")
    assert checkpoint_rounds(run) == [20, 500]
