"""A conformance kit for the test suites of plugins: does a component keep the promises that the framework builds on?

One call, in any test::

    from gan_recipe.testing import check_component

    def test_patch_head() -> None:
        check_component(PatchHead(), inputs=[Field((8, 4, 4))], output=Field((1, 3, 3)))

or one test for each check, by name, with pytest::

    @parametrize_with_checks([Trial(PatchHead()), Trial(PatchHead(outputs=3), label="three")])
    def test_the_component_conforms(check: Check, trial: Trial) -> None:
        check(trial)

A check that fails says what it found, what was expected and the cure. One that a component cannot pass is exempted by
name, with the reason: ``exempt={"double_backward": "its authors never penalise slopes"}``. An exempted check is run all
the same and must fail: an exemption that nobody needs any more is reported. Slow checks (``torch.compile``,
``torch.export``) carry pytest's mark ``slow``; ``check_component`` runs them when asked by ``slow=True``.

Importing this package imports neither torch nor pytest; asking for the checks of a kind imports what they need.
"""

from gan_recipe.testing.conformance import Check, check_component, checks_for, parametrize_with_checks
from gan_recipe.testing.observer import check_observer
from gan_recipe.testing.trial import ConformanceError, Failure, Trial

__all__ = [
    "Check",
    "ConformanceError",
    "Failure",
    "Trial",
    "check_component",
    "check_observer",
    "checks_for",
    "parametrize_with_checks",
]
