"""Signals measure what they say, checked by hand in float64; verdicts tell it, and their cures are sound."""

from __future__ import annotations

import copy
import json
import math
import random
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from attrs import frozen
from click.testing import CliRunner
from torch import Tensor

from gan_recipe import Finding, Signal, Verdict
from gan_recipe.cli import cli
from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.graph import Store
from gan_recipe.engine.launch import start
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError, RunError
from gan_recipe.health.bench import Bench, Told
from gan_recipe.health.contests import contests, meetings
from gan_recipe.health.diagnosis import diagnosis, judged_again
from gan_recipe.health.moment import Look
from gan_recipe.language.check import check
from gan_recipe.language.plan import Move
from gan_recipe.runs.run_folder import RunFolder, find_run
from gan_recipe_plugins.held_out_scores import HeldOutScores, copied

DOCTOR = Path(__file__).parents[1] / "docs" / "doctor"
sys.path.insert(0, str(DOCTOR))
from cases import CASES  # noqa: E402
from page import is_found, page  # noqa: E402
from suite import run as run_case  # noqa: E402

FACES = ["run.batch=4", "data.faces.identities=4", "data.faces.held_out=2", "run.precision=float32"]
NARROW = [f"networks.{name}.width=0.125" for name in ("encoder", "decoder", "trunk")]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def seen_in_one_round(training: Training, player: str) -> dict[str, float]:
    """The figures of a player's move in the first round."""
    from gan_recipe.engine.journal import Journal
    from gan_recipe.engine.observers import Observers
    from gan_recipe.health.doctor import Doctor

    folder = RunFolder(Path.cwd())
    observers = Observers(Registry.installed().manager.hook)
    doctor = Doctor(training, folder, observers, Journal(training, folder, observers, QuietScreen()))
    training.play(0, training.stream.batch(0), doctor.watch)
    doctor.after(1)
    doctor.catch_up()
    figures: dict[str, float] = {}
    for line in folder.lines():
        figures |= line
    prefix = f"signals/{player}/"
    return {name.removeprefix(prefix): value for name, value in figures.items() if name.startswith(prefix)}


def test_contributions_are_the_gradients_of_the_weighted_losses_where_they_meet() -> None:
    """At the image, in float64 by hand: norms, shares and cosines of all five losses of d_supervised's generator."""
    training = Training(check("d_supervised", [*FACES, *NARROW]))
    n = {name: network for name, network in training.graph.networks.items()}
    batch = {name.partition(".")[2]: value for name, value in training.stream.batch(0).items()}
    d = {name: copy.deepcopy(network).double() for name, network in n.items()}
    figures = seen_in_one_round(training, "generator")
    # The critic has moved before the generator does: its weights are taken as they were then.
    for name in ("trunk", "verdict", "identity", "pose", "light"):
        d[name].load_state_dict({key: value.double() for key, value in n[name].state_dict().items()})
    fake = d["decoder"](d["encoder"](batch["image"].double())).detach().requires_grad_(True)
    target = batch["target"].double()
    seen = d["trunk"](fake)
    losses = {
        "gan": 0.1 * F.softplus(d["verdict"](d["trunk"](target)) - d["verdict"](seen)).mean(),
        "identity": 0.1 * F.cross_entropy(d["identity"](seen), batch["identity"]),
        "pose": 0.02 * F.cross_entropy(d["pose"](seen), batch["target_pose"]),
        "light": 0.02 * F.cross_entropy(d["light"](seen), batch["target_light"]),
        "l1": 20 * (fake - target).abs().mean(),
    }
    pulls = {name: torch.autograd.grad(loss, fake, retain_graph=True)[0].flatten() for name, loss in losses.items()}
    total = sum(float(pull.norm()) for pull in pulls.values())
    for name, pull in pulls.items():
        assert figures[f"fake/norm/{name}"] == pytest.approx(float(pull.norm()), rel=1e-3), name
        assert figures[f"fake/share/{name}"] == pytest.approx(float(pull.norm()) / total, rel=1e-3, abs=1e-5)
    cosine = F.cosine_similarity(pulls["gan"], pulls["l1"], dim=0)
    assert figures["fake/cosine/gan~l1"] == pytest.approx(float(cosine), abs=1e-3)


