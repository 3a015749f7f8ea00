"""timm's backbones as an encoder: their scale, levels and weights, and a hub that does not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from built import build, images

from gan_recipe_plugins.timm_encoder import TimmEncoder


def test_timm_normalises_to_the_backbones_scale() -> None:
    """Mid grey and white arrive where timm's own mean and deviation put 0.5 and 1."""
    import timm

    x = torch.stack([torch.zeros(3, 32, 32), torch.ones(3, 32, 32)])
    encoder = build(TimmEncoder("test_resnet", pooled=True), x).eval()
    backbone: Any = timm.create_model("test_resnet", num_classes=0).eval()
    backbone.load_state_dict(encoder.get_submodule("backbone").state_dict())
    config = backbone.default_cfg
    mean, deviation = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    torch.testing.assert_close(encoder(x), backbone(((x + 1) / 2 - mean) / deviation), rtol=1e-4, atol=1e-5)


def test_frozen_backbone_ignores_the_players() -> None:
    """Neither train() nor requires_grad_() moves a frozen backbone's weights or statistics; its input has gradients."""
    x = images(32).requires_grad_()
    encoder = build(TimmEncoder("test_resnet", frozen=True, pooled=True), x)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.train().requires_grad_(True)
    encoder(x).sum().backward()
    assert x.grad is not None and x.grad.any()
    assert list(encoder.parameters()) == []
    assert all(torch.equal(before[key], value) for key, value in encoder.state_dict().items())


def test_timm_levels_come_as_a_tuple_finest_first() -> None:
    """Several levels are a tuple of maps, finest first, however they are ordered; a ViT takes the size it gets."""
    x = images(64)
    for levels in ((1, -1), (-1, 1)):
        maps = build(TimmEncoder("test_resnet", levels=levels), x)(x)
        assert isinstance(maps, tuple) and [m.shape[2] for m in maps] == [16, 2]
    assert build(TimmEncoder("test_vit"), x)(x).shape[2:] == (4, 4)


def test_timm_maps_have_channels_second() -> None:
    """Backbones that keep channels last inside still give (B, C, h, w)."""
    x = images(64)
    assert build(TimmEncoder("swin_tiny_patch4_window7_224", levels=(0,)), x)(x).shape == (2, 96, 16, 16)


def test_timm_names_the_nearest() -> None:
    """A misspelt backbone is refused with the name it was near to."""
    with pytest.raises(ValueError, match=r"'resnet81'.*'resnet18'"):
        TimmEncoder("resnet81").build(images(32))


def test_timm_refuses_levels_and_sizes_it_lacks() -> None:
    """A level that the backbone lacks, and a size that its patches do not divide, are refused with the numbers."""
    with pytest.raises(ValueError, match=r"levels \[9\]"):
        TimmEncoder("test_resnet", levels=(9,)).build(images(32))
    with pytest.raises(ValueError, match="36x36"):
        TimmEncoder("test_vit").build(images(36))
    with pytest.raises(ValueError, match="no_such_tag"):
        TimmEncoder("resnet10t.no_such_tag").build(images(32))


def test_timm_says_that_weights_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, pretrained weights fail with a sentence that tells the cure."""
    import timm

    def offline(*_: object, **__: object) -> None:
        raise FileNotFoundError("not in the local cache")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ValueError, match=r"'resnet10t' could not be fetched.*pretrained = false"):
        TimmEncoder("resnet10t", pretrained=True).build(images(32))


@pytest.fixture
def silent_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub that takes calls and never answers, and an empty cache of it."""
    from huggingface_hub import constants

    from gan_recipe_plugins import _timm_encoder

    monkeypatch.setattr(_timm_encoder, "_PATIENCE", 0.3)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield tmp_path


def test_a_hub_that_does_not_answer_is_not_waited_for(silent_hub: Path) -> None:
    """Its client would try for most of a minute; a few seconds are enough, and the sentence says where they went."""
    from huggingface_hub import constants

    began = time.monotonic()
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:\d+ does not answer\), and are not in its cache"):
        TimmEncoder("test_resnet", pretrained=True).build(images(32))
    assert time.monotonic() - began < 10 and constants.HF_HUB_OFFLINE is False


def test_cached_weights_need_no_answer(silent_hub: Path) -> None:
    """The cache is asked although the hub is silent."""
    import timm
    from safetensors.torch import save_file

    network = timm.create_model("test_resnet")
    hub = f"models--{network.pretrained_cfg['hf_hub_id'].replace('/', '--')}"
    snapshot = silent_hub / hub / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (silent_hub / hub / "refs").mkdir()
    (silent_hub / hub / "refs" / "main").write_text("0" * 40)
    save_file(network.state_dict(), snapshot / "model.safetensors")
    built = TimmEncoder("test_resnet", pretrained=True).build(images(32))
    weights = {name.removeprefix("backbone."): value for name, value in built.state_dict().items()}
    same = [name for name, value in network.state_dict().items() if torch.equal(value, weights.get(name, value + 1))]
    assert "conv1.0.weight" in same or len(same) > 20
