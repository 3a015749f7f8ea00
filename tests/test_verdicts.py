"""Verdicts are told where figures show them and nowhere else, and their cures are sound."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gan_recipe.engine.training import Training
from gan_recipe.health.bench import Bench
from gan_recipe.health.contests import meetings
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.verdicts import Told

DOCTOR = Path(__file__).parents[1] / "docs" / "doctor"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def overfitting_of(steps: list[dict[str, float]]) -> list[int]:
    """The measurements, counted from 1, at which the verdict was told of d_supervised."""
    bench = Bench(check("d_supervised"), {})
    told: list[int] = []
    for place, figures in enumerate(steps, start=1):
        heard = bench.hear(200 * place, {f"signals/held_out/gan/{name}": value for name, value in figures.items()})
        told += [place for each in heard if each.verdict == "overfitting"]
    return told


def test_overfitting_is_told_where_outputs_show_it() -> None:
    """A critic that goes by heart is no failure while what is made of new samples holds up; copies are, and a
    distance that grows from its best is; and neither is where the critic is fair to new samples."""
    by_heart, fair = {"share": 1.5, "ranked": 0.9}, {"share": 0.1, "ranked": 0.55}
    good, copies = {"copied": 0.1, "distance": 0.07}, {"copied": 1.0, "distance": 0.07}
    worse = {"copied": 0.1, "distance": 0.09}
    assert overfitting_of([by_heart | good] * 9) == []
    assert overfitting_of([by_heart | copies] * 9) == [3]
    assert overfitting_of([by_heart | good] * 3 + [by_heart | worse] * 3) == [6]
    assert overfitting_of([fair | copies] * 5 + [fair | worse] * 5) == []
    assert overfitting_of([by_heart] * 9) == []


def lost_in(name: str, losses: Mapping[str, list[float]]) -> dict[str, int]:
    """Where and in which round ``factor_lost`` is told of losses that are logged in every 50th round."""
    bench = Bench(check(name), {})
    told: dict[str, int] = {}
    for place in range(max(map(len, losses.values()))):
        for each in bench.hear(50 * (place + 1), {loss: values[place] for loss, values in losses.items()}):
            if each.verdict == "factor_lost":
                told.setdefault(each.about, each.round)
    return told


def test_a_head_that_learns_slowly_is_no_lost_factor() -> None:
    """As in siamese, whose light stood at 2.84 of ln 20 = 3.00 after 450 rounds and at 0.7 after 10,000; one whose loss
    wavers about that of a guess is lost. The noise is far larger than what four figures running fall by."""
    noise = random.Random(0)
    flat = [2.99 + noise.uniform(-0.03, 0.03) for _ in range(20)]
    slow = [value - 0.008 * place for place, value in enumerate(flat)]
    assert min(slow) > 0.93 * math.log(20)
    assert lost_in("siamese", {"generator/loss/light": flat}) == {"generator/light": 450}
    assert lost_in("siamese", {"generator/loss/light": slow}) == {}
    high = [3.4 - 0.04 * place for place in range(10)] + [3.0] * 10
    assert lost_in("siamese", {"generator/loss/light": high}) != {}, "falling to the loss of a guess is no learning"


def test_a_head_of_a_low_rate_is_waited_for() -> None:
    """As in wgan_srgan at 64 px, whose light stood about ln 20 for 450 rounds, and at 2.84 after 1,100; one that stays
    there is told of once a head could have learnt at such a rate."""
    stated = [3.10, 3.06, 3.04, 2.98, 3.03, 2.99, 3.02, 3.03, 2.97, 2.99, 2.96, 2.97, 2.94, 2.95, 2.92]
    stated += [2.92, 2.91, 2.91, 2.87, 2.88, 2.84, 2.84]
    assert lost_in("wgan_srgan", {"generator/loss/light": stated}) == {}
    assert lost_in("wgan_srgan", {"generator/loss/light": [3.0] * 40}) == {"generator/light": 1_150}


def test_a_head_is_asked_for_where_it_is_trained_and_once_it_has_moved_often() -> None:
    """The critic of d_supervised_literal moves in every 4th round; no generator mends the head that it is told by."""
    flat = {f"{player}/loss/light": [3.0] * 40 for player in ("critic", "generator")}
    assert lost_in("d_supervised", flat) == {"critic/light": 450}
    assert lost_in("d_supervised_literal", {"critic/loss/light": [3.0] * 40}) == {"critic/light": 1_350}


def test_a_quiet_adversarial_loss_is_told_of_at_the_sample_that_it_judges() -> None:
    """At a code that contrastive losses share, siamese's has under 1 % at first, and 60 % at the image: healthy."""
    recipe = check("siamese")
    at_code = {"generator/code/share/gan": 0.001, "generator/code/share/l1": 0.4, "generator/fake/share/gan": 0.6}
    assert told_of(recipe, at_code | {"generator/fake/share/l1": 0.4}) == {}
    at_image = {"generator/fake/share/gan": 0.001, "generator/fake/share/l1": 0.4}
    assert told_of(recipe, at_image)["one_loss_leads"].about == "generator/fake"


