"""Components each of which breaks one promise of the conformance kit, and a sound one to break it from."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs
from attrs import frozen

from gan_recipe import (
    Constraint,
    Data,
    Decoder,
    Field,
    Finding,
    Head,
    Loss,
    Metric,
    Schedule,
    Signal,
    SteeredSchedule,
    Verdict,
)

Anything = Any
_count = itertools.count()


@frozen
class Sound(Head):
    """One linear layer on flattened features, which gives one logit a sample."""

    #: Whether there is a bias.
    bias: bool = True

    def build(self, *inputs: Anything) -> Anything:
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(inputs[0][0].numel(), 1, bias=self.bias), *self.more())

    def more(self) -> list[Anything]:
        """What comes after the linear layer."""
        return []


def layer(forward: Any, set_up: Any = lambda module: None) -> Any:
    """A module of one function."""
    from torch import nn

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            set_up(self)

        def forward(self, x: Any) -> Any:
            return forward(self, x)

    return Layer()


def head(forward: Any, set_up: Any = lambda module: None) -> Head:
    """A sound head with one more layer."""

    @frozen
    class Faulty(Sound):
        """One linear layer on flattened features, and a fault."""

        def more(self) -> list[Any]:
            return [layer(forward, set_up)]

    return Faulty()


@frozen
class Lasting(Head):
    """Doubles its first input, also where it says that it would not."""

    only_in_training = True

    def build(self, *inputs: Anything) -> Anything:
        from torch import nn

        class Doubled(nn.Module):
            def forward(self, x: Anything, *others: Anything) -> Anything:
                return 2 * x

        return Doubled()


class Thawed(Head):
    """Not an attrs class at all."""


@frozen
class Silent(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    width: int = 1


@frozen
class Unstatable(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    #: No recipe can state a complex number.
    shift: complex = 0j


@frozen
class Reserved(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    #: A recipe's network has a key of this name.
    start: str = ""


@frozen
class Demanding(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    #: Must be stated.
    name: str = attrs.field(kw_only=True)


@frozen
class WrongDefault(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    #: A whole number whose default is none.
    count: int = 1.5  # type: ignore[assignment]


@frozen
class Unbounded(Decoder):
    """Features to an image whose pixels lie anywhere at all."""

    def build(self, *inputs: Anything) -> Anything:
        from torch import nn

        return nn.ConvTranspose2d(inputs[0].shape[1], 3, 4, 2, 1)


@frozen
class Unbuildable(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    def build(self, *inputs: Anything) -> Anything:
        raise ValueError("the features are 8x4x4; expected 9x9")


@frozen
class OwnSeed(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    def build(self, *inputs: Anything) -> Anything:
        import torch

        module = super().build(*inputs)
        with torch.no_grad():
            module[1].weight.uniform_(generator=torch.Generator().manual_seed(next(_count)))
        return module


@frozen
class Tied(Sound):
    """Two linear layers with one weight between them, registered twice."""

    def build(self, *inputs: Anything) -> Anything:
        from torch import nn

        first, second = nn.Linear(4, 4), nn.Linear(4, 4)
        second.weight = first.weight
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs[0][0].numel(), 4), first, second)


@frozen
class Strided(Sound):
    """A linear layer on features that are read in memory order."""

    def build(self, *inputs: Anything) -> Anything:
        from torch import nn

        size = inputs[0].shape
        return nn.Sequential(
            layer(lambda _, x: x.as_strided((len(x), x[0].numel()), (x[0].numel(), 1))), nn.Linear(size[1:].numel(), 1)
        )


@frozen
class Writing(Sound):
    """A linear layer on features that it halves where they lie."""

    def build(self, *inputs: Anything) -> Anything:
        from torch import nn

        return nn.Sequential(layer(lambda _, x: x.mul_(0.5)), super().build(*inputs))


@frozen
class FixedBatch(Sound):
    """A linear layer that remembers how many samples it was built for."""

    def build(self, *inputs: Anything) -> Anything:
        from torch import nn

        batch, features = len(inputs[0]), inputs[0][0].numel()
        return nn.Sequential(layer(lambda _, x: x.reshape(batch, features)), nn.Linear(features, 1))


# ----------------------------------------------------------------------------------------------------------- losses


@frozen
class SoundLoss(Loss):
    """The mean of the difference of two scores, after softplus."""

    def __call__(self, real: Anything, fake: Anything) -> Anything:
        from torch.nn.functional import softplus

        if real.shape != fake.shape:
            raise ValueError(f"real is {tuple(real.shape)} and fake {tuple(fake.shape)}")
        return self.of(softplus(fake.double() - real.double()) if real.dtype.itemsize == 8 else
                       softplus(fake.float() - real.float()), real)  # fmt: skip

    def of(self, each: Anything, real: Anything) -> Anything:
        """One number of the samples' ones."""
        return each.mean()


