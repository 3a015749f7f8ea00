"""Metrics: what each figure is, and that a judge is fair, quick to find again and harmless to the run."""

from __future__ import annotations

import statistics
import warnings
from pathlib import Path

import pytest
import torch
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gan_recipe_plugins import _judge
from gan_recipe_plugins.diversity import Diversity
from gan_recipe_plugins.judged import JudgedAccuracy, JudgedRank1
from gan_recipe_plugins.l1_distance import L1Distance
from gan_recipe_plugins.rank_1 import Rank1
from gan_recipe_plugins.sharpness import Sharpness
from gan_recipe_plugins.spread import CriticGap, Spread
from gan_recipe_plugins.verification_auc import VerificationAUC

quick = settings(max_examples=30, deadline=None)


def images(count: int, seed: int = 0, size: int = 8) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# ------------------------------------------------------------------------------------------------ plain measurements


def test_l1_distance_counts_grey_levels() -> None:
    """Black against white is 255, one level is 1, equal images are 0."""
    black = torch.full((2, 3, 4, 4), -1.0)
    assert L1Distance()(black, -black) == 255
    assert L1Distance()(black, black + 2 / 255) == pytest.approx(1, rel=1e-5)
    assert L1Distance()(black, black) == 0


@quick
@given(factor=st.floats(0.05, 3), shift=st.floats(-1, 1))
def test_sharpness_is_a_ratio_of_gradients(factor: float, shift: float) -> None:
    """Contrast times k is sharpness k, a change of brightness is none, and the truth itself is 1."""
    target = images(3)
    assert Sharpness()(target, target) == 1
    assert Sharpness()(factor * target + shift, target) == pytest.approx(factor, rel=1e-4)


def test_sharpness_follows_its_definition() -> None:
    """The figure equals a loop over neighbouring pixels; a blurred image is below 1 and a noisy one above."""
    output, target = images(2, 1, 5), images(2, 2, 5)

    def total(batch: Tensor) -> float:
        return sum(
            abs((channel[row][column] - channel[row + down][column + across]).item())
            for image in batch
            for channel in image
            for down, across in ((1, 0), (0, 1))
            for row in range(5 - down)
            for column in range(5 - across)
        )

    assert Sharpness()(output, target) == pytest.approx(total(output) / total(target), rel=1e-5)
    smooth = torch.linspace(-1, 1, 16).expand(2, 3, 16, 16) ** 3
    blurred = torch.nn.functional.avg_pool2d(smooth, 5, stride=1, padding=2, count_include_pad=False)
    assert Sharpness()(blurred, smooth) < 1 < Sharpness()(smooth + 0.1 * images(2, size=16), smooth)


@quick
@given(seed=st.integers(0, 999), people=st.integers(1, 6), count=st.integers(6, 12))
def test_rank_1_is_the_nearest_persons_share(seed: int, people: int, count: int) -> None:
    """The figure equals a loop that looks for the nearest first face, though a person's other faces differ from it."""
    random = torch.Generator().manual_seed(seed)
    identity = torch.cat([torch.arange(people), torch.randint(people, (count - people,), generator=random)]) * 7 + 3
    identity = identity[torch.randperm(count, generator=random)]
    gallery, output = images(count, seed, 3), images(count, seed + 1, 3)
    first: dict[int, Tensor] = {}
    for who, face in zip(identity.tolist(), gallery, strict=True):
        first.setdefault(who, face)
    right = 0
    for who, face in zip(identity.tolist(), output, strict=True):
        right += who == min(first, key=lambda other: (face - first[other]).double().norm().item())
    assert Rank1()(output, gallery, identity) == right / count


@quick
@given(seed=st.integers(0, 999))
def test_rank_1_of_the_truth_is_one_and_does_not_depend_on_order(seed: int) -> None:
    """The true faces find themselves; shuffling the samples changes nothing when each person has one true face."""
    random = torch.Generator().manual_seed(seed)
    people, identity = images(5, seed), torch.randint(5, (300,), generator=random)
    gallery = people[identity]
    assert Rank1()(gallery, gallery, identity) == 1
    output = gallery + torch.randn(gallery.shape, generator=random)
    order = torch.randperm(300, generator=random)
    assert Rank1()(output, gallery, identity) == Rank1()(output[order], gallery[order], identity[order])