def test_contributions_meet_at_the_last_shared_weights_where_no_value_is_shared() -> None:
    """The critic's six losses: the gradient by the trunk's last weights, a penalty's double backward included."""
    training = Training(check("d_supervised", [*FACES, *NARROW]))
    (meeting,) = meetings(training.recipe, training.recipe.players["critic"])
    d = {name: copy.deepcopy(network).double() for name, network in training.graph.networks.items()}
    figures = seen_in_one_round(training, "critic")
    assert meeting.network == "trunk"
    weight = [each for each in d["trunk"].parameters() if each.dim() > 1][-1].requires_grad_(True)
    full = training.stream.batch(0)
    target = full["faces.target"].double().requires_grad_(True)
    score = d["verdict"](d["trunk"](target)).sum()
    (slope,) = torch.autograd.grad(score, target, create_graph=True)
    penalty = 0.125 * 8 * slope.flatten(1).square().sum(dim=1).mean() / 2
    (pull,) = torch.autograd.grad(penalty, weight)
    assert figures["trunk/norm/r1"] == pytest.approx(float(pull.norm()), rel=1e-3)


def test_norms_of_gradients_weights_and_steps_are_those_of_the_move() -> None:
    """Both players of d_supervised in their first round, in float64 by hand: the gradient of all losses together with
    the penalty's double backward, Adam's first step, and what the average has made of it."""
    training = Training(check("d_supervised", [*FACES, *NARROW]))
    n = training.graph.networks
    d = {name: copy.deepcopy(network).double().requires_grad_(True) for name, network in n.items()}
    batch = {name.partition(".")[2]: value for name, value in training.stream.batch(0).items()}
    image, target = batch["image"].double(), batch["target"].double()
    critic = seen_in_one_round(training, "critic")
    generator = {
        name.removeprefix("signals/generator/"): value
        for line in RunFolder(Path.cwd()).lines()
        for name, value in line.items()
    }

    made = d["decoder"](d["encoder"](image))
    real = target.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(d["verdict"](d["trunk"](real)).sum(), real, create_graph=True)
    seen_target, seen_image = d["trunk"](target), d["trunk"](image)
    fall = d["verdict"](seen_target) - d["verdict"](d["trunk"](made.detach()))
    loss = F.softplus(-fall).mean() + 0.125 * 8 * slope.flatten(1).square().sum(dim=1).mean() / 2
    loss = loss + F.cross_entropy(d["identity"](seen_target), batch["identity"])
    for head in ("identity", "pose", "light"):
        loss = loss + F.cross_entropy(d[head](seen_image), batch[head])
    names = ("trunk", "verdict", "identity", "pose", "light")
    _, before, _ = by_adam(critic, loss, [w for name in names for w in d[name].parameters()], rate=5e-4)
    assert abs(critic["weights"] / before - 1) > 1e-6  # or it would not tell when it is measured
    assert "average" not in critic
    assert (critic["rate"], generator["rate"]) == (pytest.approx(5e-4), pytest.approx(1e-3))

    for name in names:  # the critic has moved before the generator does
        d[name].load_state_dict({key: value.double() for key, value in n[name].state_dict().items()})
    seen = d["trunk"](made)
    loss = (
        0.1 * F.softplus(d["verdict"](d["trunk"](target)) - d["verdict"](seen)).mean()
        + 20 * (made - target).abs().mean()
    )
    loss = loss + 0.1 * F.cross_entropy(d["identity"](seen), batch["identity"])
    loss = loss + 0.02 * F.cross_entropy(d["pose"](seen), batch["target_pose"])
    loss = loss + 0.02 * F.cross_entropy(d["light"](seen), batch["target_light"])
    weights = [w for name in ("encoder", "decoder") for w in d[name].parameters()]
    after, _, moved = by_adam(generator, loss, weights, rate=1e-3)
    assert generator["average"] == pytest.approx(0.995 * moved / after, rel=1e-3)


