"""Rounds of ``d_supervised`` written by hand, from how a textbook writes them to the best that could be written."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Batch = dict[str, Tensor]
Round = Callable[[int, Batch], None]
#: Who moves in a round: whether the critic does, and whether the generator does.
Moves = Callable[[int], tuple[bool, bool]]
PENALTY_EVERY = 8  # of the critic's moves
CRITIC = ("trunk", "verdict", "identity", "pose", "light")
GENERATOR = ("encoder", "decoder")


def hand_tuned(networks: dict[str, nn.Module], moves: Moves, *, bf16: bool = False) -> Round:
    """Shared forward, one call of the critic on all that it judges, frozen critic in the generator's move, fused Adam,
    foreach average, no value read back."""
    n, critic_weights, generator_weights = _copied(networks)
    average = [weight.detach().clone() for weight in generator_weights]
    d = torch.optim.Adam(critic_weights, lr=5e-4, betas=(0.5, 0.999), fused=True)
    g = torch.optim.Adam(generator_weights, lr=8e-4, betas=(0.5, 0.999), fused=True)
    autocast = _autocast(bf16)
    penalised = _penalised()

    def step(round: int, batch: Batch) -> None:
        critic, generator = moves(round)
        image, target, identity = (batch[f"faces.{name}"] for name in ("image", "target", "identity"))
        for weight in generator_weights:
            weight.requires_grad = generator
        with autocast():
            fake = n["decoder"](n["encoder"](image))
        if critic:
            for weight in critic_weights:
                weight.requires_grad = True
            with autocast():
                seen = n["trunk"](torch.cat([target, fake.detach(), image])).split(len(image))
                real, made = n["verdict"](seen[0]).float(), n["verdict"](seen[1]).float()
                logits = {name: n[name](seen[2]).float() for name in ("identity", "pose", "light")}
                real_identity = n["identity"](seen[0]).float()
            loss = F.softplus(-(real - made)).mean()
            if penalised(round):
                loss = loss + _slope_penalty(n, target)
            loss = loss + F.cross_entropy(real_identity, identity)
            for name, logit in logits.items():
                loss = loss + F.cross_entropy(logit, batch[f"faces.{name}"])
            d.zero_grad()
            loss.backward()
            d.step()
        if not generator:
            return
        for weight in critic_weights:
            weight.requires_grad = False
        with torch.no_grad(), autocast():
            real = n["verdict"](n["trunk"](target)).float()
        with autocast():
            seen_fake = n["trunk"](fake)
            made = n["verdict"](seen_fake).float()
            logits = {name: n[name](seen_fake).float() for name in ("identity", "pose", "light")}
        loss = F.softplus(-(made - real)).mean() * 0.1
        loss = loss + F.cross_entropy(logits["identity"], identity) * 0.1
        for name in ("pose", "light"):
            loss = loss + F.cross_entropy(logits[name], batch[f"faces.target_{name}"]) * 0.02
        loss = loss + (fake.float() - target).abs().mean() * 40
        g.zero_grad()
        loss.backward()
        g.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, generator_weights, 0.005)

    return step


def textbook(networks: dict[str, nn.Module], moves: Moves, *, wasteful: bool = False) -> Round:
    """The generator computed anew for each player, a critic that is not frozen, default Adam, ``.item()`` on each term.

    A textbook leaves networks and batches in torch's default memory format, too: that is the caller's.

    ``wasteful`` is the notebook's loop: both players' losses and gradients are made in every round, and an optimiser
    steps in the rounds in which its player moves.
    """
    n, critic_weights, generator_weights = _copied(networks)
    for weight in (*critic_weights, *generator_weights):
        weight.requires_grad = True
    average = [weight.detach().clone() for weight in generator_weights]
    d = torch.optim.Adam(critic_weights, lr=5e-4, betas=(0.5, 0.999))
    g = torch.optim.Adam(generator_weights, lr=8e-4, betas=(0.5, 0.999))
    shown: dict[str, float] = {}
    penalised = _penalised()

    def critic_losses(round: int, batch: Batch) -> None:
        image, target, identity = (batch[f"faces.{name}"] for name in ("image", "target", "identity"))
        fake = n["decoder"](n["encoder"](image))
        real_seen, fake_seen, image_seen = n["trunk"](target), n["trunk"](fake.detach()), n["trunk"](image)
        terms = {"gan": F.softplus(-(n["verdict"](real_seen) - n["verdict"](fake_seen))).mean()}
        if penalised(round):
            terms["r1"] = _slope_penalty(n, target)
        terms["target_identity"] = F.cross_entropy(n["identity"](real_seen), identity)
        for name in ("identity", "pose", "light"):
            terms[name] = F.cross_entropy(n[name](image_seen), batch[f"faces.{name}"])
        d.zero_grad()
        sum(terms.values(), torch.zeros(())).backward()
        shown.update({name: value.item() for name, value in terms.items()})

    def generator_losses(batch: Batch) -> None:
        image, target, identity = (batch[f"faces.{name}"] for name in ("image", "target", "identity"))
        fake = n["decoder"](n["encoder"](image))
        fake_seen = n["trunk"](fake)
        real = n["verdict"](n["trunk"](target))
        terms = {"gan": F.softplus(-(n["verdict"](fake_seen) - real)).mean() * 0.1}
        terms["identity"] = F.cross_entropy(n["identity"](fake_seen), identity) * 0.1
        for name in ("pose", "light"):
            terms[name] = F.cross_entropy(n[name](fake_seen), batch[f"faces.target_{name}"]) * 0.02
        terms["l1"] = (fake - target).abs().mean() * 40
        g.zero_grad()
        sum(terms.values(), torch.zeros(())).backward()
        shown.update({name: value.item() for name, value in terms.items()})

    def step(round: int, batch: Batch) -> None:
        critic, generator = moves(round)
        if critic or wasteful:
            critic_losses(round, batch)
        if critic:
            d.step()
        if generator or wasteful:
            generator_losses(batch)
        if generator:
            g.step()
            with torch.no_grad():
                for mean, weight in zip(average, generator_weights, strict=True):
                    mean.mul_(0.995).add_(weight, alpha=0.005)

    return step


def with_torchs_elu(networks: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """Copies in which every ELU is torch's own module, as a textbook would have it."""
    copied = {name: copy.deepcopy(network) for name, network in networks.items()}
    for network in copied.values():
        for module in list(network.modules()):
            for name, child in module.named_children():
                if type(child).__name__ == "ELU":
                    setattr(module, name, nn.ELU())
    return copied


