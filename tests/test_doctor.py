"""The doctor watches without disturbing, measures what it says, and tells what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import BARE, Registry
from gan_recipe.errors import RecipeError
from gan_recipe.health.contests import contests, meetings
from gan_recipe.loop.launch import resume, start
from gan_recipe.loop.train import Outcome
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.checkpoint import load
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds

# Everything that a signal might disturb: dropout's random numbers in a round, batch norm, spectral norm, an average.
TINY = """
[run]
rounds = 12
batch = 8
log_every = 3
checkpoint_every = 4
precision = "float32"

[doctor]
every = 2

[data]
toy = { use = "toy_2d" }
noise = { use = "noise", size = 8 }

[networks]
body = { use = "dcgan_decoder", size = 8, width = 0.0625 }
other = { use = "dcgan_decoder", size = 8, width = 0.0625 }
trunk = { use = "dcgan_encoder", width = 0.125 }
verdict = { use = "linear_fc" }
mode_head = { use = "linear_fc", outputs = "mode" }

[values]
fake = "body(noise)"
real = "other(noise)"

[players.critic]
trains = ["trunk", "verdict", "mode_head"]
optimizer = { use = "adam", lr = 1e-3, betas = [0.5, 0.99] }
losses.gan = { use = "bce_critic", real = "verdict(trunk(real))", fake = "verdict(trunk(fake))" }
losses.gp = { use = "wgan_gp", critic = "verdict(trunk(_))", real = "real", fake = "fake", every = 2 }
losses.mode = { use = "cross_entropy", logits = "mode_head(trunk(fake))", labels = "mode", weight = 0.5 }
constraints.norm = { use = "spectral_norm", on = ["trunk"] }

[players.generator]
trains = ["body"]
optimizer = { use = "adam", lr = 1e-3 }
ema = 0.9
losses.gan = { use = "bce_generator", fake = "verdict(trunk(fake))" }
losses.l2 = { use = "l2", output = "fake", target = "real", weight = 2 }

[schedule]
use = "every"
periods = { critic = 3 }

[sheet]
columns = ["fake"]
rows = 4
every = 6
"""


@pytest.fixture(autouse=True)
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny recipe where the test stands."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(TINY)


def train(*overrides: str, recipe: str = "tiny.toml", name: str | None = None) -> Outcome:
    registry = Registry.installed()
    return start(check(recipe, overrides, registry), registry, QuietScreen(), name=name)


def lines(folder: RunFolder) -> list[dict[str, float]]:
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


def test_a_run_with_the_doctor_ends_as_one_without() -> None:
    """The same bytes of weights, buffers, averages, optimisers and sheets; only the figures tell that it was there."""
    watched, alone = train().folder, train("doctor.enabled=false").folder
    for path in sorted((watched.checkpoints / "00000012").glob("*.safetensors")):
        assert path.read_bytes() == (alone.checkpoints / "00000012" / path.name).read_bytes(), path.name
    for sheet in watched.sheets.glob("*.png"):
        assert sheet.read_bytes() == (alone.sheets / sheet.name).read_bytes()
    without = [line for line in lines(watched) if not any(name.startswith("signals/") for name in line)]
    assert without == lines(alone) and len(without) < len(lines(watched))


def test_a_resumed_run_is_measured_and_judged_as_one_that_never_stopped() -> None:
    """Figures and verdicts are the same bytes."""
    Path("touchy.toml").write_text(
        'extends = "tiny.toml"\n[doctor.verdicts]\ncritic_too_strong = { doubt = 10.0, ranked = 0.0, samples = 2 }\n'
    )
    whole = train(recipe="touchy.toml").folder
    for stop in (4, 8):
        again = train("run.keep=3", recipe="touchy.toml", name="again").folder
        for round in checkpoint_rounds(again):
            if round > stop:
                shutil.rmtree(again.checkpoints / f"{round:08d}")
        again.write_description({**again.describe(), "outcome": "stopped", "round": stop})
        ended = resume(again.name, Registry.installed(), QuietScreen()).folder
        assert ended.metrics.read_bytes() == whole.metrics.read_bytes()
        assert ended.verdicts.read_bytes() == whole.verdicts.read_bytes() and whole.verdicts.stat().st_size


def test_each_player_is_looked_at_when_it_moves() -> None:
    """At its first move, and at its first one after each multiple of ``every``: a slow critic is not missed."""
    seen: dict[str, list[float]] = {"critic": [], "generator": []}
    for line in lines(train(name="looked").folder):
        for player, rounds in seen.items():
            if any(name.startswith(f"signals/{player}/") for name in line):
                rounds.append(line["round"])
    assert seen["critic"] == [1, 4, 7, 10]
    assert seen["generator"] in ([], [1, 2, 4, 6, 8, 10, 12])


def test_the_contest_is_found_in_any_recipe() -> None:
    """Which score is whose, what is made and what it is held against, without a word of wiring."""
    (paired,) = contests(check("pix2pix"))
    assert (str(paired.made), str(paired.real)) == ("fake", "target")
    assert (paired.critic, paired.generator, paired.generator_loss) == ("critic", "generator", "gan")
    (plain,) = contests(check("tiny.toml"))
    assert (str(plain.made), str(plain.real)) == ("fake", "real")
    two = contests(check("unpaired"))
    assert [(str(each.made), str(each.real)) for each in two] == [
        ("fake_lit", "lit_face"),
        ("fake_standard", "standard_face"),
    ]
    assert [each.generator for each in two] == ["generators", "generators"]


def test_where_losses_meet_is_found_in_any_recipe() -> None:
    """At the image that is made; at the last value, else the last network, that all of a player's losses share."""
    siamese = check("siamese")
    at_image, at_code = meetings(siamese, siamese.players["generator"])
    assert (at_image.label, at_image.losses) == ("fake", ("gan", "l1"))
    assert at_code.label == "code" and len(at_code.losses) == 7
    faces = check("d_supervised")
    (shared,) = meetings(faces, faces.players["critic"])
    assert (shared.value, shared.label) == (None, "trunk") and len(shared.losses) == 6
    assert meetings(check("dcgan"), check("dcgan").players["critic"]) == ()