def by_adam(
    figures: Mapping[str, float], loss: Tensor, weights: list[Tensor], rate: float
) -> tuple[float, float, float]:
    """Hold the figures against Adam's first step with betas 0.5 and 0.999; the norms of the weights after it and before
    it, and of the step."""
    gradients = torch.cat([each.flatten() for each in torch.autograd.grad(loss, weights)])
    before = torch.cat([each.detach().flatten() for each in weights])
    step = rate * gradients / (gradients.abs() + 1e-8)  # both of its averages corrected
    uncorrected = 0.5 * gradients / ((0.001 * gradients.square()).sqrt() + 1e-8)
    assert figures["gradient"] == pytest.approx(float(gradients.norm()), rel=1e-3)
    assert figures["weights"] == pytest.approx(float((before - step).norm()), rel=1e-6)
    assert figures["step"] == pytest.approx(float(uncorrected.square().mean().sqrt()), rel=1e-3)
    return float((before - step).norm()), float(before.norm()), float(step.norm())


def test_copies_are_nearer_to_training_samples_than_new_ones_are() -> None:
    """Against a loop over all pairs; all of what is taken from the training samples is copied, nothing of what
    resembles new ones, and of new samples of the same kind no more than chance."""
    torch.manual_seed(0)
    seen, unseen, made = torch.randn(3, 300, 2).unbind()
    assert float(copied(made, seen, unseen)) < 0.5
    assert float(copied(seen[:50] + 1e-4, seen, unseen)) == 1
    assert float(copied(unseen[:50] + 1e-4, seen, unseen)) == 0
    images = [each[:, :, None, None].expand(-1, -1, 16, 16) for each in (made, seen, unseen)]
    assert float(copied(*images)) == float(copied(made, seen, unseen))

    seen, unseen, made = seen[:7], unseen[:9], made[:8]
    usual = sorted(min(math.dist(new, old) for old in seen.tolist()) for new in unseen.tolist())[4]
    count = 0
    for each in made.tolist():
        near = min(math.dist(each, old) for old in seen.tolist())
        count += near < usual and all(near < math.dist(each, new) for new in unseen.tolist())
    assert 0 < count < 8 and float(copied(made, seen, unseen)) == count / 8


def test_held_out_outputs_are_measured_as_they_are_defined() -> None:
    """On the fixed held-out samples, with averaged weights: the distance to the targets, by hand."""
    training = Training(check("d_supervised", [*FACES, *NARROW]))
    contest = contests(training.recipe)[0]
    look = Look(1, training.recipe, [contest], training)
    with training.averaged(), torch.no_grad():
        found = HeldOutScores().at_round(look)
        batch = training.fixed_batch(["faces.image", "faces.target"], held_out=True)
        networks = training.graph.networks
        made = networks["decoder"](networks["encoder"](batch["faces.image"]))
    assert float(found["held_out/gan/distance"]) == pytest.approx(float((made - batch["faces.target"]).abs().mean()))
    assert 0 <= float(found["held_out/gan/copied"]) <= 1


def overfitting_of(steps: list[dict[str, float]]) -> list[int]:
    """The measurements, counted from 1, at which the verdict was told of d_supervised."""
    bench = Bench(check("d_supervised"), {})
    told: list[int] = []
    for place, figures in enumerate(steps, start=1):
        heard = bench.hear(200 * place, {f"signals/held_out/gan/{name}": value for name, value in figures.items()})
        told += [place for each in heard if each.verdict == "overfitting"]
    return told


def test_overfitting_is_told_where_outputs_show_it() -> None:
    """A critic that goes by heart is no failure while what is made of new samples holds up; copies are, and a
    distance that grows from its best is; and neither is where the critic is fair to new samples."""
    by_heart, fair = {"share": 1.5, "ranked": 0.9}, {"share": 0.1, "ranked": 0.55}
    good, copies = {"copied": 0.1, "distance": 0.07}, {"copied": 1.0, "distance": 0.07}
    worse = {"copied": 0.1, "distance": 0.09}
    assert overfitting_of([by_heart | good] * 9) == []
    assert overfitting_of([by_heart | copies] * 9) == [3]
    assert overfitting_of([by_heart | good] * 3 + [by_heart | worse] * 3) == [6]
    assert overfitting_of([fair | copies] * 5 + [fair | worse] * 5) == []
    assert overfitting_of([by_heart] * 9) == []


