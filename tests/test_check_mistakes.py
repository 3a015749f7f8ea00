"""Every mistake is told once, at its line, with its key and the cure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checked_text import Problems

from gan_recipe.language.toml_file import Key, read_toml

Write = Callable[..., str]


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
