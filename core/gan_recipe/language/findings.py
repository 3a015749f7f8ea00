"""Findings: what a recipe says soundly, and what will not work. Each has a name, a reason and a cure.

A problem makes a recipe no recipe; a finding is about one that would train. It is a warning, or an error where it can
never be meant, and a recipe silences it by name and with a reason::

    [findings]
    silence = { norm_on_logit = "entry N08 has it, and this recipe repeats the entry" }
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import Problem, RecipeError, did_you_mean
from gan_recipe.language.tables import Tables


@frozen
class Meaning:
    """What a name of a finding stands for."""

    #: One sentence, for lists.
    summary: str
    #: Whether it can never be meant: then it is an error unless it is silenced.
    fatal: bool = False


#: Every finding by name; docs/findings.md has the reasons, the cures and the sources.
MEANINGS: dict[str, Meaning] = {
    "norm_on_logit": Meaning("A norm layer is the last thing that a verdict goes through."),
    "squashed_logit": Meaning("A logit goes through a sigmoid, tanh or softmax before a loss that has its own.", True),
    "lost_factor": Meaning("An output is held against what no value that reaches its network tells."),
    "unlearnable_label": Meaning("A head is taught the label of an image that it does not see."),
    "penalty_elsewhere": Meaning("A penalty's critic is not the one that the player's verdicts come from.", True),
    "penalty_on_batch_norm": Meaning("A penalty takes samples apart that batch norm in the critic mixes."),
    "wasserstein_batch_norm": Meaning("A Wasserstein critic has batch norm."),
    "unbounded_wasserstein": Meaning("Nothing bounds the slope of a Wasserstein critic."),
    "few_critic_steps": Meaning("A Wasserstein critic moves less often than those who learn from it."),
    "clipped_norm_gains": Meaning("Clipping of weights reaches the gains of norm layers."),
    "concat_mixes": Meaning("A network that mixes the samples of a batch is called once on several batches."),
    "broadcast_in_loss": Meaning("A loss subtracts or multiplies tensors of different shapes without a word."),
}


@frozen
class RecipeFinding:
    """One thing that will not work, found without training."""

    name: str
    problem: Problem

    @property
    def fatal(self) -> bool:
        return MEANINGS[self.name].fatal

    def __str__(self) -> str:
        return f"{self.problem} [{self.name}]"


def read_silence(tables: Tables) -> dict[str, str]:
    """The table ``[findings]``: reasons by the name of what they silence."""
    for other in tables.table(("findings",)):
        if other != "silence":
            tables.report(("findings", other), f"there is no such key.{did_you_mean(other, ['silence'])}")
    found: dict[str, str] = {}
    stated: Mapping[str, Any] = tables.table(("findings", "silence"))
    for name, reason in stated.items():
        key = ("findings", "silence", name)
        if name not in MEANINGS:
            tables.report(key, f"there is no finding {name!r}.{did_you_mean(name, MEANINGS)}")
        elif not isinstance(reason, str) or not reason.strip():
            tables.report(key, f"expected the reason why it is meant, as a text, not {shortened(reason)}")
        else:
            found[name] = reason
    return found


def refuse(findings: Iterable[RecipeFinding], *, strict: bool = False) -> None:
    """Raise RecipeError for those that can never be meant; when ``strict``, for all."""
    refused = [finding for finding in findings if strict or finding.fatal]
    if refused:
        raise RecipeError(
            [
                Problem(
                    each.problem.where,
                    each.problem.key,
                    f'{each.problem.what}. If it is meant: [findings] silence = {{ {each.name} = "why" }}',
                )
                for each in refused
            ]
        )