def lost_in(name: str, losses: Mapping[str, list[float]]) -> dict[str, int]:
    """Where and in which round ``factor_lost`` is told of losses that are logged in every 50th round."""
    bench = Bench(check(name), {})
    told: dict[str, int] = {}
    for place in range(max(map(len, losses.values()))):
        for each in bench.hear(50 * (place + 1), {loss: values[place] for loss, values in losses.items()}):
            if each.verdict == "factor_lost":
                told.setdefault(each.about, each.round)
    return told


def test_a_head_that_learns_slowly_is_no_lost_factor() -> None:
    """As in siamese, whose light stood at 2.84 of ln 20 = 3.00 after 450 rounds and at 0.7 after 10,000; one whose loss
    wavers about that of a guess is lost. The noise is far larger than what four figures running fall by."""
    noise = random.Random(0)
    flat = [2.99 + noise.uniform(-0.03, 0.03) for _ in range(20)]
    slow = [value - 0.008 * place for place, value in enumerate(flat)]
    assert min(slow) > 0.93 * math.log(20)
    assert lost_in("siamese", {"generator/loss/light": flat}) == {"generator/light": 450}
    assert lost_in("siamese", {"generator/loss/light": slow}) == {}
    high = [3.4 - 0.04 * place for place in range(10)] + [3.0] * 10
    assert lost_in("siamese", {"generator/loss/light": high}) != {}, "falling to the loss of a guess is no learning"


def test_a_head_is_asked_for_where_it_is_trained_and_once_it_has_moved_often() -> None:
    """The critic of d_supervised_literal moves in every 4th round; no generator mends the head that it is told by."""
    flat = {f"{player}/loss/light": [3.0] * 40 for player in ("critic", "generator")}
    assert lost_in("d_supervised", flat) == {"critic/light": 450}
    assert lost_in("d_supervised_literal", {"critic/loss/light": [3.0] * 40}) == {"critic/light": 1_350}


def test_a_quiet_adversarial_loss_is_told_of_at_the_sample_that_it_judges() -> None:
    """At a code that contrastive losses share, siamese's has under 1 % at first, and 60 % at the image: healthy."""
    recipe = check("siamese")
    at_code = {"generator/code/share/gan": 0.001, "generator/code/share/l1": 0.4, "generator/fake/share/gan": 0.6}
    assert told_of(recipe, at_code | {"generator/fake/share/l1": 0.4}) == {}
    at_image = {"generator/fake/share/gan": 0.001, "generator/fake/share/l1": 0.4}
    assert told_of(recipe, at_image)["one_loss_leads"].about == "generator/fake"


def test_a_fresh_critic_beside_a_loaded_generator_is_told_of_whatever_it_ranks() -> None:
    """It orders pairs by chance. One that was loaded from elsewhere is asked; one of the same run is not told of."""
    recipe = check("zoo/ring_gan")
    loaded = {"generator": {"run": "a/1", "round": 9}}

    def told(ranked: float, parents: Mapping[str, Mapping[str, Any]]) -> bool:
        found = Bench(recipe, parents).hear(1, {"signals/critic/gan/ranked": ranked})
        return "phase_mismatch_after_load" in {each.verdict for each in found}

    assert told(0.5, loaded) and told(0.7, loaded) and not told(0.5, {})
    elsewhere = loaded | {"critic": {"run": "b/1", "round": 9}}
    assert told(0.5, elsewhere) and not told(0.7, elsewhere)
    assert not told(0.5, loaded | {"critic": loaded["generator"]})


def test_a_fresh_critic_that_has_no_say_at_first_is_not_told_of() -> None:
    """A weight that rises from 0 beside another loss says that it is meant; alone, or above 0, it spares nobody."""

    def told(*lines: str) -> bool:
        Path("eased.toml").write_text("\n".join(['extends = "zoo/ring_gan"', "[players.generator]", *lines]))
        bench = Bench(check("eased.toml"), {"generator": {"run": "a/1", "round": 9}})
        return "phase_mismatch_after_load" in {e.verdict for e in bench.hear(1, {"signals/critic/gan/ranked": 0.5})}

    l2 = 'losses.l2 = { use = "l2", output = "fake", target = "point" }'
    rising = "losses.gan.weight = { from = %g, to = 1, over = 50 }"
    assert told(l2) and told(rising % 0) and told(l2, rising % 0.1)
    assert not told(l2, rising % 0)


