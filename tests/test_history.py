"""The story of the runs: its order, its families, its notes, and how ``log`` and ``note`` tell it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gan_recipe.errors import UserError, harmless
from gan_recipe.language.recipe_diff import Change
from gan_recipe.runs.history import Entry, history, in_order, read_entry
from gan_recipe.runs.new_run import new_run
from gan_recipe.runs.notebook_page import escaped, notebook_page
from gan_recipe.runs.notes import MOST, Note, add_note, notes, replace_newest
from gan_recipe.runs.run_folder import RunFolder, find_run

Run = Callable[..., Any]
Write = Callable[..., str]


def entry(name: str, started: str = "", parents: tuple[str, ...] = (), **told: Any) -> Entry:
    from_ = {f"{parent}@1": ("g",) for parent in parents}
    whole = {"outcome": "done", "why": "", "round": 1, "rounds": 1, "changes": {}, "figures": {}, "baseline": {}}
    whole |= {"verdicts": [], "recoveries": [], "notes": []}
    return Entry(RunFolder(Path("runs") / name), started=started, parents=from_, **(whole | told))


def names(entries: list[Entry]) -> list[str]:
    return [each.run.name for each in entries]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunFolder]:
    """Makes a run folder with a run.json."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path / "runs"))

    def made(name: str, **told: Any) -> RunFolder:
        run = new_run(name)
        run.unlock()
        run.write_description({"outcome": "done", "round": 4, "rounds": 4, **told})
        return run

    return made


# ------------------------------------------------------------------------------------------------------- order

clocks = st.sampled_from(["", "1970-01-01T00:00:00+00:00", "2026-07-01T10:00:00+00:00", "2099-01-01", "x"])
stories = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12), clocks), unique_by=lambda t: t[:2], max_size=9)


@given(stories, st.data())
def test_whatever_the_clock_says_causes_come_before_effects(stated: list[tuple[str, int, str]], data: Any) -> None:
    """Numbers of a name in their order, and parents before what began with their weights; every run is there once."""
    entries: list[Entry] = []
    for name, number, clock in sorted(stated, key=lambda each: each[1]):
        older = [each.run.name for each in entries if int(each.run.path.name) < number]
        parents = data.draw(st.lists(st.sampled_from(older), max_size=2)) if older else []
        entries.append(entry(f"{name}/{number}", clock, tuple(parents)))
    found = in_order(data.draw(st.permutations(entries)))
    place = {each.run.name: at for at, each in enumerate(found)}
    assert len(place) == len(found) == len(entries)
    for each in entries:
        assert all(place[parent.rpartition("@")[0]] < place[each.run.name] for parent in each.parents)
    for name in "abc":
        numbers = [int(each.run.path.name) for each in found if each.run.path.parent.name == name]
        assert numbers == sorted(numbers)


def test_with_a_true_clock_the_clock_decides() -> None:
    """Between runs of different names."""
    told = [
        entry("b/1", "2026-01-01"),
        entry("a/1", "2026-01-02"),
        entry("b/2", "2026-01-03"),
        entry("c/1", "2026-01-02"),
    ]
    assert names(in_order(reversed(told))) == ["b/1", "a/1", "c/1", "b/2"]


def test_runs_that_claim_to_come_from_each_other_are_all_told() -> None:
    """As folders do that somebody renamed; a run that comes from its own name's newest is no riddle."""
    told = [entry("a/1", "2", ("b/1",)), entry("b/1", "1", ("a/1",)), entry("c/1", "3", ("c/1",))]
    assert sorted(names(in_order(told))) == ["a/1", "b/1", "c/1"]


def test_a_family_is_what_a_run_came_from_and_what_came_from_it(made: Callable[..., RunFolder]) -> None:
    """Not its parents' other children; by name all of its numbers."""
    made("root")
    made("left", parents={"g": {"run": "root/1", "round": 4}, "d": {"run": "root/1", "round": 4}})
    made("right", parents={"g": {"run": "root/1", "round": 4}})
    made("leaf", parents={"g": {"run": "left/1", "round": 2}, "d": {"run": "gone/1", "round": 2}})
    made("root")
    assert names(history(["left"])) == ["root/1", "left/1", "leaf/1"]
    assert names(history(["leaf/1"])) == ["root/1", "left/1", "leaf/1"]
    assert names(history(["root"])) == ["root/1", "left/1", "leaf/1", "right/1", "root/2"]
    assert names(history(["right/1", "root/2"])) == ["root/1", "right/1", "root/2"]
    assert names(history()) == names(history(["root", "left", "right"]))
    assert history(["left"])[1].parents == {"root/1@4": ("d", "g")}
    with pytest.raises(UserError, match=r"there is no run 'lift'.*Did you mean 'left'\?"):
        history(["lift"])


