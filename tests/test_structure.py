"""Tables made into attrs classes: nothing is coerced, everything wrong is told with its key."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest
from attrs import field, frozen, validators
from hypothesis import given
from hypothesis import strategies as st

from gan_recipe.components.registry import Registry
from gan_recipe.components.setting_types import describe_type, is_setting_type
from gan_recipe.interfaces import ClassCount
from gan_recipe.language.structure import SettingTypes, Surroundings, structure
from gan_recipe.language.toml_file import Key

_ONE = ClassCount(1)


@frozen
class Inner:
    x: int
    y: float = 0.5


@frozen
class Everything:
    """One field of each form that a setting can have."""

    flag: bool = False
    count: int = 0
    rate: float = 0.0
    name: str = ""
    path: Path = Path("p")
    choice: Literal["a", "b", 3] = "a"
    pair: tuple[float, int] = (0.0, 0)
    many: tuple[str, ...] = ()
    table: dict[str, int] = attrs.Factory(dict)
    maybe: int | None = None
    either: int | tuple[int, ...] = 0
    inner: Inner | None = None
    outputs: ClassCount = _ONE
    from_: float = 0.0
    anything: Any = None


class Reports(list[tuple[Key, str]]):
    def __call__(self, key: Key, what: str) -> None:
        self.append((key, what))


def surroundings(**changes: Any) -> tuple[Surroundings, Reports]:
    told = Reports()
    classes = {"faces.pose": 9, "faces.image": None, "a.kind": 2, "b.kind": 3}
    return Surroundings(told, lambda key: Path("/base"), classes, **changes), told


def structured(table: Any, cls: Any = Everything) -> tuple[Any, Reports]:
    around, told = surroundings()
    return structure(cls, table, ("t",), around), told


RIGHT = [
    ("flag", True, True),
    ("count", -3, -3),
    ("rate", 2, 2.0),
    ("rate", 2.5, 2.5),
    ("name", "7", "7"),
    ("path", "x/y.png", Path("/base/x/y.png")),
    ("path", "/abs", Path("/abs")),
    ("choice", "b", "b"),
    ("choice", 3, 3),
    ("pair", [1, 2], (1.0, 2)),
    ("many", ["x"], ("x",)),
    ("many", [], ()),
    ("table", {"a": 1}, {"a": 1}),
    ("maybe", 4, 4),
    ("either", 4, 4),
    ("either", [4, 5], (4, 5)),
    ("inner", {"x": 1}, Inner(1)),
    ("outputs", 5, 5),
    ("outputs", "pose", 9),
    ("outputs", "faces.pose", 9),
    ("outputs", "a.kind", 2),
    ("from", 1, 1.0),
    ("anything", [1, "x"], [1, "x"]),
]


@pytest.mark.parametrize(("name", "stated", "expected"), RIGHT)
def test_a_right_value_is_what_was_meant(name: str, stated: Any, expected: Any) -> None:
    """In value and in type: a number for a float becomes one, a list a tuple, a field the number of its classes."""
    made, told = structured({name: stated})
    assert told == []
    found = getattr(made, "from_" if name == "from" else name)
    assert found == expected and type(found) is type(expected)


WRONG = [
    ("flag", 1, "expected true or false, not 1"),
    ("flag", "true", 'expected true or false, not "true"'),
    ("count", True, "expected a whole number, not true"),
    ("count", "7", 'expected a whole number, not "7"'),
    ("count", 1.9, "expected a whole number, not 1.9"),
    ("count", 2.0, "expected a whole number, not 2.0"),
    ("rate", True, "expected a number, not true"),
    ("rate", "1", 'expected a number, not "1"'),
    ("name", 7, "expected a text, not 7"),
    ("path", 7, "expected a path, not 7"),
    ("path", "a\0b", "no path holds a zero byte"),
    ("path", "~no_such_person_here/x", "there is no such home folder"),
    ("choice", "bb", 'expected one of "a", "b", 3, not "bb". Did you mean \'b\'?'),
    ("choice", True, 'expected one of "a", "b", 3, not true'),
    ("choice", 3.0, 'expected one of "a", "b", 3, not 3.0'),
    ("pair", [1], "expected a list of 2: a number, a whole number, not [1]: it has 1 elements"),
    ("pair", [1, 2.5], "expected a list of 2"),
    ("many", "x", 'expected a list, each a text, not "x"'),
    ("many", ["x", 1], 'expected a list, each a text, not ["x", 1]'),
    ("table", [1], "expected a table, each a whole number, not [1]"),
    ("maybe", "x", 'expected a whole number, not "x"'),
    ("either", "x", 'expected a whole number or a list, each a whole number, not "x"'),
    ("either", ["x"], 'expected a whole number or a list, each a whole number, not ["x"]'),
    ("either", {"x": 1}, "expected a whole number or a list, each a whole number, not { x = 1 }"),
    ("inner", 7, "expected a table, not 7"),
    ("outputs", 0, "expected a whole number above 0, or the name of a label field, not 0"),
    ("outputs", True, "not true"),
    ("outputs", "poze", "the data has no such field. Did you mean 'pose'?"),
    ("outputs", "image", "that field is no label, it has no classes"),
    ("outputs", "kind", "several sources have a field 'kind'; write a.kind or b.kind"),
    ("counts", 1, "there is no such key. Did you mean 'count'?"),
    ("from_", 1, "there is no such key. Did you mean 'from'?"),
]


@pytest.mark.parametrize(("name", "stated", "expected"), WRONG)
def test_a_wrong_value_is_told_with_its_key_and_what_was_expected(name: str, stated: Any, expected: str) -> None:
    """Once, and nothing is made."""
    made, told = structured({name: stated})
    assert made is None
    ((key, what),) = told
    assert key == ("t", name) and expected in what


def test_inside_tables_the_key_goes_as_deep_as_the_mistake() -> None:
    """Each wrong entry of a table is told by itself."""
    made, told = structured({"table": {"a": 1, "b": "x", "c": 1.5}, "inner": {"x": "1", "z": 2}})
    assert made is None
    assert {key for key, _ in told} == {
        ("t", "table", "b"),
        ("t", "table", "c"),
        ("t", "inner", "x"),
        ("t", "inner", "z"),
    }


scalars = st.one_of(st.booleans(), st.integers(-5, 5), st.floats(-5, 5), st.text(max_size=3))
values = st.recursive(
    scalars, lambda v: st.one_of(st.lists(v, max_size=2), st.dictionaries(st.text(max_size=2), v, max_size=2))
)
names = [name for name, _, _ in RIGHT]


@given(st.dictionaries(st.sampled_from(names) | st.text(max_size=4), values, max_size=5))
def test_whatever_is_stated_something_is_made_or_told(table: dict[str, Any]) -> None:
    """Never both, never neither, and each field of what is made holds just what its annotation says."""
    made, told = structured(table)
    assert (made is None) == bool(told)
    if made is not None:
        assert type(made.flag) is bool and type(made.count) is int and type(made.rate) is float
        assert type(made.name) is str and isinstance(made.path, Path) and made.choice in ("a", "b", 3)
        assert all(type(each) is int for each in made.table.values())


def test_what_must_be_stated_is_told_when_missing_but_not_besides_its_typo() -> None:
    """One mistake is one problem."""
    assert structured({}, Inner)[1] == [(("t",), "'x' is missing: a whole number")]
    assert [key for key, _ in structured({"xx": 1}, Inner)[1]] == [("t", "xx")]
    assert len(structured({"other": 1}, Inner)[1]) == 2


def test_keys_of_somebody_else_are_left_to_them() -> None:
    """Reserved keys are neither read nor called wrong, and count among the right names."""
    around, told = surroundings()
    assert structure(Inner, {"use": 1, "x": 2}, ("t",), around, reserved=("use",)) == Inner(2) and told == []
    structure(Inner, {"usse": 1, "x": 2}, ("t",), around, reserved=("use",))
    assert told == [(("t", "usse"), "there is no such key. Did you mean 'use'?")]


@frozen
class Picky:
    size: int = field(default=1, validator=validators.ge(1))
    share: float = field(default=0.5, validator=[validators.gt(0), validators.lt(1)])
    kind: str = field(default="a", validator=validators.in_(["a", "b"]))
    parts: dict[str, int] = attrs.Factory(dict)
    fault: str = ""

    def __attrs_post_init__(self) -> None:
        if self.size > 10:
            raise ValueError(f"size is {self.size}; state at most 10")
        if self.parts.get("x"):
            raise ValueError("parts.x must be 0")
        if self.fault == "plain":
            raise ValueError("both of these together make no sense")
        if self.fault:
            raise KeyError(self.fault)


@pytest.mark.parametrize(
    ("table", "key", "told"),
    [
        ({"size": 0}, ("size",), "expected at least 1, not 0"),
        ({"share": 0}, ("share",), "expected above 0, not 0.0"),
        ({"share": 1}, ("share",), "expected below 1, not 1.0"),
        ({"kind": "c"}, ("kind",), "'kind' must be in"),
        ({"size": 11}, ("size",), "size is 11; state at most 10"),
        ({"parts": {"x": 1}}, ("parts", "x"), "parts.x must be 0"),
        ({"fault": "plain"}, (), "both of these together make no sense"),
        ({"fault": "bug"}, (), "Picky fails on these settings: KeyError: 'bug'"),
    ],
)
def test_a_refusal_is_placed_at_the_setting_that_it_begins_with(table: Any, key: Key, told: str) -> None:
    """attrs' own validators are put in a person's words; a component's bug is told as one, not raised."""
    made, reports = structured(table, Picky)
    assert made is None
    ((at, what),) = reports
    assert at == ("t", *key) and told in what


