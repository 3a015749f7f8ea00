"""The law of the training graph: a recipe ends with the weights that a plain loop, written by hand, ends with.

The loops below know nothing of the framework. They share with it the first weights and the batches, and write out in
ordinary torch what the recipe says: who is detached, who is frozen, what is computed again after a step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.training import Training
from gan_recipe.loop.launch import start
from gan_recipe.runs.check_recipe import check

ROUNDS = 50
Batch = dict[str, Tensor]
Step = Callable[[int, Batch], None]

SMALL = {
    "d_supervised": [f"networks.{name}.width=0.125" for name in ("encoder", "decoder", "trunk")],
    "siamese": [
        *(f"networks.{name}.width=0.125" for name in ("encoder", "decoder", "trunk")),
        "networks.identity.stop=24",
        "networks.attributes.first=24",
        "schedule.switch_at=23",  # so that both periods of iterD:4:6 are seen within the rounds
    ],
}
SMALL["wgan_srgan"] = SMALL["siamese"]


def ends_equal(name: str, folder: Path, make_loop: Callable[[dict[str, nn.Module]], Step], *changes: str) -> None:
    """Train ``name`` through the public door and by hand; compare every bit of the weights."""
    overrides = [
        f"run.rounds={ROUNDS}",
        "run.batch=4",
        "run.held_out=4",
        "run.precision=float32",
        "data.faces.identities=6",
        "data.faces.held_out=2",
        *SMALL[name],
        *changes,
    ]
    registry = Registry.installed()
    recipe = check(name, overrides, registry)
    by_hand = Training(recipe)
    networks = {key: copy.deepcopy(network) for key, network in by_hand.graph.networks.items()}
    for network in networks.values():
        network.requires_grad_(True)
    step = make_loop(networks)
    for round in range(ROUNDS):
        full = by_hand.stream.batch(round)
        step(round, {key.partition(".")[2]: value for key, value in full.items()})

    ended = start(recipe, registry, QuietScreen())
    weights = load_file(ended.folder.checkpoints / f"{ROUNDS:08d}" / "networks.safetensors")
    different = [
        f"{key}/{part}"
        for key, network in networks.items()
        for part, value in network.state_dict().items()
        if not torch.equal(value, weights[f"{key}/{part}"])
    ]
    assert not different
    first = by_hand.graph.networks
    trained = zip(parameters(first, *first), parameters(networks, *networks), strict=True)
    assert not all(torch.equal(before, after) for before, after in trained)


def parameters(networks: dict[str, nn.Module], *names: str) -> list[nn.Parameter]:
    return [parameter for name in names for parameter in networks[name].parameters()]


def require(wanted: bool, networks: dict[str, nn.Module], *names: str) -> None:
    for parameter in parameters(networks, *names):
        parameter.requires_grad_(wanted)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("concat", [True, False])
def test_d_supervised_equals_a_hand_written_loop(tmp_path: Path, concat: bool) -> None:
    """Supervision in the critic's heads, relativistic pairing, lazy R1 and an L1 term: equal to the last bit.

    The critic is called once on all that it judges, as the recipe says, or three times.
    """
    recipe = check("d_supervised")
    critic, generator = recipe.players["critic"], recipe.players["generator"]
    weight = {name: loss.weight for name, loss in generator.losses.items()}
    weight_d = {name: loss.weight for name, loss in critic.losses.items()}

    def loop(n: dict[str, nn.Module]) -> Step:
        heads = ("trunk", "verdict", "identity", "pose", "light")
        d = torch.optim.Adam(parameters(n, *heads), fused=True, **_options(critic))
        g = torch.optim.Adam(parameters(n, "encoder", "decoder"), fused=True, **_options(generator))
        cosines = [torch.optim.lr_scheduler.CosineAnnealingLR(each, **critic.lr_schedule.options) for each in (d, g)]

        def step(round: int, batch: Batch) -> None:
            image, target = batch["image"], batch["target"]
            fake = n["decoder"](n["encoder"](image))

            if concat:
                real_seen, fake_seen, image_seen = n["trunk"](torch.cat([target, fake.detach(), image])).split(4)
            else:
                real_seen, fake_seen, image_seen = n["trunk"](target), n["trunk"](fake.detach()), n["trunk"](image)
            terms = {"gan": F.softplus(-(n["verdict"](real_seen) - n["verdict"](fake_seen))).mean()}
            terms["target_identity"] = F.cross_entropy(n["identity"](real_seen), batch["identity"])
            if round % critic.losses["r1"].every == 0:
                points = target.detach().requires_grad_(True)
                score = n["verdict"](n["trunk"](points)).sum()
                (slope,) = torch.autograd.grad(score, points, create_graph=True)
                terms["r1"] = slope.flatten(1).square().sum(dim=1).mean() / 2
            for head in ("identity", "pose", "light"):
                terms[head] = F.cross_entropy(n[head](image_seen), batch[head])
            total = torch.zeros(())
            for name in critic.losses:
                if name in terms:
                    total = total + terms[name] * (weight_d[name] * critic.losses[name].every)
            d.zero_grad()
            total.backward()
            d.step()

            require(False, n, *heads)
            fake_seen = n["trunk"](fake)
            with torch.no_grad():
                real_score = n["verdict"](n["trunk"](target))
            terms = {"gan": F.softplus(-(n["verdict"](fake_seen) - real_score)).mean()}
            for head, labels in (("identity", "identity"), ("pose", "target_pose"), ("light", "target_light")):
                terms[head] = F.cross_entropy(n[head](fake_seen), batch[labels])
            terms["l1"] = (fake - target).abs().mean()
            total = torch.zeros(())
            for name in generator.losses:
                total = total + terms[name] * weight[name]
            g.zero_grad()
            total.backward()
            g.step()
            require(True, n, *heads)
            for cosine in cosines:
                cosine.step()

        return step

    ends_equal("d_supervised", tmp_path, loop, f"networks.trunk.concat={str(concat).lower()}")


def _siamese_terms(n: dict[str, nn.Module], batch: Batch, code: Tensor, identity: Tensor) -> list[Tensor]:
    """The generator's losses but gan and L1, in the recipe's order."""

    def contrast(first: Tensor, second: Tensor, same: Tensor) -> Tensor:
        difference = (first - second).flatten(1)
        far = (2.0 - torch.linalg.vector_norm(difference, dim=1)).relu().square()
        return (same * difference.square().sum(dim=1) + (1 - same) * far).mean()

    partner = n["encoder"](batch["partner"])
    attributes, partner_attributes = n["attributes"](code), n["attributes"](partner)
    pose, light = n["pose"](attributes), n["light"](attributes)
    return [
        contrast(identity, n["identity"](partner), batch["same_identity"]),
        contrast(pose, n["pose"](partner_attributes), batch["same_pose"]),
        contrast(light, n["light"](partner_attributes), batch["same_light"]),
        F.cross_entropy(pose, batch["pose"]),
        F.cross_entropy(light, batch["light"]),
    ]


def _siamese_loop(
    optimizer: Callable[[list[nn.Parameter], float], torch.optim.Optimizer],
    rates: tuple[float, float],
    critic_loss: Callable[[Tensor, Tensor], Tensor],
    generator_loss: Callable[[Tensor], Tensor],
    after_critic: Callable[[dict[str, nn.Module]], None] = lambda networks: None,
) -> Callable[[dict[str, nn.Module]], Step]:
    def loop(n: dict[str, nn.Module]) -> Step:
        d = optimizer(parameters(n, "trunk", "verdict"), rates[0])
        g = optimizer(parameters(n, "encoder", "pose", "light", "decoder"), rates[1])

        def step(round: int, batch: Batch) -> None:
            moves = round % 4 == 0 if round < 23 else round % 6 == 0
            if moves:
                code = n["encoder"](batch["image"])
                identity = n["identity"](code)
                real = n["verdict"](n["trunk"](batch["target"]))
                fake = n["decoder"](identity)
                loss = critic_loss(real, n["verdict"](n["trunk"](fake.detach())))
                d.zero_grad()
                loss.backward()
                d.step()
                after_critic(n)
            else:
                code = n["encoder"](batch["image"])
                identity = n["identity"](code)
                fake = n["decoder"](identity)
            require(False, n, "trunk", "verdict")
            total = generator_loss(n["verdict"](n["trunk"](fake))) * 0.1
            for term in _siamese_terms(n, batch, code, identity):
                total = total + term
            total = total + (fake - batch["target"]).abs().mean()
            g.zero_grad()
            total.backward()
            g.step()
            require(True, n, "trunk", "verdict")

        return step

    return loop


def test_siamese_with_four_to_six_equals_a_hand_written_loop(tmp_path: Path) -> None:
    """Seven losses, batch norm everywhere, and a critic that moves every 4th and later every 6th round."""
    loop = _siamese_loop(
        lambda weights, rate: torch.optim.Adam(weights, lr=rate, betas=(0.5, 0.999), fused=True),
        (1e-4, 2e-4),
        # Binary cross-entropy with logits; torch's function of that name rounds the same number differently.
        lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
        lambda fake: F.softplus(-fake).mean(),
    )
    ends_equal("siamese", tmp_path, loop)


def test_wgan_srgan_equals_a_hand_written_loop(tmp_path: Path) -> None:
    """SRGAN's discriminator, RMSprop, and the clip after each critic step, norm layers spared."""

    def clip(n: dict[str, nn.Module]) -> None:
        for name in ("trunk", "verdict"):
            for module in n[name].modules():
                if not isinstance(module, nn.BatchNorm2d):
                    for weight in module.parameters(recurse=False):
                        weight.data.clamp_(-0.01, 0.01)

    loop = _siamese_loop(
        lambda weights, rate: torch.optim.RMSprop(weights, lr=rate),
        (5e-5, 5e-5),
        lambda real, fake: fake.mean() - real.mean(),
        lambda fake: -fake.mean(),
        clip,
    )
    ends_equal("wgan_srgan", tmp_path, loop)


def _options(player: object) -> dict[str, object]:
    options = dict(player.optimizer.options)  # type: ignore[attr-defined]
    return {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