def test_diversity_modes_copies_and_neighbours() -> None:
    """One image for all has none of them; the real batch itself has all; a shifted one is told apart."""
    from gan_recipe_plugins.outputs import _figures

    torch.manual_seed(0)
    real = torch.rand(16, 3, 16, 16) * 1.6 - 0.8
    same = {name: float(value) for name, value in _figures(real.clone(), real, real).items()}
    assert same["diversity"] == pytest.approx(1) and same["modes"] == pytest.approx(1) and same["apart"] == 0
    assert same["detail"] == pytest.approx(1) and same["limits"] == 0 and same["copies"] == 0
    one = {name: float(value) for name, value in _figures(real[:1].repeat(16, 1, 1, 1), real, real).items()}
    assert one["diversity"] < 1e-3 and one["copies"] == 1 and one["modes"] == pytest.approx(1 / 16, rel=0.1)
    far = {name: float(value) for name, value in _figures((real + 5).clamp(-1, 1), real, real).items()}
    assert far["apart"] == 1 and far["limits"] == 1 and far["detail"] < 1e-6


def test_the_largest_singular_value_is_found_within_a_few_percent() -> None:
    """Against the decomposition itself, for square, wide and tall matrices."""
    from gan_recipe_plugins.weights import _largest

    torch.manual_seed(1)
    for shape in ((30, 30), (8, 200), (200, 8)):
        matrix = torch.randn(shape)
        exact = float(torch.linalg.matrix_norm(matrix, 2))
        assert 0.9 * exact <= float(_largest(matrix)) <= exact * 1.0001


def told_of(recipe: Any, figures: Mapping[str, float], count: int = 12, every: int = 100) -> dict[str, Any]:
    bench = Bench(recipe, {"generator": {"run": "a/1", "round": 9}})
    found: dict[str, Any] = {}
    for step in range(count):
        for told in bench.hear(1 + step * every, {f"signals/{name}": value for name, value in figures.items()}):
            found.setdefault(told.verdict, told)
    return found


SHOWN = {
    "critic_too_strong": {"doubt": 0.01, "ranked": 1.0, "gap": 9.0},
    "critic_too_weak": {"ranked": 0.5, "apart": 1.0},
    "mode_collapse": {"diversity": 0.1, "modes": 0.1, "copies": 1.0},
    "saturated_generator": {"limits": 0.9},
    "diverged": {"real": 1e5, "fake": -1e5},
}


@pytest.mark.parametrize("name", ["d_supervised", "dcgan", "pix2pix", "siamese", "unpaired", "zoo/ring_gan"])
def test_the_cure_of_every_verdict_is_sound_in_every_recipe(name: str) -> None:
    """Each applied to the recipe that has the failure, whatever its contests: the child checks."""
    recipe = check(name)
    for contest in recipe_contests(recipe):
        for verdict, figures in SHOWN.items():
            at = f"{contest.critic}/{contest.loss}/"
            told = told_of(recipe, {at + figure: value for figure, value in figures.items()})
            assert verdict in told, verdict
            for lines in (told[verdict].cure, *told[verdict].others):
                cured(name, lines)
        shares = {}
        for meeting in meetings(recipe, recipe.players[str(contest.generator)]):
            for place, loss in enumerate(meeting.losses):
                share = 0.98 if place == 0 else 0.02 / (len(meeting.losses) - 1)
                shares[f"{contest.generator}/{meeting.label}/share/{loss}"] = share
        if shares:
            leads = told_of(recipe, shares)["one_loss_leads"]
            for lines in (leads.cure, *leads.others):
                cured(name, lines)


@pytest.mark.parametrize(
    ("name", "verdict", "network"),
    [
        ("zoo/ring_gan", "mode_collapse", "pack"),
        (str(DOCTOR / "ring.toml"), "mode_collapse", "pack"),
    ],
)
def test_other_treatments_are_offered_and_train(name: str, verdict: str, network: str) -> None:
    """As the doctor's page of treatments has them: beside the first cure, and they rehearse and play a round."""
    recipe = check(name)
    (contest,) = recipe_contests(recipe)
    at = f"{contest.critic}/{contest.loss}/"
    told = told_of(recipe, {at + figure: value for figure, value in SHOWN[verdict].items()})[verdict]
    (lines,) = told.others
    assert Told.of(json.loads(json.dumps(told.line()))) == told
    cured(name, lines)
    training = Training(check("cured.toml", ["run.batch=4"]))
    assert network in training.recipe.networks
    training.play(0, training.stream.batch(0))


