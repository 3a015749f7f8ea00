"""What would train and will not work: found by name, at its line, with reason and cure, and silenced by name."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from screens import Heard
from torch import Tensor, nn

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.rehearsal_findings import Broadcasts, last_step, norms_of, outside
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.interfaces import Component, Network
from gan_recipe.language.find import find
from gan_recipe.language.findings import MEANINGS
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.loop.launch import start
from gan_recipe.runs.check_recipe import check

PAGE = Path(__file__).parents[1] / "docs" / "findings.md"

SOUND = """\
[run]
rounds = 40
batch = 4

[data]
faces = { use = "synthetic_faces", size = 64, identities = 4, held_out = 2 }

[networks]
encoder = { use = "casia_encoder", width = 0.1, stem = 2, norm = "group" }
decoder = { use = "casia_decoder", width = 0.1, stem = 2, norm = "group" }
trunk   = { use = "casia_encoder", width = 0.1, stem = 2, norm = "none" }
verdict = { use = "big_kernel_conv" }
light   = { use = "linear_fc", outputs = "target_light" }

[values]
fake = "decoder(encoder(image))"

[players.critic]
trains      = ["trunk", "verdict", "light"]
optimizer   = { use = "adam", lr = 1e-4 }
losses.gan  = { use = "bce_critic", real = "verdict(trunk(target))", fake = "verdict(trunk(fake))" }
losses.r1   = { use = "r1", critic = "verdict(trunk(_))", real = "target" }
losses.head = { use = "cross_entropy", logits = "light(trunk(target))", labels = "target_light" }

[players.generator]
trains     = ["encoder", "decoder"]
optimizer  = { use = "adam", lr = 1e-4 }
losses.gan = { use = "bce_generator", fake = "verdict(trunk(fake))" }
losses.l1  = { use = "l1", output = "fake", target = "target" }
losses.head = { use = "cross_entropy", logits = "light(trunk(fake))", labels = "target_light" }

[schedule]
use = "together"
"""
WGAN = """\
extends = "sound.toml"
[players.critic]
losses.gan = { use = "wasserstein_critic", real = "verdict(trunk(target))", fake = "verdict(trunk(fake))" }
[players.generator]
losses.gan = { use = "wasserstein_generator", fake = "verdict(trunk(fake))" }
"""
#: By finding: what is added to the sound recipe, the key that is blamed, and words of reason and cure.
CAUSED: dict[str, tuple[str, str, str]] = {
    "norm_on_logit": (
        "[networks.verdict]\nnorm_on_logit = true",
        "players.critic.losses.gan.real",
        r"takes away the very offset that tells them apart\. Let the last layer",
    ),
    "lost_factor": (
        '[data.faces]\ntarget_light = "random"',
        "players.generator.losses.l1.target",
        r"target is a matter of target_light, drawn at random, and fake is made from image, .*"
        r"Give it to the network too: target_light, target_light_code, or fix it in the data",
    ),
    "unlearnable_label": (
        '[data.faces]\ntarget_light = "random"\n[players.critic.losses.head]\nlabels = "light"',
        "players.critic.losses.head.labels",
        r"light\(trunk\(target\)\) sees target, and light is the label of another image: .* stays near ln 20\. "
        r"Teach it the label of what it sees: target_light",
    ),
    "penalty_elsewhere": (
        '[players.critic.losses.r1]\ncritic = "light(trunk(_))"',
        "players.critic.losses.r1.critic",
        r"the slope of light\(trunk\(_\)\) is punished, .* none of them is that function",
    ),
    "penalty_on_batch_norm": (
        '[networks.trunk]\nnorm = "batch"',
        "players.critic.losses.r1.critic",
        r'batch norm in trunk mixes them\. Give it norm = "none" or "group"',
    ),
    "concat_mixes": (
        '[networks.trunk]\nnorm = "batch"\nconcat = true',
        "networks.trunk.concat",
        r"trunk mixes the samples of a batch, .* Leave concat out",
    ),
}
CAUSED_OF_WGAN: dict[str, tuple[str, str, str]] = {
    "wasserstein_batch_norm": (
        '[networks.trunk]\nnorm = "batch"',
        "players.critic.losses.gan",
        r"trunk has batch norm",
    ),
    "unbounded_wasserstein": (
        "[players.critic.losses.r1]\nweight = 0",
        "players.critic.losses.gan",
        r"nothing bounds the critic's slope, .* Add the loss wgan_gp",
    ),
    "few_critic_steps": (
        '[schedule]\nuse = "every"\nperiods = { critic = 4 }',
        "players.critic.losses.gan",
        r"'critic' moves 10 times in the first 40 rounds and generator more often: .*n_critic",
    ),
    "clipped_norm_gains": (
        '[networks.trunk]\nnorm = "group"\n'
        '[players.critic]\nconstraints.clip = { use = "wgan_clip", spare_norms = false }',
        "players.critic.constraints.clip",
        r"clips the gains of the norm layers in trunk too.*spare_norms = true",
    ),
}
EVERY = CAUSED | CAUSED_OF_WGAN
#: What the same change makes another rule find, too.
SIDE_EFFECTS = {
    "norm_on_logit": "penalty_on_batch_norm",
    "wasserstein_batch_norm": "penalty_on_batch_norm",
    "unlearnable_label": "lost_factor",
    "concat_mixes": "penalty_on_batch_norm",
}


@pytest.fixture(autouse=True)
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sound recipes, where the test stands."""
    monkeypatch.chdir(tmp_path)
    Path("sound.toml").write_text(SOUND)
    Path("wgan.toml").write_text(WGAN)


