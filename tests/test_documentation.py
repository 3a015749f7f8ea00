"""What ``show`` and the docs tell of a component is read from its class, and true."""

from __future__ import annotations

import tomllib
import typing
from typing import Any

import attrs
import pytest
from attrs import frozen

from gan_recipe.components.documentation import Read, Setting, example, field_docs, reads, settings
from gan_recipe.components.registry import Registry
from gan_recipe.components.setting_types import setting_name
from gan_recipe.components.signature import call_parameters
from gan_recipe.components.summary import summary
from gan_recipe.components.toml_value import as_toml
from gan_recipe.interfaces import Component, Head, Loss, Schedule
from gan_recipe.language.structure import Surroundings, structure

EVERY: dict[str, type[Component]] = Registry.installed().every()


@frozen
class Base(Head):
    """The base."""

    #: Inherited, from
    #: two lines.
    width: float = 1.0


@frozen(kw_only=True)
class Shown(Base):
    """Does one thing. And another.

    At length.
    """

    #: Must be stated.
    from_: int
    # Not this one.
    #: A pattern such as ``\\d``.
    pattern: str = '\\d"'
    #: Left out.
    maybe: int | None = None
    #: Made anew.
    table: dict[str, tuple[int, ...]] = attrs.Factory(lambda: {"a b": (1, 2)})
    undocumented: bool = True
    hidden: int = attrs.field(default=0, init=False)


def test_settings_are_told_with_type_default_and_comment() -> None:
    """As a recipe would write them, inherited ones first; what no recipe can state is left out."""
    assert settings(Shown) == [
        Setting("width", "a number", "1.0", "Inherited, from two lines."),
        Setting("from", "a whole number", None, "Must be stated."),
        Setting("pattern", "a text", r'"\\d\""', r"A pattern such as ``\\d``."),
        Setting("maybe", "a whole number, or left out", "left out", "Left out."),
        Setting("table", "a table, each a list, each a whole number", '{ "a b" = [1, 2] }', "Made anew."),
        Setting("undocumented", "true or false", "true", ""),
    ]
    assert field_docs(Shown)["width"] == "Inherited, from two lines."
    assert summary(Shown) == "Does one thing."


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_default_reads_back_as_itself(name: str) -> None:
    """Stating all defaults as they are shown makes the component that stating none of them makes."""
    cls = EVERY[name]
    problems: list[Any] = []
    around = Surroundings(lambda key, what: problems.append((key, what)), lambda key: typing.cast(Any, _Here()))
    shown = {each.name: each.default for each in settings(cls) if each.default not in (None, "left out")}
    table = tomllib.loads("\n".join(f"{key} = {value}" for key, value in shown.items()))
    needed = tomllib.loads(_one_table(name, cls))
    needed = {key: value for key, value in needed.items() if key in {each.name for each in settings(cls)}}
    if missing := [each.name for each in settings(cls) if each.default is None and each.name not in needed]:
        raise AssertionError(f"the example of {name} does not state {missing}")
    assert structure(cls, needed | table, (), around) == structure(cls, needed, (), around)
    assert problems == []


class _Here:
    def __truediv__(self, other: Any) -> Any:
        return other


def _one_table(name: str, cls: type[Component]) -> str:
    """The example's table as lines of its own."""
    values = tomllib.loads(example(name, cls))
    while "use" not in values:
        (values,) = values.values()
    return "\n".join(f"{key} = {as_toml(value)}" for key, value in values.items())


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_example_is_toml_and_states_what_it_must(name: str) -> None:
    """In the table where such a component belongs, no line too long to read, all that is required and nothing else."""
    cls = EVERY[name]
    text = example(name, cls)
    assert max(map(len, text.splitlines())) <= 100
    values = tomllib.loads(text)
    place = next(iter(values))
    tables = {"encoder": "networks", "decoder": "networks", "head": "networks", "loss": "players"}
    tables |= {"constraint": "players", "metric": "metrics", "data": "data", "schedule": "schedule"}
    tables |= {"signal": "doctor", "verdict": "doctor"}
    assert place == tables[cls.kind]
    stated = tomllib.loads(_one_table(name, cls))
    fields: Any = attrs.fields(cls)  # type: ignore[arg-type]
    required = {setting_name(field) for field in fields if field.init and field.default is attrs.NOTHING}
    required |= {read.name for read in reads(cls) if read.required}
    assert set(stated) == {"use"} | required and stated["use"] == name


def test_what_a_loss_reads_is_told_by_kind() -> None:
    """Values, compositions and examples of the training stream; what has a default may be left out."""
    assert reads(EVERY["r1"]) == [Read("critic", "function", True), Read("real", "value", True)]
    assert reads(EVERY["judged_accuracy"])[-1] == Read("example_labels", "examples", True)
    assert Read("weights", "value", False) in reads(EVERY["l1"])
    assert reads(EVERY["linear_fc"]) == []


@pytest.mark.parametrize(("name", "cls"), sorted(EVERY.items()))
def test_every_component_and_every_setting_is_documented(name: str, cls: type[Component]) -> None:
    """A summary that fits a line or two, a comment on each field, and, where there is one to name, a source."""
    text = cls.__doc__ or ""
    assert 10 < len(summary(cls)) <= 200 and summary(cls).rstrip("`").endswith("."), summary(cls)
    for setting in settings(cls):
        assert len(setting.doc) > 5 and setting.doc.endswith("."), setting
    if issubclass(cls, Loss):
        assert "Source" in text or "source" in text or name in ("l1", "l2"), f"{name} names no source"


@pytest.mark.parametrize(("name", "cls"), sorted(EVERY.items()))
def test_no_setting_has_the_name_of_what_the_recipe_says_around_it(name: str, cls: type[Component]) -> None:
    """Such as ``weight`` of a loss: the recipe could not state both."""
    around = {
        "loss": {"weight", "every"},
        "metric": {"baseline"},
        "constraint": {"on"},
        "schedule": set(),
        "data": set(),
        "signal": set(),
        "verdict": set(),
    }
    taken = {"use"} | around.get(cls.kind, {"start", "init"}) | {read.name for read in reads(cls)}
    assert not taken & {setting.name for setting in settings(cls)}
    assert not {"use", "weight", "every", "baseline"} & {read.name for read in reads(cls)}


def test_reading_docs_needs_source_but_not_its_indentation() -> None:
    """A class inside a function is read as well; one without source has no comments and is no error."""

    @frozen
    class Nested(Schedule):
        """Nested."""

        #: Here.
        x: int = 0

    assert field_docs(Nested) == {"x": "Here."}
    made = attrs.make_class("Made", {"x": attrs.field(default=1)}, bases=(Loss,))
    assert field_docs(made) == {}


def test_call_parameters_leave_self_out() -> None:
    """Whatever else ``__call__`` takes is what the loss reads, in order."""
    assert list(call_parameters(EVERY["bce_critic"])) == ["real", "fake"]
