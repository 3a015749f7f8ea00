"""Runs made for a test of reports, and what is in their pages."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.loop.launch import start
from gan_recipe.loop.train import Outcome
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.new_run import new_run
from gan_recipe.runs.run_folder import RunFolder


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def made(name: str) -> RunFolder:
    """A new run's folder, which nobody writes."""
    run = new_run(name)
    run.unlock()
    return run


def train(text: str, *overrides: str, registry: Registry) -> Outcome:
    Path("ring.toml").write_text(text)
    return start(check("ring.toml", overrides, registry), registry, QuietScreen())


class Page(HTMLParser):
    """What is in a page: its tags with their attributes, its visible text, and the data for its scripts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data: dict[str, Any] = {}
        self._within = ""
        self._id: str | None = None
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within, self._id = tag, dict(attrs).get("id")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script" and self._id:
            self.data[self._id] = json.loads(data)
        elif self._within not in ("script", "style"):
            self.text += data + " "

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def scripts(self) -> int:
        """Scripts that a browser would run."""
        return sum(tag == "script" and told.get("type") != "application/json" for tag, told in self.tags)