def caused(name: str, silence: str = "") -> Path:
    """A recipe that has the finding."""
    base = "wgan" if name in CAUSED_OF_WGAN else "sound"
    path = Path("caused.toml")
    path.write_text(f'extends = "{base}.toml"\n{EVERY[name][0]}\n{silence}')
    return path


def found(name: str) -> list[str]:
    """The findings of a recipe that has this one, as a person reads them: warnings, or errors."""
    try:
        return [str(finding) for finding in find(check(str(caused(name))))]
    except RecipeError as error:
        return [str(problem) for problem in error.problems]


def test_the_sound_recipes_have_none() -> None:
    """Neither as text nor built."""
    for name in ("sound.toml", "wgan.toml"):
        assert not find(check(name))
        assert not Training(check(name)).findings


@pytest.mark.parametrize("name", EVERY)
def test_check_finds_it_with_its_key_reason_and_cure(name: str) -> None:
    """At the line of whoever states the key, or, for what a setting elsewhere causes, of the loss that suffers."""
    told = found(name)
    _, key, words = EVERY[name]
    assert any(re.search(rf"(caused|sound|wgan)\.toml:\d+: {re.escape(key)}: .*{words}", each) for each in told), told
    names = {name, SIDE_EFFECTS.get(name, name)}
    assert all(any(f"[{one}]" in each or f"{{ {one} = " in each for one in names) for each in told), told


@pytest.mark.parametrize("name", EVERY)
def test_a_finding_is_silenced_by_name_and_strictness_refuses_it(name: str) -> None:
    """With a reason it is gone, as text and when built; ``--strict`` makes an error of it, which names the way out."""
    silence = f'[findings]\nsilence = {{ {name} = "meant" }}'
    assert not [each for each in find(check(str(caused(name, silence)))) if each.name == name]
    if not MEANINGS[name].fatal:
        recipe = check(str(caused(name)))
        with pytest.raises(RecipeError, match=rf"silence = {{ {name} = "):
            start(recipe, Registry.installed(), QuietScreen(), strict=True)
        assert not Path("runs").exists()


def test_what_can_never_be_meant_is_an_error_of_check() -> None:
    """Without ``--strict``, and with the words that would silence it."""
    with pytest.raises(RecipeError, match=r'If it is meant: \[findings\] silence = \{ penalty_elsewhere = "why" \}'):
        check(str(caused("penalty_elsewhere")))


