"""The command line: exit codes, what is written and when, what a person reads, and what it costs to start."""

from __future__ import annotations

import io
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gan_recipe.cli.paragraphs import in_columns, reflowed
from gan_recipe.cli.program import cli
from gan_recipe.cli.screen import LiveScreen, PlainScreen, QuietScreen, screen_for
from gan_recipe.components.registry import Registry
from gan_recipe.components.summary import summary
from gan_recipe.interfaces import KINDS
from gan_recipe.language.recipe_file import shipped_recipes

COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'gan-recipe'; from gan_recipe.cli import main; main()"]
Write = Callable[..., str]
Run = Callable[..., Any]


# --------------------------------------------------------------------------------------------------- a run


def test_a_run_from_the_first_word_to_the_last(gan_recipe: Run, write: Write, ring: str, tmp_path: Path) -> None:
    """Exit code 0, figures before and after, a folder that holds the run, and every command that looks at it."""
    write(ring)
    done = gan_recipe("run", "ring.toml")
    assert (done.code, done.err) == (0, "")
    assert re.search(r"held-out\s+before\s+after\nfar +\d+\.\d{3} +\d+\.\d{3}\n", done.out)
    assert f"Done: {Path('runs/ring/1')}" in done.out and "round 6/6" in done.out
    header, row = re.findall(r"(?m)^(?:held-out|far ).*$", done.out)
    assert len(header) == len(row)
    folder = tmp_path / "runs" / "ring" / "1"
    assert {"recipe.toml", "run.json", "metrics.jsonl", "checkpoints", "sheets"} <= {p.name for p in folder.iterdir()}
    told = gan_recipe("runs")
    assert told.code == 0 and re.match(r"ring/1  done  6/6  \d{4}-\d\d-\d\d \d\d:\d\d  far \d+", told.out)
    drawn = gan_recipe("sample", "ring", "--rows", "4")
    assert drawn.code == 0 and Path(drawn.out.strip()).is_file()
    again = gan_recipe("run", "--resume", "ring")
    assert again.code == 2 and "ring/1 is done" in again.err
    longer = re.search(r"gan-recipe run RECIPE -s '(.*)' -s run.rounds=N", again.err)
    assert longer is not None
    on = gan_recipe("run", "ring.toml", "-s", longer[1], "-s", "run.rounds=9", "--name", "on")
    assert (
        on.code == 0 and "round 9/9" in on.out and "ring/1" in (tmp_path / "runs" / "on" / "1" / "run.json").read_text()
    )
    assert gan_recipe("run", "ring.toml", "--quiet", "--name", "ring").out == ""
    assert (tmp_path / "runs" / "ring" / "2").is_dir()
    # What the run keeps of its recipe is a recipe.
    assert gan_recipe("check", str(folder / "recipe.toml")).code == 0


