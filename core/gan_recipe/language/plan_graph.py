"""The plan of a round as a graph of boxes and edges: what its pictures share."""

from __future__ import annotations

from attrs import field, frozen

from gan_recipe.language.dataflow import Node
from gan_recipe.language.plan import RoundPlan, Term


@frozen
class Box:
    """A field, a value or a loss."""

    id: str
    label: str
    #: "field", "value" (with gradients), "plain" (without) or "loss".
    look: str


@frozen
class Edge:
    """From what is read to what reads it, by ids."""

    start: str
    end: str
    #: Whether it is cut off from the gradients of the reading move.
    cut: bool


@frozen
class Group:
    """The batch, or what one move computes, inputs first."""

    caption: str
    boxes: list[Box] = field(factory=list)


def parts_of(plan: RoundPlan) -> tuple[list[Group], list[Edge]]:
    """What the pictures share. A value that is computed anew is another box; edges come in the order of computation."""
    batch = Group("the batch")
    groups = [batch]
    edges: dict[Edge, None] = {}
    latest: dict[Node, str] = {}

    def place(node: Node) -> str:
        if node not in latest:
            latest[node] = f"field{len(batch.boxes)}"
            batch.boxes.append(Box(latest[node], str(node), "field"))
        return latest[node]

    for number, move in enumerate(plan.moves, 1):
        group = Group(f"move {number}: {move.player.name}")
        groups.append(group)
        for step in move.computes:
            sources = [place(argument) for argument in step.node.arguments or ()]
            latest[step.node] = f"value{number}_{len(group.boxes)}"
            look = "plain" if step.gradients_for is None else "value"
            group.boxes.append(Box(latest[step.node], str(step.node), look))
            for source, cut in zip(sources, step.cut, strict=True):
                edges[Edge(source, latest[step.node], cut)] = None
        for term in move.terms:
            loss = f"loss{number}_{term.loss.name}"
            group.boxes.append(Box(loss, _loss_label(term), "loss"))
            for read in (*term.reads.values(), *term.function_reads):
                edges[Edge(place(read.node), loss, read.cut)] = None
    return groups, list(edges)


def _loss_label(term: Term) -> str:
    functions = ", ".join(map(str, term.loss.functions.values()))
    return f"{term.loss.name} of {functions}" if functions else term.loss.name
