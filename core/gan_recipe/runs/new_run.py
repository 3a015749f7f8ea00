"""A new run's folder, which can be seen when it is whole and never before."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gan_recipe.errors import UserError
from gan_recipe.runs.durable import replace_file, sync
from gan_recipe.runs.run_folder import NAME, NUMBER, RunFolder, numbers_in, runs_root, see_that_it_is_a_folder

_UNNUMBERED = ".new-"


def check_new(name: str, *, may_exist: bool = False) -> None:
    """Whether a new run may be called ``name`` or ``name/n``, asked before any work. Raises UserError."""
    stated, slash, number = name.partition("/")
    if not NAME.fullmatch(stated) or (slash and not NUMBER.fullmatch(number)):
        raise UserError(
            f"{name!r} is no name for a run: up to 100 letters, digits, '.', '_' and '-', starting with a letter or "
            "digit, and optionally /NUMBER. State one with --name"
        )
    see_that_it_is_a_folder(runs_root())
    if slash and not may_exist and (runs_root() / stated / str(int(number))).exists():
        raise _exists(name)


def new_run(name: str, files: Mapping[str, str] | None = None, root: Path | None = None) -> RunFolder:
    """Make ``<name>/<next n>``, or ``<name>/<n>`` when ``name/n`` is asked for, locked and with ``files``.

    It lies in ``root``, by default where runs are. It is made under another name and renamed: a run that can be seen
    has all of its files. Raises UserError.
    """
    check_new(name)
    stated, _, number = name.partition("/")
    folder = (root or runs_root()) / stated
    try:
        with _one_at_a_time(folder):
            return _numbered(folder, number, files or {})
    except FileExistsError as error:
        if number and (folder / str(int(number))).is_dir():
            raise _exists(name) from None
        raise UserError(f"{folder} cannot be made: {error.filename} is a file") from None
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}") from None


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Only one process at a time counts the runs of a name and adds to them."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _numbered(folder: Path, number: str, files: Mapping[str, str]) -> RunFolder:
    for litter in folder.glob(f"{_UNNUMBERED}*"):  # of processes that were killed right here
        shutil.rmtree(litter, ignore_errors=True)
    path = folder / (str(int(number)) if number else str(max(map(int, numbers_in(folder)), default=0) + 1))
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    run = RunFolder(folder / f"{_UNNUMBERED}{os.getpid()}")
    run.path.mkdir()
    try:
        run.lock()
        for file, content in files.items():
            replace_file(run.path / file, content)
        os.rename(run.path, path)
        sync(folder)
    except BaseException:
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    run.path = path
    return run


def _exists(name: str) -> UserError:
    return UserError(
        f"the run {name} exists in {runs_root()}; go on with it by `gan-recipe run --resume {name}`, "
        "or leave the number out for a new one"
    )