def loss(of: Any) -> Loss:
    """A sound loss with another last step."""

    @frozen
    class FaultyLoss(SoundLoss):
        """The difference of two scores, with a fault."""

        def of(self, each: Any, real: Any) -> Any:
            return of(each, real)

    return FaultyLoss()


def _backward_is_wrong(each: Any, real: Any) -> Any:
    return each.mean() + (each * 0.5 - (each * 0.5).detach()).mean()


def _wanders(each: Any, real: Any) -> Any:
    return each.mean() + next(_count)


@frozen
class Broadcasting(Loss):
    """The mean of the difference of two scores, of any shapes, after softplus."""

    def __call__(self, real: Anything, fake: Anything) -> Anything:
        from torch.nn.functional import softplus

        return softplus(fake.float() - real.float()).square().mean()


@frozen
class Overflowing(Loss):
    """The log of a sum of exponentials, the way that overflows."""

    def __call__(self, fake: Anything) -> Anything:
        return (1 + fake.float().exp()).log().mean()


@frozen
class HalfPrecision(Loss):
    """The mean score, in whatever precision it comes."""

    def __call__(self, fake: Anything) -> Anything:
        return fake.square().mean()


# ------------------------------------------------------------------------------------------- schedules and constraints


@frozen
class Unfair(Schedule):
    """Only the first player ever moves."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return players[:1]


@frozen
class Steered(SteeredSchedule):
    """Everybody moves, and the last figure is remembered."""

    def __call__(self, real):  # type: ignore[no-untyped-def]
        return real.mean()

    def begin(self) -> Mapping[str, Any]:
        return {"last": 0.0}

    def heard(self, memory: Mapping[str, Any], figure: float) -> Mapping[str, Any]:
        return {"last": figure}

    def moves_after(self, memory: Mapping[str, Any], round: int, players: Sequence[str]) -> Sequence[str]:
        return players


@frozen
class Starving(Steered):
    """Once it has heard something low, nobody but the first ever moves."""

    def moves_after(self, memory: Mapping[str, Any], round: int, players: Sequence[str]) -> Sequence[str]:
        return players[:1] if memory["last"] < -1 else players


_heard = itertools.count()


@frozen
class Forgetful(Steered):
    """Remembers how often any of its kind was asked."""

    def heard(self, memory: Mapping[str, Any], figure: float) -> Mapping[str, Any]:
        return {"last": float(next(_heard))}


@frozen
class Listing(Steered):
    """Remembers a list."""

    def heard(self, memory: Mapping[str, Any], figure: float) -> Mapping[str, Any]:
        return {"last": [figure]}

    def moves_after(self, memory: Mapping[str, Any], round: int, players: Sequence[str]) -> Sequence[str]:
        return players


@frozen
class Renaming(Steered):
    """Remembers something else after the first figure."""

    def heard(self, memory: Mapping[str, Any], figure: float) -> Mapping[str, Any]:
        return {"newest": figure}


@frozen
class Counting(Schedule):
    """Players take turns by a counter that every question moves on."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return [players[next(_count) % len(players)]]


@frozen
class Inventing(Schedule):
    """Somebody moves who is no player."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return [*players, "nobody"]


@frozen
class Misnaming(Schedule):
    """All players move, and a setting mentions another."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return players

    def names(self) -> list[str]:
        return ["critik"]


