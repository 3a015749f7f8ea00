"""Differentiable changes to a batch of images, each sample with its own; the torch side of ``augment.py``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_recipe import whole_batch


def colour(images: Tensor) -> Tensor:
    """Brightness moved by up to a half, saturation times up to 2, contrast times 0.5 to 1.5."""
    images = images + (_uniform(images) - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = (images - grey) * (2 * _uniform(images)) + grey
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * (_uniform(images) + 0.5) + mean


def translation(images: Tensor) -> Tensor:
    """Moved by up to an eighth of each side, in whole pixels; what comes in is 0."""
    size, _, height, width = images.shape
    rows, inside_rows = _moved(size, height, images.device)
    columns, inside_columns = _moved(size, width, images.device)
    index = torch.arange(size, device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return moved * (inside_rows[:, None, :, None] & inside_columns[:, None, None, :]).to(images.dtype)


def cutout(images: Tensor) -> Tensor:
    """A square of half the side, anywhere, is 0."""
    _, _, height, width = images.shape
    hidden = _covered(images, height)[:, None, :, None] & _covered(images, width)[:, None, None, :]
    return images * (~hidden).to(images.dtype)


def flip(images: Tensor) -> Tensor:
    """Half of the samples mirrored."""
    return torch.where(_uniform(images) < 0.5, images.flip(3), images)


TRANSFORMS = {"colour": colour, "translation": translation, "cutout": cutout, "flip": flip}


class Augment(nn.Module):
    """The stated changes, each with probability 1, in training; nothing in eval mode."""

    def __init__(self, changes: Sequence[str]) -> None:
        super().__init__()
        self.changes = tuple(changes)

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            for change in self.changes:
                images = TRANSFORMS[change](images)
        return images


class Adaptive(nn.Module):
    """Images are changed with probability ``p``; anything else is the critic's verdict on reals, which steers ``p``."""

    p: Tensor
    signs: Tensor
    verdicts: Tensor
    calls: Tensor

    def __init__(self, example: Tensor, changes: Sequence[str], *, target: float, over: int, interval: int) -> None:
        super().__init__()
        self.changes = tuple(changes)
        self.shape = example.shape[1:]
        self.target, self.over, self.interval = target, over, interval
        for name in ("p", "signs", "verdicts"):
            self.register_buffer(name, torch.zeros(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        if input.shape[1:] != self.shape:
            self._observe(whole_batch(input))
            return input
        images = input
        for change in self.changes:
            chosen = _uniform(images) < self.p
            images = torch.where(chosen, TRANSFORMS[change](images), images)
        return images

    @torch.no_grad()
    def _observe(self, verdicts: Tensor) -> None:
        """Count signs, and at every ``interval``-th call move ``p``, from 0 to 1 over ``over`` images."""
        # All of it stays on the device: nothing waits for a number.
        self.signs += verdicts.sign().float().sum()
        self.verdicts += verdicts.numel()
        self.calls += 1
        due = self.calls % self.interval == 0
        step = (self.signs / self.verdicts - self.target).sign() * (len(verdicts) * self.interval / self.over)
        self.p.copy_(torch.where(due, (self.p + step).clamp(0, 1), self.p))
        self.signs.mul_(~due)
        self.verdicts.mul_(~due)


def _uniform(images: Tensor) -> Tensor:
    return torch.rand(len(images), 1, 1, 1, device=images.device, dtype=images.dtype)


def _moved(size: int, side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each sample the row (or column) that each place is taken from, and whether there is one."""
    most = max(1, side // 8)
    shift = torch.randint(-most, most + 1, (size, 1), device=device)
    source = torch.arange(side, device=device)[None] + shift
    return source.clamp(0, side - 1), (source >= 0) & (source < side)


def _covered(images: Tensor, side: int) -> Tensor:
    start = torch.randint(-(side // 4), side - side // 4, (len(images), 1), device=images.device)
    place = torch.arange(side, device=images.device)[None]
    return (place >= start) & (place < start + side // 2)
