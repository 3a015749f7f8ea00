"""Checking: a sound recipe passes, and every mistake is told once, at its line, with its key and the cure."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gan_recipe.components.registry import Registry
from gan_recipe.errors import Problem, RecipeError, UserError
from gan_recipe.language.check import check
from gan_recipe.language.plan import movers
from gan_recipe.language.recipe_file import plain, shipped_recipes
from gan_recipe.language.toml_file import Key, read_toml

Write = Callable[..., str]


@pytest.fixture
def problems(write: Write, registry: Registry) -> Callable[..., list[Problem]]:
    """The problems that checking a text finds, none when it is sound."""

    def problems(text: str | bytes, *overrides: str) -> list[Problem]:
        name = write(text)
        try:
            check(name, overrides, registry)
        except RecipeError as error:
            return list(error.problems)
        return []

    return problems


Problems = Callable[..., list[Problem]]


def test_the_recipe_that_the_others_are_made_from_is_sound(ring: str, problems: Problems) -> None:
    """Each test below changes one thing of it."""
    assert problems(ring) == []


# Entries of the notebook start from each other's runs: test_notebook.py checks them, in their order.
STANDALONE = sorted(name for name in shipped_recipes() if not name.startswith("notebook/"))


@pytest.mark.parametrize("name", STANDALONE)
def test_shipped_recipes_are_sound_from_any_folder(
    name: str,
    given: Callable[[str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    registry: Registry,
) -> None:
    """By bare name, from a folder that knows nothing of them."""
    monkeypatch.chdir(tmp_path)
    assert check(name, given(name), registry=registry).players


# --------------------------------------------------------------------------------------------------- one mistake each

# (what is replaced, by what, the key that is told, what is told besides)
MISTAKES = [
    # names of components
    ('"toy_2d"', '"toy_3d"', "data.toy.use", "Did you mean 'toy_2d'?"),
    ('"noise"', '"nois"', "data.noise.use", "Did you mean 'noise'?"),
    ('trunk = { use = "linear_fc"', 'trunk = { use = "linear_fs"', "networks.trunk.use", "'linear_fc'"),
    ('"bce_critic"', '"bce_critik"', "players.critic.losses.gan.use", "'bce_critic'"),
    ('"wgan_clip"', '"wgan_clap"', "players.critic.constraints.clip.use", "'wgan_clip'"),
    ('"every"', '"evry"', "schedule.use", "'every'"),
    ('"l1_distance"', '"l1_distanse"', "metrics.far.use", "'l1_distance'"),
    ('"adam"', '"adan"', "players.critic.optimizer.use", "'adam'"),
    ('"multi_step"', '"multistep"', "players.critic.lr_schedule.use", "'multi_step'"),
    ('"normal"', '"nrmal"', "networks.generator.init.weight.use", "'normal'"),
    ('"bce_critic"', '"acme.bce"', "players.critic.losses.gan.use", "no installed plugin is called 'acme'"),
    ('use = "toy_2d"', 'use = "linear_fc"', "data.toy.use", "is a head; expected: data"),
    ('use = "bce_generator"', 'use = "l1_distance"', "players.generator.losses.gan.use", "is a metric; expected: loss"),
    ('trunk = { use = "linear_fc", outputs = 8 }', "trunk = { outputs = 8 }", "networks.trunk", "'use' is missing"),
    ('use = "toy_2d"', "use = 7", "data.toy.use", "expected the name of a component, not 7"),
    ("observers = []", 'observers = ["tensorbord"]', "run.observers", "Did you mean 'tensorboard'?"),
    # values of the wrong type
    ("rounds = 6", "rounds = true", "run.rounds", "expected a whole number of rounds, not true"),
    ("rounds = 6", 'rounds = "6"', "run.rounds", 'expected a whole number of rounds, not "6"'),
    ("rounds = 6", "rounds = 1.9", "run.rounds", "expected a whole number of rounds, not 1.9"),
    ("rounds = 6", "rounds = [6]", "run.rounds", "expected a whole number of rounds, not [6]"),
    ("rounds = 6", "rounds = 1979-05-27", "run.rounds", "expected a whole number of rounds, not 1979-05-27"),
    ("channels_last = true", "channels_last = 1", "run.channels_last", "expected true or false, not 1"),
    ('precision = "float32"', 'precision = "float31"', "run.precision", "Did you mean 'float32'?"),
    ("observers = []", 'observers = "tensorboard"', "run.observers", "expected a list, each a text"),
    ("modes = 4", "modes = 4.0", "data.toy.modes", "expected a whole number, not 4.0"),
    ("sd = 0.1", "sd = true", "data.toy.sd", "expected a number, not true"),
    ("outputs = 8", "outputs = 8.5", "networks.trunk.outputs", "expected a whole number above 0"),
    ("std = 0.5", "std = false", "networks.generator.init.weight.std", "expected a number, not false"),
    ("lr = 1e-3", 'lr = "1e-3"', "players.critic.optimizer.lr", 'expected a number, not "1e-3"'),
    ("betas = [0.5, 0.9]", "betas = 0.5", "players.critic.optimizer.betas", "expected a list of 2, each a number"),
    ("betas = [0.5, 0.9]", "betas = [0.5]", "players.critic.optimizer.betas", "it has 1 elements"),
    ("amsgrad = false", "amsgrad = 0", "players.critic.optimizer.amsgrad", "expected true or false, not 0"),
    ("milestones = [3]", "milestones = [3.5]", "players.critic.lr_schedule.milestones", "each a whole number"),
    ("ema = 0.9", "ema = true", "players.generator.ema", "expected a decay from 0 to below 1"),
    ("every = 2 }", "every = true }", "players.critic.losses.r1.every", "at least 1, not true"),
    ("to = 0.5", 'to = "0.5"', "players.generator.losses.gan.weight.to", 'expected a number, not "0.5"'),
    ("over = 4", "over = 4.5", "players.generator.losses.gan.weight.over", "a whole number of rounds, not 4.5"),
    ("real_label = 0.9", 'weight = "1"', "players.critic.losses.gan.weight", 'expected a number or a ramp'),
    ("real_label = 0.9", "weight = [1]", "players.critic.losses.gan.weight", "not [1]"),
    ("critic = 2 }", 'critic = "2" }', "schedule.periods.critic", 'expected a whole number or a list, each a whole nu'),
    ("rows = 2", "rows = 2.5", "sheet.rows", "expected a whole number, not 2.5"),
    ('columns = ["point", "fake"]', 'columns = ["point", 7]', "sheet.columns", "expected a list, each a text"),
    ('fake = "generator(z)"', "fake = 7", "values.fake", 'expected an expression such as "trunk(image)", not 7'),
    ("[schedule]\nuse", "[schedule.x]\nuse", "schedule", "'use' is missing"),
    # values out of range
    ("rounds = 6", "rounds = 0", "run.rounds", "expected at least 1, not 0"),
    ("modes = 4", "modes = 0", "data.toy.modes", "state a whole number of at least 1"),
    ("lr = 1e-3", "lr = -1e-3", "players.critic.optimizer.lr", "expected at least 0, not -0.001"),
    ("betas = [0.5, 0.9]", "betas = [0.5, 1.0]", "players.critic.optimizer.betas", "expected less than 1, not 1"),
    ("milestones = [3]", "milestones = [-3]", "players.critic.lr_schedule.milestones", "expected at least 0, not -3"),
    ("ema = 0.9", "ema = 1", "players.generator.ema", "expected a decay from 0 to below 1, such as 0.999, not 1"),
    ("every = 2 }", "every = 0 }", "players.critic.losses.r1.every", "at least 1, not 0"),
    ("over = 4", "over = 0", "players.generator.losses.gan.weight.over", "at least 1, not 0"),
    ("real_label = 0.9", "real_label = 1.5", "players.critic.losses.gan.real_label", "1.5"),
    # what is missing
    ("rounds = 6\n", "", "run", "'rounds' is missing: a whole number"),
    ('[schedule]\nuse = "every"\n', "[schedule]\n", "schedule", "'use' is missing"),
    ('[schedule]\nuse = "every"\nperiods = { critic = 2 }\n', "", "schedule", "this table is missing"),
    ('optimizer = { use = "sgd", lr = 0.1 }\n', "", "players.generator", "'optimizer' is missing"),
    ('use = "sgd", lr = 0.1', 'use = "sgd"', "players.generator.optimizer", "'lr' is missing: a number"),
    ('trains = ["generator"]\n', "", "players.generator", "'trains' is missing"),
    (', real = "verdict(seen)"', "", "players.critic.losses.gan", "'real' is missing: the value that 'bce_crit"),
    (', target = "point"', "", "metrics.far", "'target' is missing: the value that 'l1_distance' reads"),
    # expressions
    ('"trunk(point)"', '"trunk(pint)"', "values.seen", "there is no value or field 'pint'. Did you mean 'point'?"),
    ('"trunk(point)"', '"trank(point)"', "values.seen", "there is no network 'trank'. Did you mean 'trunk'?"),
    ('"trunk(point)"', '"trunk(point"', "values.seen", "expected ',' or ')' at column 12, found the end"),
    ('"trunk(point)"', '"trunk(2 * point)"', "values.seen", "expected a name at column 7, found '2'"),
    ('"generator(z)"', '"generator z"', "values.fake", "expected '(' or the end at column 11, found 'z'"),
    ('"generator(z)"', '"("', "values.fake", "expected a name at column 1"),
    ('"trunk(point)"', '""', "values.seen", "expected a name at column 1, found the end"),
    ('"trunk(point)"', '"trunk(verdict)"', "values.seen", "'verdict' is a network, not a value; call it: verdict(...)"),
    ('"trunk(point)"', '"trunk(_)"', "values.seen", "'_' stands for the input of a function, and this is a value"),
    ('"verdict(trunk(_))"', '"verdict(seen)"', "players.critic.losses.r1.critic", "expected a function with a hole"),
    ('labels = "toy.mode"', 'labels = "toi.mode"', "players.critic.losses.mode.labels", "Did you mean 'toy.mode'?"),
    ('"trunk(point)"', '"trunk(seen)"', "values.seen", "the value depends on itself: seen -> seen"),
    ("[values]", '[values]\ntrunk = "trunk(z)"', "values.trunk", "is already the name of a network or of a field"),
    ("[values]", '[values]\nz = "trunk(z)"', "values.z", "is already the name of a network or of a field"),
    ("[values]", '[values]\n2nd = "trunk(z)"', "values.2nd", "this is no name"),
    ("[values]", '[values]\n"\\u001b" = "trunk(z)"', 'values."\\u001b"', "this is no name"),
    ('columns = ["point", "fake"]', 'columns = ["point", "fakee"]', "sheet.columns", "Did you mean 'fake'?"),
    ('baseline.output = "z"', 'baseline.output = "zz"', "metrics.far.baseline.output", "no value or field 'zz'"),
    ('baseline.output = "z"', 'baseline.outpt = "z"', "metrics.far.baseline.outpt", "Did you mean 'output'?"),
    ('outputs = "mode"', 'outputs = "mood"', "networks.mode_head.outputs", "no such field. Did you mean 'mode'?"),
    ('outputs = "mode"', 'outputs = "point"', "networks.mode_head.outputs", "that field is no label"),
    # players, networks and the schedule
    ('"trunk", "verdict", "mode', '"trunk", "verdit", "mode', "players.critic.trains", "Did you mean 'verdict'?"),
    ('trains = ["generator"]', "trains = []", "players.generator.trains", "expected a list of names"),
    ('trains = ["generator"]', 'trains = ["generator", "generator"]', "players.generator.trains", "named twice"),
    ('on = ["verdict"]', 'on = ["generator"]', "players.critic.constraints.clip.on", "network of this player"),
    ("periods = { critic = 2 }", "periods = { critik = 2 }", "schedule.periods.critik", "Did you mean 'critic'?"),
    ("critic = 2 }", "critic = 2 }\nstarts = { generator = 9 }", "schedule", "'generator' never moves in the 6 rounds"),
    ('losses.gan = { use = "bce_generator", fake = "score"', 'losses.gan = { use = "bce_generator", fake = "z"',
     "players.generator.losses.gan", "nothing here depends on a network that 'generator' trains (generator)"),
    ("over = 4 } }", 'over = 4 } }\nlosses.none = { use = "l2", target = "z" }', "players.generator.losses.none",
     "'output' is missing"),
    ('[values]', 'spare = { use = "linear_fc" }\n[values]', "networks.spare", "nobody calls this network"),
    ('every = 2 }', 'every = 2, weight = 0 }', "", ""),
    ("losses.mode =", "losses.mode.weight = 0\nlosses.other =", "players.critic.losses.mode", "'use' is missing"),
    ('labels = "toy.mode" }', 'labels = "toy.mode", weight = 0 }', "", ""),
    ('outputs = "mode" }', 'outputs = "mode", start = "nowhere" }', "networks.mode_head.start", "no run 'nowhere'"),
    ('outputs = "mode" }', 'outputs = "mode", start = 7 }', "networks.mode_head.start", "expected RUN, RUN@ROUND"),
    ('init.weight = { use = "normal", std = 0.5 }', 'init.bias = { use = "orthogonal" }',
     "networks.generator.init.bias.use", "is for matrices and kernels. For bias: normal"),
    ('init.weight', 'init.wait', "networks.generator.init.wait", "Did you mean 'weight'?"),
    ('{ use = "multi_step", milestones = [3], gamma = 0.5 }', '{ use = "one_cycle", max_lr = 1e-3, total_steps = 5 }',
     "players.critic.lr_schedule.total_steps", "the cycle ends before the run, which has 6 rounds"),
    # tables
    ("[sheet]", "[sheets]", "sheets", "Did you mean 'sheet'?"),
    ("[networks]", "[network]", "network", "Did you mean 'networks'?"),
    ("[players.critic]", "[player.critic]", "player", "Did you mean 'players'?"),
    ("[run]", "[notes]\nx = 1\n[run]", "notes", "a recipe has no such table"),
    ("[run]", "noise = 7\n[run]", "noise", "a recipe has no such table"),
    ('trunk = { use = "linear_fc", outputs = 8 }', "trunk = 7", "networks.trunk", "expected a table such as"),
]  # fmt: skip


def line_of(text: str, fragment: str) -> int:
    return text[: text.index(fragment)].count("\n") + 1 if fragment else 0


@pytest.mark.parametrize(("old", "new", "key", "told"), MISTAKES, ids=lambda part: str(part)[:40])
def test_a_mistake_is_told_once_with_line_key_and_cure(
    ring: str, problems: Problems, old: str, new: str, key: str, told: str
) -> None:
    """Exactly one problem: nothing that merely follows from it is told. (Without a key: no problem at all.)"""
    assert ring.count(old) == 1 or old in ('"noise"', '"trunk", "verdict", "mode'), "the test means one place"
    text = ring.replace(old, new, 1)
    found = problems(text)
    if not key:
        assert found == []
        return
    assert len(found) == 1, "\n".join(map(str, found))
    (problem,) = found
    assert problem.key == key
    assert told in problem.what
    name, _, line = problem.where.partition(":")
    assert name == "ring.toml" and 1 <= int(line) <= text.count("\n")
    tables_line = {"run": "[run]", "schedule": "[schedule", "players.generator": "[players.generator]"}
    last = key.rpartition(".")[2]
    shown = text.split("\n")[int(line) - 1]
    assert last in shown or tables_line.get(key, "?") in shown or line == "1", (line, shown)


FREE = [("data", "*"), ("networks", "*"), ("values", "*"), ("players", "*"), ("metrics", "*")]
FREE += [("players", "*", "losses", "*"), ("players", "*", "constraints", "*"), ("schedule", "periods", "*")]


def is_free(key: Key) -> bool:
    """Whether the last part of the key is a name that the recipe gives."""
    return any(len(key) == len(free) and all(b in ("*", a) for a, b in zip(key, free, strict=True)) for free in FREE)


def typed_wrong(text: str, key: Key, line: int) -> str | None:
    """The text with one letter more in that key; None when several lines speak of the table that it names."""
    lines = text.split("\n")
    for found in re.finditer(rf"(?<![\w\"]){key[-1]}(?=\s*[=.\]])", lines[line - 1]):
        changed = lines[line - 1][: found.end()] + "x" + lines[line - 1][found.end() :]
        whole = "\n".join([*lines[: line - 1], changed, *lines[line:]])
        # Of several equal words in the line it is the one that tomllib then misses.
        if not _has(tomllib.loads(whole), key):
            return whole
    return None


def test_a_typo_in_any_key_is_told_once_with_the_right_one(ring: str, write: Write, problems: Problems) -> None:
    """At every level: each key of the recipe that is no name of its own making, one letter longer."""
    _, lines = read_toml(Path(write(ring)), "ring.toml")
    wrong, tried = [], 0
    for key, line in lines.items():
        text = None if is_free(key) else typed_wrong(ring, key, line)
        if text is None:
            continue
        tried += 1
        expected = (f"ring.toml:{line}", ".".join((*key[:-1], key[-1] + "x")))
        found = [(problem.where, problem.key) for problem in problems(text)]
        if found != [expected] or f"Did you mean '{key[-1]}'?" not in problems(text)[0].what:
            wrong.append((expected, problems(text)))
    assert tried > 70 and not wrong


def _has(values: Any, key: Key) -> bool:
    for name in key:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


# --------------------------------------------------------------------------------------------------- several mistakes


def test_all_problems_come_at_once_by_line_and_none_twice(ring: str, problems: Problems) -> None:
    """Ten mistakes in one text are ten problems, in the order of their lines."""
    edits = [
        ("rounds = 6", 'rounds = "6"'),
        ('"toy_2d", modes = 4', '"toy_2d", modes = 4.5'),
        ("outputs = 8", "output = 8"),
        ('"generator(z)"', '"generatr(z)"'),
        ("betas = [0.5, 0.9]", "beta = [0.5, 0.9]"),
        ('real = "verdict(seen)"', 'real = "verdct(seen)"'),
        ("limit = 0.5", "limt = 0.5"),
        ("ema = 0.9", "ema = 9"),
        ("rows = 2", "row = 2"),
        ('"l1_distance"', '"l1"'),
    ]
    text = ring
    for old, new in edits:
        text = text.replace(old, new)
    found = problems(text)
    assert [problem.where for problem in found] == [f"ring.toml:{line_of(text, new)}" for _, new in edits]
    assert len(set(found)) == len(found)


def test_a_cycle_is_told_once_and_its_readers_are_silent(ring: str, problems: Problems) -> None:
    """Whatever lies on it or reads it, one problem tells the whole way round."""
    text = ring.replace('"generator(z)"', '"generator(score)"')
    (problem,) = problems(text)
    assert (problem.where, problem.key) == (f"ring.toml:{line_of(text, 'fake =')}", "values.fake")
    assert problem.what == "the value depends on itself: fake -> score -> fake"


def test_an_ambiguous_field_is_told_with_both_sources(ring: str, problems: Problems) -> None:
    """In an expression and as a count of classes; the full name cures it."""
    two = ring.replace("[networks]", 'other = { use = "toy_2d" }\n\n[networks]')
    found = problems(two.replace("modes = 4, sd = 0.1", "modes = 4, sd = 0.1"))
    assert {problem.key for problem in found} == {
        "networks.mode_head.outputs",
        "values.seen",
        "players.critic.losses.r1.real",
        "sheet.columns",
        "metrics.far.target",
    }
    assert all("write other.point or toy.point" in p.what or "write other.mode or toy.mode" in p.what for p in found)
    cured = two.replace("(point)", "(toy.point)").replace('"point"', '"toy.point"').replace('"mode"', '"toy.mode"')
    assert problems(cured) == []


def test_a_source_that_is_wrong_makes_no_field_wrong(ring: str, problems: Problems) -> None:
    """Its fields cannot be known, so nothing that reads them is reported; what is wrong elsewhere still is."""
    text = ring.replace("modes = 4", "modes = -4").replace('"verdict(trunk(fake))"', '"verdct(trunk(fake))"')
    assert [problem.key for problem in problems(text)] == ["data.toy.modes", "values.score"]


def test_a_missing_table_is_told_once(problems: Problems, ring: str) -> None:
    """Whichever it is, nothing that follows from it is told; an empty recipe misses the five that it needs."""
    for table in ("run", "data", "networks", "players", "schedule"):
        text = re.sub(rf"(?ms)^\[{table}[\].].*?(?=^\[(?!{table}))", "", ring)
        assert f"[{table}" not in text
        assert [problem.key for problem in problems(text)] == [table]
    assert [problem.key for problem in problems("")] == ["run", "data", "networks", "players", "schedule"]


def test_a_player_without_losses_is_told(ring: str, problems: Problems) -> None:
    """While one of which every loss has weight 0 is frozen, until it is the last."""
    text = re.sub(r"(?m)^losses\.gan = \{ use = \"bce_generator.*\n", "", ring)
    assert [str(problem.key) for problem in problems(text)] == ["players.generator"]
    text = ring.replace("weight = { from = 1, to = 0.5, over = 4 }", "weight = 0")
    assert problems(text) == []
    text = re.sub(r'(use = "(bce_critic|r1|cross_entropy)")', r"\1, weight = 0", text)
    (problem,) = problems(text)
    assert problem.what == "every loss of every player has weight 0: nobody would ever move"


def test_a_player_without_a_loss_left_stands_still(ring: str, write: Write, registry: Registry) -> None:
    """Its networks are frozen or, where nobody else calls them, gone; the schedule that names it is none the wiser."""
    recipe = check(write(ring), ["players.critic.losses.*.weight=0"], registry)
    assert list(recipe.players) == ["generator"] and recipe.frozen_networks == ("trunk", "verdict")
    for schedule in ("{ use = 'every', periods = { critic = 2 } }", "{ use = 'n_critic', n = 2 }"):
        recipe = check("ring.toml", ["players.critic.losses.*.weight=0", f"schedule={schedule}"], registry)
        assert {name for round in range(4) for name, _ in movers(recipe, round, {"generator": 0})} == {"generator"}


def test_dropping_a_loss_drops_what_it_alone_calls(ring: str, write: Write, registry: Registry) -> None:
    """Weight 0 leaves a sound recipe, without the network, in whatever table it was named."""
    text = ring.replace("[values]", '[values]\nmodes = "mode_head(seen)"')
    recipe = check(write(text), ["players.critic.losses.mode.weight=0"], registry)
    assert set(recipe.values) == {"fake", "seen", "score"}
    assert "mode_head" not in recipe.networks
    assert recipe.players["critic"].trains == ("trunk", "verdict")
    assert set(recipe.players["critic"].losses) == {"gan", "r1"}
    assert "mode_head" in recipe.resolved_tables["networks"]


def test_a_network_that_only_a_dropped_loss_would_train_is_told_when_others_use_it(
    ring: str, problems: Problems
) -> None:
    """The critic no longer learns the modes, and the generator still trusts its head."""
    text = ring.replace('labels = "toy.mode" }', 'labels = "toy.mode", weight = 0 }').replace(
        "ema = 0.9",
        'losses.mode = { use = "cross_entropy", logits = "mode_head(trunk(fake))", labels = "mode" }',
    )
    (problem,) = problems(text)
    assert problem.key == "players.critic.trains"
    assert "no loss of 'critic' reaches the network 'mode_head'" in problem.what


def test_a_long_chain_of_values_is_told_and_not_walked_to_the_end(ring: str, problems: Problems) -> None:
    """2,000 values each built on the one before: one problem, at the first that is too deep, and no RecursionError."""
    chain = "\n".join(f'v{i} = "trunk(v{i - 1})"' if i else 'v0 = "trunk(point)"' for i in range(2_000))
    (problem,) = problems(ring.replace("[values]", f"[values]\n{chain}"))
    assert problem.key == "values.v200" and "more than 200 calls" in problem.what


def test_a_run_of_any_length_is_checked_at_once(ring: str, problems: Problems) -> None:
    """Players are seen to move without playing all rounds; one that starts late in a long run does move."""
    text = ring.replace("rounds = 6", f"rounds = {10**15}")
    began = time.process_time()
    assert problems(text) == []
    assert problems(text.replace("critic = 2 }", f"critic = 2 }}\nstarts = {{ critic = {10**14} }}")) == []
    late = problems(text.replace("critic = 2 }", f"critic = 2 }}\nstarts = {{ critic = {10**16} }}"))
    assert [problem.key for problem in late] == ["schedule"]
    assert time.process_time() - began < 1


# --------------------------------------------------------------------------------------------------- folders of images


def test_a_missing_or_empty_folder_of_images_is_told(ring: str, problems: Problems, tmp_path: Path) -> None:
    """At the line that states it; a relative path starts at the recipe."""
    text = ring.replace("noise =", 'photos = { use = "image_folder", folder = "pictures" }\nnoise =')
    (missing,) = problems(text)
    assert missing.key == "data.photos.folder" and "there is no folder" in missing.what
    (tmp_path / "pictures").mkdir()
    (empty,) = problems(text)
    assert empty.key == "data.photos.folder" and "holds no images" in empty.what
    (tmp_path / "pictures" / "face.png").write_bytes(b"only the name is looked at")
    assert problems(text) == []


def test_nothing_is_written_by_checking(ring: str, problems: Problems, tmp_path: Path) -> None:
    """Neither runs nor caches, for sound recipes and others."""
    problems(ring)
    problems(ring.replace("rounds = 6", "rounds = 0"))
    assert [path.name for path in tmp_path.iterdir()] == ["ring.toml"]


# --------------------------------------------------------------------------------------------------- overrides


def test_an_override_and_its_recipe_are_wrong_together(ring: str, problems: Problems) -> None:
    """Overrides first, then the recipe by line; each override names itself."""
    text = ring.replace("rows = 2", "rows = 2.5")
    found = problems(text, "run.rounds=many", "networks.nobody.use=linear_fc", "players.critic.optimizer.lr=nan")
    assert [problem.where for problem in found] == [
        "-s networks.nobody.use=linear_fc",
        "-s players.critic.optimizer.lr=nan",
        "-s run.rounds=many",
        f"ring.toml:{line_of(text, 'rows')}",
    ]


# --------------------------------------------------------------------------------------------------- properties


def test_a_resolved_recipe_reads_back_as_the_same(
    ring: str, write: Write, registry: Registry, given: Callable[[str], list[str]], tmp_path: Path
) -> None:
    """What a run keeps of its recipe, read from elsewhere: equal in everything but where it was written."""
    write(b"", "pictures/face.png")
    text = ring.replace("noise =", 'photos = { use = "image_folder", folder = "pictures" }\nnoise =')
    overridden = ["run.seed=5", "values.seen=trunk(toy.point)"]
    sources: list[tuple[str, list[str]]] = [(name, given(name)) for name in STANDALONE]
    for stated, overrides in [(str(tmp_path / write(text)), overridden), *sources]:
        first = check(stated, overrides, registry)
        second = check(str(tmp_path / write(plain(first.resolved_tables), "elsewhere/copy.toml")), (), registry)
        assert second.resolved_tables == first.resolved_tables
        for part in ("run", "data", "data_use", "fields", "schedule", "schedule_use", "sheet"):
            assert getattr(first, part) == getattr(second, part)
        for part in ("networks", "values", "players", "metrics"):
            assert repr(getattr(first, part)) == repr(getattr(second, part))


SHIPPED = {name: path.read_bytes() for name, path in shipped_recipes().items()}
TOKENS = [
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b".",
    b",",
    b'"',
    b"'",
    b"\n",
    b"#",
    b"-",
    b"_",
    b"\\",
    b"\0",
    b"\xff",
    b"\r",
    b"\t",
]
TOKENS += [
    b"true",
    b"nan",
    b"inf",
    b"-1",
    b"1e400",
    b"9" * 30,
    b'""',
    b"[]",
    b"{}",
    b"use",
    b"fake",
    b"image",
    b"trunk(_)",
]
TOKENS += [
    "\u202e".encode(),
    "é".encode(),
    b"1979-05-27",
    b"\n[run]\n",
    b"\n[[players]]\n",
    b'"\\u001b[31m"',
    b"0" * 40,
]
_WORD = re.compile(rb"\w+|\s+|[^\w\s]")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A shipped recipe with a few bytes, words or lines changed, dropped, doubled or swapped."""
    source = SHIPPED[draw(st.sampled_from(sorted(SHIPPED)))]
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["byte", "word", "word", "word", "swap", "line"]))
        if kind == "byte":
            at = draw(st.integers(0, len(source)))
            source = source[:at] + draw(st.binary(max_size=2)) + source[at + draw(st.integers(0, 2)) :]
            continue
        parts = source.splitlines(keepends=True) if kind == "line" else _WORD.findall(source)
        first = draw(st.integers(0, max(len(parts) - 1, 0)))
        second = draw(st.integers(0, max(len(parts) - 1, 0)))
        if kind == "word" and parts:
            parts[first] = draw(st.sampled_from(TOKENS) | st.just(b"") | st.just(parts[second]))
        elif parts:
            parts[first], parts[second] = draw(
                st.sampled_from([(parts[second], parts[first]), (b"", parts[second]), (parts[second], parts[second])])
            )
        source = b"".join(parts)
    return source


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=mutated())
def test_whatever_the_text_a_person_is_told_and_at_once(source: bytes, write: Write, registry: Registry) -> None:
    """A recipe is sound or refused with problems that name file and line, within 0.1 CPU seconds; nothing else."""
    name = write(source)

    def seconds() -> float:
        began = time.process_time()
        try:
            check(name, (), registry)
        except RecipeError as error:
            assert error.problems
            for problem in error.problems:
                assert re.match(r"(ring\.toml|[\w./-]+\.toml):\d+$", problem.where), problem
                assert problem.what and str(problem).isprintable()
            assert len(set(error.problems)) == len(error.problems)
        return time.process_time() - began

    assert seconds() < 0.1 or min(seconds(), seconds()) < 0.1