def test_scores_are_what_they_are_defined_to_be() -> None:
    """The rank is the share of pairs in order; doubt of cross-entropy the probability of the wrong answer, doubled."""
    from gan_recipe_plugins.bce import BCECritic
    from gan_recipe_plugins.critic_scores import _figures
    from gan_recipe_plugins.hinge import HingeCritic
    from gan_recipe_plugins.wasserstein import WassersteinCritic

    torch.manual_seed(0)
    real, fake = torch.randn(7, 1) + 1, torch.randn(5, 1).round()
    real[0] = fake[0]
    figures = _figures(BCECritic(), real, fake)
    pairs = [(r > f) + 0.5 * (r == f) for r in real.flatten().tolist() for f in fake.flatten().tolist()]
    assert float(figures["ranked"]) == pytest.approx(sum(pairs) / 35)
    wrong = (1 - real.sigmoid()).mean() + fake.sigmoid().mean()
    assert float(figures["doubt"]) == pytest.approx(float(wrong), rel=1e-5)
    assert float(_figures(WassersteinCritic(), real, fake)["doubt"]) == pytest.approx(1)
    sure = _figures(HingeCritic(), torch.full((4, 1), 1.5), torch.full((4, 1), -1.5))
    assert float(sure["doubt"]) == 0 and float(sure["saturated"]) == 1


def test_a_cure_can_be_pasted() -> None:
    """Told in the run's folder, and a recipe that extends the run's with it is sound."""
    Path("touchy.toml").write_text(
        'extends = "tiny.toml"\n[doctor.verdicts]\ncritic_too_strong = { doubt = 10.0, ranked = 0.0, samples = 2 }\n'
    )
    folder = train(recipe="touchy.toml").folder
    (told,) = [json.loads(line) for line in folder.verdicts.read_text().splitlines()]
    assert told["verdict"] == "critic_too_strong" and told["round"] == 4 and set(told["figures"]) >= {"doubt", "gap"}
    Path("cured.toml").write_text("\n".join(['extends = "touchy.toml"', *told["cure"]]))
    assert check("cured.toml").players["critic"].losses["r1"].use == "r1"
    assert load(folder, 12).round == 12


