"""Text and curves stand out in both themes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path


def themes() -> Iterator[dict[str, str]]:
    css = (Path(sys.modules["gan_recipe.report"].__file__ or "").parent / "page" / "page.css").read_text()
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css[: css.index("@media")]))
    dark = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css[css.index("@media") : css.index("* {")]))
    yield from (light, dark)


def test_text_and_curves_stand_out_from_their_background_in_both_themes() -> None:
    """By the contrast ratio of WCAG 2: 4.5 for text, 3 for curves."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        high, low = sorted((luminance(one), luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    found = list(themes())
    assert [theme["paper"] for theme in found] == ["#fafaf8", "#141518"]
    for theme in found:
        for name in ("ink", "soft", "accent", "good", "warn", "bad"):
            assert contrast(theme[name], theme["paper"]) >= 4.5, (name, theme["paper"])
            assert contrast(theme[name], theme["panel"]) >= 4.5, (name, theme["panel"])
        for number in range(8):
            assert contrast(theme[f"c{number}"], theme["paper"]) >= 3, number
        assert contrast(theme["bad"], theme["bad-soft"]) >= 3
