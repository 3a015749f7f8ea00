"""Networks each of which breaks one promise of the conformance kit, and sound ones to break it from."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
from attrs import frozen

from gan_recipe import Decoder, Head

_count = itertools.count()


@frozen
class Sound(Head):
    """One linear layer on flattened features, which gives one logit a sample."""

    #: Whether there is a bias.
    bias: bool = True

    def build(self, *inputs: Any) -> Any:
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(inputs[0][0].numel(), 1, bias=self.bias), *self.more())

    def more(self) -> list[Any]:
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

    def build(self, *inputs: Any) -> Any:
        from torch import nn

        class Doubled(nn.Module):
            def forward(self, x: Any, *others: Any) -> Any:
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

    def build(self, *inputs: Any) -> Any:
        from torch import nn

        return nn.ConvTranspose2d(inputs[0].shape[1], 3, 4, 2, 1)


@frozen
class Unbuildable(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    def build(self, *inputs: Any) -> Any:
        raise ValueError("the features are 8x4x4; expected 9x9")


@frozen
class OwnSeed(Sound):
    """One linear layer on flattened features, which gives one logit a sample."""

    def build(self, *inputs: Any) -> Any:
        import torch

        module = super().build(*inputs)
        with torch.no_grad():
            module[1].weight.uniform_(generator=torch.Generator().manual_seed(next(_count)))
        return module


@frozen
class Tied(Sound):
    """Two linear layers with one weight between them, registered twice."""

    def build(self, *inputs: Any) -> Any:
        from torch import nn

        first, second = nn.Linear(4, 4), nn.Linear(4, 4)
        second.weight = first.weight
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs[0][0].numel(), 4), first, second)


@frozen
class Strided(Sound):
    """A linear layer on features that are read in memory order."""

    def build(self, *inputs: Any) -> Any:
        from torch import nn

        size = inputs[0].shape
        return nn.Sequential(
            layer(lambda _, x: x.as_strided((len(x), x[0].numel()), (x[0].numel(), 1))), nn.Linear(size[1:].numel(), 1)
        )


@frozen
class Writing(Sound):
    """A linear layer on features that it halves where they lie."""

    def build(self, *inputs: Any) -> Any:
        from torch import nn

        return nn.Sequential(layer(lambda _, x: x.mul_(0.5)), super().build(*inputs))


@frozen
class FixedBatch(Sound):
    """A linear layer that remembers how many samples it was built for."""

    def build(self, *inputs: Any) -> Any:
        from torch import nn

        batch, features = len(inputs[0]), inputs[0][0].numel()
        return nn.Sequential(layer(lambda _, x: x.reshape(batch, features)), nn.Linear(features, 1))


def scale(module: Any) -> None:
    import torch
    from torch import nn

    module.scale = nn.Parameter(torch.ones(1))


def plain(module: Any) -> None:
    import torch

    module.scale = float(torch.rand(()))


def constant(module: Any) -> None:
    import torch

    module.scale = torch.ones(2)[:1].expand(1)


def halved(x: Any) -> Any:
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
