"""``start`` from a stranger's file: weights are taken, nothing is run, and a person is told what is taken."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.language import start as start_module
from gan_recipe.language.start import WeightsFile
from gan_recipe.loop.launch import start
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.foreign_weights import read_weights

START = '\n[networks.generator]\nstart = "{}"\n'


@pytest.fixture
def weights(ring: str, write: Callable[..., str]) -> dict[str, torch.Tensor]:
    """Weights that fit the generator of ring.toml, and child.toml beside it, which starts with those of a file."""
    write(ring)
    fresh = Training(check("ring.toml")).graph.networks["generator"].state_dict()
    return {key: torch.randn(value.shape) for key, value in fresh.items()}


def started(stated: str) -> Training:
    Path("child.toml").write_text('extends = "ring.toml"\n' + START.format(stated))
    return Training(check("child.toml"))


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("w.safetensors", "w.safetensors"),
        ("flat.pth", "flat.pth"),
        ("ema.pt", "ema.pt"),
        ("ema.pt", "ema.pt:model"),
        ("whole.ckpt", "whole.ckpt:net"),
        ("parallel.pth", "parallel.pth"),
    ],
)
def test_weights_are_taken_as_training_scripts_keep_them(
    weights: dict[str, torch.Tensor], name: str, stated: str
) -> None:
    """Flat, under a usual or a stated name, behind a prefix, wrapped for several devices; and the run remembers."""
    other = {key: torch.zeros_like(value) for key, value in weights.items()}
    save_file(weights, "w.safetensors")
    torch.save(weights, "flat.pth")
    torch.save({"model": weights if ":" in stated else other, "g_ema": weights, "epoch": 3}, "ema.pt")
    torch.save({f"net.{key}": value for key, value in weights.items()} | {"other.x": torch.ones(1)}, "whole.ckpt")
    torch.save({f"module.{key}": value for key, value in weights.items()}, "parallel.pth")
    training = started(stated)
    mine = training.graph.networks["generator"].state_dict()
    assert all(torch.equal(mine[key], value) for key, value in weights.items())
    told = training.origins.files["generator"]
    assert told["file"].endswith(name) and told["tensors"] == len(weights) and len(told["sha256"]) == 64


def test_a_run_remembers_the_file_and_resumes_without_it(weights: dict[str, torch.Tensor]) -> None:
    """The file is no parent run; where it lay is absolute."""
    save_file(weights, "w.safetensors")
    started("w.safetensors")
    outcome = start(check("child.toml"), Registry.installed(), QuietScreen())
    told = outcome.folder.describe()
    assert told["weights_files"]["generator"]["file"] == str(Path("w.safetensors").absolute())
    assert told["parents"] == {}
    assert str(Path("w.safetensors").absolute()) in outcome.folder.recipe.read_text()


def test_what_does_not_fit_or_is_not_there_is_told(
    weights: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the line that states it: a missing file, other shapes, a table with several parts, too many bytes."""
    with pytest.raises(RecipeError, match=r"child.toml:\d+: networks.generator.start: there is no file no.pth"):
        started("no.pth")
    save_file({"x": torch.ones(3)}, "other.safetensors")
    with pytest.raises(RecipeError, match=r"the weights of other.safetensors do not fit: .* is missing there"):
        started("other.safetensors")
    torch.save({"first": weights, "second": weights}, "two.pth")
    with pytest.raises(RecipeError, match=r"two.pth holds first, second; say which one is meant: FILE:NAME"):
        started("two.pth")
    with pytest.raises(RecipeError, match=r"two.pth holds no 'frist'. Did you mean 'first'"):
        started("two.pth:frist")
    monkeypatch.setattr(start_module, "MAX_BYTES", 10)
    with pytest.raises(RecipeError, match=r"two.pth has [\d,]+ bytes; up to 10 are read"):
        started("two.pth")


class _Calls:
    """A pickle of it calls what it was given."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self._reduced


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    """Calls of every kind, alone and inside a state dict, by torch.save and by pickle: refused before they ran."""
    trace = tmp_path / "ran"
    calls = [
        _Calls(os.system, f"touch {trace}"),
        _Calls(exec, f"open({str(trace)!r}, 'w')"),
        _Calls(eval, f"open({str(trace)!r}, 'w')"),
        _Calls(open, str(trace), "w"),
        _Calls(os.mkdir, str(trace)),
        _Calls(getattr, "x", "upper"),
        _Calls(torch.hub.load, str(tmp_path), "x"),
    ]
    path = tmp_path / "hostile.pth"
    for call in calls:
        for content in (call, {"weight": torch.ones(2), "x": call}, {"state_dict": {"weight": call}}, [call] * 3):
            for write in (torch.save, lambda what, where: where.write_bytes(pickle.dumps(what))):
                write(content, path)
                with pytest.raises(ValueError, match="Nothing of it was run"):
                    read_weights(WeightsFile(path, ""))
                assert not trace.exists()


def test_a_damaged_file_is_told_whatever_is_wrong_with_it(tmp_path: Path) -> None:
    """Cut anywhere, or random bytes, under each suffix: a sentence, never another exception."""
    draw = random.Random(0)
    torch.save({"weight": torch.randn(20)}, tmp_path / "w.pth")
    save_file({"weight": torch.randn(20)}, tmp_path / "w.safetensors")
    for path in (tmp_path / "w.pth", tmp_path / "w.safetensors"):
        data = path.read_bytes()
        for _ in range(40):
            path.write_bytes(draw.choice([data[: draw.randrange(len(data))], draw.randbytes(draw.randrange(200))]))
            with pytest.raises(ValueError, match=r"w\.(pth|safetensors)"):
                read_weights(WeightsFile(path, ""))
