"""The plan of a round as text, and as Mermaid."""

from __future__ import annotations

from gan_recipe.language.plan import RoundPlan
from gan_recipe.language.plan_graph import parts_of
from gan_recipe.ramp import Ramp


def text(plan: RoundPlan) -> str:
    """One paragraph a move: what it reuses, computes and minimises."""
    lines = []
    for number, move in enumerate(plan.moves, 1):
        lines.append(f"{number}. {move.player.name} moves; training {', '.join(move.player.trains)}")
        width = max((len(str(step.node)) for step in move.computes), default=0)
        in_one_call = {
            step.node: f", in one call with {call.node}"
            for stretch in move.stretches
            for call in stretch.steps
            for step in call.concatenated[1:]
        }
        for node in move.reused:
            lines.append(f"   reuse    {node}")
        for step in move.computes:
            told = _gradients(plan, step.gradients_for, number - 1)
            lines.append(f"   compute  {step.node!s:{width}}  {told}{in_one_call.get(step.node, '')}")
        for term in move.terms:
            reads = [f"{name} = {read.node}{' (cut off)' if read.cut else ''}" for name, read in term.reads.items()]
            reads += [f"{name} = {node} as a function" for name, node in term.loss.functions.items()]
            weight = _weight(term.loss.weight, term.loss.every)
            lines.append(f"   minimise {weight}{term.loss.name}: {term.loss.use}({', '.join(reads)})")
    return "\n".join(lines) or "Nobody moves in this round."


def mermaid(plan: RoundPlan) -> str:
    """A Mermaid flowchart: a box around what each move computes."""
    lines = ["flowchart LR"]
    groups, edges = parts_of(plan)
    shapes = {"field": ('(["', '"])'), "loss": ('{{"', '"}}')}
    for index, group in enumerate(groups):
        indent = "  " if index == 0 else "    "
        if index > 0:
            lines.append(f'  subgraph move{index}["{group.caption}"]')
        for box in group.boxes:
            left, right = shapes.get(box.look, ('["', '"]'))
            lines.append(f"{indent}{box.id}{left}{box.label}{right}")
        if index > 0:
            lines.append("  end")
    for edge in edges:
        lines.append(f"  {edge.start} {'-. cut off .->' if edge.cut else '-->'} {edge.end}")
    return "\n".join(lines) + "\n"


def _gradients(plan: RoundPlan, gradients_for: int | None, here: int) -> str:
    if gradients_for is None:
        return "without gradients"
    player = plan.moves[gradients_for].player.name
    return f"with gradients for {player}" + ("" if gradients_for == here else ", whose move comes later")


def _weight(weight: float | Ramp, every: int) -> str:
    shown = f"{weight.from_:g}..{weight.to:g}" if isinstance(weight, Ramp) else f"{weight:g}"
    lazy = f" x {every} (every {every} moves)" if every > 1 else ""
    return f"{shown}{lazy} x " if shown != "1" or lazy else ""
