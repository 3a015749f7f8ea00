"""The doctor's proof: failures caused on purpose, each by a few lines over a healthy recipe, and healthy runs."""

from __future__ import annotations

from attrs import frozen


@frozen
class Case:
    """A recipe of a line or a few over a base, and what the doctor must say of it."""

    name: str
    base: str
    lines: str
    #: The verdict that must be told, and the round by which; None for a healthy run, of which nothing may be told.
    verdict: str | None = None
    by: int = 0
    #: A run that must be trained first, whose checkpoints this one starts from.
    parent: str | None = None
    #: The healthy case, of as many rounds and as large images, beside which its cured run is to be no worse. All but
    #: the healthy ones have one.
    like: str | None = None


_PLAIN = """
[players.critic]
losses.gan = { use = "bce_critic", real = "critic(point)", fake = "critic(fake)" }
losses.r1.weight = 0
losses.r2.weight = 0
[players.generator]
losses.gan = { use = "bce_generator", fake = "critic(fake)" }
"""
_FAST_CRITIC = """
[players.critic]
optimizer.lr = 1e-2
losses.gan = { use = "bce_critic", real = "critic(point)", fake = "critic(fake)" }
losses.r1.weight = 0
losses.r2.weight = 0
[players.generator]
optimizer.lr = 1e-5
losses.gan = { use = "bce_generator", fake = "critic(fake)" }
"""
_WASSERSTEIN = """
[players.critic]
optimizer.lr = 1e-2
losses.gan = { use = "wasserstein_critic", real = "critic(point)", fake = "critic(fake)" }
losses.r1.weight = 0
losses.r2.weight = 0
[players.generator]
losses.gan = { use = "wasserstein_generator", fake = "critic(fake)" }
"""
# The first GAN's own loss against a critic that is far ahead.
_SATURATING = _FAST_CRITIC.replace(
    '{ use = "bce_generator", fake = "critic(fake)" }',
    '{ use = "bce_generator", fake = "critic(fake)", saturating = true }',
)

_PENALISED = """
[players.critic]
losses.gan = { use = "wasserstein_critic", real = "critic(point)", fake = "critic(fake)" }
losses.r1.weight = 0
losses.r2.weight = 0
losses.gp = { use = "wgan_gp", critic = "critic", real = "point", fake = "fake", weight = 1 }
[players.generator]
losses.gan = { use = "wasserstein_generator", fake = "critic(fake)" }
[schedule]
use = "n_critic"
n = 3
"""
# A critic whose scale is divided out: nothing holds its weights, and with them its rate's effect.
_SPECTRAL = """
[players.critic]
optimizer.lr = 3e-3
losses.r1.weight = 0
losses.r2.weight = 0
constraints.spectral = { use = "spectral_norm", on = ["critic"] }
"""
#: As many as the cures of the cases below have.
_MANY_PEOPLE = """
[data.faces]
identities = 200
"""
_TWO_PEOPLE = """
[data.faces]
identities = 2
[players.critic]
losses.r1.weight = 0
"""
#: What is made of new people moves away from its targets, slowly; that it is made of copies, too, is not to be told.
_SIX_PEOPLE = """
[run]
rounds = 1_500
[data.faces]
identities = 6
[doctor.verdicts.overfitting]
copied = 1.0
[players.critic]
losses.r1.weight = 0
[players.generator]
losses.gan.weight = 0.3
losses.l1.weight  = 5
"""
# The same with a score whose sign says what the critic takes a sample for.
_SIX_PEOPLE_BCE = _SIX_PEOPLE.replace(
    "[players.critic]",
    '[players.critic]\nlosses.gan = { use = "bce_critic", real = "verdict(seen_target)", fake = "verdict(seen_fake)" }',
).replace(
    "losses.gan.weight = 0.3",
    'losses.gan = { use = "bce_generator", fake = "verdict(seen_fake)", weight = 0.3 }',
)
_NOISE = """[networks]
noisy = { use = "instance_noise", sd = 0.1 }
"""
_NOISY = f"""
{_NOISE}[players.critic]
losses.gan.real = "critic(noisy(point))"
losses.gan.fake = "critic(noisy(fake))"
[players.generator]
losses.gan.fake = "critic(noisy(fake))"
"""
_PACKED = """
[networks]
pack = { use = "pack" }
[players.critic]
losses.gan.real  = "critic(pack(point))"
losses.gan.fake  = "critic(pack(fake))"
losses.r1.critic = "critic(pack(_))"
losses.r2.critic = "critic(pack(_))"
[players.generator]
losses.gan.real = "critic(pack(point))"
losses.gan.fake = "critic(pack(fake))"
"""
_REPLAYED = """
[networks]
past = { use = "replay", size = 256 }
[players.critic]
losses.gan.fake = "critic(past(fake))"
"""
_AUGMENTED = """
[networks]
augment = { use = "diff_augment" }
[players.critic]
losses.gan.real  = "verdict(trunk(augment(target)))"
losses.gan.fake  = "verdict(trunk(augment(fake)))"
losses.r1.critic = "verdict(trunk(augment(_)))"
[players.generator]
losses.gan.real = "verdict(trunk(augment(target)))"
losses.gan.fake = "verdict(trunk(augment(fake)))"
"""
_WRONG_LABEL = """
[players.critic]
losses.light = { use = "cross_entropy", logits = "light(seen_target)", labels = "light" }
"""

