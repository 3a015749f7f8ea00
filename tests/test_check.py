"""Checking a recipe: all problems at once, by line, none twice, and none that follows from another."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from checked_text import Problems, line_of

from gan_recipe.components.registry import Registry
from gan_recipe.language.plan import movers
from gan_recipe.runs.check_recipe import check

Write = Callable[..., str]


def test_the_recipe_that_the_others_are_made_from_is_sound(ring: str, problems: Problems) -> None:
    """Each test below changes one thing of it."""
    assert problems(ring) == []


# Entries of the notebook start from each other's runs: test_notebook.py checks them, in their order.


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
