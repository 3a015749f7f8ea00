"""What stands before a critic hides nothing from the doctor: samples are measured as they are made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from attrs import frozen
from torch import Tensor

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.graph import Store
from gan_recipe.engine.training import Training
from gan_recipe.health.bench import Bench
from gan_recipe.health.case import Case
from gan_recipe.health.contests import contests, meetings, target_of
from gan_recipe.health.moment import Look, Moment
from gan_recipe.language.plan import Move
from gan_recipe.language.recipe import Recipe
from gan_recipe.loop.launch import start
from gan_recipe.runs.check_recipe import check
from gan_recipe_plugins.held_out_scores import HeldOutScores
from gan_recipe_plugins.outputs import Outputs

DOCTOR = Path(__file__).parents[1] / "docs" / "doctor"


@frozen
class Treatment:
    """What stands before the critic of a base recipe, whose scores then read as stated."""

    base: str
    networks: str
    real: str
    fake: str
    #: The generator's score; as the critic's fake one where it is left out.
    its: str = ""
    #: The critic as a function of the sample.
    function: str = ""


NONE = {
    "ring": Treatment("ring", "", "critic(point)", "critic(fake)"),
    "faces": Treatment("faces", "", "verdict(trunk(target))", "verdict(trunk(fake))"),
}
TREATMENTS = {
    "instance_noise": Treatment(
        "ring",
        'noisy = { use = "instance_noise", sd = 1.0 }',
        "critic(noisy(point))",
        "critic(noisy(fake))",
        function="critic(noisy(_))",
    ),
    "pack": Treatment(
        "ring",
        'pack = { use = "pack", samples = 2 }',
        "critic(pack(point))",
        "critic(pack(fake))",
        function="critic(pack(_))",
    ),
    "replay": Treatment(
        "ring",
        'past = { use = "replay", size = 64 }',
        "critic(point)",
        "critic(past(fake))",
        "critic(fake)",
        function="critic(_)",
    ),
    "diff_augment": Treatment(
        "faces",
        'augment = { use = "diff_augment" }',
        "verdict(trunk(augment(target)))",
        "verdict(trunk(augment(fake)))",
        function="verdict(trunk(augment(_)))",
    ),
    "ada": Treatment(
        "faces",
        'augment = { use = "ada", over = 16, target = -0.9, interval = 1 }',
        "augment(verdict(trunk(augment(target))))",
        "verdict(trunk(augment(fake)))",
        function="verdict(trunk(augment(_)))",
    ),
    "all of them": Treatment(
        "ring",
        'noisy = { use = "instance_noise" }\npack = { use = "pack" }\npast = { use = "replay", size = 64 }',
        "critic(pack(noisy(point)))",
        "critic(pack(noisy(past(fake))))",
        "critic(pack(noisy(fake)))",
        function="critic(pack(noisy(_)))",
    ),
}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def recipe(treatment: Treatment, *lines: str, name: str = "treated", l1: float = 1) -> Recipe:
    target = "target" if treatment.base == "faces" else "point"
    text = [
        f"extends = {json.dumps((DOCTOR / f'{treatment.base}.toml').as_posix())}",
        f"[networks]\n{treatment.networks}",
        "[players.critic]",
        f'losses.gan = {{ use = "bce_critic", real = "{treatment.real}", fake = "{treatment.fake}" }}',
        "losses.r1.weight = 0",
        "losses.r2.weight = 0" if treatment.base == "ring" else "",
        f'[players.generator]\nlosses.gan = {{ use = "bce_generator", fake = "{treatment.its or treatment.fake}" }}',
        f'losses.l1 = {{ use = "l1", output = "fake", target = "{target}", weight = {l1} }}',
        *lines,
    ]
    Path(f"{name}.toml").write_text("\n".join(text))
    return check(f"{name}.toml")


def figures(training: Training, round: int) -> dict[str, float]:
    """What is measured of samples in this round, at both moves and on held-out data."""
    every, found = contests(training.recipe), {}

    def watch(round: int, move: Move, store: Store, values: Sequence[Tensor]) -> None:
        where = meetings(training.recipe, move.player)
        moment = Moment.of(training, every, where, round, move, store, values)
        with torch.no_grad():
            found.update({f"{move.player.name}/{name}": value for name, value in Outputs().at_move(moment).items()})

    with training.averaged(), torch.no_grad():
        look = HeldOutScores().at_round(Look(round, training.recipe, every, training))
    training.play(round, training.stream.in_time(round), watch)
    found |= {name: value for name, value in look.items() if name.endswith(("copied", "distance"))}
    return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize("name", TREATMENTS)
def test_samples_are_measured_as_without_the_treatment(name: str) -> None:
    """On the same weights and the same batch: variety, modes, copies, limits, detail and distances are the same
    numbers, with a full pool, noise as wide as the ring and every augmentation in force. Only whether real and fake can
    be told apart is asked of what the critic sees, for it is held against that."""
    treated = Training(recipe(TREATMENTS[name], "[run]\nbatch = 16"))
    plain = Training(recipe(NONE[TREATMENTS[name].base], "[run]\nbatch = 16", name="plain"))
    for round in range(6):
        treated.play(round, treated.stream.in_time(round))
    for network in plain.recipe.players["generator"].trains:
        plain.graph.networks[network].load_state_dict(treated.graph.networks[network].state_dict())
    for mine, its in zip(*(each.players["generator"].averages.values() for each in (plain, treated)), strict=True):
        mine.copy_(its)
    found, expected = figures(treated, 6), figures(plain, 6)
    assert found.pop("critic/gan/apart") < expected.pop("critic/gan/apart") or name in ("pack", "replay")
    assert found == expected
    assert {"critic/gan/diversity", "generator/gan/distance", "held_out/gan/distance"} < found.keys()
    if name == "ada":
        assert float(treated.graph.networks["augment"].p) > 0.9  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TREATMENTS)
def test_the_contest_behind_a_treatment_is_the_contest_without_it(name: str) -> None:
    """Its samples, its players and their losses, the target and where losses meet; a penalty is handed the critic with
    what it sees samples through, and without what watches its scores."""
    treated, plain = recipe(TREATMENTS[name]), recipe(NONE[TREATMENTS[name].base], name="plain")
    (mine,), (its,) = contests(treated), contests(plain)
    assert [str(mine.made), str(mine.real)] == [str(its.made), str(its.real)]
    assert (mine.generator, mine.generator_loss) == ("generator", "gan")
    assert str(target_of(treated, mine)) == str(target_of(plain, its)) != "None"
    where = [
        [(each.label, each.losses) for each in meetings(each, each.players["generator"])] for each in (treated, plain)
    ]
    assert where[0] == where[1]
    assert meetings(treated, treated.players["generator"])[0].value is mine.made
    assert Case(treated).function(mine) == TREATMENTS[name].function


@pytest.mark.parametrize("name", TREATMENTS)
def test_one_image_for_all_is_a_mode_collapse_behind_any_treatment(name: str) -> None:
    """What a generator makes whose last weights are 0, looked at often enough: it is told, as without the treatment."""
    failing = recipe(TREATMENTS[name], "[run]\nbatch = 16")
    training = Training(failing)
    last = [weight for weight in training.graph.networks[failing.players["generator"].trains[-1]].parameters()]
    for round in range(6):
        training.play(round, training.stream.in_time(round))
    with torch.no_grad():
        for weight in last[-2:]:
            weight.zero_()
    seen = {f"signals/{figure}": value for figure, value in figures(training, 6).items()}
    bench = Bench(failing)
    told = [told.verdict for look in range(5) for told in bench.hear(300 + 50 * look, seen)]
    assert told == ["mode_collapse"]


@pytest.mark.parametrize(
    ("batch", "samples", "count"), [(16, 4, 32), (64, 2, 32), (63, 3, 63), (12, 3, 36), (10, 5, 40)]
)
def test_held_out_samples_make_whole_packs(batch: int, samples: int, count: int) -> None:
    """Whatever the pack, if the run's batch makes whole ones."""
    pack = f'pack = {{ use = "pack", samples = {samples} }}'
    packed = Treatment("ring", pack, "critic(pack(point))", "critic(pack(fake))")
    training = Training(recipe(packed, f"[run]\nbatch = {batch}"))
    (contest,) = contests(training.recipe)
    look = Look(1, training.recipe, [contest], training)
    with torch.no_grad():
        assert {"held_out/gan/gap", "held_out/gan/distance"} < HeldOutScores().at_round(look).keys()
        scores, made = look.values([contest.fake_score, contest.made], held_out=True)  # type: ignore[list-item]
    assert (len(made), len(scores)) == (count, count // samples)


@pytest.mark.parametrize("name", ["all of them", "ada"])
def test_a_run_behind_treatments_ends_with_the_same_bits_without_the_doctor(name: str) -> None:
    """Pool, noise, strength and weights: watched in every fifth round, or not at all."""
    registry = Registry.installed()
    ends = []
    for number, lines in enumerate(("[doctor]\nevery = 5", "[doctor]\nenabled = false")):
        ours = recipe(TREATMENTS[name], "[run]\nrounds = 12\nkeep_at = []", lines, name=f"run{number}")
        folder = start(ours, registry, QuietScreen()).folder
        ends.append({path.name: path.read_bytes() for path in (folder.checkpoints / "00000012").glob("*.safetensors")})
    assert ends[0] == ends[1] and ends[0]


def test_a_collapse_behind_noise_is_told_while_it_trains() -> None:
    """The generator's rate is twenty times the critic's. Noise hides from the critic, and hid from the doctor, that
    all points are one."""
    treatment = Treatment(
        "ring", 'noisy = { use = "instance_noise", sd = 0.3 }', "critic(noisy(point))", "critic(noisy(fake))"
    )
    lines = "optimizer.lr = 2e-2\n[run]\nrounds = 500\nkeep_at = []\n[doctor]\nevery = 25"
    registry = Registry.installed()
    folder = start(recipe(treatment, lines, l1=0), registry, QuietScreen()).folder
    assert [line["round"] for line in folder.verdict_lines() if line["verdict"] == "mode_collapse"]


@pytest.mark.parametrize(
    ("networks", "real", "fake", "samples"),
    [
        # What both sides pass and nobody trains is looked through, with what stands beside the sample in it.
        ('see = { use = "mlp" }', "critic(see(point))", "critic(see(fake))", ("fake", "point")),
        ('see = { use = "mlp" }', "critic(see(noise, point))", "critic(see(noise, fake))", ("fake", "point")),
        # What the fakes alone pass is a part of what makes them; so is what a player trains, and what differs.
        ('see = { use = "mlp", outputs = 2 }', "critic(point)", "critic(see(fake))", ("see(fake)", "point")),
        (
            'see = { use = "mlp" }\nother = { use = "mlp" }',
            "critic(other(point))",
            "critic(see(fake))",
            ("see(fake)", "other(point)"),
        ),
        ("", "critic(generator(point))", "critic(generator(noise))", ("fake", "generator(point)")),
        # What acts in training alone may stand on one side, and on a value's own name.
        ('see = { use = "instance_noise" }', "critic(see(point))", "critic(fake)", ("fake", "point")),
    ],
)
def test_what_is_no_part_of_the_sample_is_looked_through(
    networks: str, real: str, fake: str, samples: tuple[str, str]
) -> None:
    """By the graph alone: which networks both sides pass, and whom anybody trains."""
    (contest,) = contests(recipe(Treatment("ring", networks, real, fake)))
    assert (str(contest.made), str(contest.real)) == samples


def test_a_generator_that_ends_in_noise_is_compared_before_it() -> None:
    """Its loss on targets reads the noisy value, and is found all the same."""
    treatment = Treatment(
        "ring",
        'noisy = { use = "instance_noise" }\n[values]\nfake = "noisy(generator(noise))"',
        "critic(point)",
        "critic(fake)",
    )
    ours = recipe(treatment)
    (contest,) = contests(ours)
    assert (str(contest.made), str(target_of(ours, contest))) == ("generator(noise)", "point")
    assert contest.generator_loss == "gan"


FAILURES = {
    "mode_collapse": {"critic/gan/diversity": 0.1, "critic/gan/modes": 0.1},
    "critic_too_strong": {"critic/gan/doubt": 0.01, "critic/gan/ranked": 1.0},
    "critic_too_weak": {"critic/gan/ranked": 0.5, "critic/gan/apart": 1.0},
    "overfitting": {"held_out/gan/share": 1.0, "held_out/gan/ranked": 1.0, "held_out/gan/copied": 1.0},
    "diverged": {"critic/gan/real": 1e3, "critic/gan/fake": -1e3},
    "one_loss_leads": {"generator/fake/share/gan": 0.001, "generator/fake/share/l1": 0.999},
    "saturated_generator": {"generator/gan/slope": 0.01, "critic/gan/ranked": 1.0},
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", TREATMENTS)
def test_cures_keep_what_stands_before_the_critic(name: str, failure: str) -> None:
    """Every cure of every verdict is sound in the treated recipe, and a round of it can be played; the critic goes on
    seeing its samples through the treatment, and the generator none of the critic's pool."""
    failing = recipe(
        TREATMENTS[name], "[run]\nbatch = 8\n[data.faces]\nidentities = 200" * (name in ("ada", "diff_augment"))
    )
    seen = {f"signals/{figure}": value for figure, value in FAILURES[failure].items()}
    bench = Bench(failing)
    (told, *_) = [told for look in range(20) for told in bench.hear(1 + 50 * look, seen) if told.verdict == failure]
    assert told.cure or failure == "overfitting"
    for number, lines in enumerate(told.treatments):
        Path(f"cured_{number}.toml").write_text("\n".join(['extends = "treated.toml"', *lines]))
        cured = check(f"cured_{number}.toml")
        for network, spec in failing.networks.items():
            if spec.component.only_in_training or spec.use == "pack":
                (contest,) = contests(cured)
                assert network in contest.fake_score.networks
        its = cured.players["generator"].losses["gan"].reads["fake"]
        assert "past" not in its.networks
        training = Training(cured)
        training.play(0, training.stream.in_time(0))