def test_shapes_that_do_not_fit_are_refused() -> None:
    """Every metric refuses shapes that would broadcast, and names them."""
    three, one, labels = images(3), images(1), torch.zeros(3, dtype=torch.int64)
    examples, answers = lessons()
    for wrong in (
        lambda: L1Distance()(three, one),
        lambda: Sharpness()(three, one),
        lambda: Sharpness()(three[:, 0], three[:, 0]),
        lambda: Rank1()(three, one, labels),
        lambda: Rank1()(three, three, labels[:, None]),
        lambda: JudgedAccuracy()(three, labels[:2], examples, answers),
        lambda: JudgedRank1()(three, one, labels, examples, answers),
        lambda: JudgedRank1()(three, three, labels[:2], examples, answers),
    ):
        with pytest.raises(ValueError, match=r"\(.*\)"):
            wrong()
    with pytest.raises(ValueError, match="flat"):
        Sharpness()(three, torch.zeros_like(three))


# ------------------------------------------------------------------------------------------------------------ judges

PLACES = 4


@define
class Stream:
    """A value over an endless training stream, which counts how often it is asked."""

    fingerprint: str
    value: object
    asked: list[int] = field(factory=list)

    def batch(self, position: int) -> Tensor:
        self.asked.append(position)
        return self.value(position)  # type: ignore[operator,no-any-return]


