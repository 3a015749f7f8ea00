"""What a classifier that never met the run says of its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import equal_shapes

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Examples
    from gan_recipe_plugins._judge import Judge, Lessons


@frozen
class _Judged(Metric):
    #: How many training samples the classifier learns from; at least 1.
    samples: int = 9_000
    #: How often it sees each of them, at most: it stops when it is right on 99.5 % of those held back.
    epochs: int = 8
    #: The share of real samples, from 0 to 1, that the classifier must get right to be believed without a warning.
    trust: float = 0.9

    #: Whether it tells classes apart by angle.
    _angular: ClassVar[bool] = False

    def __attrs_post_init__(self) -> None:
        if self.samples < 1 or self.epochs < 1:
            raise ValueError(f"samples is {self.samples} and epochs {self.epochs}; give whole numbers of at least 1")
        if not 0 <= self.trust <= 1:
            raise ValueError(f"trust is {self.trust}; give a share from 0 to 1")

    def learn(self, examples: Examples, example_labels: Examples) -> str:
        accuracy = float(self._judge(examples, example_labels).accuracy)
        return f"right on {accuracy:.1%} of the real samples that were held back from it"

    def has_learnt(self, examples: Examples, example_labels: Examples) -> bool:
        from gan_recipe_plugins._judge import is_kept

        return is_kept(examples, example_labels, self._lessons())

    def _judge(self, examples: Examples, labels: Examples) -> Judge:
        from gan_recipe_plugins._judge import trained_judge

        return trained_judge(examples, labels, self._lessons(), trust=self.trust)

    def _lessons(self) -> Lessons:
        from gan_recipe_plugins._judge import Lessons

        return Lessons(samples=self.samples, epochs=self.epochs, angular=self._angular)


@frozen
class JudgedAccuracy(_Judged):
    """The share of outputs in which a classifier sees the label that they should have; 1 is best.

    The classifier, three convolutions at 32 x 32, learns ``example_labels`` from the real training images ``examples``
    alone. Then it is asked for the label of each ``output`` (N, C, H, W), and ``labels`` (N,) int64 are what is right.
    It is trained once for each data set and label and kept in the cache folder; training leaves the run's random
    numbers as they were. A tenth of its training batches is kept from it: where it is right on less than ``trust`` of
    those it warns that the figure says little.

    Raises ValueError when the shapes do not fit, or when a label is asked for that no example has.
    """

    def __call__(self, output: Tensor, labels: Tensor, examples: Examples, example_labels: Examples) -> float:
        _one_label_each("labels", labels, output)
        logits = self._judge(examples, example_labels).logits(output)
        if labels.max() >= logits.shape[1]:
            raise ValueError(
                f"labels go up to {int(labels.max())}, but the training examples have {logits.shape[1]} classes; "
                "a classifier cannot tell people that it never saw: judged_rank_1 is for those"
            )
        return float((logits.argmax(dim=1) == labels).double().mean())


@frozen
class JudgedRank1(_Judged):
    """The share of outputs whose nearest true face by an embedding is the right person's; 1 is best.

    The embedding is that of a classifier of the training people, three convolutions at 32 x 32, which learns
    ``example_labels`` from the real training images ``examples`` alone and tells classes apart by angle. Of each
    held-out person the first face of ``gallery`` is taken, and nearest is by the angle between embeddings. ``output``
    and ``gallery`` are images (N, C, H, W), ``identity`` (N,) int64. Trained and kept as in ``judged_accuracy``; the
    share that ``trust`` speaks of is of *training* people, for there are no other labels to learn from.

    Raises ValueError when the shapes do not fit.

    Source: the angular softmax is that of Wang et al. 2017, "NormFace: L2 Hypersphere Embedding for Face Verification".
    """

    _angular: ClassVar[bool] = True

    def __call__(
        self, output: Tensor, gallery: Tensor, identity: Tensor, examples: Examples, example_labels: Examples
    ) -> float:
        from gan_recipe_plugins._retrieval import rank_1_share

        equal_shapes("output", output, "gallery", gallery)
        _one_label_each("identity", identity, output)
        judge = self._judge(examples, example_labels)
        return rank_1_share(judge.embed(output), judge.embed(gallery), identity)


def _one_label_each(name: str, labels: Tensor, images: Tensor) -> None:
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"output has the shape {tuple(images.shape)} and {name} {tuple(labels.shape)}; "
            "expected (N, C, H, W) and (N,): one label for every image"
        )
