"""Cures by what networks are given: their data, labels, images and first weights."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from gan_recipe_plugins._recipe_lines import Lines, Node, call

if TYPE_CHECKING:
    from gan_recipe import Case, Contest


def more_data(case: Case, contest: Contest) -> Lines:
    """What the data of the contest's reals says would give more of them; none where it has no more."""
    fields = case.fields_of(contest.real) if contest.real is not None else ()
    lines: list[str] = []
    for source in dict.fromkeys(name.partition(".")[0] for name in fields):
        try:
            more = case.recipe.data[source].more()
        except Exception as error:  # a stranger's data may raise anything; what is wrong is told all the same
            told = f"data.{source} does not say what would give more samples: {type(error).__name__}: {error}"
            warnings.warn(told, RuntimeWarning, stacklevel=2)
            continue
        if more:
            stated = [f"{name} = {_toml(value)}" for name, value in more.items()]
            lines += [f"[data.{source}]", *stated]
    return tuple(lines)


def labelled_image(case: Case, player: str, loss: str) -> Lines:
    """The head shown the image that its labels are of, in place of another of the same source: the one that shows what
    they tell, by the data's word, and that the recipe reads already. No lines where there are several, or none."""
    reads, fields = case.recipe.players[player].losses[loss].reads, case.recipe.fields
    told, source = fields[reads["labels"].name].factors, reads["labels"].name.partition(".")[0]
    images = {name: each for name, each in fields.items() if name.startswith(f"{source}.") and len(each.shape) == 3}
    seen = [name for name in case.fields_of(reads["logits"]) if name in images]
    if not told or len(seen) != 1:
        return ()
    losses = [each for other in case.recipe.players.values() for each in other.losses.values()]
    read = {name for each in losses for node in each.reads.values() for name in case.fields_of(node)}
    shows = [
        name
        for name, each in images.items()
        if name in {*read, *seen} and each.shape == images[seen[0]].shape and told <= (each.factors or frozenset())
    ]
    if len(shows) != 1 or shows == seen:
        return ()
    old, new = (name.partition(".")[2] for name in (*seen, *shows))

    def shown(node: Node) -> str:
        if node.arguments is not None:
            return call(node, shown)
        text = case.text(node)
        return text.removesuffix(old) + new if node.name == seen[0] else text

    return (f"[players.{player}]", f'losses.{loss}.logits = "{shown(reads["logits"])}"')


def other_labels(case: Case, player: str, loss: str) -> Lines:
    """The one other label of as many classes that the data has, for a loss that cannot learn its own; none that is
    always the same, which teaches nothing."""
    labels = case.recipe.players[player].losses[loss].reads["labels"]
    classes = case.recipe.fields[labels.name].classes
    source = labels.name.partition(".")[0]
    others = [
        name
        for name, field in case.recipe.fields.items()
        if field.classes == classes
        and name != labels.name
        and name.startswith(f"{source}.")
        and field.factors != frozenset()
    ]
    if len(others) != 1:
        return ()
    return (f"[players.{player}]", f'losses.{loss}.labels = "{others[0].partition(".")[2]}"')


def same_phase(case: Case, contest: Contest) -> Lines:
    """One side of the contest loaded from where the other was, the generator's before the critic's; no lines where the
    other is not of one run and round, or that has no such networks."""
    for loaded, other in ((contest.generator, contest.critic), (contest.critic, contest.generator)):
        theirs, mine = (case.recipe.players[str(player)].trains for player in (loaded, other))
        parents = [case.parents.get(name, {}) for name in theirs]
        phases = {(parent.get("run"), parent.get("round")) for parent in parents}
        if len(phases) > 1 or not set(mine) <= set(parents[0].get("fitting", ())):
            continue
        start = str(case.recipe.networks[theirs[0]].start).partition(":")[0]
        return tuple(line for name in mine for line in (f"[networks.{name}]", f"start = {_toml(start)}"))
    return ()


def _toml(value: int | float | str) -> str:
    """What JSON writes of a number or of a line of text is TOML as well."""
    import json  # for which a listing need not wait

    return json.dumps(value, ensure_ascii=False)
