"""What data promises: batches that are a function of (seed, position), and a part that training never sees."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gan_recipe.components.setting_types import setting_name
from gan_recipe.interfaces import Field, Source
from gan_recipe.language.structure import Surroundings, read_table
from gan_recipe.testing.trial import Failure, Trial

_SIZE = 3
_SEED = 11
_CURE_PURE = "derive every random number from (seed, position) alone, such as numpy.random.Philox(key=...)"


def fields_are_told(trial: Trial) -> None:
    """``fields`` tells what a batch holds: names that an expression can read, shapes, dtypes, and classes of labels."""
    fields = trial.made().fields()
    if not fields:
        raise Failure("there are no fields", "at least one", "return the fields of a batch by name")
    for name, field in fields.items():
        if not (name.isascii() and name.isidentifier()) or not isinstance(field, Field):
            raise Failure(f"{name!r}: {field!r}", "a name of letters, digits and '_', and a Field", "rename it")
        if (field.classes is not None) and (field.dtype != "int64" or field.classes < 1):
            raise Failure(f"{name} is {field}", "int64 with at least one class", "labels are int64; others have none")


def batches_are_as_declared(trial: Trial) -> None:
    """A batch holds the declared fields and nothing else, in the declared shapes and dtypes, for any size."""
    for held_out in (False, True):
        source = _open(trial, held_out)
        for size in (1, _SIZE):
            batch = source.batch(_SEED, 0, size)
            fields = trial.made().fields()
            if set(batch) != set(fields):
                raise Failure(
                    f"a batch holds {sorted(batch)}", f"what is declared: {sorted(fields)}", "make the two agree"
                )
            for name, field in fields.items():
                _check_array(name, field, batch[name], size, held_out)


def a_batch_is_a_function_of_seed_and_position(trial: Trial) -> None:
    """Batch n is the same asked first or last, by one reader or another: a run resumes mid-stream without any state."""
    for held_out in (False, True):
        source = _open(trial, held_out)
        in_order = [source.batch(_SEED, position, _SIZE) for position in range(4)]
        alone = _open(trial, held_out).batch(_SEED, 3, _SIZE)
        if name := _difference(in_order[3], alone):
            raise Failure(
                f"{name} of batch 3 is another when batches 0 to 2 were asked for before it",
                "batch 3 as a function of its number",
                _CURE_PURE,
            )
        backwards = [source.batch(_SEED, position, _SIZE) for position in reversed(range(4))][::-1]
        for position, (one, two) in enumerate(zip(in_order, backwards, strict=True)):
            if name := _difference(one, two):
                raise Failure(f"{name} of batch {position} changes when it is asked for again", "the same", _CURE_PURE)


def batches_differ(trial: Trial) -> None:
    """Training batches of other positions and other seeds are other samples."""
    source = _open(trial)
    first = source.batch(_SEED, 0, 16)
    for what, other in (("position", source.batch(_SEED, 1, 16)), ("seed", source.batch(_SEED + 1, 0, 16))):
        if not _difference(first, other):
            raise Failure(f"another {what} gives the very same batch", "other samples", f"let the {what} count")


def fields_may_be_left_out(trial: Trial) -> None:
    """A batch of some fields holds these, unchanged: what no loss reads need not be made, and changes nothing."""
    source = _open(trial)
    everything = source.batch(_SEED, 2, _SIZE)
    for name in everything:
        some = source.batch(_SEED, 2, _SIZE, [name])
        if name not in some:
            raise Failure(f"a batch of {name!r} alone does not hold it", "the field that is asked for", "make it")
        if _difference({name: everything[name]}, {name: some[name]}):
            raise Failure(
                f"{name} is another when it alone is asked for",
                "the same values whichever fields are made beside it",
                "draw each field's random numbers from a stream of its own, or draw all of them in any case",
            )


def several_may_ask_at_once(trial: Trial) -> None:
    """Threads that ask for batches at the same time get what one alone would get."""
    source = _open(trial)
    expected = [source.batch(_SEED, position, _SIZE) for position in range(6)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda position: source.batch(_SEED, position, _SIZE), range(6)))
    for position, (one, two) in enumerate(zip(expected, found, strict=True)):
        if name := _difference(one, two):
            raise Failure(f"{name} of batch {position} is another when threads ask at once", "the same", _CURE_PURE)


def held_out_samples_are_never_trained_on(trial: Trial) -> None:
    """No sample of the held-out part occurs in the training part."""
    training, held_out = _open(trial), _open(trial, held_out=True)
    names = [name for name, field in trial.made().fields().items() if field.dtype == "float32" and field.shape]
    if not names:
        return  # labels and numbers alone repeat by nature
    seen = _samples(training, min(trial.samples, max(len(training), 1)), names)
    overlap = seen & _samples(held_out, min(trial.samples, max(len(held_out), 1)), names)
    if overlap:
        raise Failure(
            f"{len(overlap)} held-out samples occur in training as well",
            "two parts without a sample in common",
            "split by a stable property of the sample (its file, its person) before anything is drawn",
        )


def the_fingerprint_names_the_data(trial: Trial) -> None:
    """A sha256 that is the same each time the data is opened, and another for the part that is held out."""
    first, again, held_out = _open(trial), _open(trial), _open(trial, held_out=True)
    if not (isinstance(first.fingerprint, str) and re.fullmatch("[0-9a-f]{64}", first.fingerprint)):
        raise Failure(
            f"the fingerprint is {first.fingerprint!r}", "the hexadecimal digits of a sha256", "hash the data"
        )
    if first.fingerprint != again.fingerprint:
        raise Failure(
            "the fingerprint is another each time", "the same for the same data", "leave time and chance out of it"
        )
    if first.fingerprint == held_out.fingerprint:
        raise Failure("both parts have one fingerprint", "one for each", "hash which part it is, too")


def its_length_is_told(trial: Trial) -> None:
    """Both parts have at least one sample, and say how many."""
    for held_out in (False, True):
        if len(_open(trial, held_out)) < 1:
            part = "held-out" if held_out else "training"
            raise Failure(f"the {part} part has length 0", "at least 1", "refuse such settings with a ValueError")


def more_is_more(trial: Trial) -> None:
    """What ``more`` proposes can be stated in a recipe, and gives training more samples of the same fields."""
    data = trial.made()
    proposed = dict(data.more())
    if not proposed:
        return  # there are no more to be had, or the data has no end
    told = f"more() proposes {proposed}"
    problems: list[str] = []
    around = Surroundings(lambda key, what: problems.append(f"{'.'.join(key)}: {what}"), lambda key: Path())
    hints = typing.get_type_hints(trial.cls)
    settings: Any = attrs.fields(type(data))
    aliases = {setting_name(each): (each.alias, hints[each.name]) for each in settings if each.init}
    stated = read_table(proposed, {name: form for name, (_, form) in aliases.items()}, (), (), around)
    if stated is None:
        raise Failure(f"{told}: {problems[0]}", "settings as a recipe states them", "name settings, and their values")
    larger = attrs.evolve(data, **{aliases[name][0]: value for name, value in stated.items()})
    before, after = len(_open(trial)), len(larger.open())
    if after <= before:
        raise Failure(
            f"{told}, and training has {after} samples after {before}",
            "more than before",
            "return no settings where there are no more to be had",
        )
    shapes, others = ({name: each.shape for name, each in kind.fields().items()} for kind in (data, larger))
    if shapes != others:
        raise Failure(f"{told}, and fields are {others}", f"as before: {shapes}", "propose what gives samples alone")


def _open(trial: Trial, held_out: bool = False) -> Source:
    source: Source = trial.made().open(held_out=held_out)
    return source


def _check_array(name: str, field: Field, array: Any, size: int, held_out: bool) -> None:
    found = f"{name} is {array.dtype} of shape {tuple(array.shape)}"
    if tuple(array.shape) != (size, *field.shape) or str(array.dtype) != field.dtype:
        raise Failure(found, f"{field.dtype} of shape {(size, *field.shape)}", "make what fields() declares")
    if field.dtype == "float32" and not np.isfinite(array).all():
        raise Failure(f"{name} holds a NaN or an infinity", "finite numbers", "see where it comes from")
    if field.dtype == "float32" and len(field.shape) == 3 and field.shape[0] == 3 and abs(array).max() > 1:
        raise Failure(f"{name} reaches {abs(array).max():g}", "images in [-1, 1]", "scale them: x / 127.5 - 1")
    if field.classes is not None and not held_out and not (array.min() >= 0 and array.max() < field.classes):
        raise Failure(
            f"{name} reaches from {array.min()} to {array.max()}",
            f"labels from 0 to {field.classes - 1}",
            "count classes from 0, and declare as many as there are",
        )


def _difference(one: Mapping[str, Any], two: Mapping[str, Any]) -> str | None:
    return next((name for name in one if name not in two or not np.array_equal(one[name], two[name])), None)


def _samples(source: Source, count: int, names: list[str]) -> set[bytes]:
    size = 16
    found = set()
    for position in range(-(-count // size)):
        batch = source.batch(_SEED, position, size, names)
        found |= {b"".join(batch[name][index].tobytes() for name in names) for index in range(size)}
    return found
