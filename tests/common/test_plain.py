"""Dataclasses as plain values: the same as dataclasses.asdict gives."""

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.plain import asdict, changes

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Leaf:
    text: str
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class Branch:
    number: int
    leaves: tuple[Leaf, ...]
    named: dict[str, Leaf]
    bare: list[object]
    leaf: Leaf | None


LEAVES = st.builds(Leaf, st.text(), st.sampled_from([None, MOMENT]))
BARE = st.lists(st.none() | st.integers() | st.booleans() | st.binary() | st.tuples(LEAVES))


@given(
    st.builds(
        Branch,
        st.integers(),
        st.lists(LEAVES).map(tuple),
        st.dictionaries(st.text(), LEAVES),
        BARE,
        st.none() | LEAVES,
    )
)
def test_it_is_what_the_standard_library_makes_of_it(branch: Branch) -> None:
    assert asdict(branch) == dataclasses.asdict(branch)


def test_what_is_changed_in_it_is_not_changed_in_the_dataclass() -> None:
    branch = Branch(1, (), {}, ["a"], None)

    asdict(branch)["bare"].append("b")

    assert branch.bare == ["a"]


def test_only_the_fields_that_differ_are_changes() -> None:
    before = Branch(1, (Leaf("a", None),), {}, [], Leaf("b", MOMENT))
    after = dataclasses.replace(before, number=2, leaf=Leaf("c", MOMENT))

    assert changes(before, before) == {}
    assert changes(before, after) == {"number": 2, "leaf": {"text": "c", "moment": MOMENT}}


@pytest.mark.parametrize("value", [{"a": 1}, "text", None], ids=["a dict", "a text", "nothing"])
def test_what_is_no_dataclass_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        asdict(value)
