"""What holds while a recipe trains: exact resume, frozen networks, warm starts, failures that lose nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from screens import Heard

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.sheet import write_sheet
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError, RunError, UserError
from gan_recipe.loop.launch import resume, start
from gan_recipe.loop.train import Outcome
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.checkpoint import load, save
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds

TINY = """
[run]
rounds = 12
batch = 4
log_every = 3
checkpoint_every = 4
precision = "float32"

[data]
faces = { use = "toy_2d" }
noise = { use = "noise", size = 8 }

[networks]
body      = { use = "dcgan_decoder", size = 8, width = 0.0625 }
trunk     = { use = "dcgan_encoder", width = 0.125 }
verdict   = { use = "linear_fc" }
mode_head = { use = "linear_fc", outputs = "mode" }
other     = { use = "dcgan_decoder", size = 8, width = 0.0625 }

[values]
fake = "body(noise)"
real = "other(noise)"
seen = "mode_head(trunk(fake))"

[players.critic]
trains = ["trunk", "verdict", "mode_head"]
optimizer = { use = "adam", lr = 1e-3, betas = [0.5, 0.99] }
lr_schedule = { use = "multi_step", milestones = [3, 9], gamma = 0.5 }
losses.gan = { use = "relativistic_critic", real = "verdict(trunk(real))", fake = "verdict(trunk(fake))" }
losses.r1 = { use = "r1", critic = "verdict(trunk(_))", real = "real", weight = 0.5, every = 3 }
losses.gp = { use = "wgan_gp", critic = "verdict(trunk(_))", real = "real", fake = "fake", every = 2 }
losses.mode = { use = "cross_entropy", logits = "seen", labels = "mode", weight = { from = 0.1, to = 1, over = 8 } }
constraints.norm = { use = "spectral_norm", on = ["trunk"] }

[players.generator]
trains = ["body"]
optimizer = { use = "rmsprop", lr = 1e-3 }
ema = 0.9
losses.gan = { use = "relativistic_generator", real = "verdict(trunk(real))", fake = "verdict(trunk(fake))" }

[schedule]
use = "every"
periods = { critic = [1, 2] }
switch_at = 6

[sheet]
columns = ["fake", "real"]
rows = 4
every = 6
"""


@pytest.fixture(autouse=True)
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe with everything that has a state: penalties, ramps, averages, rates, spectral norm, a frozen network."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def train(*overrides: str, recipe: str = "tiny.toml", name: str | None = None) -> Outcome:
    registry = Registry.installed()
    return start(check(recipe, overrides, registry), registry, QuietScreen(), name=name)


def files(folder: RunFolder) -> dict[str, bytes]:
    """What must be equal between two equal runs."""
    kept = [*folder.path.glob("sheets/*.png"), folder.metrics, *folder.checkpoints.glob("00000012/*.safetensors")]
    return {path.relative_to(folder.path).as_posix(): path.read_bytes() for path in kept}


def test_a_resumed_run_equals_one_never_stopped() -> None:
    """Weights, averages, optimisers, figures and sheets are the same bytes after a stop at any checkpoint."""
    whole = train().folder
    for stop in (4, 8):
        again = train("run.keep=3", name="again").folder
        for round in checkpoint_rounds(again):
            if round > stop:
                shutil.rmtree(again.checkpoints / f"{round:08d}")
        told = again.describe()
        again.write_description({**told, "outcome": "stopped", "round": stop})
        with again.metrics.open("a") as file:
            file.write('{"round": 12, "cut sho')
        ended = resume(again.name, Registry.installed(), QuietScreen())
        assert ended.how == "done"
        assert files(ended.folder) == files(whole)


def test_two_runs_of_one_seed_are_equal_and_of_two_seeds_are_not() -> None:
    """Everything random is a function of the seed."""
    first, second, other = train().folder, train().folder, train("run.seed=1").folder
    assert files(first) == files(second)
    assert files(first) != files(other)


def test_another_network_changes_nobody_elses_first_weights() -> None:
    """Weights are drawn from the seed and the network's own name alone."""
    from gan_recipe.engine.training import Training

    plain = Training(check("tiny.toml"))
    wider = Training(check("tiny.toml", ["networks.mode_head.outputs=12"])).graph.networks
    for name, network in plain.graph.networks.items():
        same = [
            torch.equal(a, b)
            for a, b in zip(network.parameters(), wider[name].parameters(), strict=True)
            if a.shape == b.shape
        ]
        assert all(same) and (name == "mode_head") == (len(same) < len(list(network.parameters())))


