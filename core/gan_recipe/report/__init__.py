"""Reports: what became of a run, of several, and of all, as pages that a browser shows without a network.

A page is written from the files in run folders alone. Whatever these hold is data of a stranger: bounded, and escaped.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from gan_recipe.run_folder import RunFolder


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
