"""The plan of a round as SVG."""

from __future__ import annotations

from html import escape

from attrs import define

from gan_recipe.language.plan import RoundPlan
from gan_recipe.language.plan_graph import Edge, Group, parts_of

_BOX, _ROW, _CHARACTER, _PADDING, _MARGIN, _CAPTION, _TRACK = 24.0, 32.0, 7.3, 10.0, 20.0, 30.0, 7.0
_LEGEND = "blue: computed with gradients · white: without · dashed: cut off from the gradients of the reading move"
_STYLE = (
    ".band{fill:#f2f1ec}.field rect{fill:#fff;stroke:#8a8a86}.value rect{fill:#dbe8f6;stroke:#4b7bab}"
    ".plain rect{fill:#fbfcfe;stroke:#4b7bab}.loss rect{fill:#f9e3d3;stroke:#bb6b33}"
    ".caption{fill:#55554f;font-weight:600}.legend{fill:#77776f;font-size:11px}"
    ".edge{fill:none;stroke:#77776f}.cut{stroke-dasharray:4 3}"
)


def svg(plan: RoundPlan) -> str:
    """A self-contained SVG: a band for the batch and one for each move, from inputs on the left to losses.

    A row holds one value, or a chain of values that have no other reader. So a line that runs along the row of its
    value, and turns only between the columns, crosses no box.
    """
    return _Layout.of(*parts_of(plan)).render()


@define
class _Layout:
    groups: list[Group]
    edges: list[Edge]
    #: By box: its column, its row from the top, and the y of its middle.
    column: dict[str, int]
    middle: dict[str, float]
    #: Left and right edge of every box.
    left: dict[str, float]
    right: dict[str, float]
    #: By (source, column, cut): the x on which lines from the source turn towards boxes of the column.
    tracks: dict[tuple[str, int, bool], float]
    #: Top and bottom of each group's band.
    bands: list[tuple[float, float]]
    width: float

    @classmethod
    def of(cls, groups: list[Group], edges: list[Edge]) -> _Layout:
        column = _columns(groups, edges)
        middle, bands, straight = _rows(groups, edges)
        turning: dict[int, dict[tuple[str, int, bool], None]] = {}
        for edge in edges:
            if (edge.start, edge.end) not in straight:
                at = column[edge.end]
                turning.setdefault(at, {})[edge.start, at, edge.cut] = None
        boxes = [box for group in groups for box in group.boxes]
        widths = {box.id: len(box.label) * _CHARACTER + 2 * _PADDING for box in boxes}
        left: dict[str, float] = {}
        tracks: dict[tuple[str, int, bool], float] = {}
        # The lines into the second column turn to the right of the captions, which stand in the first.
        end = _MARGIN + max(len(group.caption) for group in groups) * _CHARACTER
        start = _MARGIN
        for at in range(max(column.values(), default=0) + 1):
            if at > 0:
                for number, track in enumerate(turning.get(at, {}), 2):
                    tracks[track] = end + number * _TRACK
                start = end + (len(turning.get(at, {})) + 4) * _TRACK
            for box in boxes:
                if column[box.id] == at:
                    left[box.id] = start
                    end = max(end, start + widths[box.id])
        right = {box: left[box] + widths[box] for box in left}
        legend = 2 * _MARGIN + len(_LEGEND) * _CHARACTER
        return cls(groups, edges, column, middle, left, right, tracks, bands, max(end + _MARGIN, legend))

    def render(self) -> str:
        height = self.bands[-1][1] + 2 * _MARGIN
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {height:.0f}" '
            f'width="{self.width:.0f}" height="{height:.0f}" role="img" '
            'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">',
            "<title>The plan of a round</title>",
            f"<style>{_STYLE}</style>",
        ]
        for (top, bottom), group in zip(self.bands, self.groups, strict=True):
            parts.append(
                f'<rect class="band" x="6" y="{top:.0f}" width="{self.width - 12:.0f}" height="{bottom - top:.0f}" '
                f'rx="8"/><text class="caption" x="{_MARGIN:.0f}" y="{top + 19:.0f}">{escape(group.caption)}</text>'
            )
        parts += [f'<path class="edge{" cut" if edge.cut else ""}" d="{self._way(edge)}"/>' for edge in self.edges]
        for box in (box for group in self.groups for box in group.boxes):
            x, y = self.left[box.id], self.middle[box.id] - _BOX / 2
            parts.append(
                f'<g class="{box.look}"><rect x="{x:.1f}" y="{y:.1f}" width="{self.right[box.id] - x:.1f}" '
                f'height="{_BOX:.0f}" rx="5"/>'
                f'<text x="{x + _PADDING:.1f}" y="{y + 16:.1f}">{escape(box.label)}</text></g>'
            )
        parts.append(f'<text class="legend" x="{_MARGIN:.0f}" y="{height - 14:.0f}">{_LEGEND}</text>')
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _way(self, edge: Edge) -> str:
        """Along the row of the source, down or up a track, and into the target."""
        x1, y1 = self.right[edge.start], self.middle[edge.start]
        x2, y2 = self.left[edge.end], self.middle[edge.end]
        x = self.tracks.get((edge.start, self.column[edge.end], edge.cut))
        if x is None or y1 == y2:
            return f"M{x1:.1f} {y1:.1f}H{x2:.1f}"
        bend = min(4.0, abs(y2 - y1) / 2)
        turn = bend if y2 > y1 else -bend
        return (
            f"M{x1:.1f} {y1:.1f}H{x - bend:.1f}Q{x:.1f} {y1:.1f} {x:.1f} {y1 + turn:.1f}"
            f"V{y2 - turn:.1f}Q{x:.1f} {y2:.1f} {x + bend:.1f} {y2:.1f}H{x2:.1f}"
        )


def _columns(groups: list[Group], edges: list[Edge]) -> dict[str, int]:
    """How many calls lie before each box; losses share the last column."""
    column = {box.id: 0 for group in groups for box in group.boxes}
    for edge in edges:  # they come in the order of computation: one pass suffices
        column[edge.end] = max(column[edge.end], column[edge.start] + 1)
    losses = {box.id for group in groups for box in group.boxes if box.look == "loss"}
    last = max((at + 1 for box, at in column.items() if box not in losses), default=0)
    return {box: last if box in losses else at for box, at in column.items()}


def _rows(
    groups: list[Group], edges: list[Edge]
) -> tuple[dict[str, float], list[tuple[float, float]], set[tuple[str, str]]]:
    """The middle of each box, the bands, and the edges within a row: from a box to its only reader."""
    readers: dict[str, list[Edge]] = {}
    sources: dict[str, list[Edge]] = {}
    for edge in edges:
        readers.setdefault(edge.start, []).append(edge)
        sources.setdefault(edge.end, []).append(edge)
    middle: dict[str, float] = {}
    bands: list[tuple[float, float]] = []
    straight: set[tuple[str, str]] = set()
    top = _MARGIN / 2
    for group in groups:
        here = {box.id for box in group.boxes}
        rows = 0
        for box in group.boxes:
            before = [e.start for e in sources.get(box.id, []) if e.start in here and len(readers[e.start]) == 1]
            if before:
                middle[box.id] = middle[before[0]]
                straight.add((before[0], box.id))
            else:
                middle[box.id] = top + _CAPTION + rows * _ROW + _BOX / 2
                rows += 1
        bottom = top + _CAPTION + max(rows, 1) * _ROW
        bands.append((top, bottom))
        top = bottom + 12
    return middle, bands, straight
