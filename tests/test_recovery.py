"""A run goes back to a healthy checkpoint at a verdict, or stops there; killed anywhere, it ends with the same bits."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from attrs import asdict
from doc_blocks import blocks
from faults.victims import Victims
from screens import Heard
from tiny_recipes import TOY

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.player import Player
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.loop import train as training
from gan_recipe.loop.launch import resume, start
from gan_recipe.loop.train import Outcome
from gan_recipe.runs import checkpoint, durable
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.checkpoint import load
from gan_recipe.runs.kept_checkpoints import kept_checkpoints
from gan_recipe.runs.recoveries import in_force, recoveries
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds, find_run
from gan_recipe.verify.verify_resume import Task, verify

# The verdict comes as soon as the critic has been looked at twice, whatever it does.
TOUCHY = """
extends = "ring.toml"

[run]
rounds = 14
checkpoint_every = 3

[sheet]
every = 4

[doctor]
every = 2
verdicts.critic_too_strong = { doubt = 10.0, ranked = 0.0, samples = 3 }

[recovery]
on = ["critic_too_strong"]
times = 2
new_order = true
change = { "schedule.periods.critic" = 1 }

[recovery.multiply]
"players.*.optimizer.lr" = 0.5
"players.generator.losses.gan.weight" = 0.1
"""


class Watching(Heard):
    """Hears what is said, and does something at a round of a pass."""

    def __init__(self, act: Callable[[int, int], None] = lambda number, round: None) -> None:
        super().__init__()
        self._act, self._passes = act, 0

    def begin(self, rounds: int, done: int, batch: int) -> None:
        self._passes += 1

    def round(self, done: int) -> None:
        self._act(self._passes, done)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: str) -> None:
    """Two recipes where the test stands; one of them is told of in its third look."""
    monkeypatch.chdir(tmp_path)
    Path("ring.toml").write_text(ring.replace("losses.r1 =", "losses.slope ="))
    Path("touchy.toml").write_text(TOUCHY)


def train(
    *overrides: str, recipe: str = "touchy.toml", name: str = "run", screen: QuietScreen | None = None
) -> Outcome:
    registry = Registry.installed()
    return start(check(recipe, overrides, registry), registry, screen or QuietScreen(), name=name)


def everything(folder: RunFolder) -> dict[str, bytes]:
    """What must not depend on where a run was stopped; the checkpoints that only a stop makes are left out."""
    names = ("*.jsonl", "sheets/*", "recovered/*/*", "checkpoints/00000014/*")
    return {
        path.relative_to(folder.path).as_posix(): path.read_bytes() for name in names for path in folder.path.glob(name)
    }


def test_it_goes_back_before_the_first_signs_and_says_so_everywhere(gan_recipe: Callable) -> None:
    """The signs of a verdict in round 5 began in round 1: back to 0, twice as is stated, and no third time."""
    screen = Watching()
    folder = train(screen=screen).folder
    one, two = recoveries(folder)
    assert [(each.number, each.told.round, each.told.since, each.to) for each in (one, two)] == [
        (1, 5, 1, 0),
        (2, 4, 1, 0),
    ]
    changes = {change.name: (change.before, change.after) for change in two.changes}
    assert changes["players.generator.optimizer.lr"] == (0.05, 0.025)
    assert changes["players.critic.optimizer.lr"] == (5e-4, 2.5e-4)
    assert changes["players.generator.losses.gan.weight"][1]["from"] == pytest.approx(0.01)
    assert changes["schedule.periods.critic"] == (1, 1)
    told = [text for text in screen.said if "went back" in text]
    assert len(told) == 2 and "round 5 to 0 at critic_too_strong" in told[0] and "lr 0.1 -> 0.05" in told[0]
    assert any("gone back 2 times, as often as recovery.times lets it" in text for text in screen.said)
    # What was given up is kept; what is left tells one story, with the going back as a figure.
    assert (folder.path / "recovered/1/verdicts.jsonl").read_text().count("critic_too_strong") == 1
    assert (folder.path / "recovered/2/metrics.jsonl").stat().st_size
    rounds = [json.loads(line)["round"] for line in folder.metrics.read_text().splitlines()]
    assert rounds == sorted(rounds)
    assert json.loads(folder.metrics.read_text().splitlines()[0]) == {"round": 0, "run/recoveries": 2.0}
    # The recipe in force is what diff and a child's lineage see; the one on file stays as it was stated.
    assert in_force(folder).tables["players"]["generator"]["optimizer"]["lr"] == 0.025
    out = gan_recipe("diff", "touchy.toml", "run").out
    assert "players.generator.optimizer.lr" in out and "0.1 -> 0.025" in out
    for command in (("log",), ("log", "--markdown"), ("diagnose", "run")):
        text = " ".join(gan_recipe(*command).out.replace("\\", "").split())
        assert "went back from round 5 to 0 at critic_too_strong" in text, command
    page = (folder.path / "report.html").read_text()
    assert page.count("went back from round") == 2


def test_from_there_on_it_is_the_changed_recipe_on_the_old_weights() -> None:
    """Equal, bit for bit, to a training by hand: the recipe with its changes, restored, rates scaled, another order."""
    folder = train("recovery.times=1", "run.keep_at=[9]").folder
    recipe = check("touchy.toml", ["recovery.times=1", "run.keep_at=[9]"])
    begun = Training(recipe).checkpoint(0)
    Path("after.toml").write_text(
        'extends = "touchy.toml"\n[run]\nkeep_at = [9]\n[schedule]\nperiods.critic = 1\n'
        "[players.critic.optimizer]\nlr = 5e-4\n"
        "[players.generator]\noptimizer.lr = 0.05\nlosses.gan.weight = { from = 0.1, to = 0.05, over = 4 }"
    )
    after = check("after.toml")
    by_hand = Training(after, order=1, recoveries=1)
    changes = [change for change in recoveries(folder)[0].changes]
    by_hand.restore(begun, changes)
    for round in range(9):
        by_hand.play(round, by_hand.stream.batch(round))
    made, found = by_hand.checkpoint(9), load(folder, 9)
    for group, tensors in made.tensors.items():
        for name, tensor in tensors.items():
            if not name.startswith("sum/"):
                assert torch.equal(tensor, found.tensors[group][name]), (group, name)


def test_another_order_is_another_and_the_same_stays() -> None:
    """new_order changes batches and noise; without it the batches are those of before."""
    recipe = check("touchy.toml")
    first, again, other = (Training(recipe, order=order).stream.batch(0) for order in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["toy.point"], other["toy.point"])


@pytest.mark.parametrize("schedule", ["multi_step", "cosine", "one_cycle", "timm/cosine"])
def test_a_rate_is_scaled_where_its_schedule_has_brought_it(schedule: str) -> None:
    """Halved in round 2, every later rate is half of what it would have been."""
    stated = {
        "multi_step": "milestones = [1, 3], gamma = 0.5",
        "cosine": "T_max = 6",
        "one_cycle": "max_lr = 1e-3, total_steps = 6",
        "timm/cosine": "t_initial = 6",
    }[schedule]
    text = Path("ring.toml").read_text()
    old = 'lr_schedule = { use = "multi_step", milestones = [3], gamma = 0.5 }'
    assert old in text
    for name, rate in (("whole", "1e-3"), ("half", "5e-4")):
        new = f'lr_schedule = {{ use = "{schedule}", {stated} }}'.replace("max_lr = 1e-3", f"max_lr = {rate}")
        Path(f"{name}.toml").write_text(text.replace(old, new).replace("lr = 1e-3, betas", f"lr = {rate}, betas"))
    seen: dict[str, list[float]] = {}

    def rates(player: Player) -> list[float]:
        found = []
        for _ in range(4):
            player.end_round()
            found.append(player.optimizer.param_groups[0]["lr"])
        return found

    whole = Training(check("whole.toml"))
    for _ in range(2):
        whole.players["critic"].end_round()
    saved = whole.checkpoint(2)
    # As it comes back from a file.
    state = json.loads(json.dumps(saved.state))
    half = Training(check("half.toml"))
    half.players["critic"].restore(saved.tensors["player-critic"], state["players"]["critic"])
    half.players["critic"].set_option("lr", 1e-3, 5e-4)
    seen = {"whole": rates(whole.players["critic"]), "half": rates(half.players["critic"])}
    assert seen["half"] == pytest.approx([rate / 2 for rate in seen["whole"]], rel=1e-6)


class _Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    """What a run that was never stopped leaves; the first test that asks trains it where it stands."""
    return {}


def trained_whole(whole: dict[str, bytes]) -> dict[str, bytes]:
    if not whole:
        whole |= everything(train(name="whole").folder)
    return whole


@pytest.mark.parametrize(("passing", "round"), [(1, 1), (1, 5), (2, 3), (2, 5), (3, 1), (3, 8)])
def test_stopped_before_during_or_after_it_ends_with_the_same_bits(
    passing: int, round: int, whole: dict[str, bytes]
) -> None:
    """Whichever pass and round a stop comes in: figures, verdicts, sheets, what is put away, weights."""
    expected = trained_whole(whole)

    def stop(number: int, done: int) -> None:
        if (number, done) == (passing, round):
            os.kill(os.getpid(), signal.SIGTERM)

    stopped = train(name="stopped", screen=Watching(stop))
    if stopped.how == "stopped":
        resume("stopped", Registry.installed(), QuietScreen())
    assert everything(stopped.folder) == expected


STEPS = [
    (RunFolder, "add_recovery"),
    (shutil, "rmtree"),
    (durable, "sync"),
    (shutil, "copyfile"),
    (os, "replace"),
    (Path, "unlink"),
    (checkpoint, "discard"),
    (RunFolder, "cut_back"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
def test_killed_at_any_step_of_going_back_it_ends_with_the_same_bits(
    step: tuple[object, str], after: bool, monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes]
) -> None:
    """Before the decision is on file or after it, while putting away, before and after checkpoints and lines go."""
    expected = trained_whole(whole)
    real, go_back, going = getattr(*step), training._gone_back, [False]

    def killed(*given: object, **more: object) -> object:
        if not going[0]:
            return real(*given, **more)
        going[0] = False
        if after:
            real(*given, **more)
        raise _Killed

    def gone_back(*given: object) -> object:
        going[0] = True
        return go_back(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(*step, killed)
        patch.setattr(training, "_gone_back", gone_back)
        train(name="stopped")
    folder = find_run("stopped")
    resume("stopped", Registry.installed(), QuietScreen())
    assert everything(folder) == expected


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as victims:
        yield victims


def test_verify_resume_says_so_too(victims: Victims, tmp_path: Path) -> None:
    """In fresh processes, asked to stop and killed."""

    def launch(trial: Task) -> tuple[int, str]:
        told = {**asdict(trial), "root": str(trial.root), "notes": str(trial.notes)}
        ended = victims.run("faults.victims:trial", told, folder=tmp_path)
        return ended.code, ended.err

    verdict = verify("touchy.toml", launch=launch, rounds=14, stops=3)
    assert verdict.difference is None and [how for _, how in verdict.stops] == ["SIGTERM", "SIGKILL", "SIGTERM"]


def test_wrong_verdicts_hide_no_wrong_keys() -> None:
    """What is wrong with ``on`` and with ``multiply`` is told at once."""
    stated = '[recovery]\non = ["diverge"]\nmultiply = { "players.*.optimizer.lrr" = 0.5 }\n'
    Path("twice.toml").write_text('extends = "dcgan"\n' + stated)
    with pytest.raises(RecipeError) as caught:
        check("twice.toml")
    assert [problem.key for problem in caught.value.problems] == [
        "recovery.on",
        'recovery.multiply."players.*.optimizer.lrr"',
    ]


HOT = """
extends = "toy.toml"

