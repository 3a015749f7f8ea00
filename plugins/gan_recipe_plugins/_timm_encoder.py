"""The torch side of ``timm_encoder.py``."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import timm
import torch
from torch import Tensor, nn

from gan_recipe_plugins._join import stacked

# How long the hub may take to answer. Its own client tries six times, for most of a minute, before it says that it
# cannot be reached, and before it looks into its cache.
_PATIENCE = 5.0


class TimmEncoder(nn.Module):
    """Normalises, then runs the backbone; ``levels = None`` asks for its pooled features."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        name: str,
        channels: int,
        size: tuple[int, int],
        *,
        pretrained: bool,
        frozen: bool,
        levels: tuple[int, ...] | None,
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.levels = levels
        self.backbone = _backbone(name, channels, size, pretrained, levels)
        # timm wraps some backbones for features, and not all wrappers say how their maps lie.
        self.channels_last = str(getattr(self.backbone, "output_fmt", "NCHW")).endswith("NHWC")
        config = self.backbone.default_cfg
        for key, value in (("mean", config["mean"]), ("deviation", config["std"])):
            self.register_buffer(key, _per_channel(value, channels), persistent=False)
        if frozen:
            _parameters_to_buffers(self.backbone)
            self.backbone.eval()
        self._rehearse(name, channels, size)

    def forward(self, *images: Tensor) -> Tensor | tuple[Tensor, ...]:
        # From [-1, 1] to [0, 1] to the backbone's own scale, in one multiplication and one addition.
        image = stacked(images) * (0.5 / self.deviation) + (0.5 - self.mean) / self.deviation
        if self.levels is None:
            pooled: Tensor = self.backbone(image)
            return pooled
        maps = tuple(x.permute(0, 3, 1, 2) if self.channels_last else x for x in self.backbone(image))
        return maps[0] if len(maps) == 1 else maps

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def _rehearse(self, name: str, channels: int, size: tuple[int, int]) -> None:
        """Let the backbone refuse the size now, where a sentence can say so."""
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                self(torch.zeros(1, channels, *size))
        except (AssertionError, RuntimeError) as error:
            raise ValueError(f"timm's {name} does not take images of {size[0]}x{size[1]} px: {error}") from error
        self.train(was_training)


def _backbone(name: str, channels: int, size: tuple[int, int], pretrained: bool, levels: tuple[int, ...] | None) -> Any:
    architecture = name.split(".")[0]
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=1, cutoff=0)
        raise ValueError(f"timm {timm.__version__} has no model {name!r}; the nearest name is {near[0]!r}")
    options: dict[str, Any] = {"in_chans": channels}
    if timm.models.get_pretrained_cfg_value(architecture, "fixed_input_size"):
        options["img_size"] = size
    if levels is None:
        options["num_classes"] = 0
    else:
        options |= {"features_only": True, "out_indices": levels}
    hub = _hub() if pretrained else nullcontext("")
    with hub as silent:
        try:
            return timm.create_model(name, pretrained=pretrained, **options)
        except OSError as error:
            why = silent or str(error).partition("\n")[0]
            raise ValueError(
                f"the pretrained weights of {name!r} could not be fetched ({why}), and are not in its cache. Connect "
                "once so that they are ($HF_HOME is where), or set pretrained = false"
            ) from error
        except (IndexError, AssertionError) as error:
            raise ValueError(
                f"timm's {name} cannot give levels {list(levels or ())} at {size[0]}x{size[1]} px: {error}"
            ) from error
        except RuntimeError as error:
            # timm's word for a tag that the architecture lacks.
            raise ValueError(f"timm cannot make {name!r}: {error}") from error


@contextmanager
def _hub() -> Iterator[str]:
    """Within the block timm finds published weights: on the hub if that answers soon, else in its cache alone.

    Gives the reason why the cache alone is asked, or nothing.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        yield "HF_HUB_OFFLINE is set"
    elif _answers(constants.ENDPOINT):
        yield ""
    else:
        constants.HF_HUB_OFFLINE = True
        try:
            yield f"{constants.ENDPOINT} does not answer"
        finally:
            constants.HF_HUB_OFFLINE = False


def _answers(address: str) -> bool:
    """Whether there is any answer at all, asked as the hub's client asks: through the same proxies."""
    answered = threading.Event()

    def ask() -> None:
        from huggingface_hub import get_session

        try:
            get_session().head(address, timeout=_PATIENCE)
        except Exception:  # what the client raises depends on its version
            return
        answered.set()

    # In a thread, for no client bounds the time in which a name is looked up.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return answered.is_set()


def _per_channel(values: tuple[float, ...], channels: int) -> Tensor:
    """The backbone's three channels repeated where the image holds several of them, their average otherwise."""
    per_channel = torch.tensor(values)
    if channels % len(values) == 0:
        per_channel = per_channel.repeat(channels // len(values))
    else:
        per_channel = per_channel.mean().expand(channels).clone()
    return per_channel.view(1, -1, 1, 1)


def _parameters_to_buffers(network: nn.Module) -> None:
    # A player switches requires_grad on for all parameters of its networks; buffers it cannot reach.
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, parameter.detach())