def test_a_run_that_fails_is_no_mistake_of_the_person(gan_recipe: Run, write: Write, ring: str, tmp_path: Path) -> None:
    """Exit code 1, why and where, no traceback, and the run remembers."""
    write(ring.replace("lr = 1e-3,", "lr = 1e38,").replace("log_every = 2", "log_every = 1"))
    done = gan_recipe("run", "ring.toml")
    assert done.code == 1
    assert re.match(r"The run failed: players\.\w+\.losses\.\w+ became (nan|inf|-inf) before round \d", done.err)
    assert "Traceback" not in done.err
    assert json.loads((tmp_path / "runs/ring/1/run.json").read_text())["outcome"] == "failed"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "wrong.toml"], "wrong.toml:3: run.rounds: expected at least 1, not 0"),
        (["run", "nothing.toml"], "there is no recipe 'nothing.toml'"),
        (
            ["run", "ring.toml", "-s", "run.rounds=x"],
            '-s run.rounds=x: run.rounds: expected a whole number of rounds, not "x"',
        ),
        (["run", "ring.toml", "-s", "networks.x.use=linear_fc"], "a change is made to what is there, it adds nothing"),
        (["run", "ring.toml", "--name", "../x"], "'../x' is no name for a run"),
        (["run", "ring.toml", "--name", "\x1b[31mred"], "is no name for a run"),
        (["run", "strange name.toml"], "'strange name' is no name for a run"),
        (["run", "ring.toml", "--name", "old/1"], "the run old/1 exists in runs; go on with it by"),
        (["run", "ring.toml", "--device", "cuda:99"], "the device 'cuda:99' cannot be used"),
        (["run", "ring.toml", "--device", "tpuu"], "the device 'tpuu' cannot be used"),
        (["run", "shapes.toml"], "players.generator.losses.gan: 'l1' failed on output = fake, target = seen: "),
        (["run"], "Give a recipe, or --resume RUN"),
        (["run", "ring.toml", "--resume", "old"], "Give a recipe, or --resume RUN"),
        (["run", "--resume", "none"], "there is no run 'none' in runs"),
        (["run", "--resume", "old", "--name", "x"], "-s, --overlay and --name are for new runs"),
        (["run", "ring.toml", "--colour"], "No such option"),
        (["check"], "Missing argument"),
        (["check", "."], "'.' is a folder"),
        (["chek", "x"], "No such command 'chek'"),
        (["list", "hed"], "there is no kind 'hed'. Did you mean 'head'?"),
        (["show", "linear_fd"], "there is no component 'linear_fd'. Did you mean 'linear_fc'?"),
        (["show", "acme.x"], "no installed plugin is called 'acme'"),
        (["show", "\x1b[31m"], "there is no component '\\x1b[31m'"),
        (["graph", "ring.toml", "--round", "6"], "the run has 6 rounds, from 0 to 5; not 6"),
        (["graph", "ring.toml", "--round", "-1"], "Invalid value for '--round'"),
        (["sample", "none"], "there is no run 'none'"),
        (["sample", "old"], "is no run: its run.json cannot be read"),
    ],
    ids=lambda part: " ".join(part)[:50].encode("unicode_escape").decode() if isinstance(part, list) else None,
)
def test_a_mistake_is_told_without_a_traceback_and_nothing_is_written(
    gan_recipe: Run, write: Write, ring: str, tmp_path: Path, words: list[str], told: str
) -> None:
    """Exit code 2, the message on stderr, nothing but plain characters, and not a file more than before."""
    write(ring)
    write(ring, "strange name.toml")
    shapes = '{ use = "l1", output = "fake", target = "seen", weight'
    write(ring.replace('{ use = "bce_generator", fake = "score", weight', shapes), "shapes.toml")
    write(ring.replace("rounds = 6", "rounds = 0"), "wrong.toml")
    (tmp_path / "runs" / "old" / "1").mkdir(parents=True)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    done = gan_recipe(*words)
    assert done.code == 2, done
    assert told in done.err and "Traceback" not in done.err
    # What can be told without torch is told before the networks are built.
    assert "building" not in done.out or words[1] == "shapes.toml" or "--device" in words
    assert (done.out + done.err).replace("\n", "").isprintable()
    after = [path for path in map(str, tmp_path.rglob("*")) if not path.endswith(".lock")]
    assert sorted(after) == before


def test_names_that_would_steer_a_terminal_are_shown_harmlessly(gan_recipe: Run, write: Write, ring: str) -> None:
    """Of files, keys and values: escapes in place of what a terminal would obey, and markup as it is written."""
    name = write(ring.replace("rounds = 6", "rounds = 0"), "\x1b[31m[bold]red[/bold]\u202e.toml")
    done = gan_recipe("check", name)
    assert done.code == 2 and "\\x1b[31m[bold]red[/bold]\\u202e.toml:3: run.rounds" in done.err
    write(ring.replace("[values]", '[values]\n"\\u001b]0;title\\u0007" = "z"'))
    done = gan_recipe("check", "ring.toml")
    assert done.code == 2 and 'values."\\u001b]0;title\\u0007": this is no name' in done.err
    sound = write(ring, "[red]x[/red]\x07.toml")
    done = gan_recipe("check", sound)
    assert done.code == 0 and "[red]x[/red]\\x07.toml is sound" in done.out
    done = gan_recipe("run", sound, "--name", "x")
    assert done.code == 0 and done.out.replace("\n", "").isprintable()


def test_a_recipe_that_is_no_text_is_told(gan_recipe: Run, write: Write) -> None:
    """Bytes of an image, of UTF-16, of nothing."""
    for source in (b"\x89PNG\r\n\x1a\n\x00", "[run]\n".encode("utf-16"), b"\xef\xbb\xbf[run]\n", b""):
        done = gan_recipe("check", write(source))
        assert done.code == 2 and "ring.toml:1: " in done.err and done.err.replace("\n", "").isprintable()


