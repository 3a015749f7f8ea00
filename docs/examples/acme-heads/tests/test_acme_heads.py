"""Both components keep gan-recipe's promises."""

from __future__ import annotations

from acme_heads.cosine_head import CosineHead
from acme_heads.softplus_ranking import SoftplusRanking

from gan_recipe import Field
from gan_recipe.testing import Check, Trial, parametrize_with_checks

TRIALS = [
    Trial(CosineHead(), inputs=[Field((8, 4, 4))], output=Field((1,)), label="maps"),
    Trial(CosineHead(scale=2.0), inputs=[Field((8,))], output=Field((1,)), label="vectors"),
    Trial(SoftplusRanking(margin=0.5)),
]


@parametrize_with_checks(TRIALS)
def test_a_component_conforms(check: Check, trial: Trial) -> None:
    """Each check by name."""
    check(trial)
