"""How figures are called in ``metrics.jsonl``."""

from __future__ import annotations

#: Before the name of what a signal has measured: ``signals/critic/gan/gap``.
SIGNAL_PREFIX = "signals/"