def test_pressing_ctrl_c_is_told_and_is_no_success(gan_recipe: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, as shells have it, with how to find what is kept."""
    monkeypatch.setattr("gan_recipe.language.recipe_file.shipped_recipes", _interrupted)
    done = gan_recipe("recipes")
    assert done.code == 130 and done.err.strip().startswith("Stopped at once.") and "Traceback" not in done.err


def _interrupted() -> None:
    raise KeyboardInterrupt


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """Such as ``| head -1``."""
    with subprocess.Popen([*COMMAND, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_a_damaged_run_does_not_keep_the_others_from_being_listed(gan_recipe: Run, tmp_path: Path) -> None:
    """Each has its line, with what is wrong with it."""
    good = {"outcome": "done", "round": 5, "rounds": 5, "started": "2026-01-02T03:04:05+00:00", "figures": {"l1": 0.5}}
    lineage = good | {"parents": {"encoder": {"run": "a/1", "round": 4}}}
    texts = {"a/1": json.dumps(good), "a/2": json.dumps(lineage), "a/3": "{", "a/4": '{"figures": 7}'}
    texts["a/5"] = json.dumps({"outcome": "\x1b[31m", "round": 1})
    for name, text in texts.items():
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text(text)
    lines = gan_recipe("runs").out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(texts)
    assert re.fullmatch(r"a/1  done +5/5  2026-01-02 03:04  l1 0\.5", lines[0])
    assert re.fullmatch(r"a/2  done +5/5  2026-01-02 03:04  from a/1@4  l1 0\.5", lines[1])
    assert "run.json is damaged" in lines[2] and "run.json is damaged" in lines[3] and "\\x1b[31m" in lines[4]
    (tmp_path / "runs" / "a" / "3" / "run.json").unlink()
    assert "a/3  no run.json" in gan_recipe("runs").out


# --------------------------------------------------------------------------------------------------- what is read


def test_every_component_is_listed_by_kind_with_its_whole_summary(gan_recipe: Run, registry: Registry) -> None:
    """One line each where no terminal is, so that grep finds it; a kind, in singular or plural, narrows the list."""
    lines = gan_recipe("list").out.splitlines()[:-2]  # the last line says where they are from
    for name, cls in registry.every().items():
        (line,) = [line for line in lines if line.split()[0] == name and line.startswith("  ")]
        assert line.split(maxsplit=1)[1] == summary(cls).replace("``", "`")
    assert [line for line in lines if not line.startswith(" ")] == [kind for kind in KINDS if kind in lines]
    heads = gan_recipe("list", "head").out
    assert heads == gan_recipe("list", "heads").out and heads.startswith("head\n  ") and "linear_fc" in heads


def test_every_component_can_be_shown(gan_recipe: Run, registry: Registry) -> None:
    """With all of its settings, what it reads, and an example; no line is wider than the page but an example's."""
    for name, cls in registry.every().items():
        done = gan_recipe("show", name)
        assert done.code == 0
        text, _, example = done.out.partition("\nExample\n")
        assert text.startswith(f"{name}  ({cls.kind})\n") and f'use = "{name}"' in example
        assert max(map(len, text.splitlines())) <= 110, name
        assert "``" not in text


def test_shipped_recipes_are_listed_with_their_first_line(gan_recipe: Run) -> None:
    """Which says what each is; a folder of recipes is one line, and lists its own when it is asked for."""
    listed: set[str] = set()
    folders = [""]
    for folder in folders:
        for line in gan_recipe("recipes", *filter(None, [folder])).out.splitlines():
            name, told = line.split(maxsplit=1)
            if name.endswith("/"):
                assert told.endswith(f" recipes: gan-recipe recipes {name[:-1]}")
                folders.append(name)
                continue
            listed.add(name)
            first = shipped_recipes()[name].read_text().splitlines()[0]
            assert first.startswith("# ") and told == first.removeprefix("# ")
    assert listed == set(shipped_recipes())
    done = gan_recipe("recipes", "nowhere")
    assert done.code == 2 and "no shipped recipes are in a folder 'nowhere'." in done.err


def test_the_plan_is_drawn_in_every_form(gan_recipe: Run, write: Write, ring: str) -> None:
    """Text, Mermaid and SVG, each on stdout as it would be saved."""
    write(ring)
    assert gan_recipe("graph", "ring.toml").out.startswith("1. critic moves")
    assert gan_recipe("graph", "ring.toml", "--round", "1").out.startswith("1. generator moves")
    assert gan_recipe("graph", "ring.toml", "--format", "mermaid").out.startswith("flowchart LR\n")
    assert gan_recipe("graph", "ring.toml", "--format", "svg").out.startswith("<svg ")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", [None, *cli.commands])
def test_help_fits_the_page_and_nothing_in_it_is_cut(command: str | None, columns: int) -> None:
    """No ellipsis, no line wider than the terminal, and help for every option."""
    chosen: click.Command = cli.commands[command] if command else cli
    with click.Context(chosen, info_name="gan-recipe", terminal_width=columns) as context:
        text = chosen.get_help(context)
    assert "..." not in text.replace("]...", "]")
    assert max(map(len, text.splitlines())) <= columns
    for parameter in chosen.params:
        assert not isinstance(parameter, click.Option) or parameter.help or parameter.name == "form"


blocks = st.lists(
    st.one_of(
        st.lists(st.text("abc.", min_size=1, max_size=9), min_size=1, max_size=12).map(" ".join),
        st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=9).map(lambda w: "- " + "\n  ".join(w)),
        st.just(""),
    ),
    max_size=5,
)