def test_a_fresh_critic_beside_a_loaded_generator_is_told_of_whatever_it_ranks() -> None:
    """It orders pairs by chance. One that was loaded from elsewhere is asked; one of the same run is not told of."""
    recipe = check("zoo/ring_gan")
    loaded = {"generator": {"run": "a/1", "round": 9}}

    def told(ranked: float, parents: Mapping[str, Mapping[str, Any]]) -> bool:
        found = Bench(recipe, parents).hear(1, {"signals/critic/gan/ranked": ranked})
        return "phase_mismatch_after_load" in {each.verdict for each in found}

    assert told(0.5, loaded) and told(0.7, loaded) and not told(0.5, {})
    elsewhere = loaded | {"critic": {"run": "b/1", "round": 9}}
    assert told(0.5, elsewhere) and not told(0.7, elsewhere)
    assert not told(0.5, loaded | {"critic": loaded["generator"]})


def test_a_fresh_critic_that_has_no_say_at_first_is_not_told_of() -> None:
    """A weight that rises from 0 beside another loss says that it is meant; alone, or above 0, it spares nobody."""

    def told(*lines: str) -> bool:
        Path("eased.toml").write_text("\n".join(['extends = "zoo/ring_gan"', "[players.generator]", *lines]))
        bench = Bench(check("eased.toml"), {"generator": {"run": "a/1", "round": 9}})
        return "phase_mismatch_after_load" in {e.verdict for e in bench.hear(1, {"signals/critic/gan/ranked": 0.5})}

    l2 = 'losses.l2 = { use = "l2", output = "fake", target = "point" }'
    rising = "losses.gan.weight = { from = %g, to = 1, over = 50 }"
    assert told(l2) and told(rising % 0) and told(l2, rising % 0.1)
    assert not told(l2, rising % 0)


def told_of(recipe: Any, figures: Mapping[str, float], count: int = 12, every: int = 100) -> dict[str, Any]:
    bench = Bench(recipe, {"generator": {"run": "a/1", "round": 9}})
    found: dict[str, Any] = {}
    for step in range(count):
        for told in bench.hear(1 + step * every, {f"signals/{name}": value for name, value in figures.items()}):
            found.setdefault(told.verdict, told)
    return found


SHOWN = {
    "critic_too_strong": {"doubt": 0.01, "ranked": 1.0, "gap": 9.0},
    "critic_too_weak": {"ranked": 0.5, "apart": 1.0},
    "mode_collapse": {"diversity": 0.1, "modes": 0.1, "copies": 1.0},
    "saturated_generator": {"limits": 0.9},
    "diverged": {"real": 1e5, "fake": -1e5},
}


@pytest.mark.parametrize("name", ["d_supervised", "dcgan", "pix2pix", "siamese", "unpaired", "zoo/ring_gan"])
def test_the_cure_of_every_verdict_is_sound_in_every_recipe(name: str) -> None:
    """Each applied to the recipe that has the failure, whatever its contests: the child checks."""
    recipe = check(name)
    for contest in recipe_contests(recipe):
        for verdict, figures in SHOWN.items():
            at = f"{contest.critic}/{contest.loss}/"
            told = told_of(recipe, {at + figure: value for figure, value in figures.items()})
            assert verdict in told, verdict
            for lines in (told[verdict].cure, *told[verdict].others):
                cured(name, lines)
        shares = {}
        for meeting in meetings(recipe, recipe.players[str(contest.generator)]):
            for place, loss in enumerate(meeting.losses):
                share = 0.98 if place == 0 else 0.02 / (len(meeting.losses) - 1)
                shares[f"{contest.generator}/{meeting.label}/share/{loss}"] = share
        if shares:
            leads = told_of(recipe, shares)["one_loss_leads"]
            for lines in (leads.cure, *leads.others):
                cured(name, lines)


