"""Reports: what became of a run, of several, and of all, as pages that a browser shows without a network.

A page is written from the files in run folders alone. Whatever these hold is data of a stranger: bounded, and escaped.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from gan_recipe.errors import UserError
from gan_recipe.runs.run_folder import RunFolder, all_runs, runs_root


def write_report(run: RunFolder) -> Path:
    """Write ``report.html`` into the run's folder. Raises UserError for no run, OSError when it cannot be written."""
    from gan_recipe.report.page import write_page
    from gan_recipe.report.run_page import run_page

    return write_page(run.path / "report.html", run_page(run))


def report_at_end(run: RunFolder) -> None:
    """``write_report`` for a run that has just ended, which no fault of its report can harm: it is one warning."""
    try:
        write_report(run)
    except Exception as error:
        told = f"the report of {run.name} could not be written: {type(error).__name__}: {error}"
        warnings.warn(told, RuntimeWarning, stacklevel=2)


def write_comparison(runs: Sequence[RunFolder], path: Path | None = None) -> Path:
    """Write a page that holds several runs side by side, by default into the folder of runs.

    Raises UserError for runs that cannot be compared, OSError when it cannot be written.
    """
    from gan_recipe.report.compare_page import compare_page
    from gan_recipe.report.page import write_page

    path = path or runs_root() / f"compare-{_joined([run.name for run in runs])}.html"
    return write_page(path, compare_page(runs, path.parent))


def write_index() -> tuple[Path, list[RunFolder], list[tuple[RunFolder, str]]]:
    """Write ``index.html`` into the folder of runs, and before it every report that is missing or out of date.

    Returns where the index is, the runs whose reports were written, and those whose reports could not be, with the
    reason. Raises UserError when there are no runs, OSError when the index cannot be written.
    """
    from gan_recipe.report.index_page import index_page, outdated
    from gan_recipe.report.page import write_page

    runs = all_runs()
    if not runs:
        raise UserError(f"there are no runs in {runs_root()} yet. Start one: gan-recipe run d_supervised")
    written, failed = [], []
    for run in outdated(runs):
        try:
            write_report(run)
            written.append(run)
        except (UserError, OSError) as error:
            failed.append((run, str(error)))
    path = runs_root() / "index.html"
    return write_page(path, index_page(path.parent)), written, failed


def _joined(names: Sequence[str]) -> str:
    """The runs' names as a part of a file's name; a digest stands for what would be too long."""
    joined = "-".join(re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-") for name in names)
    if len(joined) <= 120:
        return joined
    return f"{joined[:100]}-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:8]}"