#: Thresholds were tuned on faces of 32 px; those of 48 px are for the table alone.
CASES = (
    # ------------------------------------------------------------------------------------------------ healthy
    Case("ring", "ring", ""),
    Case("ring_r1", "ring", _PLAIN.replace("losses.r1.weight = 0\n", "")),
    Case("ring_wgan_gp", "ring", _PENALISED),
    Case("ring_spectral", "ring", _SPECTRAL),
    Case("grid", "ring", '[data]\ntoy = { use = "toy_2d", layout = "grid", spacing = 0.5 }'),
    Case(
        "wide_batch",
        "ring",
        '[run]\nbatch = 128\n[networks]\ngenerator = { use = "mlp", widths = [96, 96], outputs = 2 }',
    ),
    Case("faces", "faces", ""),
    Case("faces_48", "faces", "[data.faces]\nsize = 48\n"),
    Case("many_people", "faces", _MANY_PEOPLE),
    Case("many_people_48", "faces", f"[run]\nrounds = 800\n{_MANY_PEOPLE}size = 48\n"),
    Case("many_people_long", "faces", f"[run]\nrounds = 1_500\n{_MANY_PEOPLE}"),
    Case(
        "warm",
        "ring",
        '[networks.generator]\nstart = "ring@1500"\n[networks.critic]\nstart = "ring@1500"',
        parent="ring",
    ),
    Case("ring_noisy", "ring", f'{_NOISY}losses.gan.real = "critic(noisy(point))"\n'),
    Case("ring_packed", "ring", _PACKED),
    Case("ring_replayed", "ring", _REPLAYED),
    Case("faces_augmented", "faces", _AUGMENTED),
    # ------------------------------------------------------------------------------------------------ failing
    Case("too_strong", "ring", _FAST_CRITIC, "critic_too_strong", 600, like="ring"),
    Case("too_weak", "ring", "[players.critic]\noptimizer.lr = 1e-6", "critic_too_weak", 800, like="ring"),
    Case(
        "collapse",
        "ring",
        _PLAIN.replace(
            'losses.gan = { use = "bce_generator"', 'optimizer.lr = 2e-2\nlosses.gan = { use = "bce_generator"'
        ),
        "mode_collapse",
        900,
        like="ring",
    ),
    Case(
        "collapse_noisy",
        "ring",
        _PLAIN.replace("(point)", "(noisy(point))")
        .replace("(fake)", "(noisy(fake))")
        .replace("[players.critic]", f"{_NOISE}[players.critic]", 1)
        .replace("[players.generator]", "[players.generator]\noptimizer.lr = 2e-2"),
        "mode_collapse",
        900,
        like="ring_noisy",
    ),
    Case(
        "leads",
        "ring",
        '[players.generator]\nlosses.l2 = { use = "l2", output = "fake", target = "point", weight = 100 }',
        "one_loss_leads",
        600,
        like="ring",
    ),
    Case("diverged", "ring", _WASSERSTEIN, "diverged", 1_000, like="ring_wgan_gp"),
    Case("runaway", "ring", _SPECTRAL.replace("3e-3", "1e-1"), "diverged", 1_000, like="ring_spectral"),
    Case(
        "sudden",
        "ring",
        '[players.generator]\nlr_schedule = { use = "multi_step", milestones = [1_000], gamma = 100.0 }',
        "sudden_collapse",
        1_300,
        like="ring",
    ),
    Case(
        "phase",
        "ring",
        '[networks.generator]\nstart = "ring@1500"',
        "phase_mismatch_after_load",
        50,
        parent="ring",
        like="warm",
    ),
    Case("saturated", "ring", _SATURATING, "saturated_generator", 600, like="ring"),
    Case(
        "limits",
        "faces",
        f"[run]\nrounds = 1_500\n{_MANY_PEOPLE}[players.generator]\noptimizer.lr = 0.3",
        "saturated_generator",
        300,
        like="many_people_long",
    ),
    Case("not_a_number", "ring", "[players.critic]\noptimizer.lr = 1e20", "non_finite", 100, like="ring"),
    Case("by_heart", "faces", _TWO_PEOPLE, "overfitting", 500, like="many_people"),
    Case(
        "by_heart_48",
        "faces",
        _TWO_PEOPLE.replace("[data.faces]", "[run]\nrounds = 800\n[data.faces]\nsize = 48"),
        "overfitting",
        500,
        like="many_people_48",
    ),
    Case("six_people", "faces", _SIX_PEOPLE, "overfitting", 1_500, like="many_people_long"),
    Case("six_people_bce", "faces", _SIX_PEOPLE_BCE, "overfitting", 1_500, like="many_people_long"),
    Case("lost_light", "faces", _WRONG_LABEL, "factor_lost", 500, like="faces"),
    Case("lost_light_48", "faces", f"[data.faces]\nsize = 48\n{_WRONG_LABEL}", "factor_lost", 500, like="faces_48"),
)
