"""Recipes that start from other runs: what is missing is trained first, and nothing before all of it is checked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError
from gan_recipe.runs.chain import plan_chain

Run = Callable[..., Any]
Write = Callable[..., str]

MID = 'extends = "root.toml"\n[networks.generator]\nstart = "root@4"\n[players.generator.losses.gan]\nweight = 2\n'
LEAF = (
    'extends = "root.toml"\n[networks.generator]\nstart = "mid"\n[networks.trunk]\nstart = "root@4"\n'
    '[networks.verdict]\nstart = "mid@6:verdict"\n'
)


@pytest.fixture
def chain(write: Write, ring: str) -> Path:
    """``leaf`` starts from ``mid`` and ``root``, ``mid`` from ``root``; the test stands beside them."""
    write(ring.replace("log_every = 2\n", "log_every = 2\nkeep_at = [4]\n"), "root.toml")
    write(MID, "mid.toml")
    write(LEAF, "leaf.toml")
    return Path.cwd()


def made(folder: Path) -> list[str]:
    return sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in folder.glob("runs/*/*/run.json"))


def told(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("runs", name, "run.json").read_text())
    return found


# ------------------------------------------------------------------------------------------------------- training


def test_a_chain_is_trained_in_order_and_what_exists_is_used(gan_recipe: Run, chain: Path) -> None:
    """Through real checkpoints: each network begins with the weights that its recipe names, of the round it names."""
    done = gan_recipe("run", "leaf.toml", "--with-parents")
    assert (done.code, done.err) == (0, "") and made(chain) == ["leaf/1", "mid/1", "root/1"]
    order = [line for line in done.out.splitlines() if " of 3: " in line]
    assert order == ["1 of 3: root", "2 of 3: mid", "3 of 3: leaf"]
    parents = {name: (each["run"], each["round"]) for name, each in told("leaf/1")["parents"].items()}
    assert parents == {"generator": ("mid/1", 6), "trunk": ("root/1", 4), "verdict": ("mid/1", 6)}
    assert {each["run"] for each in told("mid/1")["parents"].values()} == {"root/1"}
    assert list(told("leaf/1")["changes"]) == ["mid/1", "root/1"]
    again = gan_recipe("run", "leaf.toml", "--with-parents")
    assert again.code == 0 and made(chain) == ["leaf/1", "leaf/2", "mid/1", "root/1"]
    assert (
        "mid/1 exists" in again.out and "root/1 exists" in again.out and "building and rehearsing mid" not in again.out
    )
    shutil.rmtree("runs/root")
    assert gan_recipe("run", "mid.toml", "--with-parents", "--quiet").out == ""
    assert made(chain) == ["leaf/1", "leaf/2", "mid/1", "mid/2", "root/1"]
    # A chain that is there needs no word more.
    assert gan_recipe("run", "leaf.toml", "--quiet").code == 0


def test_overrides_change_the_whole_chain(gan_recipe: Run, chain: Path) -> None:
    """Where a recipe has a place for them; rounds are scaled everywhere, and runs at another scale are others."""
    Path("root.toml").write_text(
        Path("root.toml").read_text().replace("rounds = 6", "rounds = 60").replace("[4]", "[40]")
    )
    Path("mid.toml").write_text(MID.replace("@4", "@40"))
    leaf = LEAF.replace("@4", "@40").replace("@6", "@60") + '[networks.extra]\nuse = "linear_fc"\n'
    leaf += '[players.critic]\ntrains = ["trunk", "verdict", "mode_head", "extra"]\n'
    leaf += '[players.critic.losses.extra]\nuse = "bce_critic"\nreal = "extra(point)"\nfake = "extra(fake)"\n'
    Path("leaf.toml").write_text(leaf)
    words = ("-s", "run.scale=0.1", "-s", "players.critic.losses.extra.real_label=0.8")
    done = gan_recipe("run", "leaf.toml", "--with-parents", *words)
    assert done.code == 0, done.err
    assert "root passes over -s players.critic.losses.extra.real_label=0.8: " in done.out
    assert [told(name)["rounds"] for name in made(chain)] == [6, 6, 6]
    assert told("leaf/1")["parents"]["trunk"]["round"] == 4
    # The runs of that small chain are no parents of one at another scale.
    assert gan_recipe("run", "mid.toml", "--with-parents", "--quiet", "-s", "run.scale=0.2").code == 0
    assert made(chain) == ["leaf/1", "mid/1", "mid/2", "root/1", "root/2"]
    assert (
        told("mid/2")["parents"]["generator"]["run"] == "root/2" and told("mid/2")["parents"]["generator"]["round"] == 8
    )
    # And of two that hold the round, the one at its own scale is taken, not the newest.
    assert gan_recipe("run", "mid.toml", "--quiet", "-s", "run.scale=0.1").code == 0
    assert told("mid/3")["parents"]["generator"]["run"] == "root/1"


def test_a_parent_that_was_stopped_is_gone_on_with(
    gan_recipe: Run, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command again finishes what the stopped one began, and starts no second run of it."""
    import signal

    from gan_recipe.engine.training import Training

    play = Training.play

    def interrupted(self: Training, round: int, *others: Any) -> None:
        if round == 1:
            signal.raise_signal(signal.SIGINT)
        play(self, round, *others)

    monkeypatch.setattr(Training, "play", interrupted)
    done = gan_recipe("run", "mid.toml", "--with-parents")
    assert done.code == 130 and "gan-recipe run --resume root/1" in done.out and made(chain) == ["root/1"]
    monkeypatch.setattr(Training, "play", play)
    assert gan_recipe("run", "mid.toml", "--with-parents").code == 0
    assert made(chain) == ["mid/1", "root/1"] and told("root/1")["outcome"] == "done"


