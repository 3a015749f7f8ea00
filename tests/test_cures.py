"""What a verdict states as its cures: lines for the very recipe, each sound, and all of them within a user's reach."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from gan_recipe import Data
from gan_recipe.cli.program import cli
from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.training import Training
from gan_recipe.health.bench import Bench
from gan_recipe.language.recipe import Recipe
from gan_recipe.loop.launch import start
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.verdicts import Told

RING = (Path(__file__).parents[1] / "docs" / "doctor" / "ring.toml").as_posix()
FACES = RING.replace("ring.toml", "faces.toml")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def recipe(base: str, *lines: str, name: str = "failing.toml") -> Recipe:
    Path(name).write_text("\n".join([f"extends = {json.dumps(base)}", *lines]))
    return check(name)


def told_of(
    failing: Recipe,
    looks: list[Mapping[str, float]],
    verdict: str,
    every: int = 50,
    figures: Mapping[str, float] | None = None,
) -> Told:
    """The first time that the verdict is told; its cures are sound in recipes that extend the failing one.

    ``looks`` are what signals measure, ``figures`` what every line has besides.
    """
    bench = Bench(failing)
    for look, measured in enumerate(looks):
        signals = {f"signals/{name}": value for name, value in measured.items()}
        for told in bench.hear(1 + look * every, {**signals, **(figures or {})}):
            if told.verdict == verdict:
                for lines in told.treatments:
                    recipe("failing.toml", *lines, name="cured.toml")
                return told
    raise AssertionError(f"{verdict} is not told")


def a_collapse(rate_after: float) -> list[Mapping[str, float]]:
    """Ten good looks and three bad ones, and the generator's rate: 0.001 in the good ones."""
    good = {"critic/gan/modes": 1.0, "generator/rate": 1e-3, "critic/rate": 1e-3}
    return [good] * 10 + [good | {"critic/gan/modes": 0.1, "generator/rate": rate_after}] * 3


def test_a_collapse_with_a_rate_that_has_just_risen_is_cured_by_that_rate() -> None:
    """Held where it was good, for the player whose rate it was, alone; going back is the other treatment."""
    jump = '[players.generator]\nlr_schedule = { use = "multi_step", milestones = [500], gamma = 100.0 }'
    told = told_of(recipe(RING, jump), a_collapse(0.1), "sudden_collapse")
    assert told.cure == (
        "[players.generator]",
        "optimizer.lr = 0.001",
        'lr_schedule = { use = "constant", factor = 1.0 }',
    )
    ((table, *_),) = told.others
    assert table == "[recovery]" and "rate" in told.told


@pytest.mark.parametrize("schedule", ["", '[players.generator]\nlr_schedule = { use = "cosine", T_max = 1_500 }'])
def test_a_collapse_at_a_rate_that_has_not_risen_is_gone_back_from(schedule: str) -> None:
    """Whether or not it has a schedule; where the recipe goes back already, lower rates are left."""
    told = told_of(recipe(RING, schedule), a_collapse(9e-4), "sudden_collapse")
    assert told.cure[:2] == ("[recovery]", 'on = ["sudden_collapse"]') and told.others == ()
    assert check("cured.toml").recovery is not None
    back = '[recovery]\non = ["sudden_collapse"]\nmultiply = { "players.*.optimizer.lr" = 0.5 }'
    again = told_of(recipe(RING, schedule, back), a_collapse(9e-4), "sudden_collapse")
    assert again.cure[:2] == ("[players.critic]", "optimizer.lr = 0.0001")


BY_HEART: list[Mapping[str, float]] = [
    {"held_out/gan/share": 1.0, "held_out/gan/ranked": 1.0, "held_out/gan/copied": 1.0}
] * 4
FURTHER: list[Mapping[str, float]] = [
    {"held_out/gan/share": 1.0, "held_out/gan/ranked": 1.0, "held_out/gan/distance": 0.1 + 0.1 * (look > 1)}
    for look in range(6)
]


@pytest.mark.parametrize(("stated", "cured"), [(2, 200), (40, 200), (200, None), (300, None)])
def test_more_people_are_the_cure_where_people_are_rendered(stated: int, cured: int | None) -> None:
    """As many as there are by default, with the penalty, whether outputs copy or are further from their targets: the
    penalty alone would leave them copies, and so would augmentation."""
    failing = recipe(FACES, f"[data.faces]\nidentities = {stated}")
    penalty = ("[players.critic]", "losses.r1.weight = 1.25")
    for looks in (BY_HEART, FURTHER):
        told = told_of(failing, looks, "overfitting")
        if cured is None:
            assert told.cure == penalty and [lines[0] for lines in told.others] == ["[networks]"]
        else:
            assert told.cure == ("[data.faces]", f"identities = {cured}", *penalty) and told.others == ()


