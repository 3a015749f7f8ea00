"""An exported value computes what the run's networks compute, in every format, wherever it is loaded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from test_recipes import OTHERS, WIDTHS

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.training import Training
from gan_recipe.errors import RunError, UserError
from gan_recipe.exports.export import export, restored
from gan_recipe.exports.exported import load_value
from gan_recipe.exports.formats import FILES
from gan_recipe.exports.parity import SIZES, Parity
from gan_recipe.language.recipe_file import plain, shipped_recipes
from gan_recipe.loop.launch import start
from gan_recipe.runs import checkpoint as checkpoints
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.new_run import new_run
from gan_recipe.runs.run_folder import RunFolder

# What an image value of a shipped recipe cannot be exported as, and why.
CANNOT: dict[tuple[str, str], str] = {}


@pytest.fixture
def trained(write: Callable[..., str], ring: str, registry: Registry) -> RunFolder:
    """The tiny recipe, trained; its generator has an average."""
    return start(check(write(ring), registry=registry), registry, QuietScreen()).folder


def exported(run: RunFolder, value: str, *formats: str, out: str = "out") -> tuple[Path, list[Parity]]:
    training, round = restored(run, None)
    return Path(out), export(run, training, round, value, formats, Path(out))


def test_every_format_holds_the_averaged_weights(trained: RunFolder) -> None:
    """The value over the same samples is that of the run's averaged networks, and not of the raw ones."""
    folder, parities = exported(trained, "fake", "safetensors", "torch", "onnx")
    training, _ = restored(trained, None)
    batch = training.open_stream(frozenset({"noise.z"})).batch(0)
    node = training.recipe.values["fake"]
    with training.averaged():
        (averaged,) = training.graph.evaluate([node], batch)
    (raw,) = training.graph.evaluate([node], batch)
    (array,) = _onnx(folder / "model.onnx", z=batch["noise.z"])
    for found in (
        load_value(folder)(z=batch["noise.z"]),
        torch.export.load(folder / "model.pt2").module()(z=batch["noise.z"]),
        array,
    ):
        torch.testing.assert_close(found, averaged)
        assert not torch.allclose(found, raw)
    assert [parity.format for parity in parities] == ["safetensors", "torch", "onnx"]
    assert all(set(parity.difference) == set(SIZES) and parity.scale > 0 for parity in parities)


def test_a_value_is_loaded_where_its_data_is_not(
    trained: RunFolder, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder alone is enough: neither the run, nor the data, nor the run that a network began from is asked for."""
    child = f'extends = "ring.toml"\n[networks.trunk]\nstart = "{trained.name}"\n'
    registry = Registry.installed()
    run = start(check(write(child, "child.toml"), registry=registry), registry, QuietScreen()).folder
    folder, _ = exported(run, "score", "safetensors")
    told = (folder / "recipe.toml").read_text()
    gone = told.replace('use = "toy_2d"', 'use = "image_folder"\nfolder = "/nowhere"')
    assert gone != told and "start" in gone
    (folder / "recipe.toml").write_text(gone)
    trained.path.rename(trained.path.parent / "moved")
    assert load_value(folder)(z=torch.zeros(3, 2)).shape == (3, 1)


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("value.json", '{"value": "fake", "fields": []}'),
        ("value.json", '{"value": "fake", "fields": {"toy.point": 3}}'),
        ("value.json", "[" * 100_000),
        ("recipe.toml", "networks = 3\n"),
        ("recipe.toml", "run = 3\nnetworks = { generator = 3 }\n"),
    ],
)
def test_a_damaged_export_is_told_in_a_sentence(name: str, stated: str, trained: RunFolder) -> None:
    """Whoever edited which of its files."""
    folder, _ = exported(trained, "fake", "safetensors")
    (folder / name).write_text(stated)
    with pytest.raises(UserError, match=r"is no value exported as safetensors|recipe\.toml:1"):
        load_value(folder)


def test_figures_that_are_none_are_no_figures_of_a_card(trained: RunFolder) -> None:
    """Though somebody wrote them into the run."""
    trained.write_description({**trained.describe(), "figures": ["far"], "baseline": 3})
    folder, _ = exported(trained, "fake", "safetensors")
    assert "## Figures" not in (folder / "README.md").read_text()


def test_a_card_tells_what_the_hub_reads(trained: RunFolder) -> None:
    """Front matter that the Hub's own reader takes: figures, tags; then recipe, lineage, data, parity and the sheet."""
    folder, _ = exported(trained, "fake", "safetensors")
    card = ModelCard.load(folder / "README.md")
    assert card.data.library_name == "gan-recipe" and "ring" in card.data.tags
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_name) == ("l1_distance", "far")
    assert result.metric_value == pytest.approx(trained.describe()["figures"]["far"])
    text = card.text
    assert "generator(z)" in text and trained.name in text and "model.safetensors" in text
    assert all(digest in text for digest in trained.describe()["data"].values())
    assert "(sheet.png)" in text and (folder / "sheet.png").is_file()
    assert plain(check(str(trained.recipe)).resolved_tables).strip() in text


