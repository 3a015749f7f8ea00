"""Cross-entropy of class logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class CrossEntropy(Loss):
    """How badly class logits tell the label: ``mean(-log softmax(logits)[label])``, in nats.

    ``logits`` are (B, K) and ``labels`` (B,), int64 from 0 to K - 1. Logits that know nothing stand at ln K. That a
    label lies below K is checked by torch, on a GPU only when it next synchronises.

    Raises ValueError when the shapes are others or the labels are no int64.

    Source: the multinomial log-likelihood; label smoothing is from Szegedy et al. 2016, "Rethinking the Inception
    Architecture for Computer Vision", section 7.
    """

    roles: ClassVar[Mapping[str, Role]] = {"logits": "class_logits", "labels": "labels"}

    #: The share of each label that is spread evenly over all classes, from 0 to below 1.
    label_smoothing: float = 0.0

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing is {self.label_smoothing}; give a share of at least 0 and below 1")

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        import torch
        from torch.nn.functional import cross_entropy

        if logits.ndim != 2 or labels.shape != logits.shape[:1]:
            raise ValueError(
                f"logits have the shape {tuple(logits.shape)} and labels {tuple(labels.shape)}; "
                "expected (B, K) and (B,): one row of K class logits for every label"
            )
        if labels.dtype != torch.int64:
            raise ValueError(f"labels are {labels.dtype}; expected torch.int64, a field of the data that has classes")
        return cross_entropy(precise(logits), labels, label_smoothing=self.label_smoothing)
