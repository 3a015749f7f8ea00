"""Stand-ins for the programs that the docs call, put on a shell's path: each does the real thing, made small.

``gan-recipe`` gets overrides that make seconds of minutes. ``torchrun`` reads its arguments with torchrun's own parser
and starts the real one with them, but on one machine and with two processes at most. ``srun`` and ``scontrol`` check
what they are given as SLURM would. All of them note it in the file that ``$NOTED`` names, a line of JSON each.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("gan-recipe", "torchrun", "srun", "scontrol")
# In six rounds the generator of an n_critic of 5 has moved.
SMALL = ("run.rounds=6", "run.batch=4", "run.held_out=4", "run.precision=float32", "run.checkpoint_every=2")
SMALL += ("data.faces.identities=4", "data.faces.held_out=2", "run.measure_every=0", "run.observers=[]")
SMALL += tuple(f"networks.{name}.width=0.0625" for name in ("generator", "trunk", "encoder", "decoder"))
SMALL += ("data.faces.size=32", "networks.generator.size=32", "sheet.rows=1")
# Judges of outputs learn first, and take longer than such a run.
SMALL += ("metrics.*.epochs=1", "metrics.*.samples=64")


def put_on_path(folder: Path) -> None:
    """Write the programs into ``folder``."""
    folder.mkdir()
    for program in PROGRAMS:
        path = folder / program
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" {program} "$@"\n')
        path.chmod(0o755)


def overrides(words: list[str]) -> list[str]:
    """Those that make a command's recipe small and that it can have, as ``-s`` words; none for what has no recipe."""
    from gan_recipe.errors import UserError
    from gan_recipe.runs.check_recipe import check

    if words[0] not in ("run", "sweep", "verify-resume", "judge") or "--resume" in words:
        return []
    recipe = next(word for word in words[1:] if not word.startswith("-"))
    given = [words[at + 1] for at, word in enumerate(words) if word == "-s"]
    kept: list[str] = []
    for override in SMALL:
        try:
            check(recipe, [*given, *kept, override], starts=None)
        except UserError:
            continue
        kept.append(override)
    assert SMALL[0] in kept, f"{recipe} cannot be made short"
    return [word for override in kept for word in ("-s", override)]


def small(words: list[str]) -> list[str]:
    """The words behind ``gan-recipe`` of a command that takes seconds."""
    words = list(words)
    if "--trials" in words:
        words[words.index("--trials") + 1] = "2"
    if "--storage" in words:
        from sqlalchemy import make_url

        at = words.index("--storage") + 1
        assert make_url(words[at]).drivername == "postgresql+psycopg" and make_url(words[at]).database
        words[at] = "sqlite:///sweeps.db"
    return [*words, *overrides(words)]


def gan_recipe(words: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "gan_recipe", *small(words)]).returncode


def torchrun(words: list[str]) -> int:
    from torch.distributed.run import get_args_parser

    read = get_args_parser().parse_args(words)
    _note("torchrun", nnodes=read.nnodes, processes=read.nproc_per_node, endpoint=read.rdzv_endpoint, id=read.rdzv_id)
    assert read.module and read.training_script == "gan_recipe", "it starts gan-recipe as a module"
    ours = len(words) - len(read.training_script_args)
    options = words[: ours - 2]
    if int(read.nproc_per_node) > 2:
        options[options.index("--nproc-per-node") + 1] = "1"
    if "--nnodes" in options:
        options[options.index("--nnodes") + 1] = "1"
        options[options.index("--rdzv-endpoint") + 1] = f"127.0.0.1:{os.environ['A_FREE_PORT']}"
    command = [sys.executable, "-m", "torch.distributed.run", *options, "-m", "gan_recipe"]
    return subprocess.run([*command, *small(read.training_script_args)]).returncode


def srun(words: list[str]) -> int:
    _note("srun", command=words[0])
    assert words[0] in ("torchrun", "gan-recipe"), "its own options stand in the #SBATCH lines"
    return subprocess.run(words, env={**os.environ, "SLURM_PROCID": "0"}).returncode


def scontrol(words: list[str]) -> int:
    _note("scontrol", words=words)
    assert words[:2] == ["show", "hostnames"]
    found = re.fullmatch(r"(\w+)\[(\d+)-(\d+)\]", words[2])
    assert found is not None, f"no list of nodes: {words[2]}"
    print("\n".join(f"{found[1]}{number}" for number in range(int(found[2]), int(found[3]) + 1)))
    return 0


def _note(program: str, **what: object) -> None:
    with open(os.environ["NOTED"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"program": program, **what}) + "\n")


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    sys.exit({"gan-recipe": gan_recipe, "torchrun": torchrun, "srun": srun, "scontrol": scontrol}[name](rest))