def contiguous(networks: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """Copies in torch's default memory format, as a textbook leaves them."""
    return {
        name: copy.deepcopy(network).to(memory_format=torch.contiguous_format) for name, network in networks.items()
    }


def contiguous_batch(batch: Batch) -> Batch:
    return {name: tensor.contiguous() for name, tensor in batch.items()}


def _penalised() -> Callable[[int], bool]:
    """Whether the penalty is due: in the first of every eight critic's moves, as they are asked for."""
    asked = [0]

    def due(round: int) -> bool:
        if round == 0:
            asked[0] = 0
        asked[0] += 1
        return asked[0] % PENALTY_EVERY == 1

    return due


def _copied(networks: dict[str, nn.Module]) -> tuple[dict[str, nn.Module], list[nn.Parameter], list[nn.Parameter]]:
    n = {name: copy.deepcopy(network) for name, network in networks.items()}
    critic, generator = ([p for name in names for p in n[name].parameters()] for names in (CRITIC, GENERATOR))
    return n, critic, generator


def _slope_penalty(n: dict[str, nn.Module], target: Tensor) -> Tensor:
    """Half the squared slope of the verdict at real images, times 8 x 0.125 for being lazy."""
    points = target.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(n["verdict"](n["trunk"](points)).sum(), points, create_graph=True)
    return slope.flatten(1).square().sum(dim=1).mean() / 2


def _autocast(bf16: bool) -> Callable[[], Any]:
    return partial(torch.autocast, "cpu", torch.bfloat16) if bf16 else nullcontext