def test_every_finding_is_caused_here_or_below() -> None:
    """A new name needs a test, and a place in the docs."""
    assert set(MEANINGS) == {*EVERY, "squashed_logit", "broadcast_in_loss"}
    page = PAGE.read_text()
    sections = dict(re.findall(r"^## (\w+)\n+(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert list(sections) == list(MEANINGS)
    for name, text in sections.items():
        assert MEANINGS[name].summary in text
        assert ("**An error.**" in text) == MEANINGS[name].fatal
        assert "**Cure.**" in text and "**Why.**" in text


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ('silence = { norm_on_logitt = "x" }', r"caused.toml:3: findings.silence.norm_on_logitt: .*'norm_on_logit'"),
        ('silence = { norm_on_logit = "" }', r"findings.silence.norm_on_logit: expected the reason"),
        ("silence = { norm_on_logit = true }", r"findings.silence.norm_on_logit: expected the reason"),
        ('silense = { norm_on_logit = "x" }', r"findings.silense: there is no such key. Did you mean 'silence'"),
    ],
)
def test_silence_needs_a_name_that_exists_and_a_reason(stated: str, message: str) -> None:
    """A slip would silence nothing, and a blank tells the next reader nothing."""
    Path("caused.toml").write_text(f'extends = "sound.toml"\n[findings]\n{stated}\n')
    with pytest.raises(RecipeError, match=message):
        check("caused.toml")


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_shipped_recipes_have_no_findings_but_those_that_they_mean(
    name: str, given: Callable[[str], list[str]]
) -> None:
    """What an entry does on purpose it silences, with the reason; the runs that it starts from need not be there."""
    assert not find(check(name, given(name), starts=None))