KEYS = ["run.rounds", "data", "data.toy", "networks.trunk.outputs", "values.seen", "players.critic.losses", "extends"]
KEYS += ["players.critic.losses.gan.weight", "schedule.periods", "run", "a.b", '"run".rounds', "metrics.far.baseline"]
VALUES = [
    "",
    "1",
    "-1",
    "nan",
    "1e999",
    "{}",
    "[]",
    "{ x = 1 }",
    "true",
    '"',
    "[" * 500,
    "{a=" * 500,
    "é",
    "\0",
    "1\n2",
]
VALUES += ["9" * 5000, "{ use = 1 }", "x" * 10_000, "\ud800", '"trunk(z)"', "1979-05-27", '{ use = "l1" }']
overriding = st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map("=".join) | st.text(max_size=30)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(overrides=st.lists(overriding, min_size=1, max_size=3))
def test_whatever_the_overrides_a_person_is_told(
    overrides: list[str], ring: str, write: Write, registry: Registry
) -> None:
    """The same of overrides, those included that no shell would pass on by accident."""
    name = write(ring)
    try:
        check(name, overrides, registry)
    except UserError as error:
        assert all(line.isprintable() for line in str(error).split("\n"))


def test_checking_imports_neither_torch_nor_numpy(tmp_path: Path) -> None:
    """Nor does finding every mistake of a wrong recipe."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SHIPPED["d_supervised"].decode().replace("adam", "adom").replace("linear_fc", "linear_fd"))
    code = (
        "import sys\nfrom gan_recipe.language.check import check\nfrom gan_recipe.errors import RecipeError\n"
        f"check('d_supervised')\ntry:\n    check({str(wrong)!r})\nexcept RecipeError:\n    pass\n"
        "sys.exit(bool({'torch', 'numpy', 'PIL', 'timm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_recipe_with_thousands_of_mistakes_is_told_a_hundred_in_no_time(ring: str, write: Callable[..., str]) -> None:
    """Nobody reads more, and looking for a right name for each takes time: below 300 ms of CPU for 98 KB of them."""
    import time

    stated = write(ring + "".join(f"\nkeyword_number_{number} = {number}" for number in range(3_000)))
    check_registry = Registry.installed()
    check_registry.every()
    began = time.thread_time()
    with pytest.raises(RecipeError) as refused:
        check(stated, registry=check_registry)
    assert time.thread_time() - began < 0.3
    assert len(refused.value.problems) == 101
    assert "100 problems, and perhaps more" in str(refused.value)
