"""A value as TOML writes it: in messages, as a default in the documentation, in examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def as_toml(value: Any) -> str:
    """The value on one line. Whatever TOML cannot hold is shown as Python shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, Path)):
        return f'"{"".join(map(_escaped, str(value)))}"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{as_key(str(key))} = {as_toml(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return str(value)


def as_key(name: str) -> str:
    """One part of a key: bare where it can be."""
    return name if _BARE.fullmatch(name) else as_toml(name)


def shortened(value: Any, most: int = 80) -> str:
    """The value for a message, its middle left out when it is long."""
    return cut(as_toml(cut(value, 2 * most) if isinstance(value, str) else value), most)


def cut(text: str, most: int = 80) -> str:
    """The text, its middle left out when it is long."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 4 :]}"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
