"""A clean checkout is installed as the README, the guide and CONTRIBUTING say, and what they run then runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from doc_blocks import ROOT, Block, blocks
from tiny_commands import overrides

PAGES = ("README.md", "CONTRIBUTING.md", "docs/start/install.md")
RUN_HERE = [block for page in PAGES for block in blocks(page) if block.installs]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git keeps."""
    folder = tmp_path_factory.mktemp("checkout")
    kept = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    for name in filter(None, kept.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def tiny(text: str) -> str:
    """With seconds in place of minutes: a small run, and two files of the suite."""
    text = re.sub(r"gan-recipe (run \S+)", lambda found: " ".join([found[0], *_quoted(found[1].split())]), text)
    few = "tests/test_expression.py tests/test_ramp.py"
    return re.sub(r"(-m pytest)$", rf"\1 {few}", text, flags=re.MULTILINE)


def _quoted(words: list[str]) -> list[str]:
    return [f"'{word}'" for word in overrides(words)]


@pytest.mark.slow
@pytest.mark.parametrize("block", RUN_HERE, ids=lambda block: f"{block.page}:{block.line}")
def test_a_checkout_is_installed_as_it_is_said(block: Block, checkout: Path) -> None:
    """In order: a virtual environment of its own, the project in it, a run, the suite.

    torch and the others are not fetched anew: the environment sees those of the tests.
    """
    others = [path for path in sys.path if path.endswith("site-packages")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(others), "OMP_NUM_THREADS": "1"}
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = ["bash", "-e", "-c", tiny(block.text)]
    done = subprocess.run(shell, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{tiny(block.text)}\n{done.stdout}\n{done.stderr}"
    assert (checkout / ".venv/bin/gan-recipe").is_file()


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_packages(checkout: Path, tmp_path: Path) -> None:
    """What git keeps of core and plugins, and the recipes, are what is in it: nothing is ignored on the way."""
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, checkout]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if not name.partition("/")[0].endswith(".dist-info")}
    sources = [path.relative_to(checkout) for top in ("core", "plugins") for path in checkout.glob(f"{top}/*/**/*")]
    expected = {path.relative_to(path.parts[0]).as_posix() for path in sources if (checkout / path).is_file()}
    expected |= {f"gan_recipe/{path.relative_to(checkout).as_posix()}" for path in checkout.glob("recipes/**/*.*")}
    assert held == expected
