"""Least squares: the critic's output is regressed on a number for real and one for fake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class LeastSquaresCritic(Loss):
    """The critic's side of LSGAN.

    ``mean((real - real_target)^2) / 2 + mean((fake - fake_target)^2) / 2`` of critic outputs (no sigmoid) of any shape.
    The halves are the paper's; implementations differ by a factor of two, which the recipe's ``weight`` absorbs.

    Source: Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 2 (b and a), targets of equation
    9.
    """

    adversarial = "critic"
    roles: ClassVar[Mapping[str, Role]] = {"real": "verdict", "fake": "verdict"}

    #: What the critic should say of real samples.
    real_target: float = 1.0
    #: What the critic should say of fake samples.
    fake_target: float = 0.0

    def __attrs_post_init__(self) -> None:
        if self.real_target == self.fake_target:
            raise ValueError(
                f"real_target and fake_target are both {self.real_target}; "
                "the critic can only learn from two different numbers, such as 1 and 0"
            )

    def __call__(self, real: Tensor, fake: Tensor) -> Tensor:
        real_error = (precise(real) - self.real_target).square().mean()
        fake_error = (precise(fake) - self.fake_target).square().mean()
        return (real_error + fake_error) / 2


@frozen
class LeastSquaresGenerator(Loss):
    """The generator's side of LSGAN.

    ``mean((fake - target)^2) / 2`` of critic outputs of any shape. ``target`` is what the critic says of real samples,
    or a number between the critic's two targets (the paper's equation 8 minimises Pearson's chi-squared divergence
    with the critic at 1 and -1 and the generator at 0).

    Source: Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 2 (c), target of equation 9.
    """

    adversarial = "generator"
    roles: ClassVar[Mapping[str, Role]] = {"fake": "verdict"}

    #: What the generator wants the critic to say of fake samples.
    target: float = 1.0

    def __call__(self, fake: Tensor) -> Tensor:
        return (precise(fake) - self.target).square().mean() / 2
