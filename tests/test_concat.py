"""``concat = true``: a network's calls that are due at once are made as one, on their batches concatenated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pytest
import torch
from tiny_recipes import TOY
from torch import Tensor, nn

from gan_recipe.engine.concat_check import check_concat
from gan_recipe.engine.graph import Store
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.language.dataflow import Node
from gan_recipe.language.plan import Move, RoundPlan, plan_from_start, plan_round
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.check_recipe import check

Write = Callable[..., str]
TOGETHER = '[schedule]\nuse = "together"\n'
ROUND = TOY + TOGETHER
FACES = [
    "run.batch=4",
    "run.precision=float32",
    "data.faces.identities=6",
    "data.faces.held_out=2",
    *(f"networks.{name}.width=0.125" for name in ("encoder", "decoder", "trunk")),
]
SHIPPED = sorted(path.stem for path in (Path(__file__).parent.parent / "recipes").glob("*.toml"))


def with_concat(recipe: Recipe, wanted: bool = True) -> Recipe:
    """The recipe with every network concatenating, or none."""
    networks = {name: attrs.evolve(spec, concat=wanted) for name, spec in recipe.networks.items()}
    return attrs.evolve(recipe, networks=networks)


def called(training: Training, network: str) -> list[int]:
    """The rows of every call of ``network`` in round 0."""
    rows: list[int] = []

    def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        rows.append(len(inputs[0]))

    handle = training.graph.networks[network].register_forward_pre_hook(note)
    training.play(0, training.stream.batch(0))
    handle.remove()
    return rows


# ------------------------------------------------------------------------------------------------------- what it does


def test_the_critic_is_called_once_on_all_that_it_judges() -> None:
    """Targets, fakes and images in one call of the critic's move; R1 and the generator's move call it as before."""
    one = called(Training(check("d_supervised", FACES)), "trunk")
    three = called(Training(check("d_supervised", [*FACES, "networks.trunk.concat=false"])), "trunk")
    assert one == [12, 4, 4, 4]
    assert three == [4, 4, 4, 4, 4, 4]


def test_it_trains_the_same_game(write: Write) -> None:
    """In float64, after twenty rounds, weights differ by rounding alone from those of separate calls."""
    path = write(ROUND)
    ended = []
    for wanted in (True, False):
        training = Training(with_concat(check(path), wanted))
        for network in training.graph.networks.values():
            network.double()
        for round in range(20):
            training.play(round, {name: value.double() for name, value in training.stream.batch(round).items()})
        ended.append(
            torch.cat([p.detach().flatten() for n in training.graph.networks.values() for p in n.parameters()])
        )
    assert float((ended[0] - ended[1]).abs().max()) < 1e-10


def test_a_run_that_is_watched_ends_with_the_same_bits(write: Write) -> None:
    """What looks at values and their gradients sees parts of one call, and changes nothing."""

    def look(round: int, move: Move, store: Store, losses: Sequence[Tensor]) -> None:
        score = store[move.terms[0].loss.reads["fake"]]
        assert float(torch.autograd.grad(losses[0], score, retain_graph=True)[0].abs().sum()) > 0

    ended = []
    for watch in (None, look):
        training = Training(with_concat(check(write(ROUND))))
        for round in range(5):
            training.play(round, training.stream.batch(round), watch)
        ended.append([p.detach().clone() for n in training.graph.networks.values() for p in n.parameters()])
    assert all(map(torch.equal, *ended))


# ------------------------------------------------------------------------------------------------------- the plan


@pytest.mark.parametrize("name", SHIPPED)
def test_a_plan_computes_the_same_in_an_order_that_works(name: str, given: Callable[[str], list[str]]) -> None:
    """Of every shipped recipe, all its networks concatenating: each value once, as without, after what it reads."""
    recipe = check(name, given(name))
    for round in range(6):
        apart, plan = plan_from_start(with_concat(recipe, False), round), plan_from_start(with_concat(recipe), round)
        for before, after in zip(apart.moves, plan.moves, strict=True):
            assert {step.node for step in before.computes} == {step.node for step in after.computes}
            assert len(before.computes) == len(after.computes)
            assert set(before.frees) == set(after.frees)
            _assert_sound(after)


def _assert_sound(move: Move) -> None:
    """Every call after those whose results it reads, and what is called at once is alike."""
    fresh = {step.node for step in move.computes}
    done: set[Node] = set()
    for stretch in move.stretches:
        for call in stretch.steps:
            steps = call.concatenated or (call,)
            assert {step.network for step in steps} == {call.network}
            assert {step.gradients_for for step in steps} == {stretch.gradients_for}
            for step in steps:
                assert all(each in done for each in step.arguments if each in fresh), step.node
            done |= {step.node for step in steps}
    assert done == fresh


def test_no_sample_is_differentiated_that_would_not_have_been(write: Write) -> None:
    """A call whose input needs gradients is made apart from one whose input needs none, whose gradient nobody reads."""
    text = ROUND.replace('fake = "generator(noise)"', 'fake = "generator(noise)"\nagain = "critic(other(point))"')
    text = text.replace("[values]", 'other = { use = "mlp", widths = [4], outputs = 2 }\n[values]')
    text = text.replace('trains = ["critic"]', 'trains = ["critic", "other"]')
    text = text.replace(
        "[players.generator]",
        'losses.more = { use = "bce_critic", real = "again", fake = "critic(fake)" }\n[players.generator]',
    )
    recipe = with_concat(check(write(text)))
    plan = plan_round(recipe, [("critic", ("gan", "more"))])
    assert _calls(plan, "critic") == [{"critic(point)", "critic(fake)"}, {"again"}]


def _calls(plan: RoundPlan, network: str) -> list[set[str]]:
    return [
        {str(step.node) for step in call.concatenated or (call,)}
        for move in plan.moves
        for stretch in move.stretches
        for call in stretch.steps
        if call.network == network
    ]


# ------------------------------------------------------------------------------------------------------- what is told


def test_what_mixes_samples_is_found() -> None:
    """Batch norm by its name before the run and in the rehearsal; anything else that mixes by trying it."""
    stated = [*FACES, "networks.trunk.norm=batch"]
    found = [each for each in Training(check("d_supervised", stated)).findings if each.name == "concat_mixes"]
    assert [each.problem.key for each in found] == ["networks.trunk.concat"]
    assert "d_supervised.toml:" in str(found[0])
    assert not [each for each in Training(check("d_supervised", FACES)).findings if each.name == "concat_mixes"]


def test_statistics_of_a_minibatch_are_found_by_trying(write: Write) -> None:
    """A network without a norm layer whose output of a sample depends on the others."""
    text = ROUND.replace("[values]", 'spread = { use = "minibatch_std", group = 64, concat = true }\n[values]')
    text = text.replace("critic(point)", "critic(spread(point))").replace("critic(fake)", "critic(spread(fake))")

    def found(*stated: str) -> list[str]:
        return [each.problem.key for each in Training(check(write(text), stated)).findings]

    assert found("networks.spread.group=128") == ["networks.spread.concat"]
    assert found() == [], "a group that is no larger than one batch knows of no other"


def test_a_finding_is_silenced_with_a_reason(write: Write) -> None:
    """Reals and fakes with statistics in common may be meant."""
    path = write('extends = "d_supervised"\n[findings]\nsilence = { concat_mixes = "reals and fakes in common" }\n')
    found = Training(check(path, [*FACES, "networks.trunk.norm=batch"])).findings
    assert "concat_mixes" not in {each.name for each in found}


def test_samples_of_two_shapes_are_told_with_both(write: Write) -> None:
    """They cannot be concatenated, which is said before round 0 and once."""
    text = ROUND.replace("[values]", 'noisy = { use = "instance_noise", sd = 0.1, concat = true }\n[values]')
    text = text.replace("critic(point)", "critic(noisy(point))").replace("generator(noise)", "generator(noisy(noise))")
    with pytest.raises(RecipeError, match=r"networks\.noisy\.concat: noisy\(\w+\) of . a sample") as error:
        Training(check(write(text)))
    assert "of 2 a sample" in str(error.value) and "of 8 a sample" in str(error.value)


def test_a_network_that_makes_fewer_rows_than_samples_is_told(write: Write) -> None:
    """What it made could not be taken apart."""
    text = ROUND.replace("[values]", 'pairs = { use = "pack", samples = 2, concat = true }\n[values]')
    text = text.replace("critic(point)", "critic(pairs(point))").replace("critic(fake)", "critic(pairs(fake))")
    with pytest.raises(RecipeError, match=r"networks\.pairs\.concat: .* one row of each sample") as error:
        Training(check(write(text)))
    assert len(error.value.problems) == 1


@pytest.mark.parametrize("stated", ["1", '"yes"', "[true]"])
def test_it_is_true_or_false(write: Write, stated: str) -> None:
    """Anything else is told, with its place."""
    text = ROUND.replace("outputs = 1 }", f"outputs = 1, concat = {stated} }}")
    with pytest.raises(RecipeError, match=r"networks\.critic\.concat: expected true or false"):
        check(write(text))


def test_processes_concatenate_nothing_that_draws(write: Write) -> None:
    """What several processes concatenate are shares: numbers drawn for them would be those of other samples."""
    text = ROUND.replace("[values]", 'noisy = { use = "instance_noise", concat = true }\n[values]')
    text = text.replace("critic(point)", "critic(noisy(point))").replace("critic(fake)", "critic(noisy(fake))")
    training = Training(check(write(text)))
    batch = training.stream.batch(0)
    assert check_concat(training.recipe, training.graph, batch) == frozenset()
    with pytest.raises(RecipeError, match=r"networks\.noisy\.concat: 'instance_noise' draws numbers"):
        check_concat(training.recipe, training.graph, batch, shared=True)