@pytest.mark.parametrize(
    ("name", "verdict", "network"),
    [
        ("zoo/ring_gan", "mode_collapse", "pack"),
        (str(DOCTOR / "ring.toml"), "mode_collapse", "pack"),
    ],
)
def test_other_treatments_are_offered_and_train(name: str, verdict: str, network: str) -> None:
    """As the doctor's page of treatments has them: beside the first cure, and they rehearse and play a round."""
    recipe = check(name)
    (contest,) = recipe_contests(recipe)
    at = f"{contest.critic}/{contest.loss}/"
    told = told_of(recipe, {at + figure: value for figure, value in SHOWN[verdict].items()})[verdict]
    (lines,) = told.others
    assert Told.of(json.loads(json.dumps(told.line()))) == told
    cured(name, lines)
    training = Training(check("cured.toml", ["run.batch=4"]))
    assert network in training.recipe.networks
    training.play(0, training.stream.batch(0))


def test_a_balance_is_offered_where_losses_meet_in_a_value() -> None:
    """With the leader for reference, half as loud as the others together: weights are shares then, and the old ones
    would let it lead. First, since it goes on measuring; a weight comes second. Not where there is one already."""
    recipe = check("pix2pix")
    told = told_of(recipe, {"generator/fake/share/l1": 0.96, "generator/fake/share/gan": 0.04})["one_loss_leads"]
    balance = 'balance = { at = "fake", reference = "l1", losses = ["gan"] }'
    assert (
        told.cure == ("[players.generator]", "losses.l1.weight = 0.5", balance)
        and "A balance with which l1" in told.told
    )
    cured("pix2pix", told.cure)
    again = told_of(check("cured.toml"), {"generator/fake/share/l1": 0.96, "generator/fake/share/gan": 0.04})
    assert again["one_loss_leads"].others == ()


def test_a_loss_that_saturates_under_a_sure_critic_is_told_with_the_form_that_does_not() -> None:
    """Read from the slope of the generator's loss; a critic that is fooled makes it flat too, and is not told of."""
    Path("old.toml").write_text('extends = "zoo/ring_gan"\n[players.generator]\nlosses.gan.saturating = true\n')
    recipe = check("old.toml")
    figures = {"generator/gan/slope": 0.001, "critic/gan/ranked": 0.99}
    told = told_of(recipe, figures)["saturated_generator"]
    assert "losses.gan.saturating = false" in told.cure and told.since == 1
    cured("old.toml", told.cure)
    assert "saturated_generator" not in told_of(recipe, figures | {"critic/gan/ranked": 0.2})
    assert "saturated_generator" not in told_of(recipe, figures | {"generator/gan/slope": 0.3})


def recipe_contests(recipe: Any) -> Any:
    return Bench(recipe).case.contests


def cured(name: str, cure: tuple[str, ...]) -> None:
    assert cure
    Path("cured.toml").write_text("\n".join([f'extends = "{name}"', *cure]))
    check("cured.toml")


def test_a_quiet_adversarial_loss_among_many_is_raised_itself() -> None:
    """Where no other loss has half of the gradient, lowering the first of them to half would be raising it."""
    Path("three.toml").write_text(
        'extends = "pix2pix"\n[players.generator]\n'
        'losses.l2 = { use = "l2", output = "fake", target = "target" }\n'
        'losses.edges = { use = "l1", output = "fake", target = "target" }\n'
    )
    shares = {"gan": 0.005, "l1": 0.335, "l2": 0.33, "edges": 0.33}
    told = told_of(check("three.toml"), {f"generator/fake/share/{name}": share for name, share in shares.items()})
    assert told["one_loss_leads"].cure == ("[players.generator]", "losses.gan.weight = 199")
    assert "gan is not heard. A weight with which gan is as loud" in told["one_loss_leads"].told


def test_a_leading_loss_is_given_the_weight_at_which_it_is_half_as_loud_as_the_others() -> None:
    """Norms go with weights, so the stated weight is half the old one times (1 - share) / share."""
    recipe = check("pix2pix")
    shares = {"generator/fake/share/l1": 0.96, "generator/fake/share/gan": 0.04}
    (lines,) = told_of(recipe, shares)["one_loss_leads"].others
    assert lines == ("[players.generator]", "losses.l1.weight = 2.08")  # 100 / 2 * 0.04 / 0.96
