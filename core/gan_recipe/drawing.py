"""The plan of a round as text, as Mermaid and as SVG."""

from __future__ import annotations

from html import escape

from attrs import frozen

from gan_recipe.dataflow import Node
from gan_recipe.plan import Move, RoundPlan
from gan_recipe.ramp import Ramp


def text(plan: RoundPlan) -> str:
    """One paragraph a move: what it reuses, computes and minimises."""
    lines = []
    for number, move in enumerate(plan.moves, 1):
        player = move.player
        lines.append(f"{number}. {player.name} moves, training {', '.join(player.trains)}")
        width = max((len(str(step.node)) for step in move.computes), default=0)
        for node in move.reused:
            lines.append(f"   reuse    {node}")
        for step in move.computes:
            lines.append(f"   compute  {step.node!s:{width}}  {_gradients(plan, step.gradients_for, number - 1)}")
        for term in move.terms:
            reads = [f"{name} = {read.node}{' (cut off)' if read.cut else ''}" for name, read in term.reads.items()]
            reads += [f"{name} = {node} as a function" for name, node in term.loss.functions.items()]
            weight = _weight(term.loss.weight, term.loss.every)
            lines.append(f"   minimise {weight}{term.loss.name}: {term.loss.use}({', '.join(reads)})")
    return "\n".join(lines) or "Nobody moves in this round."


def mermaid(plan: RoundPlan) -> str:
    """A Mermaid flowchart: a box around what each move computes."""
    drawing = _Drawing.of(plan)
    lines = ["flowchart LR"]
    for node in drawing.inputs:
        lines.append(f'  {drawing.ids[node, -1]}(["{_quoted(str(node))}"])')
    for index, move in enumerate(plan.moves):
        lines.append(f'  subgraph move{index}["{index + 1}. {_quoted(move.player.name)}"]')
        for step in move.computes:
            lines.append(f'    {drawing.ids[step.node, index]}["{_quoted(str(step.node))}"]')
        for term in move.terms:
            lines.append(f'    loss{index}_{term.loss.name}{{{{"{_quoted(term.loss.name)}"}}}}')
        lines.append("  end")
    for start, end, cut in drawing.edges:
        lines.append(f"  {start} {'-. cut off .->' if cut else '-->'} {end}")
    return "\n".join(lines) + "\n"


def svg(plan: RoundPlan) -> str:
    """A self-contained SVG: columns from inputs to losses, a band for each move."""
    return _Layout.of(plan).render()


def _gradients(plan: RoundPlan, gradients_for: int | None, here: int) -> str:
    if gradients_for is None:
        return "without gradients"
    player = plan.moves[gradients_for].player.name
    return f"with gradients for {player}" + ("" if gradients_for == here else ", whose move comes later")


def _weight(weight: float | Ramp, every: int) -> str:
    shown = f"{weight.from_:g}..{weight.to:g}" if isinstance(weight, Ramp) else f"{weight:g}"
    lazy = f" x {every} (every {every} moves)" if every > 1 else ""
    return f"{shown}{lazy} x " if shown != "1" or lazy else ""


def _quoted(label: str) -> str:
    return label.replace('"', "#quot;")


@frozen
class _Drawing:
    """The nodes and edges that the pictures share."""

    inputs: tuple[Node, ...]
    #: The id of a value by node and the move that computes it, -1 for fields of the batch.
    ids: dict[tuple[Node, int], str]
    #: From, to, and whether it is cut off.
    edges: tuple[tuple[str, str, bool], ...]

    @classmethod
    def of(cls, plan: RoundPlan) -> _Drawing:
        ids: dict[tuple[Node, int], str] = {}
        inputs: list[Node] = []
        edges: list[tuple[str, str, bool]] = []
        latest: dict[Node, str] = {}

        def place(node: Node) -> str:
            if node not in latest:
                ids[node, -1] = latest[node] = f"field{len(inputs)}"
                inputs.append(node)
            return latest[node]

        for index, move in enumerate(plan.moves):
            for step in move.computes:
                sources = [place(argument) for argument in step.node.arguments or ()]
                ids[step.node, index] = latest[step.node] = f"value{index}_{len(ids)}"
                edges += [(source, latest[step.node], cut) for source, cut in zip(sources, step.cut, strict=True)]
            for term in move.terms:
                loss = f"loss{index}_{term.loss.name}"
                edges += [(place(read.node), loss, read.cut) for read in (*term.reads.values(), *term.function_reads)]
        return cls(tuple(inputs), ids, tuple(dict.fromkeys(edges)))