def test_more_samples_are_what_the_data_itself_proposes() -> None:
    """Anybody's data, by any of its settings, written as TOML has them."""

    class Shelf(Data):
        def more(self) -> Mapping[str, int | float | str]:
            return {"part": 'train + "extra" \\ naïve', "share": 0.95, "count": 7}

    bench = Bench(attrs.evolve(recipe(FACES), data={"faces": Shelf()}))
    *_, heard = (
        bench.hear(1 + look, {f"signals/{name}": value for name, value in figures.items()})
        for look, figures in enumerate(BY_HEART[:3])
    )
    (cure,) = [told.cure for told in heard if told.verdict == "overfitting"]
    proposed = tomllib.loads("\n".join(cure[: cure.index("[players.critic]")]))
    assert proposed == {"data": {"faces": Shelf().more()}}


def test_overfitting_is_told_of_data_that_cannot_say_what_would_be_more() -> None:
    """With the rest of its cure, and a warning that names the data."""

    class Broken(Data):
        def more(self) -> Mapping[str, int]:
            raise KeyError("shelf")

    bench = Bench(attrs.evolve(recipe(FACES), data={"faces": Broken()}))
    with pytest.warns(RuntimeWarning, match=r"data\.faces .*more samples: KeyError: 'shelf'"):
        heard = [
            bench.hear(1 + look, {f"signals/{k}": v for k, v in each.items()}) for look, each in enumerate(BY_HEART)
        ]
    (told,) = [told for found in heard for told in found if told.verdict == "overfitting"]
    assert told.cure == ("[players.critic]", "losses.r1.weight = 1.25")


_MANY = {"dcgan": [], FACES: ["[data.faces]", "identities = 200"]}


def test_augmentation_is_steered_where_the_score_has_a_zero() -> None:
    """ada for cross-entropy, at a pace that suits a short run; a relativistic score has no sign, and is augmented
    always. Losses that read the critic's networks besides keep their samples, and a round can be played."""
    for base, use in (("dcgan", "ada"), (FACES, "diff_augment")):
        told = told_of(recipe(base, *_MANY[base]), BY_HEART, "overfitting")
        (lines,) = [each for each in told.others if each[0] == "[networks]"]
        treated = recipe("failing.toml", *lines, name="cured.toml")
        assert treated.networks["augment"].use == use
        assert not any("identity" in line or "light" in line for line in lines)
        if use == "ada":
            assert lines[1] == 'augment = { use = "ada", over = 6400 }'
    training = Training(check("cured.toml", ["run.batch=4"]))
    training.play(0, training.stream.batch(0))


