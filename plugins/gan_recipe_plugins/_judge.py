"""A small classifier that learns from real data, apart from the run, and judges what the run makes.

A run cannot be its own judge: its critic says what its generator was trained to hear. A judge sees training data only,
is trained once for each data set and label, and is kept in the cache folder, where any later run finds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import attrs
import torch
from attrs import frozen
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, linear, normalize

from gan_recipe import Examples, cache_folder

# A change of anything below that a judge's weights depend on, and that is no setting, must change this number.
_VERSION = 1
_SIZE = 32
_WIDTHS = (16, 32, 64)
_EMBEDDING = 128
_SCALE = 16.0
_BATCH = 64
_RATE = 8e-3
#: Each sample is made darker or brighter by up to this share, so that no judge goes by brightness alone.
_BRIGHTNESS = 0.3
#: Every tenth training batch is kept from the judge, to judge the judge.
_HELD_BACK = 10
#: A judge that is right this often after an epoch learns no further.
_ENOUGH = 0.995
_AT_ONCE = 256
_WRITING = ".writing-"

_known: dict[str, Judge] = {}


@frozen
class Lessons:
    """How a judge is trained."""

    #: How many training samples it learns from.
    samples: int
    #: How often it sees each.
    epochs: int
    #: Whether classes are told apart by the angle of the embedding alone, which serves people it never saw.
    angular: bool


class Judge(nn.Module):
    """Class logits of images (B, C, H, W) of any size, which are brought to 32 x 32 first."""

    accuracy: Tensor

    def __init__(self, channels: int, classes: int, *, angular: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((channels, *_WIDTHS), _WIDTHS, strict=False):
            kernel = 5 if inputs == channels else 3
            layers += [
                nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        side = _SIZE // 2 ** len(_WIDTHS)
        self.trunk = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(_WIDTHS[-1] * side**2, _EMBEDDING, bias=False), nn.BatchNorm1d(_EMBEDDING)
        )
        self.classes = nn.Linear(_EMBEDDING, classes)
        self.angular = angular
        #: How often it is right on real samples that it did not learn from.
        self.register_buffer("accuracy", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        """Class logits of images at ``_SIZE``."""
        features = self.trunk(images)
        if self.angular:
            return _SCALE * linear(normalize(features), normalize(self.classes.weight))
        logits: Tensor = self.classes(features.relu())
        return logits

    def logits(self, images: Tensor) -> Tensor:
        """Class logits of many images of any size, without gradients."""
        return self._in_parts(self, images)

    def embed(self, images: Tensor) -> Tensor:
        """The unit vectors before the class logits, of many images of any size, without gradients."""
        return normalize(self._in_parts(self.trunk, images))

    @torch.no_grad()
    def _in_parts(self, function: nn.Module, images: Tensor) -> Tensor:
        parts = range(0, len(images), _AT_ONCE)
        return torch.cat([function(_at_size(images[start : start + _AT_ONCE])) for start in parts])


def trained_judge(examples: Examples, labels: Examples, lessons: Lessons, *, trust: float) -> Judge:
    """The judge of these labels: trained now, or in an earlier run.

    Its training leaves torch's random numbers as they were. Warns when it is right on less than ``trust`` of the real
    samples that were held back. Raises ValueError when the examples are no images or the labels no labels.
    """
    name = _name(examples, labels, lessons)
    if name not in _known:
        path = _path(name)
        judge = _read(path, lessons)
        if judge is None:
            judge = _train(examples, labels, lessons)
            _write(path, judge)
        _known[name] = judge.eval()
    accuracy = float(_known[name].accuracy)
    if accuracy < trust:
        warnings.warn(
            f"a judge is right on only {accuracy:.1%} of the real samples that were held back from it, "
            f"below the stated trust of {trust:.1%}: its figure says little; give it more samples or epochs",
            RuntimeWarning,
            stacklevel=4,
        )
    return _known[name]


def is_kept(examples: Examples, labels: Examples, lessons: Lessons) -> bool:
    """Whether the judge of these labels has been trained, now or in an earlier run."""
    name = _name(examples, labels, lessons)
    return name in _known or _path(name).exists()


def _name(examples: Examples, labels: Examples, lessons: Lessons) -> str:
    told = [_VERSION, attrs.asdict(lessons), examples.fingerprint, labels.fingerprint]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _path(name: str) -> Path:
    return cache_folder() / "judges" / f"{name}.safetensors"


# ----------------------------------------------------------------------------------------------------------- training


def _train(examples: Examples, labels: Examples, lessons: Lessons) -> Judge:
    # Metrics are taken inside no_grad or inference_mode, perhaps under autocast; a judge must learn all the same.
    # Only the CPU's generator is seeded: torch.manual_seed would reach the run's other devices.
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.random.fork_rng(devices=[]),
    ):
        images, classes, held_back = _collect(examples, labels, lessons.samples)
        torch.default_generator.manual_seed(0)
        judge = Judge(images.shape[1], int(classes.max()) + 1, angular=lessons.angular)
        _learn(judge, images[~held_back], classes[~held_back], images[held_back], classes[held_back], lessons.epochs)
    return judge


def _collect(examples: Examples, labels: Examples, samples: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images at ``_SIZE``, their labels, and which of them are held back."""
    images: list[Tensor] = []
    classes: list[Tensor] = []
    while len(images) < _HELD_BACK or sum(map(len, images)) < samples:
        batch, answers = examples.batch(len(images)), labels.batch(len(images))
        if batch.ndim != 4 or answers.shape != batch.shape[:1] or answers.dtype != torch.int64:
            raise ValueError(
                f"examples have the shape {tuple(batch.shape)} and example_labels {tuple(answers.shape)}, "
                f"{answers.dtype}; expected images (B, C, H, W) and int64 labels (B,)"
            )
        images.append(_at_size(batch))
        classes.append(answers.clone())
    held_back = [torch.full((len(part),), place % _HELD_BACK == _HELD_BACK - 1) for place, part in enumerate(images)]
    return torch.cat(images), torch.cat(classes), torch.cat(held_back)


