"""The plan of a round as text, as Mermaid and as SVG: complete, valid, and without a line across a box."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from attrs import frozen

from gan_recipe.components.registry import Registry
from gan_recipe.language import plan_svg, plan_text
from gan_recipe.language.plan import RoundPlan, plan_from_start
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.runs.check_recipe import check

NAMES = sorted(name for name in shipped_recipes() if not name.startswith("notebook/"))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module", params=[(name, round) for name in NAMES for round in (0, 1)], ids=str)
def plan(request: pytest.FixtureRequest, registry: Registry, given: Callable[[str], list[str]]) -> RoundPlan:
    """The first two rounds of every shipped recipe."""
    name, round = request.param
    return plan_from_start(check(name, given(name), registry), round)


def expected_edges(plan: RoundPlan) -> int:
    """How many different lines there are: from a state of a value to a call or a loss."""
    edges = set()
    latest: dict[object, int] = {}
    for index, move in enumerate(plan.moves):
        for step in move.computes:
            for argument, cut in zip(step.node.arguments or (), step.cut, strict=True):
                edges.add((argument, latest.get(argument, -1), step.node, index, cut))
            latest[step.node] = index
        for term in move.terms:
            for read in (*term.reads.values(), *term.function_reads):
                edges.add((read.node, latest.get(read.node, -1), term.loss.name, index, read.cut))
    return len(edges)


# --------------------------------------------------------------------------------------------------- text


def test_the_text_names_every_move_value_and_loss(plan: RoundPlan) -> None:
    """One line for each, in order."""
    lines = plan_text.text(plan).splitlines()
    expected = []
    for move in plan.moves:
        expected.append(f"{move.player.name} moves")
        expected += [f"reuse    {node}" for node in move.reused]
        expected += [f"compute  {step.node}" for step in move.computes]
        expected += [f"{term.loss.name}: {term.loss.use}(" for term in move.terms]
    assert len(lines) == len(expected)
    assert all(part in line for part, line in zip(expected, lines, strict=True))


def test_the_text_tells_weights_ramps_and_lazy_terms(ring: str, write: Callable[..., str], registry: Registry) -> None:
    """As they count in this round; a weight of 1 is not worth a word."""
    lines = plan_text.text(plan_from_start(check(write(ring), (), registry), 0)).splitlines()
    assert "   minimise gan: bce_critic(real = verdict(seen), fake = score)" in lines
    lazy = "   minimise 1 x 2 (every 2 moves) x r1: r1(real = point, critic = verdict(trunk(_)) as a function)"
    assert lazy in lines
    assert "   minimise 1..0.5 x gan: bce_generator(fake = score)" in lines


def test_a_round_in_which_nobody_moves_is_told_in_every_form() -> None:
    """It happens, and is no error."""
    assert plan_text.text(RoundPlan(())) == "Nobody moves in this round."
    assert plan_text.mermaid(RoundPlan(())) == "flowchart LR\n"
    assert ElementTree.fromstring(plan_svg.svg(RoundPlan(()))).tag == f"{SVG}svg"


# --------------------------------------------------------------------------------------------------- Mermaid

_NODE = re.compile(r'\s+(?P<id>[A-Za-z]\w*)(?:\(\["[^"]+"\]\)|\["[^"]+"\]|\{\{"[^"]+"\}\})')
_EDGE = re.compile(r"  (?P<start>[A-Za-z]\w*) (?:-->|-\. cut off \.->) (?P<end>[A-Za-z]\w*)")
_SUBGRAPH = re.compile(r'  subgraph (?P<id>[A-Za-z]\w*)\["(?P<title>[^"]+)"\]')


def test_the_flowchart_is_valid_and_complete(plan: RoundPlan) -> None:
    """Every line is of the grammar's few forms, ids are unique and no keyword, edges join what is there.

    No label begins like an item of a list, which Mermaid would refuse to show.
    """
    first, *lines = plan_text.mermaid(plan).rstrip("\n").split("\n")
    assert first == "flowchart LR"
    ids: list[str] = []
    edges: list[tuple[str, str]] = []
    depth = 0
    for line in lines:
        if found := _SUBGRAPH.fullmatch(line):
            depth += 1
            ids.append(found["id"])
            assert found["title"].startswith("move ")
        elif line == "  end":
            depth -= 1
        elif found := _NODE.fullmatch(line):
            ids.append(found["id"])
            assert not re.search(r'"\s*(\d+\.|[-*+])\s', line)
        else:
            found = _EDGE.fullmatch(line)
            assert found, line
            edges.append((found["start"], found["end"]))
        assert depth in (0, 1)
    assert depth == 0 and len(ids) == len(set(ids))
    assert {end for edge in edges for end in edge} <= set(ids)
    assert len(edges) == expected_edges(plan)
    assert not set(ids) & {"end", "graph", "subgraph", "flowchart", "style", "class", "click", "default"}


# --------------------------------------------------------------------------------------------------- SVG


@frozen
class Box:
    left: float
    top: float
    right: float
    bottom: float
    label: str


def picture(plan: RoundPlan) -> tuple[list[Box], list[list[tuple[float, float]]], list[Box], float, float]:
    """Boxes, lines as corner points, captions as boxes, width and height, read back from the SVG."""
    root = ElementTree.fromstring(plan_svg.svg(plan))
    boxes, captions = [], []
    for group in root.iter(f"{SVG}g"):
        rect, text = group.find(f"{SVG}rect"), group.find(f"{SVG}text")
        assert rect is not None and text is not None and text.text is not None
        left, top = float(rect.attrib["x"]), float(rect.attrib["y"])
        width, height = float(rect.attrib["width"]), float(rect.attrib["height"])
        boxes.append(Box(left, top, left + width, top + height, text.text))
        # The text lies within its box, for a font whose letters are 0.61 em wide.
        start = float(text.attrib["x"])
        assert left < start and start + len(text.text) * 12 * 0.61 < left + width + 1
    for text in root.iter(f"{SVG}text"):
        if text.attrib.get("class") in ("caption", "legend"):
            assert text.text is not None
            x, y = float(text.attrib["x"]), float(text.attrib["y"])
            captions.append(Box(x, y - 10, x + len(text.text) * 7.3, y + 2, text.text))
    lines = []
    for path in root.iter(f"{SVG}path"):
        points: list[tuple[float, float]] = []
        for command, numbers in re.findall(r"([MHVQ])([^MHVQ]*)", path.attrib["d"]):
            values = [float(number) for number in numbers.split()]
            x, y = points[-1] if points else (0.0, 0.0)
            if command == "Q":
                points.append((values[0], values[1]))
            points.append((values[0], y) if command == "H" else (x, values[0]) if command == "V" else
                          (values[-2], values[-1]))  # fmt: skip
        lines.append(points)
    return boxes, lines, captions, float(root.attrib["width"]), float(root.attrib["height"])


def test_no_boxes_overlap_and_all_lie_in_the_picture(plan: RoundPlan) -> None:
    """Nor does a caption, and every value, loss and field has its box."""
    boxes, _, captions, width, height = picture(plan)
    fields = {str(n) for m in plan.moves for s in m.computes for n in s.node.arguments or () if n.arguments is None}
    assert fields <= {box.label for box in boxes}
    assert len(boxes) >= sum(len(move.computes) + len(move.terms) for move in plan.moves) + len(fields)
    everything = boxes + captions
    for box in everything:
        assert box.left >= 0 and box.right <= width and box.top >= 0 and box.bottom <= height
        for other in everything:
            apart = box.right < other.left or other.right < box.left or box.bottom < other.top or other.bottom < box.top
            assert box is other or apart, (box, other)


def test_no_line_crosses_a_box_or_a_caption(plan: RoundPlan) -> None:
    """A line touches the two boxes that it joins, at their sides, and no other; there are as many as edges."""
    boxes, lines, captions, _, _ = picture(plan)
    assert len(lines) == expected_edges(plan)
    for points in lines:
        (x1, y1), (x2, y2) = points[0], points[-1]
        starts = [box for box in boxes if abs(box.right - x1) < 0.2 and box.top < y1 < box.bottom]
        ends = [box for box in boxes if abs(box.left - x2) < 0.2 and box.top < y2 < box.bottom]
        assert len(starts) == len(ends) == 1
        for (left, top), (right, bottom) in pairwise(points):
            left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
            for box in boxes + captions:
                clear = right <= box.left + 0.2 or box.right - 0.2 <= left or bottom <= box.top or box.bottom <= top
                assert clear, (points, box)


def test_lines_of_different_values_never_run_on_top_of_each_other(plan: RoundPlan) -> None:
    """Upright parts share an x only when they come from one value or do not meet: one can be told from another."""
    _, lines, _, _, _ = picture(plan)
    upright = []
    for points in lines:
        for (x1, y1), (x2, y2) in pairwise(points):
            if x1 == x2 and abs(y1 - y2) > 10:
                upright.append((x1, min(y1, y2), max(y1, y2), points[0]))
    for x, top, bottom, start in upright:
        for other_x, other_top, other_bottom, other_start in upright:
            assert start == other_start or x != other_x or bottom <= other_top or other_bottom <= top


def test_labels_are_escaped(plan: RoundPlan) -> None:
    """The SVG is well-formed XML whatever the labels; it holds nothing that runs or is fetched."""
    text = plan_svg.svg(plan)
    ElementTree.fromstring(text)
    assert "<script" not in text and "href" not in text and "url(" not in text
