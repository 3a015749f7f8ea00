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
CRITIC = ("trunk", "verdict", "identity", "pose", "light")
GENERATOR = ("encoder", "decoder")


def hand_tuned(networks: dict[str, nn.Module], *, bf16: bool = False, every: int = 1) -> Round:
    """Shared forward, frozen critic in the generator's move, fused Adam, foreach average, no value read back."""
    n, critic_weights, generator_weights = _copied(networks)
    average = [weight.detach().clone() for weight in generator_weights]
    d = torch.optim.Adam(critic_weights, lr=5e-4, betas=(0.5, 0.999), fused=True)
    g = torch.optim.Adam(generator_weights, lr=1e-3, betas=(0.5, 0.999), fused=True)
    autocast = _autocast(bf16)

    def step(round: int, batch: Batch) -> None:
        image, target, identity = (batch[f"faces.{name}"] for name in ("image", "target", "identity"))
        with autocast():
            fake = n["decoder"](n["encoder"](image))
        if round % every == 0:
            for weight in critic_weights:
                weight.requires_grad = True
            with autocast():
                seen = n["trunk"](target), n["trunk"](fake.detach()), n["trunk"](image)
                real, made = n["verdict"](seen[0]).float(), n["verdict"](seen[1]).float()
                logits = {name: n[name](seen[2]).float() for name in ("identity", "pose", "light")}
                real_identity = n["identity"](seen[0]).float()
            loss = F.softplus(-(real - made)).mean()
            if round // every % 8 == 0:
                loss = loss + _slope_penalty(n, target)
            loss = loss + F.cross_entropy(real_identity, identity)
            for name, logit in logits.items():
                loss = loss + F.cross_entropy(logit, batch[f"faces.{name}"])
            d.zero_grad()
            loss.backward()
            d.step()
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
        loss = loss + (fake.float() - target).abs().mean() * 20
        g.zero_grad()
        loss.backward()
        g.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, generator_weights, 0.005)

    return step


def textbook(networks: dict[str, nn.Module], *, every: int = 1) -> Round:
    """The generator computed anew for each player, a critic that is not frozen, default Adam, ``.item()`` on each term.

    ``every`` above 1 is the notebook's loop: the critic's losses and gradients are made in every round, and its
    optimiser steps in every ``every``-th.
    """
    n, critic_weights, generator_weights = _copied(networks)
    for weight in critic_weights:
        weight.requires_grad = True
    average = [weight.detach().clone() for weight in generator_weights]
    d = torch.optim.Adam(critic_weights, lr=5e-4, betas=(0.5, 0.999))
    g = torch.optim.Adam(generator_weights, lr=1e-3, betas=(0.5, 0.999))
    shown: dict[str, float] = {}

    def step(round: int, batch: Batch) -> None:
        image, target, identity = (batch[f"faces.{name}"] for name in ("image", "target", "identity"))
        fake = n["decoder"](n["encoder"](image))
        real_seen, fake_seen, image_seen = n["trunk"](target), n["trunk"](fake.detach()), n["trunk"](image)
        terms = {"gan": F.softplus(-(n["verdict"](real_seen) - n["verdict"](fake_seen))).mean()}
        if round // every % 8 == 0:
            terms["r1"] = _slope_penalty(n, target)
        terms["target_identity"] = F.cross_entropy(n["identity"](real_seen), identity)
        for name in ("identity", "pose", "light"):
            terms[name] = F.cross_entropy(n[name](image_seen), batch[f"faces.{name}"])
        d.zero_grad()
        sum(terms.values(), torch.zeros(())).backward()
        if round % every == 0:
            d.step()
        shown.update({name: value.item() for name, value in terms.items()})

        fake = n["decoder"](n["encoder"](image))
        fake_seen = n["trunk"](fake)
        real = n["verdict"](n["trunk"](target))
        terms = {"gan": F.softplus(-(n["verdict"](fake_seen) - real)).mean() * 0.1}
        terms["identity"] = F.cross_entropy(n["identity"](fake_seen), identity) * 0.1
        for name in ("pose", "light"):
            terms[name] = F.cross_entropy(n[name](fake_seen), batch[f"faces.target_{name}"]) * 0.02
        terms["l1"] = (fake - target).abs().mean() * 20
        g.zero_grad()
        sum(terms.values(), torch.zeros(())).backward()
        g.step()
        shown.update({name: value.item() for name, value in terms.items()})
        with torch.no_grad():
            for mean, weight in zip(average, generator_weights, strict=True):
                mean.mul_(0.995).add_(weight, alpha=0.005)

    return step


def _copied(networks: dict[str, nn.Module]) -> tuple[dict[str, nn.Module], list[nn.Parameter], list[nn.Parameter]]:
    n = {name: copy.deepcopy(network) for name, network in networks.items()}
    critic, generator = ([p for name in names for p in n[name].parameters()] for names in (CRITIC, GENERATOR))
    for weight in generator:
        weight.requires_grad = True
    return n, critic, generator


def _slope_penalty(n: dict[str, nn.Module], target: Tensor) -> Tensor:
    """Half the squared slope of the verdict at real images, times 8 x 0.125 for being lazy."""
    points = target.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(n["verdict"](n["trunk"](points)).sum(), points, create_graph=True)
    return slope.flatten(1).square().sum(dim=1).mean() / 2


def _autocast(bf16: bool) -> Callable[[], Any]:
    return partial(torch.autocast, "cpu", torch.bfloat16) if bf16 else nullcontext
