"""Several steps of the critic for one of everybody else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from gan_recipe import Schedule


@frozen
class NCritic(Schedule):
    """The critic moves in every round, all other players in every ``n``-th: rounds n - 1, 2 n - 1, ...

    So the generator first moves when the critic has had n steps. A round is one batch: the generator learns from the
    batch of the critic's last step. Within a round the players move in the recipe's order.

    Raises ValueError when n is below 1.

    Source: Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1 (n_critic = 5).
    """

    #: The player that moves in every round.
    critic: str = "critic"
    #: How many rounds go to one move of the others; at least 1.
    n: int = 5

    def __attrs_post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n is {self.n}; give a whole number of at least 1")

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return players if (round + 1) % self.n == 0 else [self.critic]

    def names(self) -> Iterable[str]:
        return (self.critic,)