def _learn(judge: Judge, images: Tensor, classes: Tensor, exam: Tensor, answers: Tensor, epochs: int) -> None:
    steps = max(1, len(images) // _BATCH)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=_RATE, weight_decay=0.05, fused=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=epochs * steps, pct_start=0.2)
    for _ in range(epochs):
        judge.train()
        for chosen in _batches(len(images), steps):
            light = 1 + _BRIGHTNESS * (2 * torch.rand(len(chosen), 1, 1, 1) - 1)
            loss = cross_entropy(judge((images[chosen] + 1) * light - 1), classes[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rate.step()
        judge.eval()
        judge.accuracy.copy_((judge.logits(exam).argmax(dim=1) == answers).float().mean())
        if judge.accuracy >= _ENOUGH:
            break


def _batches(count: int, steps: int) -> Iterator[Tensor]:
    yield from torch.randperm(count)[: steps * _BATCH].chunk(steps)


def _at_size(images: Tensor) -> Tensor:
    return adaptive_avg_pool2d(images.float(), _SIZE)


# ------------------------------------------------------------------------------------------------------------ keeping


def _write(path: Path, judge: Judge) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in judge.state_dict().items()}
    content = save(tensors, metadata={"sha256": _checksum(tensors)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        # Whole or not at all: two runs may write the same judge at once, and either may be killed.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=_WRITING) as folder:
            part = Path(folder, "judge")
            part.write_bytes(content)
            os.replace(part, path)
    except OSError as error:
        warnings.warn(f"{path} cannot be written ({error}); a later run trains again", RuntimeWarning, stacklevel=4)


def _sweep(folder: Path) -> None:
    """Remove what writers left that were killed: writing takes no time, and theirs are a day old."""
    for left in folder.glob(f"{_WRITING}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 86_400:
                shutil.rmtree(left, ignore_errors=True)


def _read(path: Path, lessons: Lessons) -> Judge | None:
    """The judge of an earlier run; None when there is none, or with a warning when it is damaged."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            stated = (file.metadata() or {}).get("sha256")
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        warnings.warn(f"{path} cannot be read ({error}); the judge is trained again", RuntimeWarning, stacklevel=4)
        return None
    if stated != _checksum(tensors):
        warnings.warn(f"{path} is damaged; the judge is trained again", RuntimeWarning, stacklevel=4)
        return None
    with torch.random.fork_rng(devices=[]):
        judge = Judge(tensors["trunk.0.weight"].shape[1], tensors["classes.weight"].shape[0], angular=lessons.angular)
    judge.load_state_dict(tensors)
    return judge


def _checksum(tensors: dict[str, Tensor]) -> str:
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.numpy().tobytes())
    return total.hexdigest()
