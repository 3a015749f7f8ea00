"""What constraints promise: they act on any network, once is enough, and the network stays one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_recipe.testing.trial import Failure, Trial, first_line

_IMAGES = (4, 3, 8, 8)


def attaches_once(trial: Trial) -> None:
    """Attached a second time it changes nothing: two players, or a warm start, may attach it again."""
    network = _attached(trial)
    before = _state(network)
    with torch.random.fork_rng(devices=[]):
        trial.made().attach(network)
    if difference := _difference(before, _state(network)):
        raise Failure(f"attached twice, {difference}", "nothing that is new", "leave what is constrained already alone")


def enforcing_is_idempotent(trial: Trial) -> None:
    """Enforced twice after a step of the optimiser, the weights are those of enforcing once."""
    network = _attached(trial)
    _step(network)
    trial.made().enforce(network)
    before = _state(network)
    trial.made().enforce(network)
    if difference := _difference(before, _state(network)):
        raise Failure(
            f"enforced twice, {difference}", "what was enforced once", "project the weights; accumulate nothing"
        )


def the_network_stays_trainable(trial: Trial) -> None:
    """After attaching, stepping and enforcing it takes what it took, gives finite outputs, and every leaf learns."""
    plain = _network(trial)(_images())
    network = _attached(trial)
    for _ in range(2):
        _step(network)
        trial.made().enforce(network)
    output = network(_images())
    if output.shape != plain.shape or not output.isfinite().all():
        raise Failure(
            f"{tuple(output.shape)}, finite: {bool(output.isfinite().all())}",
            f"{tuple(plain.shape)} and finite",
            "see attach",
        )
    stuck = [name for name, p in network.named_parameters() if not p.is_leaf or not p.requires_grad]
    if stuck:
        raise Failure(f"{', '.join(stuck)} cannot learn", "leaves that require grad", "act within torch.no_grad()")


def the_seed_decides_what_it_draws(trial: Trial) -> None:
    """Attached to the same network from the same seed of torch's, it is the same."""
    if difference := _difference(_state(_attached(trial)), _state(_attached(trial))):
        raise Failure(f"from one seed {difference}", "the same", "draw from torch's global generator")


def the_state_dict_round_trips(trial: Trial) -> None:
    """Weights saved from a constrained network load into another one, and give the same output."""
    first, second = _attached(trial), _attached(trial, seed=9)
    _step(first)
    trial.made().enforce(first)
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        if not torch.equal(first.eval()(_images()), second.eval()(_images())):
            raise Failure("the loaded network gives another output", "the same", "keep state in parameters and buffers")


def acts_on_another_device(trial: Trial) -> None:
    """Enforcing needs no look at a number: it works on torch's ``meta`` device, which has none."""
    network = _attached(trial).to("meta")
    try:
        trial.made().enforce(network)
    except Exception as error:
        raise Failure(
            f"on the meta device: {first_line(error)}",
            "weights changed without waiting for the device",
            "call neither .item() nor `if` on a weight",
        ) from error


def _network(trial: Trial, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if trial.network is not None:
            return trial.network().train()
        return nn.Sequential(
            nn.Conv2d(3, 8, 4, 2, 1),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(8, 4, 4, 2, 1),
            nn.Flatten(),
            nn.Linear(256, 1),
        )


def _attached(trial: Trial, seed: int = 0) -> nn.Module:
    network = _network(trial, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        trial.made().attach(network)
    return network


def _images() -> Tensor:
    return torch.rand(_IMAGES, generator=torch.Generator().manual_seed(2)) * 2 - 1


def _step(network: nn.Module) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    optimizer.zero_grad()
    network(_images()).square().sum().backward()
    optimizer.step()


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _difference(one: dict[str, Tensor], two: dict[str, Tensor]) -> str | None:
    if set(one) != set(two):
        return f"{', '.join(sorted(set(one) ^ set(two)))} comes or goes"
    changed = [name for name in one if not torch.equal(one[name], two[name])]
    return f"{', '.join(changed)} changes" if changed else None