def test_a_network_that_nobody_trains_never_changes() -> None:
    """Neither its weights nor its batch-norm statistics, though it computes in every round."""
    from gan_recipe.engine.training import Training

    before = {k: v.clone() for k, v in Training(check("tiny.toml")).graph.networks["other"].state_dict().items()}
    after = load(train().folder, 12).tensors["networks"]
    assert before and all(torch.equal(value, after[f"other/{key}"]) for key, value in before.items())
    assert any("running_mean" in key for key in before)


def test_the_average_follows_its_definition() -> None:
    """``ema = d``: average <- d * average + (1 - d) * weight after each move, from the first weights on."""
    from gan_recipe.engine.training import Training

    training = Training(check("tiny.toml"))
    player = training.players["generator"]
    expected = [p.detach().clone() for p in player.parameters]
    for round in range(6):
        training.play(round, training.stream.batch(round))
        expected = [0.9 * e + 0.1 * p.detach() for e, p in zip(expected, player.parameters, strict=True)]
    for e, average in zip(expected, player.averages.values(), strict=True):
        torch.testing.assert_close(e, average)
    held = [p.detach().clone() for p in player.parameters]
    with training.averaged():
        assert all(torch.equal(p.detach(), a) for p, a in zip(player.parameters, player.averages.values(), strict=True))
        assert not training.graph.networks["body"].training
    assert all(torch.equal(p.detach(), h) for p, h in zip(player.parameters, held, strict=True))


def test_reuse_changes_the_work_and_not_the_weights() -> None:
    """Without batch norm, a value computed once for two players gives the weights that two computations give."""
    fixed = ["networks.body.norm=none", "networks.trunk.norm=none", "run.rounds=6", "run.checkpoint_every=6"]
    shared = load(train(*fixed).folder, 6).tensors
    apart = load(train(*fixed, "run.reuse=false").folder, 6).tensors
    for group in shared:
        for key, value in shared[group].items():
            # Spectral norm's power iteration advances with every forward in train mode: one more, another estimate.
            if "parametrizations" not in key and "trunk" not in key:
                torch.testing.assert_close(value, apart[group][key], rtol=5e-2, atol=5e-3)


def test_a_warm_start_takes_weights_and_remembers_where_from() -> None:
    """``start = RUN@ROUND`` gives the stated weights, and ``run.json`` records the run, the round and the checksum, and
    which networks could have begun there."""
    parent = train().folder
    Path("child.toml").write_text(f'extends = "tiny.toml"\n[networks.trunk]\nstart = "{parent.name}@8"\n')
    from gan_recipe.engine.training import Training

    theirs = load(parent, 8).tensors["networks"]
    mine = Training(check("child.toml")).graph.networks["trunk"].state_dict()
    assert all(torch.equal(value, theirs[f"trunk/{key}"]) for key, value in mine.items())
    child = train("run.rounds=2", recipe="child.toml").folder.describe()
    told = child["parents"]["trunk"]
    assert set(told.pop("fitting")) == set(check("child.toml").networks)
    assert told == {"run": parent.name, "round": 8, "network": "trunk", "sha256": load(parent, 8).sha256}


def test_a_warm_start_that_does_not_fit_lists_every_shape() -> None:
    """Both shapes of every tensor, at the line that states the start; and nothing is written."""
    parent = train().folder
    Path("wide.toml").write_text(f'extends = "tiny.toml"\n[networks.body]\nstart = "{parent.name}"\nwidth = 0.125\n')
    with pytest.raises(RecipeError, match=r"wide.toml:3: networks.body: .* has shape \(.*\) there and \(.*\) here"):
        train(recipe="wide.toml")
    assert not Path("runs/wide").exists()


def test_a_start_that_does_not_exist_is_found_by_check() -> None:
    """Before training, and told that no recipe would make it."""
    Path("orphan.toml").write_text('extends = "tiny.toml"\n[networks.body]\nstart = "nobody@3"\n')
    with pytest.raises(
        RecipeError, match=r"orphan.toml:3: networks.body.start: .*No nobody.toml that would make it lies beside"
    ):
        check("orphan.toml")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("networks.trunk.use=linear_fc", r"networks|players|values"),
        ("players.critic.losses.gan.real=trunk(real)", r"players.critic.losses.gan: .*\(4, .*\).*\(4, 1\)"),
        ("values.real=other(mode)", r"values.real: .*shape"),
    ],
)
def test_shapes_that_do_not_fit_are_told_before_anything_is_written(override: str, message: str) -> None:
    """The rehearsal names the key and the shapes."""
    with pytest.raises(RecipeError, match=message):
        train(override)
    assert not Path("runs").exists()


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_its_checkpoints() -> None:
    """The message names the loss and the round; the last checkpoint is whole; the figures up to there are on file."""
    with pytest.raises(RunError, match=r"players.generator.losses.gan became (nan|-?inf) before round"):
        train("players.generator.optimizer.lr=1e30", "players.critic.optimizer.lr=1e30", "run.log_every=1")
    folder = RunFolder(Path("runs/tiny/1"))
    assert folder.describe()["outcome"] == "failed"
    assert "became" in folder.describe()["why"]