# ------------------------------------------------------------------------------------------------------- reading

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["outcome", "why", "round", "rounds", "started", "parents", "changes", "figures", "baseline"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON), JSON, st.text(max_size=30))
def test_whatever_a_folder_holds_it_can_be_told(told: dict[str, Any], verdict: Any, note: str) -> None:
    """On the page and in the terminal, in printable characters; other runs are told beside it."""
    import tempfile

    from gan_recipe.cli.log import _lines

    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "a" / "1")
        run.path.mkdir(parents=True)
        run.write_description(told)
        lines = [json.dumps({"verdict": "x", "told": verdict, "round": verdict, "cure": verdict, "figures": verdict})]
        (run.path / "verdicts.jsonl").write_text("\n".join([*lines, json.dumps(verdict), note]))
        (run.path / "notes.jsonl").write_text(json.dumps({"when": note, "text": note}) + "\n" + json.dumps(verdict))
        read = read_entry(run)
        page = notebook_page([read, entry("b/1")])
        assert page.replace("\n", "").isprintable() and "## b/1" in page
        import click

        assert all(click.unstyle(line).isprintable() for line in _lines(read))


def test_what_a_run_says_of_itself_is_read(made: Callable[..., RunFolder]) -> None:
    """Changes as ``Change``; verdicts, also beside lines that are none; a run that died without a word was killed."""
    changes = {"x/1": [{"key": ["a", "b"], "before": 1}, {"key": []}, 7]}
    run = made("a", outcome="running", rounds=9, round=0, changes=changes, figures={"l1": 0.5, "odd": "x", "yes": True})
    verdict = {"round": 3, "verdict": "mode_collapse", "told": "alike", "figures": {"spread": 0.1}, "cure": ["lr"]}
    (run.path / "verdicts.jsonl").write_text("{\n" + json.dumps(verdict) + "\n[]\n")
    run.metrics.write_text('{"round": 5}\n{"round": 7, "x": 1}\n{"rou')
    read = read_entry(run)
    assert (read.outcome, read.round, read.rounds) == ("killed", 7, 9)
    assert read.changes == {"x/1": [Change(("a", "b"), 1, None)]} and read.figures == {"l1": 0.5}
    (told,) = read.verdicts
    assert (told.round, told.verdict, told.told, told.cure) == (3, "mode_collapse", "alike", ("lr",))
    run.lock()
    assert read_entry(run).outcome == "running"
    run.unlock()


# ------------------------------------------------------------------------------------------------------- notes


