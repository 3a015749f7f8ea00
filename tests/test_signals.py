"""Signals measure what they say, checked by hand in float64."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.graph import Store
from gan_recipe.engine.training import Training
from gan_recipe.health.bench import Bench
from gan_recipe.health.contests import contests, meetings
from gan_recipe.health.moment import Look
from gan_recipe.language.plan import Move
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder
from gan_recipe_plugins.held_out_scores import HeldOutScores, copied

DOCTOR = Path(__file__).parents[1] / "docs" / "doctor"
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
        "l1": 40 * (fake - target).abs().mean(),
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
    assert (critic["rate"], generator["rate"]) == (pytest.approx(5e-4), pytest.approx(8e-4))

    for name in names:  # the critic has moved before the generator does
        d[name].load_state_dict({key: value.double() for key, value in n[name].state_dict().items()})
    seen = d["trunk"](made)
    loss = (
        0.1 * F.softplus(d["verdict"](d["trunk"](target)) - d["verdict"](seen)).mean()
        + 40 * (made - target).abs().mean()
    )
    loss = loss + 0.1 * F.cross_entropy(d["identity"](seen), batch["identity"])
    loss = loss + 0.02 * F.cross_entropy(d["pose"](seen), batch["target_pose"])
    loss = loss + 0.02 * F.cross_entropy(d["light"](seen), batch["target_light"])
    weights = [w for name in ("encoder", "decoder") for w in d[name].parameters()]
    after, _, moved = by_adam(generator, loss, weights, rate=8e-4)
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


def test_diversity_modes_copies_and_neighbours() -> None:
    """One image for all has none of them; the real batch itself has all; a shifted one is told apart."""
    from gan_recipe_plugins.outputs import _apart, _figures

    torch.manual_seed(0)
    real = torch.rand(16, 3, 16, 16) * 1.6 - 0.8
    same = {name: float(value) for name, value in _figures(real.clone(), real).items()}
    assert (
        same["diversity"] == pytest.approx(1)
        and same["modes"] == pytest.approx(1)
        and float(_apart(real.clone(), real)) == 0
    )
    assert same["detail"] == pytest.approx(1) and same["limits"] == 0 and same["copies"] == 0
    one = {name: float(value) for name, value in _figures(real[:1].repeat(16, 1, 1, 1), real).items()}
    assert one["diversity"] < 1e-3 and one["copies"] == 1 and one["modes"] == pytest.approx(1 / 16, rel=0.1)
    far = {name: float(value) for name, value in _figures((real + 5).clamp(-1, 1), real).items()}
    assert float(_apart((real + 5).clamp(-1, 1), real)) == 1 and far["limits"] == 1 and far["detail"] < 1e-6


def test_the_largest_singular_value_is_found_within_a_few_percent() -> None:
    """Against the decomposition itself, for square, wide and tall matrices."""
    from gan_recipe_plugins.weights import _largest

    torch.manual_seed(1)
    for shape in ((30, 30), (8, 200), (200, 8)):
        matrix = torch.randn(shape)
        exact = float(torch.linalg.matrix_norm(matrix, 2))
        assert 0.9 * exact <= float(_largest(matrix)) <= exact * 1.0001


def test_the_slope_of_a_generators_loss_is_its_own() -> None:
    """Against the formulas: sigmoid(-s) or sigmoid(s), over a half; a loss that reads both sides has one too."""

    def slope(recipe: str) -> tuple[float, Tensor]:
        Path("metrics.jsonl").unlink(missing_ok=True)  # what was looked at in this round is looked at once
        found = seen_in_one_round(Training(check(recipe, ["run.batch=8"])), "generator")["gan/slope"]
        again = Training(check(recipe, ["run.batch=8"]))
        (contest,) = Bench(again.recipe).case.contests
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