def test_the_code_of_the_card_runs(trained: RunFolder) -> None:
    """Every block of Python, as it stands, in the exported folder."""
    folder, _ = exported(trained, "fake", "safetensors", "torch", "onnx")
    blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    code = "\n".join([*blocks, "assert output.shape == (4, 2)"])
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_export_that_disagrees_is_not_kept(trained: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong weight in the file that was written is seen when it is read back; the earlier export stays as it was."""
    from gan_recipe.exports import export as exporting

    folder, _ = exported(trained, "fake", "safetensors")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    honest = exporting.exported.weights_of
    monkeypatch.setattr(exporting.exported, "weights_of", lambda *what: {k: v + 0.01 for k, v in honest(*what).items()})
    with pytest.raises(
        RunError, match=r"safetensors export differs from the live networks by 0\.\d+ .*Nothing was kept"
    ):
        exported(trained, "fake", "safetensors")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not list(Path().glob(".out*"))


def test_what_is_wrong_is_told_before_anything_is_written(trained: RunFolder) -> None:
    """A misspelt value with the nearest name, a folder of something else, a round that is not kept."""
    with pytest.raises(UserError, match=r"has no value 'fakes'\. Did you mean 'fake'\?"):
        exported(trained, "fakes", "safetensors")
    with pytest.raises(UserError, match=r"holds something else"):
        exported(trained, "fake", "safetensors", out=str(trained.path))
    with pytest.raises(UserError, match=r"keeps no checkpoint of round 3; it has: 6"):
        restored(trained, 3)
    assert not Path("out").exists()


def test_a_damaged_export_is_told_as_one(trained: RunFolder) -> None:
    """Each file missing or cut is a UserError that names the folder."""
    folder, _ = exported(trained, "fake", "safetensors")
    for name in ("value.json", "model.safetensors"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(UserError, match=r"out is no value exported as safetensors"):
            load_value(folder)
        (folder / name).write_bytes(whole)
    load_value(folder)


def test_spectral_norm_and_batch_norm_and_labels_export(write: Callable[..., str], ring: str) -> None:
    """Parametrised weights become plain ones; statistics are kept; a label is an input like any other."""
    text = ring.replace(
        'clip = { use = "wgan_clip", limit = 0.5, on = ["verdict"] }', 'norm = { use = "spectral_norm" }'
    )
    text = text.replace('fake = "generator(z)"', 'fake = "generator(z)"\ncode = "hot(mode)"')
    text = text.replace("[values]", 'hot = { use = "one_hot", classes = 4 }\n\n[values]', 1)
    text += 'code = { use = "l1_distance", output = "code", target = "code" }\n'
    registry = Registry.installed()
    run = start(check(write(text), registry=registry), registry, QuietScreen()).folder
    for value, inputs in (("score", {"z": torch.zeros(2, 2)}), ("code", {"mode": torch.tensor([0, 3])})):
        folder, _ = exported(run, value, "safetensors", "torch", out=value)
        assert not any("parametrizations" in name for name in load_value(folder).state_dict())
        told = json.loads((folder / "value.json").read_text())
        assert set(told["inputs"].values()) == set(inputs)
        load_value(folder)(**inputs)


def _image_values(name: str, given: Callable[[str], list[str]]) -> tuple[RunFolder, list[str]]:
    """A run of a shipped recipe at a tiny size, not trained, and the values that its sheet shows."""
    faces = given(name)
    whole = check(name, faces)
    few = [f"data.{source}.identities=4" for source, use in whole.data_use.items() if use == "synthetic_faces"]
    few += [f"data.{source}.held_out=2" for source, use in whole.data_use.items() if use == "synthetic_faces"]
    widths = [f"networks.{network}.width={width}" for network, width in WIDTHS.get(name, {}).items()]
    recipe = check(name, [*faces, *few, *widths, *OTHERS.get(name, [])])
    training = Training(recipe)
    run = new_run("tiny")
    run.recipe.write_text(plain(recipe.resolved_tables))
    run.write_description({"outcome": "stopped"})
    checkpoints.save(run, training.checkpoint(0), keep=2)
    return run, [value for value, node in recipe.values.items() if node in recipe.columns and node.arguments]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name in shipped_recipes() if not name.startswith("notebook/")))
def test_every_shipped_recipes_images_export(
    name: str, given: Callable[[str], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every format, at a dynamic batch, but for what ``CANNOT`` lists, which is told with the reason.

    The notebook's entries are left out: their networks are those of siamese, wgan_srgan and d_supervised.
    """
    monkeypatch.chdir(tmp_path)
    run, values = _image_values(name, given)
    possible = [format for format in FILES if (name, format) not in CANNOT]
    for value in values[:1]:
        exported(run, value, *possible)
        for format in set(FILES) - set(possible):
            with pytest.raises(UserError, match=rf"cannot be exported as {format}.*{CANNOT[name, format]}"):
                exported(run, value, format)


def _onnx(path: Path, **inputs: torch.Tensor) -> list[torch.Tensor]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(a) for a in session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})]