@given(blocks, st.integers(20, 60))
def test_reflowing_keeps_every_word_and_the_width(parts: list[str], width: int) -> None:
    """In order; items stay items, empty lines stay, and doing it again changes nothing."""
    text = "\n\n".join(parts)
    new = reflowed(text, width)
    assert new.split() == text.replace("``", "`").split()
    assert all(len(line) <= width for line in new.splitlines())
    items = [line for line in new.splitlines() if line.startswith("- ")]
    assert len(items) == sum(part.startswith("- ") for part in parts)
    assert reflowed(new, width).rstrip() == new.replace("``", "`").rstrip()


def test_columns_are_aligned_and_filled() -> None:
    """Each name on its own line, its text beside it and below; without a width, one line each."""
    rows = [("a", "one two three four five six"), ("long_name", "seven")]
    assert list(in_columns(rows, None)) == ["  a          one two three four five six", "  long_name  seven"]
    first, second = in_columns(rows, 30)
    assert first.splitlines() == ["  a          one two three", "             four five six"] and second.endswith(
        "seven"
    )
    # Where nothing could be read in the second column it stands below the first.
    assert "\n".join(in_columns(rows, 25)) == "  a\n    one two three four\n    five six\n  long_name\n    seven"


@pytest.mark.parametrize("asked", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_colours_are_left_out_where_they_are_not_wanted(asked: dict[str, str]) -> None:
    """On a terminal, too: $NO_COLOR (no-color.org), or one that knows none."""
    mine, terminal = os.openpty()
    surroundings = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"} | asked
    subprocess.run([*COMMAND, "diff", "dcgan", "pix2pix"], stdout=terminal, env=surroundings, check=True)
    os.close(terminal)
    assert (b"\x1b[" in os.read(mine, 10_000)) is (not asked)
    os.close(mine)


@pytest.mark.parametrize("command", ["check", "graph", "judge", "verify-resume", "run"])
def test_every_command_that_reads_a_recipe_takes_overlays(
    gan_recipe: Run, write: Write, ring: str, command: str
) -> None:
    """And tells of one that changes what the recipe has not."""
    write(ring)
    write("[run]\nround = 3\n", "over.toml")
    done = gan_recipe(command, "ring.toml", "--overlay", "over.toml")
    assert done.code == 2 and "over.toml:2: run.round: there is no such key. Did you mean 'rounds'?" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--family", "--cured", "x.toml"], "Leave out --family"),
        (["--treatment", "2"], "Give --cured FILE too"),
    ],
)
def test_options_of_diagnose_that_would_do_nothing_are_refused(
    words: list[str], told: str, gan_recipe: Run, tmp_path: Path
) -> None:
    """Each of them says something of another, and before anything is read."""
    done = gan_recipe("diagnose", "ring", *words)
    assert done.code == 2 and told in done.err and not list(tmp_path.iterdir())


# --------------------------------------------------------------------------------------------------- the screen

FIGURES = {
    "critic/loss/real": 0.5,
    "critic/weighted/real": 5.0,
    "critic/loss/a_long_name": 1e-9,
    "generator/loss/l1": 2,
}