def test_a_finished_run_cannot_be_resumed() -> None:
    """The cure is a warm start, and the message says so."""
    folder = train("run.rounds=2").folder
    with pytest.raises(UserError, match=r"is done.*start="):
        resume(folder.name, Registry.installed(), QuietScreen())


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    """A run whose folder was taken away is told so, and does not go on in one that nobody could resume."""
    gone = RunFolder(tmp_path / "runs" / "gone" / "1")
    with pytest.raises(RunError, match=r"the checkpoint of round 0 cannot be written: .*No such file"):
        save(gone, Training(check("tiny.toml")).checkpoint(0), keep=2)
    with pytest.raises(FileNotFoundError):
        write_sheet(gone.sheets / "round-000000.png", [("point", torch.zeros(1, 2))])
    assert not (tmp_path / "runs").exists()


def test_a_damaged_checkpoint_is_skipped_and_named() -> None:
    """One flipped bit in the newest: the one before it is used, and both are said."""
    folder = train().folder
    victim = folder.checkpoints / "00000012" / "networks.safetensors"
    data = bytearray(victim.read_bytes())
    data[-7] ^= 4
    victim.write_bytes(bytes(data))
    folder.write_description({**folder.describe(), "outcome": "stopped"})
    screen = Heard()
    assert resume(folder.name, Registry.installed(), screen).how == "done"
    assert any("round 12 is damaged (networks.safetensors does not match its checksum)" in text for text in screen.said)
    assert any("before round 8" in text for text in screen.said)


def test_lazy_terms_count_as_often_as_they_are_skipped() -> None:
    """``every = k`` with weight w sums to the same gradient as a term computed every time with weight w, on average."""
    folder = train("run.rounds=6", "run.log_every=1").folder
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert [line["round"] for line in lines if "critic/loss/r1" in line] == [1, 4]
    assert [line["round"] for line in lines if "critic/loss/gp" in line] == [1, 3, 5]


def test_an_observer_that_fails_is_named_and_disturbs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends as without it, the warning names it, and the other observers are told everything."""
    from gan_recipe import hookimpl

    heard: list[str] = []

    class Broken:
        @hookimpl
        def gan_recipe_logged(self, round: int) -> None:
            raise OSError(f"no room in round {round}")

    class Listening:
        @hookimpl
        def gan_recipe_logged(self, round: int) -> None:
            heard.append(f"{round}")

    registry = Registry.installed()
    recipe = check("tiny.toml", registry=registry)
    registry.manager.register(Listening(), "listening")
    registry.manager.register(Broken(), "broken")
    with pytest.warns(RuntimeWarning, match="observer 'broken' failed in gan_recipe_logged.*no room in round"):
        outcome = start(recipe, registry, QuietScreen())
    assert outcome.how == "done" and [each for each in heard if int(each) % 3 == 0] == ["3", "6", "9", "12"]


def test_a_metric_that_cannot_be_taken_fails_the_run_and_keeps_its_weights() -> None:
    """It is no mistake in the recipe's text that check could have seen: the run failed, with the key and the reason."""
    metric = '[metrics]\nodd = { use = "l1_distance", output = "fake", target = "verdict(trunk(fake))" }\n'
    Path("odd.toml").write_text('extends = "tiny.toml"\n' + metric)
    with pytest.raises(RunError, match=r"odd.toml:3: metrics.odd: .*weights are kept"):
        train(recipe="odd.toml")
    folder = RunFolder(Path("runs/odd/1"))
    assert folder.describe()["outcome"] == "failed" and checkpoint_rounds(folder)[-1] == 12
    with pytest.raises(RunError, match=r"metrics.odd"):  # resumed, it has nothing left to train and measures again
        resume(folder.name, Registry.installed(), QuietScreen())