def bright_corner(places: Tensor, seed: int) -> Tensor:
    """Noisy images with a bright corner: the place is the label."""
    pictures = 0.3 * images(len(places), seed, 16) - 0.5
    for picture, place in zip(pictures, places.tolist(), strict=True):
        down, across = 8 * (place // 2), 8 * (place % 2)
        picture[:, down : down + 8, across : across + 8] += 1
    return pictures


def answers_of(position: int) -> Tensor:
    return torch.randint(PLACES, (8,), generator=torch.Generator().manual_seed(position))


def lessons(name: str = "corners") -> tuple[Stream, Stream]:
    """Images with a bright corner and which corner it is."""
    return (
        Stream(f"{name} images", lambda position: bright_corner(answers_of(position), position)),
        Stream(f"{name} labels", answers_of),
    )


ACCURACY = JudgedAccuracy(samples=160, epochs=4)
RANK_1 = JudgedRank1(samples=160, epochs=4)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No judge is known, in memory or on disk."""
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(tmp_path))
    monkeypatch.setattr(_judge, "_known", {})
    return tmp_path / "judges"


@pytest.fixture
def unseen() -> tuple[Tensor, Tensor]:
    places = torch.arange(40) % PLACES
    return bright_corner(places, 10_000), places


def test_a_judge_counts_right_labels(unseen: tuple[Tensor, Tensor]) -> None:
    """Unseen images with right labels score 1, with wrong ones 0, and with a share of wrong ones that share less."""
    pictures, places = unseen
    some_wrong = torch.where(torch.arange(40) < 10, (places + 1) % PLACES, places)
    assert ACCURACY(pictures, places, *lessons()) == 1
    assert ACCURACY(pictures, (places + 1) % PLACES, *lessons()) == 0
    assert ACCURACY(pictures, some_wrong, *lessons()) == 0.75


def test_a_judge_learns_once(unseen: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call asks for no examples, nor does a later run, which finds the same figures on disk."""
    pictures, places = unseen
    noisy = pictures + images(40, 5, 16)
    examples, answers = lessons()
    figure = ACCURACY(noisy, places, examples, answers)
    asked = len(examples.asked)
    assert asked == 20
    assert ACCURACY(noisy, places, examples, answers) == figure
    before = next(iter(_judge._known.values()))
    monkeypatch.setattr(_judge, "_known", {})
    assert ACCURACY(noisy, places, examples, answers) == figure
    assert len(examples.asked) == asked
    after = next(iter(_judge._known.values()))
    assert before is not after
    assert torch.equal(before.logits(noisy), after.logits(noisy))
    assert before.accuracy == after.accuracy


def test_every_data_set_label_and_setting_has_its_own_judge(unseen: tuple[Tensor, Tensor], empty_cache: Path) -> None:
    """Another fingerprint or another training is another judge; ``trust`` is not, for it changes no weight."""
    pictures, places = unseen
    ACCURACY(pictures, places, *lessons())
    JudgedAccuracy(samples=160, epochs=4, trust=0.5)(pictures, places, *lessons())
    assert len(list(empty_cache.iterdir())) == 1
    ACCURACY(pictures, places, *lessons("others"))
    JudgedAccuracy(samples=160, epochs=5)(pictures, places, *lessons())
    RANK_1(pictures, pictures, places, *lessons())
    assert len(list(empty_cache.iterdir())) == 4


@pytest.mark.parametrize("damage", ["a flipped bit", "cut short", "emptied"])
def test_a_damaged_judge_is_trained_again(
    damage: str, unseen: tuple[Tensor, Tensor], empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not what was written is named in a warning and replaced; the figure is the same."""
    pictures, places = unseen
    noisy = pictures + images(40, 5, 16)
    figure = ACCURACY(noisy, places, *lessons())
    (path,) = empty_cache.iterdir()
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes({"a flipped bit": bytes(content), "cut short": bytes(content[:-9]), "emptied": b""}[damage])
    monkeypatch.setattr(_judge, "_known", {})
    with pytest.warns(RuntimeWarning, match=path.stem):
        assert ACCURACY(noisy, places, *lessons()) == figure
    monkeypatch.setattr(_judge, "_known", {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ACCURACY(noisy, places, *lessons()) == figure
    assert list(empty_cache.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_costs_only_time(unseen: tuple[Tensor, Tensor], empty_cache: Path) -> None:
    """Where judges cannot be kept the figure is given all the same, with a warning that says so."""
    empty_cache.write_text("a file where the folder should be")
    with pytest.warns(RuntimeWarning, match="cannot be written"):
        assert ACCURACY(*unseen, *lessons()) == 1


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_a_judge_disturbs_nothing(mode: type, unseen: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    """Random numbers go on as if nothing had happened, trained or read, and the judge is the same in any mode."""
    pictures, places = unseen
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with mode():
        noisy = pictures + images(40, 5, 16)
        figures = [ACCURACY(noisy, places, *lessons())]
        monkeypatch.setattr(_judge, "_known", {})
        figures.append(ACCURACY(noisy, places, *lessons()))
    assert torch.equal(torch.rand(3), expected)
    monkeypatch.setattr(_judge, "_known", {})
    assert figures == [ACCURACY(noisy.clone(), places, *lessons("the same"))] * 2


def test_a_judge_is_judged_by_what_it_never_saw(unseen: tuple[Tensor, Tensor]) -> None:
    """Every tenth batch is kept back: with wrong labels there the judge learns well and is reported as poor."""
    examples, _ = lessons()
    shifted = Stream("shifted", lambda position: (answers_of(position) + (position % 10 == 9)) % PLACES)
    with pytest.warns(RuntimeWarning, match=r"only 0\.0%"):
        assert ACCURACY(*unseen, examples, shifted) == 1


def test_a_poor_judge_says_so(unseen: tuple[Tensor, Tensor]) -> None:
    """Labels that have nothing to do with the images cannot be learnt: a warning comes with the figure."""
    examples, _ = lessons()
    chance = Stream("chance", lambda position: answers_of(position + 1_000))
    with pytest.warns(RuntimeWarning, match="says little"):
        ACCURACY(*unseen, examples, chance)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        JudgedAccuracy(samples=160, epochs=4, trust=0)(*unseen, examples, chance)


def test_labels_that_no_example_has_are_an_error(unseen: tuple[Tensor, Tensor]) -> None:
    """Held-out people have no class among the training people: the message points to judged_rank_1."""
    pictures, places = unseen
    with pytest.raises(ValueError, match="judged_rank_1"):
        ACCURACY(pictures, places + PLACES, *lessons())


def test_examples_must_be_images_with_labels(unseen: tuple[Tensor, Tensor]) -> None:
    """Codes for images, one-hot rows for labels and float labels are refused with their shapes."""
    examples, answers = lessons()
    codes = Stream("codes", lambda position: torch.zeros(8, 5))
    columns = Stream("columns", lambda position: answers_of(position)[:, None])
    floats = Stream("floats", lambda position: answers_of(position).float())
    for wrong in ((codes, answers), (examples, columns), (examples, floats)):
        with pytest.raises(ValueError, match=r"\(8,"):
            ACCURACY(*unseen, *wrong)


def test_the_embedding_finds_people_whom_no_judge_saw() -> None:
    """Colours that were no class are told apart, wherever they stand in the image; by pixels the place decides.

    Training people are 24 colours; the others are six that are not among them. Each image shows its person's colour in
    one corner of a noisy grey square, and the gallery shows it in another.
    """
    training = torch.rand(24, 3, generator=torch.Generator().manual_seed(0))
    others = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) * 0.8 + 0.1

    def portraits(colours: Tensor, corners: Tensor, seed: int) -> Tensor:
        pictures = 0.2 * images(len(colours), seed, 16)
        for picture, colour, corner in zip(pictures, colours, corners.tolist(), strict=True):
            down, across = 8 * (corner // 2), 8 * (corner % 2)
            picture[:, down : down + 8, across : across + 8] += 2 * colour[:, None, None] - 1
        return pictures

    def who(position: int) -> Tensor:
        return torch.randint(24, (16,), generator=torch.Generator().manual_seed(position))

    examples = Stream(
        "colours", lambda position: portraits(training[who(position)], answers_of(position).repeat(2), position)
    )
    identity = torch.arange(60) % 6
    output = portraits(others[identity], torch.arange(60) % 4, 1)
    gallery = portraits(others[identity], 3 - torch.arange(60) % 4, 2)
    judged = JudgedRank1(samples=1_600, epochs=8)(output, gallery, identity, examples, Stream("who", who))
    assert judged > 0.9
    assert Rank1()(output, gallery, identity) < 0.5


@pytest.mark.parametrize("kind", [JudgedAccuracy, JudgedRank1])
@pytest.mark.parametrize(
    ("setting", "value"), [("samples", 0), ("epochs", 0), ("trust", 1.5)], ids=["samples", "epochs", "trust"]
)
def test_impossible_settings_are_refused_by_name(kind: type, setting: str, value: float) -> None:
    """A judge without samples or epochs, and a trust that is no share, raise ValueError naming the setting."""
    with pytest.raises(ValueError, match=setting):
        kind(**{setting: value})


# ------------------------------------------------------------------------------------- spread, diversity and pairs


@quick
@given(count=st.integers(2, 7), factor=st.floats(0.1, 3))
def test_diversity_is_a_ratio_of_mean_distances(count: int, factor: float) -> None:
    """Against a loop over pairs; a factor comes through, and what all outputs share counts for nothing."""
    output, target = images(count, 1), images(count, 2)

    def mean_distance(batch: Tensor) -> float:
        pairs = [(one, other) for one in range(count) for other in range(one)]
        return sum(((batch[a] - batch[b]) ** 2).sum().item() ** 0.5 for a, b in pairs) / len(pairs)

    expected = mean_distance(output) / mean_distance(target)
    assert Diversity()(output, target) == pytest.approx(expected, rel=1e-4)
    assert Diversity()(factor * output + 0.3, target) == pytest.approx(factor * expected, rel=1e-3)
    assert Diversity()(target, target) == 1


def test_one_image_for_all_has_no_diversity() -> None:
    """Which is how a conditional GAN collapses; and without any in the truth there is nothing to compare with."""
    target = images(4)
    assert Diversity()(target[:1].expand(4, -1, -1, -1), target) == 0
    with pytest.raises(ValueError, match="all targets are equal"):
        Diversity()(target, target[:1].expand(4, -1, -1, -1))
    for output in (target[:1], target[0, 0, 0]):
        with pytest.raises(ValueError, match="at least two samples"):
            Diversity()(output, output)


def test_spread_and_gap_follow_their_definitions() -> None:
    """The unbiased standard deviation over samples, and a difference of means that need not be of one shape."""
    scores = torch.tensor([[1.0], [2.0], [6.0]])
    assert Spread()(scores) == pytest.approx(statistics.stdev([1, 2, 6]))
    assert Spread()(torch.cat([scores, 3 * scores], 1)) == pytest.approx((5**0.5) * statistics.stdev([1, 2, 6]))
    assert Spread()(torch.ones(5, 1)) == 0
    assert CriticGap()(scores, torch.tensor([1.0])) == 2
    with pytest.raises(ValueError, match="at least two samples"):
        Spread()(scores[:1])


@quick
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=12))
def test_verification_counts_pairs_that_lie_in_order(pairs: list[tuple[int, bool]]) -> None:
    """Against the count over all pairs of a same one and another, ties half; the scale of features does not matter."""
    distances = torch.tensor([[float(distance)] for distance, _ in pairs])
    same = torch.tensor([flag for _, flag in pairs])
    near = [distance for distance, flag in pairs if flag]
    far = [distance for distance, flag in pairs if not flag]
    first = torch.zeros_like(distances)
    if not near or not far:
        with pytest.raises(ValueError, match="pairs of both kinds"):
            VerificationAUC()(first, distances, same)
        return
    right = sum((a < b) + (a == b) / 2 for a in near for b in far)
    assert VerificationAUC()(first, distances, same) == pytest.approx(right / (len(near) * len(far)))
    assert VerificationAUC()(first, -7 * distances, same.long()) == pytest.approx(right / (len(near) * len(far)))
    with pytest.raises(ValueError, match="one flag for every pair"):
        VerificationAUC()(first, distances, same[:, None])