def test_judges_are_trained_ahead_and_their_curve_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``gan-recipe judge`` keeps them; a run that finds them shows ``label/pose`` as it trains; another does not."""
    from click.testing import CliRunner

    from gan_recipe.cli.program import cli

    real = Path.home() / ".cache" / "gan-recipe" / "synthetic_faces"
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(tmp_path / "cache"))
    if real.is_dir():
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / "synthetic_faces").symlink_to(real)
    narrow = "\n".join(f"{name}.width = 0.0625" for name in ("encoder", "decoder", "trunk"))
    few = "\n".join(f"judged_{name}.samples = 32\njudged_{name}.epochs = 1" for name in ("pose", "light", "identity"))
    Path("faces.toml").write_text(
        f'extends = "d_supervised"\n[run]\nrounds = 2\nbatch = 4\nheld_out = 4\n[data.faces]\nidentities = 2\n'
        f"held_out = 2\n[networks]\n{narrow}\n[metrics]\n{few}\n[doctor]\nevery = 1\n"
    )
    monkeypatch.setattr("gan_recipe_plugins.label_faithfulness.LabelFaithfulness.sparse", 1)
    with pytest.warns(RuntimeWarning, match="judge is right on only"):
        before = train(recipe="faces.toml", name="before").folder
    assert not any("signals/label/pose" in line for line in lines(before)[:-2])
    shutil.rmtree(tmp_path / "cache" / "judges")
    from gan_recipe_plugins import _judge

    _judge._known.clear()
    done = CliRunner().invoke(cli, ["judge", "faces.toml"])
    assert done.exit_code == 0 and "judged_pose: right on" in done.output, done.output
    assert "kept already" in CliRunner().invoke(cli, ["judge", "faces.toml"]).output
    after = train(recipe="faces.toml", name="after").folder
    assert [line["round"] for line in lines(after) if "signals/label/pose" in line] == [1, 2]
    refused = CliRunner().invoke(cli, ["judge", "tiny.toml"])
    assert "no metric that is judged" in str(refused.exception)


def test_diagnose_tells_a_person_and_writes_the_cured_recipe() -> None:
    """Verdict, round, figures, lines to paste; the file that it writes is sound; a quiet run says so."""
    from click.testing import CliRunner

    from gan_recipe.cli.program import cli

    Path("touchy.toml").write_text(
        'extends = "tiny.toml"\n[doctor.verdicts]\ncritic_too_strong = { doubt = 10.0, ranked = 0.0, samples = 2 }\n'
    )
    train(recipe="touchy.toml")
    told = CliRunner().invoke(cli, ["diagnose", "touchy", "--cured", "cured.toml"])
    assert told.exit_code == 0, told.output
    for part in (
        "touchy/1: done after 12 rounds; 1 verdict",
        "critic_too_strong of critic/gan, round 4",
        "doubt",
        "r1",
    ):
        assert part in told.output
    assert check("cured.toml").players["critic"].losses["r1"].use == "r1"
    train()
    quiet = CliRunner().invoke(cli, ["diagnose", "tiny"]).output
    assert "tiny/1: done after 12 rounds; nothing that the doctor knows" in quiet and "label faithfulness" in quiet
    assert CliRunner().invoke(cli, ["diagnose", "touchy", "--family"]).output.startswith("touchy/1: done")


def test_the_usual_signals_and_verdicts_are_found_by_check_and_made_later() -> None:
    """One that is not offered is told of by ``check``; one that cannot be imported when it is asked for, as a mistake
    and not as a traceback."""
    registry = Registry.installed()
    ours = registry.plugins[BARE]
    offered = dict(registry.offered(ours))
    ours.components = {name: offer for name, offer in offered.items() if name != "outputs"}
    with pytest.raises(RecipeError, match=r"doctor\.signals: there is no component 'outputs'"):
        check("dcgan", (), registry)
    ours.components = offered | {"outputs": "gan_recipe_plugins.nowhere:Outputs"}
    signals = check("dcgan", (), registry).doctor.signals
    assert "outputs" in signals
    with pytest.raises(RecipeError, match=r"doctor\.signals: .* cannot import 'outputs' from .*nowhere"):
        dict(signals)
