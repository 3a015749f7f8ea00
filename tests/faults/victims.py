"""Processes to be killed: forked from one that has torch imported, so that each is cheap and yet fresh."""

from __future__ import annotations

import ctypes
import importlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from attrs import frozen

TraceFunction = Callable[[FrameType, str, Any], Any]
_OURS = "/gan_recipe"  # the framework's folder and the beginning of the plugins'


@frozen
class Ended:
    """How a victim ended."""

    #: The exit code, or minus the number of the signal that killed it.
    code: int
    out: str
    err: str


class Victims:
    """Starts functions in forks of a process that has imported what training needs and computed nothing yet."""

    def __init__(self) -> None:
        # What a victim says must not depend on whether its disk has room.
        self._said = tempfile.TemporaryDirectory()
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "faults.victims"],
            cwd=Path(__file__).parents[1],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._told()

    def __enter__(self) -> Victims:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait(timeout=30)
        self._said.cleanup()

    def start(
        self,
        call: str,
        *arguments: Any,
        folder: Path,
        path: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Call ``module:function`` of plain ``arguments`` in a fork that stands in ``folder``; its process id."""
        told = {
            "call": call,
            "arguments": arguments,
            "folder": str(folder),
            "said": self._said.name,
            "path": [str(each) for each in path],
            "environment": dict(environment or {}),
        }
        assert self._server.stdin
        self._server.stdin.write(json.dumps(told) + "\n")
        self._server.stdin.flush()
        return int(self._told()["pid"])

    def wait(self) -> Ended:
        """Wait for the victim that was started last."""
        code = self._told()["code"]
        out, err = (Path(self._said.name, name).read_text(errors="replace") for name in ("out", "err"))
        return Ended(code, out, err)

    def run(self, call: str, *arguments: Any, folder: Path, **more: Any) -> Ended:
        """Start a victim and wait for it."""
        self.start(call, *arguments, folder=folder, **more)
        return self.wait()

    def _told(self) -> dict[str, Any]:
        assert self._server.stdout
        line = self._server.stdout.readline()
        if not line:
            raise AssertionError(f"the server of victims ended with {self._server.wait()}")
        told: dict[str, Any] = json.loads(line)
        return told


def gan_recipe(*words: str) -> None:
    """The command line with ``words``."""
    from gan_recipe.cli import main

    sys.argv = ["gan-recipe", *words]
    main()


def _strike(blow: int | str) -> None:
    """Send the process a signal, or do something to its run's folder: it may ``vanish`` or become ``read-only``."""
    folder = Path("runs", "victim", "1")
    if isinstance(blow, int):
        os.kill(os.getpid(), blow)
    elif blow == "vanish":
        folder.rename("taken away")
    else:
        # Laid over itself, so that it is read-only although files in it are open.
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)


def struck(blow: int | str, where: str, nth: int, *words: str) -> None:
    """The command line, which is struck at the ``nth`` line that it executes at a place: by a signal or a folder's end.

    Places: ``anywhere`` in the framework and the plugins, ``save`` of a checkpoint, the moves of ``critic`` and
    ``generator``, the ``loader``'s thread. How many such lines there were is left in ``.victim.lines``.
    """
    lines, is_struck = 0, nth == 0

    def at_line(frame: FrameType, event: str, argument: object) -> TraceFunction:
        nonlocal lines, is_struck
        if event == "line" and _is_there(frame, where):
            lines += 1
            # A folder can be struck when it is there.
            if lines >= nth and not is_struck and (isinstance(blow, int) or Path("runs/victim/1/run.json").exists()):
                is_struck = True
                Path(".victim.struck").write_text("save" if _is_there(frame, "save") else where)
                _strike(blow)
        return at_line

    def at_call(frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        return at_line if _OURS in frame.f_code.co_filename else None

    Path(".victim.struck").unlink(missing_ok=True)
    threading.settrace(at_call)
    sys.settrace(at_call)
    try:
        gan_recipe(*words)
    finally:
        sys.settrace(None)
        Path(".victim.lines").write_text(str(lines))


def on_a_disk_that_fills(*words: str) -> None:
    """The command line, which is not told beforehand that its disk has no room, as if others filled it later."""
    from gan_recipe.runs import disk_use

    disk_use.free = lambda folder: 1 << 60  # type: ignore[assignment]
    gan_recipe(*words)


def with_full_shared_memory(*words: str) -> None:
    """The command line, where nothing fits into /dev/shm. Raises PermissionError where that cannot be arranged."""
    if ctypes.CDLL(None).unshare(0x00020000):  # CLONE_NEWNS: mounts of its own
        raise PermissionError("unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/dev/shm"], check=True)
    Path("/dev/shm/full").write_bytes(bytes(4096))
    try:
        Path("/dev/shm/more").write_bytes(b"more")
    except OSError:
        gan_recipe(*words)
    else:
        raise AssertionError("/dev/shm has room")


def in_small_files(size: int, *words: str) -> None:
    """The command line, in which no file may grow above ``size`` bytes; what it says is not counted."""
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        gan_recipe(*words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        sys.__stderr__.write(sys.stderr.getvalue())  # type: ignore[union-attr]
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def _is_there(frame: FrameType | None, where: str) -> bool:
    if where == "anywhere":
        return True
    if where == "loader":
        return threading.current_thread() is not threading.main_thread()
    while frame is not None:
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        if where == "save" and name == "save" and file.endswith("checkpoint.py"):
            return True
        if name == "step" and file.endswith("player.py") and frame.f_locals["self"].spec.name == where:
            return True
        frame = frame.f_back
    return False


def trial(told: Mapping[str, Any]) -> None:
    """A trial of ``verify-resume``."""
    from gan_recipe.verify.trial import carry_out
    from gan_recipe.verify.verify_resume import Task

    carry_out(Task(**{**told, "root": Path(told["root"]), "notes": Path(told["notes"])}))


def _serve() -> None:
    import tensorboardX  # noqa: F401
    import torch._dynamo  # noqa: F401, for the first loss would import it, for seconds

    import gan_recipe.cli
    import gan_recipe.verify.trial  # noqa: F401
    from gan_recipe.components.registry import Registry

    Registry.installed().every()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _reply(replies, ready=True)
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_a_victim(told)
        _reply(replies, pid=pid)
        _, status = os.waitpid(pid, 0)
        _reply(replies, code=os.waitstatus_to_exitcode(status))


def _become_a_victim(told: dict[str, Any]) -> None:
    code = 70
    try:
        folder = Path(told["folder"])
        os.chdir(folder)
        os.environ.update(told["environment"])
        sys.path[:0] = told["path"]
        importlib.invalidate_caches()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for name, number in (("out", 1), ("err", 2)):
            os.dup2(os.open(Path(told["said"], name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        module, _, function = told["call"].partition(":")
        getattr(importlib.import_module(module), function)(*told["arguments"])
        code = 0
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 0 if exit.code is None else 1
        if isinstance(exit.code, str):
            print(exit.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reply(replies: Any, **what: Any) -> None:
    replies.write(json.dumps(what) + "\n")
    replies.flush()


if __name__ == "__main__":
    _serve()