@given(st.lists(st.text(min_size=1, max_size=40).filter(str.strip), max_size=4), st.text(max_size=20))
def test_notes_read_back_as_written(texts: list[str], last: str) -> None:
    """In their order, of any text; the newest can be replaced."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        for text in texts:
            add_note(run, text)
        assert [note.text for note in notes(run)] == [text.strip() for text in texts]
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", note.day) for note in notes(run))
        if texts and last.strip():
            replace_newest(run, last)
            assert [note.text for note in notes(run)] == [*(text.strip() for text in texts[:-1]), last.strip()]
        else:
            with pytest.raises(UserError):
                replace_newest(run, last)


def test_a_note_that_is_none_is_told(made: Callable[..., RunFolder], gan_recipe: Run, tmp_path: Path) -> None:
    """Empty or endless ones, and those on no run; nothing is written."""
    made("a")
    with pytest.raises(UserError, match=f"{MOST:,} is the most"):
        add_note(find_run("a"), "x" * (MOST + 1))
    for words, told in [
        (("a", " "), "the note is empty"),
        (("b", "x"), "there is no run 'b'"),
        (("a", "--replace"), "has no note to replace"),
    ]:
        made("a")
        done = gan_recipe("note", *words)
        assert done.code == 2 and told in done.err
    assert not list(tmp_path.rglob("notes.jsonl"))


def test_a_note_is_shown_wherever_its_run_is(made: Callable[..., RunFolder], gan_recipe: Run) -> None:
    """In ``runs`` the newest, in ``log`` all; what would steer a terminal as escapes."""
    made("a")
    assert "has no notes" in gan_recipe("note", "a").out
    assert "keep: sharp" in gan_recipe("note", "a", "keep:", "sharp").out
    assert gan_recipe("note", "a/1", "\x1b[31mred\nsecond \udcff line").code == 0
    listed, told, again = gan_recipe("runs").out, gan_recipe("log").out, gan_recipe("note", "a").out
    for shown in (told, again):
        assert "keep: sharp" in shown and "\\x1b[31mred" in shown and "second \\udcff line" in shown
    assert "note: \\x1b[31mred" in listed and "keep" not in listed
    assert (listed + told + again).replace("\n", "").isprintable()
    gan_recipe("note", "a", "--replace", "give up")
    assert [note.text for note in notes(find_run("a"))] == ["keep: sharp", "give up"]


# ------------------------------------------------------------------------------------------------------- the page


def texts(markdown: str) -> list[str]:
    """The texts of a page, one for each line of a block, as a reader of Markdown with all its extras sees it."""
    found = []
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown):
        assert token.type not in ("html_block", "code_block", "fence", "hr")
        if token.type == "inline":
            kinds = {"text": 0, "hardbreak": 0, "softbreak": 0, "text_special": 0}
            assert all(child.type in kinds for child in token.children or []), token.children
            found += "".join(c.content or ("\n" if "break" in c.type else "") for c in token.children or []).split("\n")
    return found


lines = st.text(min_size=1, max_size=30) | st.text("-+=#>*_`~|[]()<>!\\&:.1 $a", min_size=1, max_size=12)


@given(lines.filter(str.strip))
def test_any_text_reads_as_itself_in_markdown(text: str) -> None:
    """As a paragraph, a heading, a cell of a table and the second line of a quote."""
    shown = harmless(text).strip()
    for page in (escaped(text), f"## {escaped(text)}", f"> x\\\n> {escaped(text)}", f"x\n{escaped(text)}"):
        assert texts(page)[-1].strip() == shown, page
    assert texts(f"| {escaped(text)} | b |\n|---|---|\n| 1 | {escaped(text)} |") == [shown, "b", "1", shown]


@given(lines.filter(str.strip), st.lists(lines, min_size=1, max_size=3).map("\n".join).filter(str.strip))
def test_the_page_holds_every_fact_as_text(name: str, note: str) -> None:
    """No name, key, value, reason or note becomes markup, and none is lost."""
    changes = {"p/1": [Change(("players", name), name, None)], "q/1": []}
    told = entry(
        "a/1", why=name, outcome="failed", changes=changes, figures={name: 0.25}, baseline={name: 9}, parents=("p/1",)
    )
    page = notebook_page([attrs.evolve(told, notes=[Note("", note.strip())])])
    shown = texts(page)
    key, value = changes["p/1"][0].name, changes["p/1"][0].told[0]
    for fact in (f"Why: {harmless(name).strip()}", harmless(key).strip(), harmless(str(value)).strip(), "0.25", "9"):
        assert fact in shown, (fact, shown)
    for line in note.strip().splitlines():
        assert any(text.strip().endswith(harmless(line).strip()) for text in shown), (line, shown)


# ------------------------------------------------------------------------------------------------------- real runs


def test_the_notebook_writes_itself(gan_recipe: Run, write: Write, ring: str, tmp_path: Path) -> None:
    """Of trained runs: what each changed against the run before it or its parent, its figures, why it failed."""
    write(ring)
    child = (
        '[networks]\ngenerator.start = "ring@4"\ntrunk.start = "ring@4"\n[players.generator]\nlosses.gan.weight = 2\n'
    )
    write('extends = "ring.toml"\n' + child, "child.toml")
    assert gan_recipe("log").out == "There are no runs in runs yet. Start one: gan-recipe run d_supervised\n"
    assert "None yet" in gan_recipe("log", "--markdown").out
    for words in (("ring.toml",), ("ring.toml", "-s", "run.rounds=4"), ("child.toml",)):
        assert gan_recipe("run", "--quiet", *words).code == 0
    failing = ("-s", "players.critic.optimizer.lr=1e38", "-s", "run.log_every=1")
    assert gan_recipe("run", "--quiet", "child.toml", *failing).code == 1
    gan_recipe("note", "child/1", "keep: a ring")
    told = gan_recipe("log").out
    assert max(map(len, told.splitlines())) <= 80
    first, second, third, fourth = told.split("\n\n")
    assert (
        re.match(r"ring/1  done, 6 rounds  \d{4}-\d\d-\d\d \d\d:\d\d\n  figures far \d+", first)
        and "changed" not in first
    )
    assert "changed against ring/1\n          run.rounds  6 -> 4\n" in second
    assert "from    ring/2@4: generator, trunk\n" in third and "run.rounds" in third and "4 -> 6" in third
    # A changed weight on a warm start ramps, and the run says so.
    assert "players.generator.losses.gan.weight.to\n              0.5 -> 2.0\n" in third
    assert third.rstrip().endswith("keep: a ring")
    assert "child/2  failed after" in fourth and "became nan" in fourth and "0.001 -> 1e+38" in fourth
    page = gan_recipe("log", "child/1", "--markdown").out
    assert page.startswith("# Runs\n\n## ring/2\n") and "| run.rounds | 4 | 6 |" in page and "keep: a ring" in page
    described = json.loads((tmp_path / "runs" / "child" / "1" / "run.json").read_text())
    assert {"code", "versions", "data", "parents", "changes", "command"} <= described.keys()
    assert set(described["parents"]) == {"generator", "trunk"} and list(described["changes"]) == ["ring/2"]


def test_the_code_of_a_checkout_is_known_and_that_of_a_stranger_is_not(tmp_path: Path) -> None:
    """A commit, marked when a tracked file was changed; nothing for what the checkout around it does not track."""
    import subprocess

    from gan_recipe.runs.code_version import code_version

    def git(*words: str) -> None:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    file, other = tmp_path / "package.py", tmp_path / "stranger.py"
    file.write_text("")
    other.write_text("")
    assert code_version(file) is None
    git("init", "-q")
    git("add", "package.py")
    git("commit", "-qm", "x")
    assert re.fullmatch(r"[0-9a-f]{12}", code_version(file) or "")
    file.write_text("changed")
    assert re.fullmatch(r"[0-9a-f]{12}-dirty", code_version(file) or "")
    assert code_version(other) is None and code_version(tmp_path / "gone" / "x.py") is None