def test_a_balance_is_offered_where_losses_meet_in_a_value() -> None:
    """With the leader for reference, as loud as the others together: weights are shares then, and the old ones would
    let it lead. First, since it goes on measuring; a weight comes second. Not where there is one already."""
    recipe = check("pix2pix")
    told = told_of(recipe, {"generator/fake/share/l1": 0.96, "generator/fake/share/gan": 0.04})["one_loss_leads"]
    balance = 'balance = { at = "fake", reference = "l1", losses = ["gan"] }'
    assert (
        told.cure == ("[players.generator]", "losses.l1.weight = 1", balance) and "A balance with which l1" in told.told
    )
    cured("pix2pix", told.cure)
    again = told_of(check("cured.toml"), {"generator/fake/share/l1": 0.96, "generator/fake/share/gan": 0.04})
    assert again["one_loss_leads"].others == ()


def test_a_loss_that_saturates_under_a_sure_critic_is_told_with_the_form_that_does_not() -> None:
    """Read from the slope of the generator's loss; a critic that is fooled makes it flat too, and is not told of."""
    Path("old.toml").write_text('extends = "zoo/ring_gan"\n[players.generator]\nlosses.gan.saturating = true\n')
    recipe = check("old.toml")
    figures = {"generator/gan/slope": 0.001, "critic/gan/ranked": 0.99}
    told = told_of(recipe, figures)["saturated_generator"]
    assert "losses.gan.saturating = false" in told.cure and told.since == 1
    cured("old.toml", told.cure)
    assert "saturated_generator" not in told_of(recipe, figures | {"critic/gan/ranked": 0.2})
    assert "saturated_generator" not in told_of(recipe, figures | {"generator/gan/slope": 0.3})


def test_the_slope_of_a_generators_loss_is_its_own() -> None:
    """Against the formulas: sigmoid(-s) or sigmoid(s), over a half; a loss that reads both sides has one too."""

    def slope(recipe: str) -> tuple[float, Tensor]:
        Path("metrics.jsonl").unlink(missing_ok=True)  # what was looked at in this round is looked at once
        found = seen_in_one_round(Training(check(recipe, ["run.batch=8"])), "generator")["gan/slope"]
        again = Training(check(recipe, ["run.batch=8"]))
        (contest,) = recipe_contests(again.recipe)
        scores = []

        def watch(round: int, move: Move, store: Store, terms: Sequence[Tensor]) -> None:
            if move.player.name == "generator":
                scores.append(store[contest.fake_score].detach())

        again.play(0, again.stream.batch(0), watch)
        return found, scores[0]

    for name, is_so in (("new", "false"), ("old", "true")):
        text = f'extends = "zoo/ring_gan"\n[players.generator]\nlosses.gan.saturating = {is_so}\n'
        Path(f"{name}.toml").write_text(text)
    found, scores = slope("new.toml")
    assert found == pytest.approx(2 * float((-scores).sigmoid().mean()), rel=1e-4)
    found, scores = slope("old.toml")
    assert found == pytest.approx(2 * float(scores.sigmoid().mean()), rel=1e-4)
    assert 0.1 < slope(str(DOCTOR / "ring.toml"))[0] < 2


def recipe_contests(recipe: Any) -> Any:
    return Bench(recipe).case.contests


def cured(name: str, cure: tuple[str, ...]) -> None:
    assert cure
    Path("cured.toml").write_text("\n".join([f'extends = "{name}"', *cure]))
    check("cured.toml")


def test_a_quiet_adversarial_loss_among_many_is_raised_itself() -> None:
    """Where no other loss has half of the gradient, lowering the first of them to half would be raising it."""
    Path("three.toml").write_text(
        'extends = "pix2pix"\n[players.generator]\n'
        'losses.l2 = { use = "l2", output = "fake", target = "target" }\n'
        'losses.edges = { use = "l1", output = "fake", target = "target" }\n'
    )
    shares = {"gan": 0.005, "l1": 0.335, "l2": 0.33, "edges": 0.33}
    told = told_of(check("three.toml"), {f"generator/fake/share/{name}": share for name, share in shares.items()})
    assert told["one_loss_leads"].cure == ("[players.generator]", "losses.gan.weight = 199")
    assert "gan is not heard. A weight with which gan has half" in told["one_loss_leads"].told