def test_a_component_whose_types_cannot_be_had_is_told_as_broken() -> None:
    """Its annotation names what is not imported when it is checked."""

    @frozen
    class Broken:
        x: "Nowhere"  # type: ignore[name-defined]  # noqa: F821, UP037

    made, told = structured({"x": 1}, Broken)
    assert made is None and "a fault of its plugin" in told[0][1]


def test_a_type_is_the_same_by_itself_as_among_all(registry: Registry) -> None:
    """Settings of every component, inherited ones included: those that a table leaves out are not looked at."""
    for name, cls in registry.every().items():
        fields = {field.name: field.name for field in attrs.fields(cls)}
        hints = typing.get_type_hints(cls)
        assert dict(SettingTypes(cls, fields)) == {field: hints[field] for field in fields}, name


def test_types_have_words_and_settings_only_such_types() -> None:
    """Every form above is one; a tensor is none."""
    for name, hint in typing.get_type_hints(Everything).items():
        assert is_setting_type(hint) and describe_type(hint), name
    assert describe_type(int | None) == "a whole number, or left out"
    assert describe_type(tuple[float, float]) == "a list of 2, each a number"
    assert describe_type(Literal["a"]) == '"a"'
    for wrong in (bytes, set[int], list[int], int | bytes, dict[int, str], tuple[bytes, ...], object):
        assert not is_setting_type(wrong)