def test_a_parent_whose_checkpoints_were_removed_is_trained_again(gan_recipe: Run, chain: Path) -> None:
    """As a run of its own; what was removed is not conjured up in the old one."""
    assert gan_recipe("run", "root.toml", "--quiet").code == 0
    shutil.rmtree("runs/root/1/checkpoints/00000004")
    assert gan_recipe("run", "mid.toml", "--with-parents", "--quiet").code == 0
    assert made(chain) == ["mid/1", "root/1", "root/2"] and told("mid/1")["parents"]["generator"]["run"] == "root/2"


def test_of_the_runs_of_a_name_the_newest_that_has_the_round_is_meant(gan_recipe: Run, chain: Path) -> None:
    """A shorter run made since does not hide it."""
    assert gan_recipe("run", "root.toml", "--quiet").code == 0
    assert gan_recipe("run", "root.toml", "--quiet", "-s", "run.rounds=2").code == 0
    assert gan_recipe("run", "mid.toml", "--quiet").code == 0
    assert told("mid/1")["parents"]["generator"]["run"] == "root/1"


def test_a_run_outlives_its_parents(gan_recipe: Run, chain: Path) -> None:
    """What has a checkpoint needs no other run's: to be gone on with, to be drawn from, or for its plan."""
    assert gan_recipe("run", "mid.toml", "--with-parents", "--quiet").code == 0
    shutil.rmtree("runs/root")
    description = told("mid/1")
    Path("runs/mid/1/run.json").write_text(json.dumps({**description, "outcome": "stopped"}))
    assert gan_recipe("run", "--resume", "mid/1", "--quiet").code == 0
    assert told("mid/1")["parents"] == description["parents"]
    assert gan_recipe("sample", "mid", "--rows", "2").code == 0
    assert gan_recipe("graph", "mid.toml").code == 0