def test_the_plain_screen_writes_a_line_of_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """With the rate and the time left while there is some; raw losses by player."""
    screen = PlainScreen()
    screen.begin(100, 0, 8)
    screen.round(10)
    screen.figures(10, FIGURES)
    screen.round(100)
    screen.figures(100, FIGURES)
    screen.figures(100, {"metrics/l1": 0.25})
    screen.end()
    first, second, third = capsys.readouterr().out.splitlines()
    told = "critic real 0.5  a_long_name 1e-09  generator l1 2"
    assert re.fullmatch(rf"round  10/100  \d+ images/s, \d+:\d\d left  {told}", first)
    assert second == f"round 100/100  {told}" and third == "round 100/100  metrics l1 0.25"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_live_screen_fits_and_breaks_no_figure(columns: int) -> None:
    """A loss's name and value stay on one line however narrow it is; markup in names is shown, not obeyed."""
    screen = LiveScreen()
    screen.begin(100, 0, 8)
    try:
        screen.round(10)
        screen.figures(10, {**FIGURES, **{f"critic/loss/loss_{i}": i for i in range(12)}, "[red]x/loss/[b]y": 1})
        screen.figures(10, {"metrics/l1": 0.25})
        console = Console(width=columns, file=io.StringIO(), force_terminal=False)
        console.print(screen._render())
        text = console.file.getvalue()  # type: ignore[attr-defined]
    finally:
        screen.end()
    lines = text.splitlines()
    assert max(map(len, lines)) <= columns
    for told in ("10/100", "a_long_name 1e-09", "loss_11 11", "[red]x", "[b]y 1", "l1 0.25"):
        assert any(told in line for line in lines), told


def test_the_screen_is_chosen_by_where_one_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Live on a terminal, lines elsewhere, nothing when quiet."""
    assert isinstance(screen_for(quiet=True), QuietScreen)
    assert isinstance(screen_for(quiet=False), PlainScreen)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(screen_for(quiet=False), LiveScreen)
    quiet = QuietScreen()
    quiet.say("x")
    quiet.figures(1, FIGURES)
    assert capsys.readouterr().out == ""


# --------------------------------------------------------------------------------------------------- what it costs

COLD = [["--help"], ["--version"], ["run", "--help"], ["list"], ["list", "head"], ["show", "bce_critic"]]
COLD += [["check", "d_supervised"], ["graph", "d_supervised"], ["graph", "siamese", "--format", "svg"]]
COLD += [
    ["recipes"],
    ["runs"],
    ["diff", "dcgan", "pix2pix"],
    ["log"],
    ["log", "--markdown"],
    ["check", "no_such_recipe"],
    ["run", "d_supervised", "-s", "run.rounds=x"],
]


@pytest.mark.parametrize("words", COLD, ids=" ".join)
def test_looking_imports_neither_torch_nor_numpy(words: list[str], tmp_path: Path) -> None:
    """Nor PIL, timm or rich: only training does."""
    code = (
        "import sys, atexit\n"
        "heavy = {'torch', 'numpy', 'PIL', 'timm', 'torchvision', 'safetensors', 'tensorboardX', 'rich'}\n"
        "atexit.register(lambda: print('imported:', sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        f"sys.argv = ['gan-recipe', *{words!r}]\n"
        "from gan_recipe.cli import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr.endswith("imported: []\n"), done.stderr


def test_starting_costs_little(tmp_path: Path) -> None:
    """``--help`` and ``list`` take at most 3 times the CPU of importing click, ``check`` at most 0.1 s more than that.

    Medians of interleaved runs, with compiled files as an installed package has them. Noise only adds, so the best of
    several tries counts.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path)
    variants = {
        "click": [sys.executable, "-c", "import click"],
        "--help": [*COMMAND, "--help"],
        "list": [*COMMAND, "list"],
        "check": [*COMMAND, "check", "d_supervised"],
    }

    def cpu_seconds(command: list[str]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    for command in variants.values():
        cpu_seconds(command)
    order = random.Random(0)
    told = ""
    for _ in range(5):
        measured: dict[str, list[float]] = {name: [] for name in variants}
        for _ in range(7):
            for name in order.sample(list(variants), len(variants)):
                measured[name].append(cpu_seconds(variants[name]))
        median = {name: statistics.median(seconds) for name, seconds in measured.items()}
        click_alone = median["click"]
        told = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in median.items())
        if max(median["--help"], median["list"]) < 3 * click_alone and median["check"] < click_alone + 0.1:
            return
    pytest.fail(f"CPU in the last of five tries: {told}")
