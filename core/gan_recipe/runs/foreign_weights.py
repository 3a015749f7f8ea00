"""Weights out of a stranger's file: read as data, whatever the file would like to run.

``.safetensors`` holds nothing but tensors. ``.pth``, ``.pt`` and ``.ckpt`` are pickles, of which torch's restricted
unpickler (``weights_only``) builds tensors and plain containers and refuses the rest before anything is called.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_recipe.components.toml_value import cut
from gan_recipe.errors import did_you_mean
from gan_recipe.language.start import WeightsFile

if TYPE_CHECKING:
    from torch import Tensor

# Where training scripts keep the one state dict that is wanted; the averaged weights come first.
_USUAL = ("params_ema", "g_ema", "ema", "state_dict", "model_state_dict", "model", "params", "generator", "module")


def read_weights(file: WeightsFile) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors by name, and what a run remembers of the file, of which nothing is run. Raises ValueError."""
    file.check()
    with file.path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    content = _safetensors(file.path) if file.path.suffix == ".safetensors" else _pickled(file.path)
    tensors, taken = _chosen(file, content)
    told = {"file": str(file.path.absolute()), "part": taken, "tensors": len(tensors), "sha256": digest}
    return tensors, told


def _chosen(file: WeightsFile, content: Mapping[str, Any]) -> tuple[dict[str, Tensor], str]:
    tables = {str(key): each for key, each in content.items() if isinstance(each, Mapping) and _tensors(each)}
    flat = _tensors(content)
    if file.part:
        prefix = f"{file.part}."
        inside = {key.removeprefix(prefix): each for key, each in flat.items() if key.startswith(prefix)}
        chosen = _tensors(tables[file.part]) if file.part in tables else inside
        if not chosen:
            known = [*tables, *{key.partition(".")[0] for key in flat}]
            raise ValueError(f"{file.path} holds no {file.part!r}.{did_you_mean(file.part, known)}")
        return chosen, file.part
    if flat:
        return flat, ""
    usual = [name for name in _USUAL if name in tables] or list(tables) * (len(tables) == 1)
    if not usual:
        held = ", ".join(cut(name, 30) for name in list(tables)[:12]) or "no tensors by name"
        raise ValueError(f"{file.path} holds {held}; say which one is meant: FILE:NAME")
    return _tensors(tables[usual[0]]), usual[0]


def _tensors(table: Mapping[Any, Any]) -> dict[str, Tensor]:
    import torch

    found = {key: value for key, value in table.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}
    # Wrappers for several devices and for compiling put their own name before every key.
    for wrapper in ("module.", "_orig_mod."):
        if found and all(key.startswith(wrapper) for key in found):
            found = {key.removeprefix(wrapper): value for key, value in found.items()}
    return found


def _safetensors(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is no safetensors file that can be read: {error}") from None


def _pickled(path: Path) -> Mapping[str, Any]:
    import torch

    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 10):
        raise ValueError(
            f"{path} is a pickle, and torch {torch.__version__} does not read those safely (CVE-2026-24747). Install "
            "torch 2.10 or later, or convert it to safetensors where you trust it"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of protocols that it may not know; what it does not know it refuses
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file may raise anything
        why = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{path} is not loaded: it holds more than tensors and plain values, or is damaged ({cut(why, 160)}). "
            "Nothing of it was run; ask for the weights as safetensors"
        ) from None
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}; expected a table of tensors (a state dict)")
    return content