[run]
checkpoint_every = 25

[players.critic]
losses.gan = { use = "relativistic_critic", real = "critic(point)", fake = "critic(fake)" }
losses.r1 = { use = "r1", critic = "critic", real = "point", weight = 0.1 }

[players.generator]
optimizer.lr = 5e-3
losses.gan = { use = "relativistic_generator", real = "critic(point)", fake = "critic(fake)" }

[schedule]
use = "together"

[doctor]
every = 10
"""
RECOVERED = """
[recovery]
on = ["diverged", "non_finite", "mode_collapse", "sudden_collapse"]
times = 3
multiply = { "players.*.optimizer.lr" = 0.01 }
new_order = true
"""
TOO_HIGH = "[players.critic]\noptimizer.lr = 1.0\n[players.generator]\noptimizer.lr = 1.0\n"
# What the page of treatments shows of the second case.
RUN_HERE = blocks("docs/treatments.md", "text")
JUMP = '[players.generator]\nlr_schedule = { use = "multi_step", milestones = [300], gamma = 200.0 }\n'


@pytest.mark.parametrize(
    ("cause", "healthy"),
    [pytest.param(TOO_HIGH, 0, marks=pytest.mark.slow, id="from the start"), pytest.param(JUMP, 300, id="a jump")],
)
def test_a_rate_that_is_too_high_ends_healthy(cause: str, healthy: int) -> None:
    """At default thresholds: left alone its scores run away; with recovery it goes back as far as it must, and no
    verdict is left."""
    Path("toy.toml").write_text(TOY)
    Path("base.toml").write_text(HOT)
    Path("alone.toml").write_text(f'extends = "base.toml"\n{cause}')
    Path("hot.toml").write_text(f'extends = "base.toml"\n{cause}{RECOVERED}')
    alone = train("run.rounds=340", recipe="alone.toml", name="alone").folder
    assert "diverged" in [line["verdict"] for line in alone.verdict_lines()]
    folder = train(recipe="hot.toml", name="hot").folder
    assert [(each.told.verdict, each.to) for each in recoveries(folder)] == [("diverged", healthy)]
    assert list(folder.verdict_lines()) == []
    last: dict[str, float] = {}
    for line in folder.lines():
        last |= line
    assert 0.7 < last["signals/critic/gan/diversity"] < 1.3 and abs(last["signals/critic/gan/real"]) < 10
    if cause == JUMP:
        (shown,) = RUN_HERE
        assert " ".join(shown.text.split()) == f"{folder.name} {recoveries(folder)[0].sentence()}"


def test_a_number_that_is_not_finite_is_recovered_from() -> None:
    """The run would fail; it goes back and is done."""
    Path("nan.toml").write_text(
        'extends = "ring.toml"\n[run]\ncheckpoint_every = 2\nrounds = 8\n[players.critic]\noptimizer.lr = 1e30\n'
        '[recovery]\non = ["non_finite"]\nmultiply = { "players.critic.optimizer.lr" = 1e-33 }\n'
    )
    folder = train(recipe="nan.toml").folder
    assert [each.told.verdict for each in recoveries(folder)] == ["non_finite"]
    assert all(torch.isfinite(tensor).all() for tensor in load(folder, 8).tensors["networks"].values())


def test_a_run_can_stop_at_a_verdict(gan_recipe: Callable) -> None:
    """It exits with 3, is saved, says why, and goes on to the same end when it is asked to."""
    Path("stops.toml").write_text(TOUCHY.partition("[recovery]")[0].replace("every = 2\nv", STOP))
    Path("goes.toml").write_text(TOUCHY.partition("[recovery]")[0])
    whole = train(recipe="goes.toml", name="whole").folder
    done = gan_recipe("run", "stops.toml")
    assert done.code == 3, done.err
    assert "Stopped at a verdict that doctor.stop names. critic_too_strong in round 5" in done.out
    folder = find_run("stops")
    assert folder.describe()["outcome"] == "stopped" and checkpoint_rounds(folder)[-1] == 7
    assert "critic_too_strong in round 5" in gan_recipe("log").out
    assert "critic_too_strong in round 5" in (folder.path / "report.html").read_text()
    again = gan_recipe("run", "--resume", "stops")
    assert again.code == 0, again.err
    assert everything(folder) == everything(whole)


STOP = 'every = 2\nstop = ["critic_too_strong"]\nv'


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("", "'on' is missing"),
        ("on = []", "no verdict is named"),
        (
            'on = ["diverge"]\nnew_order = true',
            "recovery.on: no verdict 'diverge' can be told here. Did you mean 'diverged'",
        ),
        ('on = ["diverged"]', "nothing is changed, and the same rounds would end in the same way"),
        ('on = ["diverged"]\ntime = 3\nnew_order = true', "Did you mean 'times'?"),
        (
            'on = ["diverged"]\nmultiply = { "players.*.optimizer.rate" = 0.5 }',
            "nothing at players.*.optimizer.rate",
        ),
        ('on = ["diverged"]\nmultiply = { "players.*.optimizer.lr" = 0.0 }', "expected a factor above 0"),
        ('on = ["diverged"]\nmultiply = { "networks.trunk.outputs" = 2 }', "keeps its data, networks and optimisers"),
        ('on = ["diverged"]\nchange = { "players.critic.optimizer.use" = "sgd" }', "keeps its data, networks"),
        ('on = ["diverged"]\nchange = { "players.critic.optimizer.amsgrad" = true }', "only numbers change"),
        ('on = ["diverged"]\nmultiply = { "players.critic.optimizer.betas" = 0.5 }', "which cannot be multiplied"),
        ('on = ["diverged"]\nchange = { "schedule.periods.critic" = 0 }', "after going back: the periods of 'critic'"),
        ('on = ["diverged"]\ntimes = 9\nmultiply = { "players.critic.optimizer.betas" = 2 }', "cannot be multiplied"),
        ('on = ["diverged"]\nchange = { "players.generator.losses.gan.weight" = 0 }', "would have no loss left"),
        ('on = ["diverged"]\nchange = { "players.generator.losses.new.weight" = 0 }', "the recipe has nothing at"),
    ],
)
def test_what_cannot_be_is_refused_at_its_line(stated: str, message: str, gan_recipe: Callable) -> None:
    """Unknown verdicts and keys, changes that nothing could restore, and those that make no sound recipe."""
    Path("wrong.toml").write_text(f'extends = "ring.toml"\n[recovery]\n{stated}\n')
    done = gan_recipe("check", "wrong.toml")
    assert done.code == 2 and message in done.err, done.err
    assert "wrong.toml:" in done.err and "Traceback" not in done.err


def test_stop_and_the_doctor_that_is_off_are_refused() -> None:
    """A verdict that nobody tells, and a doctor that tells none."""
    Path("wrong.toml").write_text('extends = "ring.toml"\n[doctor]\nstop = ["divergd"]\n')
    with pytest.raises(RecipeError, match=r"doctor.stop: no verdict 'divergd' .* Did you mean 'diverged'"):
        check("wrong.toml")
    for table in ('[doctor]\nenabled = false\nstop = ["diverged"]', "[recovery]\non = ['diverged']\nnew_order = true"):
        Path("wrong.toml").write_text(f'extends = "ring.toml"\n{table}\n')
        with pytest.raises(RecipeError, match="the doctor is off"):
            check("wrong.toml", ["doctor.enabled=false"])


def test_checkpoints_reach_as_far_back_as_is_stated() -> None:
    """Those of the last ``reach`` rounds and the one before; without recovery the newest two."""
    folder = train("recovery.on=['diverged']", "recovery.reach=5", "run.checkpoint_every=2").folder
    assert checkpoint_rounds(folder)[-4:] == [8, 10, 12, 14]
    overrides = ["recovery.on=['diverged']", "recovery.reach=5", "run.checkpoint_every=2"]
    assert kept_checkpoints(check("touchy.toml", overrides)).rounds == tuple(checkpoint_rounds(folder))
    screen = Watching()
    short = train("recovery.reach=1", "run.checkpoint_every=1", "run.keep=2", name="short", screen=screen).folder
    assert not recoveries(short)
    assert any("recovery.reach = 1 is too short" in text for text in screen.said)