def test_a_leading_loss_is_given_the_weight_at_which_it_has_half() -> None:
    """Norms go with weights, so the stated weight is the old one times (1 - share) / share."""
    recipe = check("pix2pix")
    shares = {"generator/fake/share/l1": 0.96, "generator/fake/share/gan": 0.04}
    (lines,) = told_of(recipe, shares)["one_loss_leads"].others
    assert lines == ("[players.generator]", "losses.l1.weight = 4.17")  # 100 * 0.04 / 0.96


def test_the_doctors_page_is_what_its_table_says() -> None:
    """Written anew from the data it is the same; every case is in it; no healthy run has a verdict."""
    rows = json.loads((DOCTOR / "table.json").read_text())
    assert (DOCTOR.parent / "doctor.md").read_text() == page(rows)
    assert {row["case"] for row in rows} == {case.name for case in CASES}
    by_name = {case.name: case for case in CASES}
    for row in rows:
        case = by_name[row["case"]]
        assert is_found(case, row) if case.verdict else not row["told"], (row["case"], row["seed"])
    shipped = json.loads((DOCTOR / "shipped.json").read_text())
    assert shipped["d_supervised"]["rounds"] == shipped["d_supervised"]["of"] and not shipped["d_supervised"]["told"]


@pytest.mark.parametrize("name", ["not_a_number", "too_strong"])
def test_a_caused_failure_is_named_in_time(name: str) -> None:
    """The quickest cases of the suite, on a seed of their own; the whole of it is docs/doctor/suite.py."""
    case = next(case for case in CASES if case.name == name)
    assert is_found(case, run_case(case, 5, Path.cwd(), cure=False))


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.base == "ring"], ids=lambda case: case.name)
def test_the_suite_on_the_first_seed_of_its_table(case: Any) -> None:
    """Every failure on the ring is named in time, and of no healthy run is anything told."""
    rows = json.loads((DOCTOR / "table.json").read_text())
    seed = min(row["seed"] for row in rows if row["case"] == case.name)
    row = run_case(case, seed, Path.cwd(), cure=False)
    assert is_found(case, row) if case.verdict else not row["told"]


def test_the_first_number_that_is_none_is_traced() -> None:
    """The run fails with the round, the value and its network; the verdict is kept with them."""
    Path("nan.toml").write_text(
        f'extends = "{DOCTOR / "ring.toml"}"\n[run]\nrounds = 60\n[players.generator]\noptimizer.lr = 1e30\n'
    )
    registry = Registry.installed()
    with pytest.raises(RunError, match=r"became (nan|-?inf) before round 50\. In round 1 .*network generator made it"):
        start(check("nan.toml", registry=registry), registry, QuietScreen())
    (told,) = [line for line in find_run("nan").verdict_lines() if line["verdict"] == "non_finite"]
    assert told["round"] == 1 and told["about"] == "critic" and "fake" in told["told"]
    assert told["cure"] == ["[players.generator]", "optimizer.lr = 0.001"]  # the critic's rate is not wild


@frozen
class Mean(Signal):
    """The mean of what is made."""

    def at_move(self, moment: Any) -> Mapping[str, Tensor | float]:
        torch.rand(100)  # a careless signal: the run must not notice
        return {f"{each.loss}/mean": moment.value(each.made).mean() for each in moment.judges}


@frozen
class Broken(Signal):
    """Fails."""

    def at_move(self, moment: Any) -> Mapping[str, Tensor | float]:
        raise KeyError("what")


@frozen
class Always(Verdict):
    """Tells of whatever was measured."""

    def judge(self, case: Any) -> list[Finding]:
        series = case.series("critic/gan/mean")
        return [Finding("seen", {"mean": series.last})] if len(series) else []


