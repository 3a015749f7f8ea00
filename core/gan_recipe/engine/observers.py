"""Observers: plugins that are told what happens in a run, and cannot disturb it."""

from __future__ import annotations

import warnings

import pluggy


class Observers:
    """Tells every plugin's hooks. One that raises is named in a warning and told nothing more; the others go on."""

    def __init__(self, hooks: pluggy.HookRelay | None) -> None:
        """Without ``hooks`` nobody is told anything."""
        self._hooks = hooks
        self._silenced: set[str] = set()

    def tell(self, hook: str, **what: object) -> None:
        """Call ``hook`` of every observer with those of ``what`` that it asks for."""
        for implementation in getattr(self._hooks, hook).get_hookimpls() if self._hooks is not None else ():
            name = implementation.plugin_name
            if name in self._silenced:
                continue
            try:
                implementation.function(**{argument: what[argument] for argument in implementation.argnames})
            except Exception as error:  # a stranger's observer may raise anything; training goes on
                self._silenced.add(name)
                told = (
                    f"the observer {name!r} failed in {hook} and is told nothing more: {type(error).__name__}: {error}"
                )
                warnings.warn(told, RuntimeWarning, stacklevel=2)