def test_every_treatment_is_within_reach(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The screen says how many more there are; diagnose numbers them and writes the one that is asked for; log, the
    report and the notebook's page show them."""
    from gan_recipe.cli.screen import _tell

    touchy = "verdicts.mode_collapse = { diversity = 9.0, grace = 0, samples = 2 }"
    failing = recipe(RING, "[run]\nrounds = 6\nlog_every = 2\n[doctor]\nevery = 1", touchy)
    run = start(failing, Registry.installed(), QuietScreen(), name="few").folder
    (line,) = [line for line in run.verdict_lines() if line["verdict"] == "mode_collapse"]
    told = Told.of(line)
    assert told is not None and len(told.treatments) == 2
    _tell(told)
    assert "and 1 other treatment, which gan-recipe diagnose tells" in capsys.readouterr().out

    def invoke(*words: str) -> Any:
        return CliRunner().invoke(cli, words)

    shown = invoke("diagnose", "few", "--cured", "second.toml", "--treatment", "2")
    assert shown.exit_code == 0 and "Or with (treatment 2):\n    [networks]" in shown.output, shown.output
    assert "would treat it with (treatment 1):" in shown.output
    assert "pack" in check("second.toml").networks
    wrong = invoke("diagnose", "few", "--cured", "third.toml", "--treatment", "3")
    assert "no treatment 3" in str(wrong.exception) and "from 1 to 2" in str(wrong.exception)
    assert not Path("third.toml").exists()
    assert "or with" in invoke("log", "few").output
    assert invoke("report", "few").exit_code == 0
    page = next(Path.cwd().rglob("*.html")).read_text()
    assert "or with" in page and "pack(fake)" in page


WARM = '[networks.generator]\nstart = "ring@2"'


def phase_told(failing: Recipe) -> Told:
    """What is told in the first round of a run whose critic knows nothing."""
    training = Training(failing)
    bench = Bench(failing, training.origins.runs)
    (told,) = bench.hear(1, {"signals/critic/gan/ranked": 0.5})
    assert told.verdict == "phase_mismatch_after_load"
    return told


def test_a_fresh_critic_beside_a_loaded_generator_is_loaded_from_the_same_round() -> None:
    """Where that run has a critic of these shapes: the cured run is a warm start of both. The generator is held by the
    other treatment, and by the first where there is no such critic."""
    start(recipe(RING, "[run]\nrounds = 2\nkeep_at = [2]", name="ring.toml"), Registry.installed(), QuietScreen())
    told = phase_told(recipe(RING, WARM))
    assert told.cure == ("[networks.critic]", 'start = "ring@2"')
    training = Training(recipe("failing.toml", *told.cure, name="cured.toml"))
    assert {name: origin["round"] for name, origin in training.origins.runs.items()} == {"generator": 2, "critic": 2}
    ((table, *_, last),) = told.others
    assert table == "[schedule]" and last == "starts = { generator = 500 }"
    narrow = phase_told(recipe(RING, WARM, '[networks]\ncritic = { use = "mlp", widths = [8], outputs = 1 }'))
    assert narrow.cure == told.others[0] and narrow.others == ()


def test_a_fresh_generator_is_loaded_from_where_its_critic_was() -> None:
    """The other way round; what comes from different rounds is of no phase."""
    start(recipe(RING, "[run]\nrounds = 2\nkeep_at = [1, 2]", name="ring.toml"), Registry.installed(), QuietScreen())
    critic = WARM.replace("generator", "critic")
    assert phase_told(recipe(RING, critic)).cure == ("[networks.generator]", 'start = "ring@2"')
    both = phase_told(recipe(RING, WARM, critic.replace("@2", "@1")))
    assert both.cure == ("[networks.critic]", 'start = "ring@2"')


@pytest.mark.parametrize(("rate", "cured"), [(0.1, "0.005"), (0.01, "0.001")])
def test_a_player_whose_weights_run_away_is_slowed_alone(rate: float, cured: str) -> None:
    """To a tenth, and no more than five times the rate of the other."""
    failing = recipe(RING, f"[players.critic]\noptimizer.lr = {rate}")
    looks = [{"critic/weights": 7.0 if look < 2 else 70.0} for look in range(6)]
    assert told_of(failing, looks, "diverged").cure == ("[players.critic]", f"optimizer.lr = {cured}")


def test_a_generator_at_its_limits_steps_no_further_than_its_critic() -> None:
    """A twentieth of its rate, or the critic's where that is lower; the critic keeps its own."""
    looks = [{"critic/gan/limits": 0.9}] * 4
    for rate, cured in ((0.3, "0.0005"), (0.002, "0.0001")):
        failing = recipe(FACES, f"[players.generator]\noptimizer.lr = {rate}")
        told = told_of(failing, looks, "saturated_generator", every=25)
        assert told.cure == ("[players.generator]", f"optimizer.lr = {cured}")


WRONG_IMAGE = (
    '[players.critic]\nlosses.light = { use = "cross_entropy", logits = "light(seen_target)", labels = "light" }'
)


def unlearnt(failing: Recipe) -> Told:
    return told_of(failing, [{}] * 40, "factor_lost", figures={"critic/loss/light": 3.0})


def test_a_head_that_is_shown_another_image_is_shown_the_one_its_labels_are_of() -> None:
    """Where the data says what its images show: not the label of what the head is shown, which in standard light is
    always the same and would teach it nothing."""
    told = unlearnt(recipe(FACES, WRONG_IMAGE))
    assert told.cure == ("[players.critic]", 'losses.light.logits = "light(trunk(image))"') and told.others == ()


def test_a_label_that_tells_of_the_image_is_the_other_treatment() -> None:
    """Where the target's light varies, too; where both images are in one light, no label is wrong."""
    told = unlearnt(recipe(FACES, '[data.faces]\ntarget_light = "random"', WRONG_IMAGE))
    assert told.cure[-1] == 'losses.light.logits = "light(trunk(image))"'
    assert told.others == (("[players.critic]", 'losses.light.labels = "target_light"'),)
    alike = unlearnt(recipe(FACES, '[data.faces]\ntarget_light = "same"', WRONG_IMAGE))
    assert alike.cure[-1] == 'losses.light.labels = "target_light"' and alike.others == ()


def test_the_words_on_lost_modes_are_those_of_their_cure() -> None:
    """Pairing where the losses are not relativistic; a stronger penalty where they are, and pair already."""
    few = [{"critic/gan/modes": 0.1}] * 12
    assert "A stronger penalty" in (told := told_of(recipe(RING), few, "mode_collapse")).told
    assert told.cure == ("[players.critic]", "losses.r1.weight = 1")
    told = told_of(recipe("zoo/ring_gan"), few, "mode_collapse")
    assert "Relativistic pairing" in told.told and any("relativistic_critic" in line for line in told.cure)


def test_one_bad_batch_is_no_sudden_collapse() -> None:
    """Though it lifts the mean of the last three over the bound: two of them must be bad."""
    good = {"critic/gan/modes": 1.0}
    bad = good | {"critic/gan/modes": -1.0}
    bench = Bench(recipe(RING))
    told = [
        each.verdict
        for look, figures in enumerate([*[good] * 10, bad, *[good] * 4])
        for each in bench.hear(1 + 50 * look, {f"signals/{name}": value for name, value in figures.items()})
    ]
    assert "sudden_collapse" not in told