def test_warnings_are_said_before_training_and_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Also those that only the built networks show, and before anything is written."""
    Path("caused.toml").write_text(
        'extends = "wgan.toml"\n[run]\nrounds = 1\nobservers = []\n'
        '[networks.trunk]\nuse = "timm_encoder"\nname = "test_resnet"\n[networks.verdict]\nuse = "linear_fc"\n'
    )
    screen = Heard()
    recipe = check("caused.toml")
    assert not find(recipe)
    start(recipe, Registry.installed(), screen)
    warnings = [text for text in screen.said if text.startswith("warning: ")]
    assert [re.findall(r"\[(\w+)\]$", text)[0] for text in warnings] == [
        "penalty_on_batch_norm",
        "wasserstein_batch_norm",
    ]


# ------------------------------------------------------------------------------------------------ built networks


class Ending(nn.Module):
    """A linear layer, and what comes after it."""

    def __init__(self, *after: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3), *after)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits.reshape(len(x), 3, 1, 1).flatten(1).mean(dim=1, keepdim=True)


@pytest.mark.parametrize(
    ("after", "last", "norms"),
    [
        ((), None, set()),
        ((nn.BatchNorm1d(3),), "norm", {"batch"}),
        ((nn.BatchNorm1d(3, affine=False), nn.ELU()), "norm", {"batch"}),
        ((nn.LayerNorm(3), nn.LeakyReLU(0.2), nn.Flatten()), "norm", {"layer"}),
        ((nn.GroupNorm(1, 3), nn.Linear(3, 3)), None, {"group"}),
        ((nn.Sigmoid(),), "sigmoid", set()),
        ((nn.BatchNorm1d(3), nn.Sigmoid()), "sigmoid", {"batch"}),
        ((nn.Tanh(), nn.Dropout(0.1)), "tanh", set()),
        ((nn.Softmax(dim=1),), "softmax", set()),
        ((nn.ReLU(),), None, set()),
    ],
)
def test_the_last_step_is_read_from_the_graph_of_what_was_computed(
    after: tuple[nn.Module, ...], last: str | None, norms: set[str]
) -> None:
    """Through activations, reshapes and means; anything with weights ends the search."""
    module = Ending(*after)
    for spectral in (False, True):
        if spectral:
            nn.utils.parametrizations.weight_norm(module.layers[0])
        assert last_step(module(torch.randn(5, 6))) == last
    assert norms_of(module) == norms


def network_cases() -> list[tuple[str, dict[str, Any]]]:
    every = Registry.installed().every()
    found = []
    for name, cls in every.items():
        if not issubclass(cls, Network) or cls.traits is Network.traits:
            continue
        known = typing.get_args(typing.get_type_hints(cls).get("norm"))
        norms: list[dict[str, Any]] = [{"norm": norm} for norm in known] or [{}]
        fields = {field.name for field in cls.__attrs_attrs__}  # type: ignore[attr-defined]
        if "norm_on_logit" in fields:
            norms = [{"norm_on_logit": True}, {"norm_on_logit": False}]
        if "residual" in fields:
            norms += [{"residual": True}]
        if name == "mlp":
            norms += [{"outputs": 3, "norm": "batch"}]
        found += [(name, each) for each in norms]
    return found


@pytest.mark.parametrize(("name", "settings"), network_cases(), ids=str)
def test_what_a_network_says_of_itself_is_what_is_built(name: str, settings: dict[str, Any]) -> None:
    """The kinds of norms in it and what comes last, for every norm that its settings know."""
    cls: type[Component] = Registry.installed().every()[name]
    fields = {field.name: field for field in cls.__attrs_attrs__}  # type: ignore[attr-defined]
    if "width" in fields:
        settings = settings | {"width": 0.1}
    if "classes" in fields:
        settings = settings | {"classes": 3}
    if name in ("dcgan_decoder", "upsample_decoder"):
        settings = settings | {"size": 16}
    image, maps, vector = torch.randn(4, 3, 32, 32), torch.randn(4, 8, 4, 4), torch.randn(4, 6)
    labels = torch.zeros(4, dtype=torch.int64)
    pyramid = (torch.randn(4, 8, 16, 16), torch.randn(4, 16, 8, 8), torch.randn(4, 16, 4, 4))
    inputs: dict[str, tuple[Any, ...]] = {
        "unet_decoder": (pyramid,),
        "one_hot": (labels,),
        "projection_head": (maps, labels),
        "mlp": (vector,),
        "linear_fc": (vector,),
        "dcgan_decoder": (vector,),
        "upsample_decoder": (maps,),
        "casia_decoder": (maps,),
        "minibatch_std": (vector,),
    }
    heads = {"big_kernel_conv", "srgan_head", "patch_head", "channels"}
    given = inputs.get(name, (maps,) if name in heads else (image,))
    component: Any = cls(**settings)
    module = component.build(*given)
    traits = component.traits()
    assert traits.norms == norms_of(module)
    result = module(*given)
    assert traits.last == last_step(result)


def test_a_sigmoid_before_logits_is_refused_once_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text tells of it; the rehearsal does, before anything is written."""
    from gan_recipe_plugins.linear_fc import LinearFC

    build = LinearFC.build
    monkeypatch.setattr(LinearFC, "build", lambda self, *inputs: nn.Sequential(build(self, *inputs), nn.Sigmoid()))
    recipe = check("sound.toml", ["networks.verdict.use=linear_fc"])
    with pytest.raises(RecipeError, match=r"gan.real: .* has been through a sigmoid, and 'bce_critic' takes logits.*"):
        start(recipe, Registry.installed(), QuietScreen())
    assert not Path("runs").exists()


# ------------------------------------------------------------------------------------------------ broadcasts

A, B, COLUMN, ROW = torch.randn(5, 3, 4, 4), torch.randn(5, 3, 4, 4), torch.randn(5, 1), torch.randn(5)