def with_strangers() -> Registry:
    from gan_recipe.hooks import hookimpl

    class Plugin:
        @hookimpl
        def gan_recipe_components(self) -> dict[str, Any]:
            return {"mean": Mean, "broken": Broken, "always": Always}

    from gan_recipe.components.registry import Plugin as Registered

    registry = Registry.installed()
    bare = registry.plugins["gan_recipe"]
    acme = Registered("acme", bare.entry_point, ["acme 1.0"])
    acme.components = Plugin().gan_recipe_components()
    registry.plugins["acme"] = acme
    return registry


def test_anybodys_signal_and_verdict_join_in_and_cannot_disturb() -> None:
    """Named in the recipe; the run's random numbers stay; one that fails is named, and measured no more."""
    ring = f'extends = "{DOCTOR / "ring.toml"}"\n[run]\nrounds = 60\n'
    Path("plain.toml").write_text(ring)
    Path("strange.toml").write_text(
        f'{ring}[doctor]\nevery = 10\nsignals.mean = {{ use = "acme.mean" }}\n'
        'signals.broken = { use = "acme.broken" }\nverdicts.always = { use = "acme.always" }\n'
    )
    registry = with_strangers()
    plain = start(check("plain.toml", registry=registry), registry, QuietScreen()).folder
    with pytest.warns(RuntimeWarning, match="the signal 'broken' failed and is measured no more: KeyError"):
        strange = start(check("strange.toml", registry=registry), registry, QuietScreen()).folder
    for path in (plain.checkpoints / "00000060").glob("*.safetensors"):
        assert path.read_bytes() == (strange.checkpoints / "00000060" / path.name).read_bytes()
    assert [line["verdict"] for line in strange.verdict_lines()] == ["always"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("[doctor]\nevry = 3", r"doctor.evry: .*Did you mean 'every'"),
        ('[doctor]\noff = ["spectre"]', r"doctor.off: .*Did you mean 'spectra'"),
        ("[doctor]\nverdicts.mode_collapse = { diversty = 1.0 }", r"diversty: .*Did you mean 'diversity'"),
        ('[doctor]\nsignals.mine = { use = "critic_score" }', r"signals.mine.use: .*Did you mean 'critic_scores'"),
        ('[doctor]\nsignals.mine = { use = "mode_collapse" }', r"'mode_collapse' is a verdict; expected: signal"),
    ],
)
def test_a_mistake_in_the_doctors_table_is_placed(lines: str, message: str) -> None:
    """File, line, key and cure, as everywhere in a recipe."""
    Path("mine.toml").write_text(f'extends = "{DOCTOR / "ring.toml"}"\n{lines}\n')
    with pytest.raises(RecipeError, match=message):
        check("mine.toml")


def test_a_run_is_judged_again_from_its_files() -> None:
    """Without ``verdicts.jsonl`` the figures tell the same; a family is a tree; what is not measured is said."""
    lines = f'extends = "{DOCTOR / "ring.toml"}"\n[run]\nrounds = 60\nkeep_at = [50]\n'
    touchy = lines + "[doctor]\nevery = 5\nverdicts.mode_collapse = { diversity = 9.0, grace = 0 }\n"
    Path("touchy.toml").write_text(touchy)
    registry = Registry.installed()
    folder = start(check("touchy.toml", registry=registry), registry, QuietScreen()).folder
    live = [each.verdict for each in diagnosis(folder).told]
    recipe = check(str(folder.recipe))
    assert live == [each.verdict for each in judged_again(folder, recipe, {})] and "mode_collapse" in live
    assert "label faithfulness" in diagnosis(folder).unmeasured
    Path("child.toml").write_text(touchy.replace("[run]", '[networks.generator]\nstart = "touchy@50"\n[run]'))
    child = start(check("child.toml", registry=registry), registry, QuietScreen()).folder
    told = CliRunner().invoke(cli, ["diagnose", child.name, "--family"]).output.splitlines()
    heads = [line for line in told if re.match(r" *\w+/1: ", line)]
    assert [line.partition(":")[0] for line in heads] == ["touchy/1", "  child/1"]
    shutil.move(folder.path, "elsewhere")
    told = CliRunner().invoke(cli, ["diagnose", child.name, "--family"]).output.splitlines()
    assert told[0] == "touchy/1: its folder is not here" and told[1].startswith("  child/1: done")