_BOX, _ROW, _CHARACTER, _COLUMN_GAP, _MARGIN = 26, 40, 7.2, 56, 20


@frozen
class _Layout:
    """Boxes placed in columns by depth, and stacked by move."""

    #: Id to (x, y, width, label, class).
    boxes: dict[str, tuple[float, float, float, str, str]]
    edges: tuple[tuple[str, str, bool], ...]
    #: Top, bottom and caption of each move's band.
    bands: tuple[tuple[float, float, str], ...]
    width: float
    height: float

    @classmethod
    def of(cls, plan: RoundPlan) -> _Layout:
        drawing = _Drawing.of(plan)
        groups = [[(drawing.ids[node, -1], str(node), "field") for node in drawing.inputs]]
        groups += [_boxes_of(move, index, drawing) for index, move in enumerate(plan.moves)]
        depth: dict[str, int] = {box: 0 for group in groups for box, _, _ in group}
        for start, end, _ in drawing.edges:  # edges come in the order of computation: one pass suffices
            depth[end] = max(depth[end], depth[start] + 1)
        last = max(depth.values(), default=0)
        widths = [0.0] * (last + 1)
        for group in groups:
            for box, label, look in group:
                depth[box] = last if look == "loss" else depth[box]
                widths[depth[box]] = max(widths[depth[box]], len(label) * _CHARACTER + 20)
        lefts = [_MARGIN + sum(widths[:column]) + column * _COLUMN_GAP for column in range(last + 1)]
        boxes: dict[str, tuple[float, float, float, str, str]] = {}
        bands, top = [], float(_MARGIN)
        captions = ["the batch", *(f"{i}. {move.player.name} moves" for i, move in enumerate(plan.moves, 1))]
        for caption, group in zip(captions, groups, strict=True):
            rows = [0] * (last + 1)
            for box, label, look in group:
                column = depth[box]
                y = top + 30 + rows[column] * _ROW
                boxes[box] = (lefts[column], y, len(label) * _CHARACTER + 20, label, look)
                rows[column] += 1
            bottom = top + 30 + max([1, *rows]) * _ROW
            bands.append((top, bottom, caption))
            top = bottom + 12
        return cls(boxes, drawing.edges, tuple(bands), lefts[-1] + widths[-1] + _MARGIN, top)

    def render(self) -> str:
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            f'width="{self.width:.0f}" height="{self.height:.0f}" role="img" '
            'font-family="ui-monospace, monospace" font-size="12">',
            "<title>The plan of a round</title>",
            "<style>.band{fill:#f2f1ec}.field rect{fill:#fff;stroke:#8a8a86}.value rect{fill:#dfeaf6;stroke:#4b7bab}"
            ".loss rect{fill:#f9e3d3;stroke:#bb6b33}.caption{fill:#55554f;font-weight:600}"
            ".edge{fill:none;stroke:#77776f}.cut{stroke-dasharray:4 4}</style>",
        ]
        for top, bottom, caption in self.bands:
            parts.append(
                f'<rect class="band" x="6" y="{top:.0f}" '
                f'width="{self.width - 12:.0f}" height="{bottom - top:.0f}" rx="8"/>'
                f'<text class="caption" x="{_MARGIN}" y="{top + 19:.0f}">{escape(caption)}</text>'
            )
        for start, end, cut in self.edges:
            x1, y1, width, _, _ = self.boxes[start]
            x2, y2, _, _, _ = self.boxes[end]
            x1, y1, y2 = x1 + width, y1 + _BOX / 2, y2 + _BOX / 2
            bend = max(24.0, (x2 - x1) / 2)
            parts.append(
                f'<path class="edge{" cut" if cut else ""}" '
                f'd="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
            )
        for x, y, width, label, look in self.boxes.values():
            parts.append(
                f'<g class="{look}"><rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_BOX}" rx="5"/>'
                f'<text x="{x + 10:.0f}" y="{y + 17:.0f}">{escape(label)}</text></g>'
            )
        return "\n".join([*parts, "</svg>"]) + "\n"


def _boxes_of(move: Move, index: int, drawing: _Drawing) -> list[tuple[str, str, str]]:
    values = [(drawing.ids[step.node, index], str(step.node), "value") for step in move.computes]
    return values + [(f"loss{index}_{term.loss.name}", term.loss.name, "loss") for term in move.terms]