@frozen
class Shrinking(Constraint):
    """Halves every weight after each step, again and again."""

    def enforce(self, network: Anything) -> None:
        import torch

        with torch.no_grad():
            for weight in network.parameters():
                weight.mul_(0.5)


@frozen
class Stacking(Constraint):
    """Adds a buffer each time that it is attached."""

    def attach(self, network: Anything) -> None:
        import torch

        network.register_buffer(f"seen_{next(_count)}", torch.zeros(()))


@frozen
class Freezing(Constraint):
    """Takes the weights out of training for good."""

    def attach(self, network: Anything) -> None:
        network[0].weight.requires_grad_(False)


@frozen
class Looking(Constraint):
    """Clips the weights if one is too large, which it looks at."""

    def enforce(self, network: Anything) -> None:
        for weight in network.parameters():
            if float(weight.detach().abs().max()) > 1:
                weight.data.clamp_(-1, 1)


# ------------------------------------------------------------------------------------------------- data and metrics


@frozen
class Drawing(Constraint):
    """Sets the first bias to a number of its own."""

    def attach(self, network: Anything) -> None:
        network[0].bias.data.fill_(next(_count))


@frozen
class Insisting(Loss):
    """The mean score, weighted, with weights that may seemingly be left out."""

    def __call__(self, fake: Anything, weights: Anything = None) -> Anything:
        return (fake.float() * weights.float()).mean()


@frozen
class SoundData(Data):
    """Vectors of noise with labels, which are a function of (seed, position)."""

    fault: str = ""
    #: How many training has.
    samples: int = 10

    def fields(self) -> Mapping[str, Field]:
        label = Field((), "float32" if self.fault == "classes" else "int64", 3)
        return {"vector": Field((3 if self.fault == "wide" else 2,)), "label": label}

    def more(self) -> Mapping[str, int | float | str]:
        proposed: dict[str, dict[str, int | float | str]] = {
            "": {"samples": 20},
            "no setting": {"sample": 20},
            "no type": {"samples": "all"},
            "no more": {"samples": 10},
            "other fields": {"samples": 20, "fault": "wide"},
        }
        return proposed.get(self.fault, {}) if self.samples < 20 else {}

    def open(self, *, held_out: bool = False) -> Anything:
        return _Stream(self.fault, held_out, self.samples)


class _Stream:
    def __init__(self, fault: str, held_out: bool, samples: int) -> None:
        self.fault, self.held_out, self.samples, self.asked = fault, held_out, samples, 0
        part = 0 if fault == "one fingerprint" else int(held_out)
        moment = next(_count) if fault == "fleeting" else 0
        self.fingerprint = f"{part}{moment % 10}" * 32

    def __len__(self) -> int:
        return 0 if self.fault == "empty" else 10 if self.held_out else self.samples

    def batch(self, seed: int, position: int, size: int, fields: Collection[str] | None = None) -> dict[str, Any]:
        import numpy as np

        self.asked += 1
        key = [seed, position, int(self.held_out)]
        if self.fault == "iterates":
            key.append(self.asked)
        if self.fault == "seedless":
            key[0] = 0
        if self.fault == "overlaps":
            key[2] = 0
        random = np.random.default_rng(key)
        label = random.integers(3, size=size) + (7 if self.fault == "labels" else 0)
        if self.fault == "fields" and fields is not None and "label" not in fields:
            random = np.random.default_rng(key)
        vector = random.standard_normal((size, 2), np.float64 if self.fault == "dtype" else np.float32)
        made = {"vector": vector, "label": label}
        return made | {"more": label} if self.fault == "more" else made


@frozen
class SoundMetric(Metric):
    """The share of scores above 0."""

    fault: str = ""

    def __call__(self, output: Anything) -> Anything:
        import torch

        share = float((output > 0).float().mean())
        if self.fault == "nan":
            return share / float(output.abs().sum()) if output.any() else float("nan")
        if self.fault == "random":
            return float(torch.rand(()))
        if self.fault == "bounds":
            return 2 * share
        if self.fault == "tensor":
            return torch.tensor(share)
        return share


