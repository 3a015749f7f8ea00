"""What makes collapse countable and what works against it: cluster figures, packing, minibatch standard deviation."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gan_recipe_plugins.clusters import HighQuality, ModesFound, ReverseKL
from gan_recipe_plugins.minibatch_std import MinibatchStd
from gan_recipe_plugins.mlp import MLP
from gan_recipe_plugins.pack import Pack
from gan_recipe_plugins.toy_2d import Toy2D


def truth(layout: str, count: int = 4_000) -> tuple[Tensor, Tensor, Tensor, float]:
    """Real points, their modes, the true centres, and the standard deviation."""
    toy = Toy2D(layout=layout)  # type: ignore[arg-type]
    batch = toy.open(held_out=True).batch(3, 0, count)
    return torch.tensor(batch["point"]), torch.tensor(batch["mode"]), torch.tensor(toy.centres()), toy.deviation()


@pytest.mark.parametrize("layout", ["ring", "grid"])
def test_the_truth_itself_has_every_mode_and_the_quality_of_a_normal_distribution(layout: str) -> None:
    """Of points in the plane a share of 1 - exp(-9/2) lies within three standard deviations; their KL is near 0."""
    real, labels, centres, _ = truth(layout)
    made = torch.tensor(Toy2D(layout=layout).open(held_out=True).batch(4, 1, 4_000)["point"])  # type: ignore[arg-type]
    share = 1 - math.exp(-4.5)
    assert ModesFound()(made, real, labels) == len(centres)
    assert HighQuality()(made, real, labels) == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / 4_000))
    assert 0 <= ReverseKL()(made, real, labels) < 3 * len(centres) / 4_000


@pytest.mark.parametrize("layout", ["ring", "grid"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_collapse_to_some_modes_is_counted(layout: str, data: st.DataObject) -> None:
    """Of K equal modes k are made, evenly: k modes, full quality, and a KL of ln(K / k) up to the reals' own shares."""
    real, labels, centres, sd = truth(layout)
    made = data.draw(st.lists(st.sampled_from(range(len(centres))), min_size=1, unique=True))
    points = centres[made].repeat(20, 1) + 0.5 * sd
    assert ModesFound()(points, real, labels) == len(made)
    assert HighQuality()(points, real, labels) == 1
    shares = labels.bincount()[made] / len(labels)
    assert ReverseKL()(points, real, labels) == pytest.approx(
        float(-(shares.log()).mean()) - math.log(len(made)), abs=1e-4
    )


def test_points_between_the_modes_count_for_nothing_but_their_nearest_mode() -> None:
    """Three standard deviations and a bit away from every centre: no mode is found, and the quality is 0."""
    real, labels, centres, sd = truth("grid")
    points = centres + torch.tensor([3.2 * sd, 0.0])
    assert ModesFound()(points, real, labels) == 0
    assert HighQuality()(points, real, labels) == 0
    assert HighQuality(within=4)(points, real, labels) == 1
    assert ReverseKL()(points, real, labels) < 0.01


def test_figures_of_clusters_refuse_what_does_not_fit() -> None:
    """Points of another dimension, or labels of another length, with the shapes."""
    with pytest.raises(ValueError, match=r"\(5, 3\), \(4, 2\) and \(4,\)"):
        ModesFound()(torch.zeros(5, 3), torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match="within is 0"):
        ModesFound(within=0)


@given(groups=st.integers(1, 4), samples=st.integers(2, 4), shape=st.sampled_from([(3,), (2, 5, 4)]))
@settings(max_examples=25, deadline=None)
def test_a_pack_is_its_samples_one_after_the_other(groups: int, samples: int, shape: tuple[int, ...]) -> None:
    """Row g holds samples g * m to g * m + m - 1 along the channels; nothing is lost or mixed."""
    batch = torch.randn(groups * samples, *shape)
    packed = Pack(samples=samples).build(batch)(batch)
    for group in range(groups):
        expected = torch.cat(list(batch[group * samples : (group + 1) * samples]), dim=0)
        assert torch.equal(packed[group], expected)
    assert len(packed) == groups


def test_a_batch_that_makes_no_whole_packs_is_refused() -> None:
    """With both numbers and what to change; nothing is dropped without a word."""
    with pytest.raises(ValueError, match=r"a batch of 5 makes no whole packs of 2; change run\.batch or samples"):
        Pack().build(torch.zeros(4, 2))(torch.zeros(5, 2))
    with pytest.raises(ValueError, match="a batch of 6 makes no whole groups of 4"):
        MinibatchStd().build(torch.zeros(4, 2))(torch.zeros(6, 2))


@pytest.mark.parametrize("shape", [(5,), (3, 4, 4)])
def test_minibatch_std_is_its_definition(shape: tuple[int, ...]) -> None:
    """Group by group, feature by feature in Python's floats: the mean standard deviation, on one more channel."""
    batch = torch.randn(6, *shape, dtype=torch.float64, requires_grad=True)
    result = MinibatchStd(group=3).build(batch)(batch)
    assert torch.equal(result[:, :-1], batch) and result.shape[1] == shape[0] + 1
    for start in (0, 3):
        features = list(zip(*batch[start : start + 3].flatten(1).tolist(), strict=True))
        deviations = []
        for values in features:
            mean = sum(values) / 3
            deviations.append(math.sqrt(sum((value - mean) ** 2 for value in values) / 3))
        expected = sum(deviations) / len(deviations)
        assert result[start : start + 3, -1].detach().numpy() == pytest.approx(expected, rel=1e-6)
    assert torch.autograd.gradcheck(MinibatchStd(group=3).build(batch), batch)


def test_equal_samples_have_no_spread_and_a_finite_gradient() -> None:
    """Collapse is where the feature matters: a root of 0 must not make the gradient infinite."""
    batch = torch.ones(4, 3, requires_grad=True)
    result = MinibatchStd().build(batch)(batch)
    assert (result[:, -1] < 1e-3).all()
    result.sum().backward()
    assert batch.grad is not None and batch.grad.isfinite().all()


def test_an_mlp_is_linear_layers_and_leaky_relus() -> None:
    """Layer by layer; several inputs are laid end to end; the last layer has no activation."""
    a, b = torch.randn(4, 2), torch.randn(4, 1, 3)
    network = MLP(widths=(7, 6), outputs=2).build(a, b)
    x = torch.cat([a, b.flatten(1)], dim=1)
    first, second, last = (layer for layer in network.layers if isinstance(layer, torch.nn.Linear))
    for layer in (first, second):
        x = torch.nn.functional.leaky_relu(x @ layer.weight.T + layer.bias, 0.2)
    torch.testing.assert_close(network(a, b), x @ last.weight.T + last.bias)
    assert MLP(widths=(7,), norm="batch").build(a)(a).shape == (4, 7)
    with pytest.raises(ValueError, match="widths are"):
        MLP(widths=())
    with pytest.raises(ValueError, match="one_hot"):
        MLP().build(torch.zeros(4, dtype=torch.int64))
