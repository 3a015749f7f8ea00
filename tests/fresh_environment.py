"""A virtual environment of a user's own, with packages installed from wheels that were built for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen


@frozen
class FreshEnvironment:
    """It sees the packages of the environment that runs the tests (torch is large) and installs into its own."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> FreshEnvironment:
        """In ``folder``, which must not exist."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        ours = sysconfig.get_paths()["purelib"]
        (site / "of_the_tests.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        return cls(folder)

    def install(self, packages: Sequence[Path], built: Path) -> list[str]:
        """Build each package's wheel, install all of them, and tell the wheels' names.

        A build is done from a copy, for it may leave files beside the sources, and with whatever builder the package
        names, fetched as an installer does.
        """
        for package in packages:
            copy = built / package.name
            shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
            _pip(built, "wheel", "--no-deps", "--wheel-dir", str(built / "wheels"), str(copy))
        wheels = sorted((built / "wheels").glob("*.whl"))
        self.pip(built, "install", "--no-deps", "--no-index", *map(str, wheels))
        return [wheel.name for wheel in wheels]

    def pip(self, folder: Path, *words: str) -> None:
        """Run ``pip`` in this environment, from ``folder``."""
        _pip(folder, "--python", str(self.folder / "bin" / "python"), *words)

    def gan_recipe(self, folder: Path, *words: str) -> str:
        """What the command prints in ``folder``; it must succeed."""
        code = "import sys; sys.argv[0] = 'gan-recipe'; from gan_recipe.cli import main; main()"
        command = [str(self.folder / "bin" / "python"), "-c", code, *words]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def _pip(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
