"""A signal and a verdict that break one promise of the conformance kit where they are told to."""

from __future__ import annotations

import itertools
from typing import Any

from attrs import frozen

from gan_recipe import Finding, Signal, Verdict

_count = itertools.count()


@frozen
class SoundSignal(Signal):
    """The standard deviation of the scores of fake samples, ``LOSS/spread``: 0 for one score for all."""

    fault: str = ""

    def at_move(self, moment: Any) -> Any:
        import torch

        found: dict[str, Any] = {}
        for contest in moment.judges:
            scores = moment.value(contest.fake_score)
            spread = scores.detach().std()
            match self.fault:
                case "nothing":
                    continue
                case "undocumented":
                    found[f"{contest.loss}/iqr"] = spread
                    continue
                case "shape":
                    spread = scores.detach()
                case "infinite":
                    spread = 1 / (spread - spread)
                case "reads":
                    spread = float(spread)
                case "decides":
                    spread = spread if spread > 0 else spread + 1
                case "random":
                    spread = spread + torch.rand(())
                case "counts":
                    spread = spread + next(_count)
                case "scales":
                    next(iter(moment.networks.values())).get_parameter("0.weight").mul_(2)
                case "evaluates":
                    next(iter(moment.networks.values())).eval()
                case "backward":
                    with torch.enable_grad():
                        (scores.sum() * 1).backward(retain_graph=True)
                case "draws":
                    torch.rand(3)
                case "hooks":
                    moment.losses["gan"].register_hook(lambda gradient: gradient * 2)
                case "frees":
                    weight = next(next(iter(moment.networks.values())).parameters())
                    torch.autograd.grad(moment.losses["gan"], weight)
                case "dear":
                    for _ in range(1_000):
                        spread = spread + scores.detach().std() - scores.detach().std()
            found[f"{contest.loss}/spread"] = spread
        return found


@frozen
class SoundVerdict(Verdict):
    """The critic gives all fakes one score: read from ``spread``."""

    fault: str = ""

    def judge(self, case: Any) -> Any:
        for contest in case.contests:
            spread = case.series(f"{contest.critic}/{contest.loss}/spread")
            fooled = case.series(f"{contest.critic}/{contest.loss}/ranked")
            match self.fault:
                case "silence":
                    return
                case "hasty" if not len(spread):
                    yield Finding("the spread is not there at all", {"rounds": 0.0}, (), "hasty")
                case "nervous" if fooled.stayed(1, below=0.9):
                    yield Finding("the critic is not always right", {"ranked": fooled.last}, (), "nervous")
                case "needy" if spread.stayed(3, below=1e-3):
                    yield Finding("all fakes have one score", {"ranked": fooled.mean()}, (), "needy")
                case "torch" if spread.stayed(3, below=1e-3):
                    import torch

                    yield Finding("all fakes have one score", {"spread": float(torch.zeros(()))})
                case "counts" if spread.stayed(3, below=1e-3):
                    yield Finding("all fakes have one score", {"count": float(next(_count))})
                case "words" if spread.stayed(3, below=1e-3):
                    yield Finding("bad", {"spread": spread.last})
                case "figures" if spread.stayed(3, below=1e-3):
                    yield Finding("all fakes have one score", {"ratio": float("inf")})
                case "twice" if spread.stayed(3, below=1e-3):
                    yield from [Finding("all fakes have one score", {"spread": spread.last})] * 2
                case "cure" if spread.stayed(3, below=1e-3):
                    lines = (f"[players.{contest.critic}]", "optimiser.lr = 1e-4")
                    yield Finding("all fakes have one score", {"spread": spread.last}, lines)
                case _ if spread.stayed(3, below=1e-3):
                    lines = (f"[players.{contest.critic}]", "optimizer.lr = 1e-4")
                    yield Finding("all fakes have one score", {"spread": spread.last}, lines)