# --------------------------------------------------------------------------------------------- signals and verdicts


@frozen
class SoundSignal(Signal):
    """The standard deviation of the scores of fake samples, ``LOSS/spread``: 0 for one score for all."""

    fault: str = ""

    def at_move(self, moment: Anything) -> Anything:
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

    def judge(self, case: Anything) -> Anything:
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


ONE_SCORE = {"failing": {"critic/gan/spread": 0.0}}

FAULTS: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    "is_a_frozen_attrs_class": [(Thawed, {})],
    "is_documented": [(Silent(), {})],
    "settings_can_be_stated_in_a_recipe": [(Unstatable(), {}), (Reserved(), {})],
    "defaults_make_a_component": [(Demanding, {})],
    "defaults_read_back_from_a_recipe": [(WrongDefault(), {})],
    "builds_for_example_inputs": [(Unbuildable(), {})],
    "output_has_the_promised_shape_and_dtype": [(Sound(), {"output": Field((2,))}), (head(lambda _, x: x.sum()), {})],
    "images_lie_between_minus_one_and_one": [(Unbounded(), {})],
    "takes_batches_of_any_size": [(FixedBatch(), {})],
    "a_sample_is_judged_alone_in_eval_mode": [
        (head(lambda _, x: x - x.mean()), {}),
        (head(lambda _, x: x + next(_count)), {}),
    ],
    "hands_on_its_input_in_eval_mode": [(Lasting(), {}), (Lasting(), {"inputs": [Field((1,)), Field((1,))]})],
    "trains_in_training_mode": [(head(lambda self, x: x / 0 if self.training else x), {})],
    "gradients_reach_every_parameter": [(head(lambda self, x: x.detach() + self.scale, lambda self: _scale(self)), {})],
    "the_seed_decides_the_weights": [(OwnSeed(), {})],
    "the_state_dict_round_trips": [(Tied(), {}), (head(lambda self, x: x * self.scale, lambda self: _plain(self)), {})],
    "its_inputs_are_left_alone": [
        (Writing(), {}),
    ],
    "moves_to_double_precision": [(head(lambda _, x: x.float()), {})],
    "moves_to_another_device": [
        (head(lambda self, x: x * self.scale, lambda self: _constant(self)), {}),
        (head(lambda _, x: x * 2 if float(x.detach().sum()) > 0 else x), {}),
    ],
    "runs_in_bfloat16": [(head(lambda _, x: (x.float() * 1e5).sin()), {})],
    "channels_last_changes_nothing": [(Strided(), {})],
    "double_backward": [(head(lambda _, x: _halved(x)), {})],
    "returns_one_number": [(loss(lambda each, _: each), {}), (loss(lambda each, _: each.detach().mean()), {})],
    "the_gradient_is_right": [(loss(_backward_is_wrong), {})],
    "finite_at_extremes": [(Overflowing(), {})],
    "precise_in_bfloat16": [(HalfPrecision(), {})],
    "the_same_every_time": [(loss(_wanders), {}), (loss(lambda each, real: (real.data.add_(1), each.mean())[1]), {})],
    "takes_a_batch_of_one": [(loss(lambda each, _: each.mean() / (len(each) - 1)), {})],
    "does_not_broadcast_samples": [(Broadcasting(), {})],
    "asks_nothing_of_the_device": [(loss(lambda each, _: each.mean() * float(each.detach().sum() > 0)), {})],
    "everybody_moves": [(Unfair(), {})],
    "everybody_moves_whatever_is_heard": [(Starving(), {}), (Forgetful(), {})],
    "what_is_remembered_is_numbers": [(Listing(), {}), (Renaming(), {})],
    "is_a_pure_function_of_the_round": [(Counting(), {})],
    "moves_are_players_in_order": [(Inventing(), {})],
    "names_are_the_players_that_the_settings_mention": [(Misnaming(), {})],
    "enforcing_is_idempotent": [(Shrinking(), {})],
    "attaches_once": [(Stacking(), {})],
    "the_network_stays_trainable": [(Freezing(), {})],
    "acts_on_another_device": [(Looking(), {})],
    "a_batch_is_a_function_of_seed_and_position": [(SoundData("iterates"), {})],
    "the_seed_decides_what_it_draws": [(Drawing(), {})],
    "optional_reads_may_be_left_out": [(Insisting(), {"reads": {"weights": Field((1,))}})],
    "torch_compile": [(head(lambda _, x: x * 2 if x.sum() > 0 else x), {})],
    "torch_export": [(FixedBatch(), {})],
    "fields_are_told": [(SoundData("classes"), {})],
    "batches_differ": [(SoundData("seedless"), {})],
    "batches_are_as_declared": [(SoundData("labels"), {}), (SoundData("dtype"), {}), (SoundData("more"), {})],
    "held_out_samples_are_never_trained_on": [(SoundData("overlaps"), {})],
    "fields_may_be_left_out": [(SoundData("fields"), {})],
    "the_fingerprint_names_the_data": [(SoundData("one fingerprint"), {}), (SoundData("fleeting"), {})],
    "its_length_is_told": [(SoundData("empty"), {})],
    "several_may_ask_at_once": [(SoundData("iterates"), {})],
    "more_is_more": [(SoundData(fault), {}) for fault in ("no setting", "no type", "no more", "other fields")],
    "figures_are_finite_numbers": [(SoundSignal("shape"), {}), (SoundSignal("infinite"), {})],
    "names_are_documented": [(SoundSignal("undocumented"), {})],
    "measures_the_same_twice": [(SoundSignal("random"), {}), (SoundSignal("counts"), {})],
    "what_is_unmeasured_is_told": [(SoundSignal("nothing"), {})],
    "leaves_the_run_alone": [(SoundSignal(fault), {}) for fault in ("scales", "evaluates", "backward", "draws")],
    "the_run_ends_the_same": [(SoundSignal("hooks"), {}), (SoundSignal("frees"), {})],
    "does_not_wait_for_the_device": [(SoundSignal("reads"), {}), (SoundSignal("decides"), {})],
    "costs_a_few_rounds_at_most": [(SoundSignal("dear"), {})],
    "silent_without_figures": [(SoundVerdict("hasty"), ONE_SCORE)],
    "silent_on_healthy_figures": [(SoundVerdict("nervous"), ONE_SCORE)],
    "tells_of_a_failing_run": [
        (SoundVerdict(), {}),
        *((SoundVerdict(fault), ONE_SCORE) for fault in ("silence", "words", "figures")),
    ],
    "copes_with_missing_figures": [(SoundVerdict("needy"), ONE_SCORE)],
    "is_a_pure_function_of_the_figures": [(SoundVerdict("torch"), ONE_SCORE), (SoundVerdict("counts"), ONE_SCORE)],
    "findings_are_told_apart": [(SoundVerdict("twice"), ONE_SCORE)],
    "cures_are_sound": [(SoundVerdict("cure"), ONE_SCORE)],
    "returns_a_finite_number": [(SoundMetric("nan"), {}), (SoundMetric("tensor"), {})],
    "stays_within_its_bounds": [(SoundMetric("bounds"), {"bounds": (0, 1)})],
    "the_same_for_the_same_samples": [(SoundMetric("random"), {})],
    "leaves_the_runs_random_numbers_alone": [(SoundMetric("random"), {})],
}


def _scale(module: Any) -> None:
    import torch
    from torch import nn

    module.scale = nn.Parameter(torch.ones(1))


def _plain(module: Any) -> None:
    import torch

    module.scale = float(torch.rand(()))


def _constant(module: Any) -> None:
    import torch

    module.scale = torch.ones(2)[:1].expand(1)


def _halved(x: Any) -> Any:
    """x, with a backward that is none of a second time."""
    import torch

    class Halved(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context: Any, gradient: Any) -> Any:
            return gradient / 2

    return Halved.apply(x)