def noticed(loss: Callable[..., Tensor], **read: Tensor) -> str | None:
    with Broadcasts(read) as broadcasts:
        loss(**read)
    return broadcasts.found


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize(
    ("loss", "read"),
    [
        (lambda a, b: (a - b).abs().mean(), {"a": COLUMN, "b": ROW}),
        (lambda a, b: (a.exp() * b).mean(), {"a": COLUMN, "b": ROW}),
        (lambda a, b: F.mse_loss(a, b), {"a": A, "b": torch.randn(5, 1, 4, 4)}),
        (lambda a, b: F.l1_loss(a, b), {"a": A, "b": torch.randn(3, 4, 4)}),
        (lambda a, b: (a.double() - b.double()).square().mean(), {"a": A, "b": torch.randn(5, 1, 1, 1)}),
        (lambda a, b: (a.norm(dim=1, keepdim=True) - b).mean(), {"a": torch.randn(5, 8), "b": ROW}),
        (lambda a, b: torch.maximum(a, b).mean(), {"a": COLUMN, "b": ROW}),
    ],
)
def test_a_broadcast_in_a_loss_is_noticed(loss: Callable[..., Tensor], read: dict[str, Tensor]) -> None:
    """What a loss reads is compared at other shapes than its own, or grows in two directions at once."""
    told = noticed(loss, **read)
    assert told and "without a word" in told and str(tuple(read["b"].shape)) in told, told


@pytest.mark.parametrize(
    ("loss", "read"),
    [
        (lambda a, b: (a - b).abs().mean(), {"a": A, "b": B}),
        (lambda a, b: ((a - b).abs() * torch.rand(5, 1, 4, 4)).mean(), {"a": A, "b": B}),
        (lambda a, b: F.mse_loss(a, b) + F.smooth_l1_loss(a, b), {"a": A, "b": B}),
        (
            lambda a, b: (a[:, None] - b[None, :]).square().sum(-1).mean(),
            {"a": torch.randn(5, 8), "b": torch.randn(7, 8)},
        ),
        (lambda a, b: torch.cdist(a, b).mean(), {"a": torch.randn(5, 8), "b": torch.randn(7, 8)}),
        (lambda a, b: F.softplus(a).mean() + F.softplus(b).mean(), {"a": COLUMN, "b": ROW}),
        (lambda a, b: (a - a.mean()).square().mean() + b.sum(), {"a": COLUMN, "b": ROW}),
        (lambda a, b: F.cross_entropy(a, b), {"a": torch.randn(5, 4), "b": torch.zeros(5, dtype=torch.int64)}),
        (lambda a, b: (a - a.amax(dim=1, keepdim=True)).exp().mean() + b.mean(), {"a": A.flatten(1), "b": B}),
    ],
)
def test_what_is_meant_is_not_called_a_broadcast(loss: Callable[..., Tensor], read: dict[str, Tensor]) -> None:
    """Equal shapes, weights, pairwise distances that are spelt out, scalars, and losses of torch's own."""
    assert noticed(loss, **read) is None


def test_networks_inside_a_loss_are_their_own_business() -> None:
    """A penalty calls the critic, whose layers may broadcast as they like."""

    class Outer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x[:, :1] * x[:, 0]).sum(dim=1)

    network, read = Outer(), {"x": torch.randn(5, 3)}
    with Broadcasts(read) as broadcasts, outside(broadcasts, {"critic": network}):
        network(read["x"]).mean()
    assert broadcasts.found is None
    assert noticed(lambda x: Outer()(x).mean(), **read)


def test_a_third_partys_broadcast_is_told_at_its_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contrastive loss of the notebook: distances (N, 1) against flags (N,), while the loss still falls."""
    from gan_recipe_plugins.pixel import L1

    def broken(self: L1, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        distance = (output - target).flatten(1).norm(dim=1, keepdim=True)
        return (distance * target[:, 0, 0, 0]).mean()

    monkeypatch.setattr(L1, "__call__", broken)
    findings = Training(check("sound.toml")).findings
    assert [finding.name for finding in findings] == ["broadcast_in_loss"]
    line = SOUND.splitlines().index('losses.l1  = { use = "l1", output = "fake", target = "target" }') + 1
    assert str(findings[0]).startswith(f"sound.toml:{line}: players.generator.losses.l1: it takes")
    assert "(4, 1)" in str(findings[0]) and "to (4, 4) without a word" in str(findings[0])
