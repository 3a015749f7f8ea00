"""Every built-in keeps the promises that ``gan_recipe.testing`` asks of anybody's component."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gan_recipe import Field
from gan_recipe.components.registry import Registry
from gan_recipe.testing import Check, Trial, check_component, check_observer, checks_for, parametrize_with_checks

EVERY = Registry.installed().every()

IMAGE = Field((3, 32, 32))
SMALL = Field((3, 16, 16))
MAP = Field((8, 4, 4))
VECTOR = Field((7,))
LABEL = Field((), "int64", 4)
FLAG = Field((), "int64", 2)
MAPS = tuple(Field((channels, side, side)) for channels, side in ((8, 16), (16, 8), (16, 4)))
LOGITS = {"logits": Field((4,)), "labels": LABEL}
PIXELS = {"output": SMALL, "target": SMALL}
ALONE = {
    "takes_batches_of_any_size": "it needs whole groups",
    "a_sample_is_judged_alone_in_eval_mode": "that is its use",
    "torch_export": "whole groups again: a graph for batches of any size cannot be had",
}
PACKED = ALONE | {"output_has_the_promised_shape_and_dtype": "two samples become one"}
CONSTANT = {
    "batches_differ": "there is one point",
    "held_out_samples_are_never_trained_on": "there is one point",
    "the_fingerprint_names_the_data": "both parts hold the same samples",
}


def of(use: str, about: dict[str, Any], **settings: Any) -> Trial:
    """The component that recipes call ``use``."""
    stated = ", ".join(f"{key}={value}" for key, value in settings.items() if key not in ("width", "size"))
    return Trial(EVERY[use](**settings), label=f"{use}({stated})" if stated else use, **about)


def trials() -> Iterator[Trial]:
    """Small widths, and the settings that choose between ways to compute."""
    image: dict[str, Any] = {"inputs": [IMAGE]}
    yield of("casia_encoder", image, width=0.1)
    yield of("casia_encoder", image, width=0.1, stem=2, residual=True, norm="group")
    yield of("casia_encoder", {"inputs": [SMALL, Field((1, 16, 16))]}, width=0.1, norm="none", activation="leaky_relu")
    yield of("timm_encoder", image, name="test_resnet", levels=(0, 1))
    yield of("timm_encoder", image, name="resnet10t", frozen=True)
    yield of("timm_encoder", image, name="test_resnet", pooled=True)
    yield of("patch_encoder", {"inputs": [IMAGE, IMAGE]}, width=0.1)
    yield of("patch_encoder", image, width=0.1, strides=1, norm="instance")
    yield of("srgan_trunk", image, width=0.1)
    yield of("dcgan_encoder", image, width=0.05)
    yield of("dcgan_encoder", image, width=0.05, kernel=5, norm="none")
    yield of("unet_encoder", image, width=0.1, levels=3)
    yield of("casia_decoder", {"inputs": [MAP]}, width=0.1)
    yield of("casia_decoder", {"inputs": [MAP, VECTOR]}, width=0.1, pool=True, norm="group")
    yield of("unet_decoder", {"inputs": [MAPS], "output": IMAGE})
    yield of("dcgan_decoder", {"inputs": [VECTOR, Field((3,))], "output": IMAGE}, size=32, width=0.05)
    yield of("dcgan_decoder", {"inputs": [VECTOR]}, size=24, width=0.05, kernel=5, norm="group", image_channels=1)
    yield of("upsample_decoder", {"inputs": [VECTOR], "output": SMALL}, size=16, width=0.1)
    yield of("upsample_decoder", {"inputs": [MAP, VECTOR]}, size=16, width=0.1, resize="bilinear", norm="group")
    yield of("srgan_head", {"output": Field((1,))}, width=0.02)
    yield of("big_kernel_conv", {"output": Field((1,))}, norm_on_logit=True)
    yield of("cross_entropy", {"reads": LOGITS}, label_smoothing=0.1)
    yield of("bce_critic", {}, real_label=0.9)
    yield of("l1", {"reads": PIXELS | {"weights": Field((1, 16, 16))}})
    yield of("wgan_gp", {}, one_sided=True)
    yield of("perceptual", {}, unit_length=True)
    yield of("siamese_contrastive", {"reads": {"first": VECTOR, "second": VECTOR, "same": Field((), "int64", 2)}})
    yield of("every", {}, periods={"critic": (4, 6)}, switch_at=50, starts={"generator": 9})
    yield of("cycle", {}, blocks={"critic": 4, "generator": 6})
    yield of("spectral_norm", {}, power_iterations=2)
    yield of("wgan_clip", {}, spare_norms=False)
    yield of("toy_2d", {}, layout="grid")
    yield of("pack", {"exempt": PACKED})
    yield of("minibatch_std", {"exempt": ALONE})
    yield of("dirac", {"exempt": CONSTANT})
    yield of("noise", {}, distribution="uniform", size=5)
    yield of("synthetic_faces", {"samples": 64}, identities=3, held_out=2)
    yield of("rank_1", {"bounds": (0, 1), "reads": {"output": SMALL, "gallery": SMALL, "identity": LABEL}})
    yield of("sharpness", {"bounds": (0, 1e9), "reads": PIXELS})
    yield of("diversity", {"bounds": (0, 1e9), "reads": PIXELS})
    yield of("spread", {"bounds": (0, 1e9), "reads": {"value": VECTOR}})
    yield of("critic_gap", {"reads": {"real": Field((1,)), "fake": Field((1,))}})
    yield of("verification_auc", {"bounds": (0, 1), "reads": {"first": VECTOR, "second": VECTOR, "same": FLAG}})
    yield of("channels", {"output": Field((3,)), "inputs": [Field((12,))]}, first=0.75)
    yield of("l1_distance", {"bounds": (0, 255), "reads": PIXELS})
    judged = {"output": SMALL, "examples": SMALL, "example_labels": LABEL}
    quick = {"samples": 64, "epochs": 1, "trust": 0.0}
    yield of("judged_accuracy", {"bounds": (0, 1), "reads": judged | {"labels": LABEL}}, **quick)
    yield of("judged_rank_1", {"bounds": (0, 1), "reads": judged | {"gallery": SMALL, "identity": LABEL}}, **quick)
    yield from verdict_trials()


def verdict_trials() -> Iterator[Trial]:
    """Each with the figures of a run that fails as it knows."""
    gan = "critic/gan/"
    yield of("critic_too_strong", {"failing": {f"{gan}doubt": 0.01, f"{gan}ranked": 1.0, f"{gan}gap": 9.0}})
    yield of("critic_too_weak", {"failing": {f"{gan}ranked": 0.5, f"{gan}apart": 1.0}})
    by_heart = {"share": 0.9, "ranked": 0.95, "copied": 1.0}
    yield of("overfitting", {"failing": {f"held_out/gan/{name}": value for name, value in by_heart.items()}})
    yield of("mode_collapse", {"failing": {f"{gan}diversity": 0.1, f"{gan}modes": 0.1, f"{gan}copies": 1.0}})
    yield of("sudden_collapse", {"failing": {f"{gan}modes": [0.95] * 12 + [0.1]}})
    yield of("saturated_generator", {"failing": {f"{gan}limits": 0.9}})
    shares = {"generator/fake/share/gan": 0.02, "generator/fake/share/near": 0.98}
    yield of("one_loss_leads", {"failing": shares})
    yield of("diverged", {"failing": {f"{gan}real": 1e5, f"{gan}fake": -1e5, "generator/weights": [1.0, 9.0, 10.0]}})
    yield of("factor_lost", {"failing": {"label/pose": 0.1, "critic/loss/mode": 2.08}})
    yield of("phase_mismatch_after_load", {"failing": {f"{gan}ranked": 0.1}})


TRIALS = list(trials())
# What no trial names is tried on the kit's own examples, with its defaults.
NAMED = {trial.cls for trial in TRIALS} | {EVERY["image_folder"]}
TRIALS += [Trial(cls, label=name) for name, cls in EVERY.items() if cls not in NAMED]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is rendered or trained here stays here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_RECIPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@parametrize_with_checks(TRIALS)
def test_a_built_in_conforms(check: Check, trial: Trial) -> None:
    """Each check by name, on each trial."""
    check(trial)


COMPILED = [
    of("dcgan_encoder", {"inputs": [IMAGE], "backend": "inductor"}, width=0.05),
    of("dcgan_decoder", {"inputs": [VECTOR], "backend": "inductor"}, size=32, width=0.05),
    of("patch_encoder", {"inputs": [IMAGE], "backend": "inductor"}, width=0.1),
    of("mlp", {"backend": "inductor"}),
    of("patch_head", {"backend": "inductor"}),
]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler, and g++ is not installed")
@pytest.mark.parametrize("trial", COMPILED, ids=lambda trial: trial.name)
def test_a_network_gives_the_same_when_inductor_compiles_it(trial: Trial) -> None:
    """The code that ``run.compile`` runs, built and compared, forward and backward."""
    (check,) = [check for check in checks_for(trial) if check.name == "torch_compile"]
    check(trial)


def test_a_folder_of_photographs_conforms(given: Callable[[str], list[str]]) -> None:
    """With labels, ground truth, partners and random crops."""
    folder = given("photographs")[0].partition("=")[2]
    pattern = r"(?P<who>[^_]+)_(?P<pose>[^_]+)_(?P<mood>[^_]+)_eyes\.png"
    check_component(
        EVERY["image_folder"](
            folder=Path(folder), size=16, pattern=pattern, identity="who", held_out=0.4, crop="random", resize=20,
            target={"pose": "forward"}, pairs=True, pair_near="pose", any_image=True,
        )
    )  # fmt: skip


def test_the_built_in_observer_conforms(tmp_path: Path) -> None:
    """Tensorboard is told of two runs."""
    from gan_recipe_plugins import tensorboard

    check_observer(tensorboard, tmp_path)
    assert list(tmp_path.rglob("events.out.*"))