# ------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"root": ("rounds = 6", "rounds = 0")}, ["root.toml:3: run.rounds: expected at least 1, not 0"]),
        (
            {"root": ("keep_at = [4]\n", "")},
            [
                "mid.toml:3: networks.generator.start: a run of root will hold no checkpoint of round 4, only of 6. "
                "State keep_at = [4] in its [run] (root.toml:2)",
                "leaf.toml:5: networks.trunk.start: a run of root will hold no checkpoint of round 4",
            ],
        ),
        (
            {"mid": ("root@4", "rot@4")},
            [
                "mid.toml:3: networks.generator.start: there is no run 'rot'",
                "No rot.toml that would make it lies beside this recipe, nor is one shipped.",
            ],
        ),
        (
            {"mid": ("root@4", "leaf@4")},
            [
                "mid.toml:3: networks.generator.start: the run would start from itself: leaf -> mid -> leaf. "
                "One of these recipes has to start afresh"
            ],
        ),
        ({"leaf": ("mid@6:verdict", "mid@6:verdit")}, ["mid.toml has no network 'verdit'. Did you mean 'verdict'?"]),
        ({"leaf": ('"mid"', '"mid@"')}, ["leaf.toml:3: networks.generator.start: '' is no number of a round, such as"]),
        ({"leaf": ('"mid"', '"../mid@6"')}, ["leaf.toml:3: networks.generator.start: there is no run '../mid'"]),
        (
            {"mid": ("weight = 2", "weigth = 2")},
            ["mid.toml:5: players.generator.losses.gan.weigth: there is no such key"],
        ),
    ],
)
def test_nothing_is_trained_before_the_whole_chain_is_sound(
    gan_recipe: Run, chain: Path, changes: dict[str, tuple[str, str]], expected: list[str]
) -> None:
    """Every mistake of every recipe, at its own line, with the cure; exit code 2 and not a run more than before."""
    for name, (before, after) in changes.items():
        text = Path(f"{name}.toml").read_text()
        assert before in text
        Path(f"{name}.toml").write_text(text.replace(before, after))
    done = gan_recipe("run", "leaf.toml", "--with-parents")
    assert done.code == 2 and "Traceback" not in done.err, done
    for text in expected:
        assert text in done.err, done.err
    assert not Path("runs").exists()


def test_without_the_option_the_message_names_the_command(gan_recipe: Run, chain: Path) -> None:
    """Which then works; a recipe that cannot be found is told instead."""
    done = gan_recipe("run", "mid.toml")
    cure = "gan-recipe run mid.toml --with-parents"
    assert done.code == 2 and "mid.toml:3: networks.generator.start: there is no run 'root' in runs." in done.err
    assert f"To train it first: {cure}" in done.err
    assert gan_recipe(*cure.split()[1:], "--quiet").code == 0
    assert gan_recipe("run", "mid.toml", "--quiet").code == 0
    for words in (("--resume", "mid"), ()):
        assert gan_recipe("run", "--with-parents", *words).code == 2
    wrong = gan_recipe("run", "leaf.toml", "--with-parents", "-s", "players.critic.losses.nothing.weight=1")
    assert wrong.code == 2 and "players.critic.losses has no 'nothing'" in wrong.err


def test_a_parent_beside_the_child_comes_before_a_shipped_one(write: Write, chain: Path, monkeypatch: Any) -> None:
    """And a shipped one, in whatever folder, is found by its name; not by the beginning of it."""
    (chain / "shipped" / "book").mkdir(parents=True)
    for name in ("root", "mid", "leaf"):
        (chain / f"{name}.toml").rename(chain / "shipped" / "book" / f"{name}.toml")
    monkeypatch.setattr("gan_recipe.language.recipe_file.shipped_folder", lambda: chain / "shipped")
    registry = Registry.installed()
    write('extends = "book/mid.toml"\n', "child.toml")
    write('extends = "book/mid.toml"\n[networks.generator]\nstart = "roo@4"\n', "other.toml")
    links = plan_chain("child.toml", (), (), registry, "").links
    assert [link.recipe.file.shown for link in links] == ["shipped/book/root.toml", "child.toml"]
    with pytest.raises(RecipeError, match=r"other\.toml:3: networks\.generator\.start: .*No roo\.toml"):
        plan_chain("other.toml", (), (), registry, "")
    write((chain / "shipped" / "book" / "root.toml").read_text(), "root.toml")
    links = plan_chain("child.toml", (), (), registry, "").links
    assert [link.recipe.file.shown for link in links] == ["root.toml", "child.toml"]
