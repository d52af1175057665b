"""Earning in a program document: what is refused at publishing, each with its path."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from laurel.members.v1 import events_pb2
from libs.common.earning_policy import CONDITIONS_MAX, EARNING_KINDS, POINTS_OF_AN_EVENT_MAX
from libs.common.errors import ProgramInvalid
from libs.common.program import Program, preset

Document = dict[str, Any]
CHECK_IN: Document = {"key": "check_in", "event_kind": "check_in", "points_per_event": 5}


def program(change: Callable[[Document], object]) -> Document:
    """The shop programme with other points."""
    document = deepcopy(preset("ecommerce_five").document())
    change(document["points"])
    return document


def problems(change: Callable[[Document], object]) -> dict[str, object]:
    with pytest.raises(ProgramInvalid) as refusal:
        Program.parse(program(change))
    return refusal.value.facts


def rule(**fields: object) -> Callable[[Document], object]:
    """One more rule, for check-ins where nothing else is said."""
    return lambda points: points["earn"].append({**CHECK_IN, **fields})


def multiplier(**fields: object) -> Callable[[Document], object]:
    made = {"key": "offline", "kind": "bonus", "bp": 3_000, **fields}
    return lambda points: points.update(multipliers=[made])


def test_every_kind_of_event_but_a_refund_may_earn_and_so_may_registration() -> None:
    kinds = {name.removeprefix("EVENT_KIND_").lower() for name, _ in events_pb2.EventKind.items()}

    assert set(EARNING_KINDS) == kinds - {"unspecified", "refund"} | {"registration"}


REFUSED: dict[str, tuple[Callable[[Document], object], str, str]] = {
    "a refund that earns": (rule(event_kind="refund"), "points.earn[1].event_kind", "Input should be"),
    "a rule that gives nothing": (rule(points_per_event=None), "points.earn[1]", "points_per_event"),
    "a rule of both ways": (
        rule(event_kind="purchase", unit_minor=100, points_per_unit=1),
        "points.earn[1]",
        "or else points_per_event",
    ),
    "a unit without points": (
        rule(event_kind="purchase", points_per_event=None, unit_minor=100),
        "points.earn[1]",
        "unit_minor with points_per_unit",
    ),
    "an amount of a check-in": (
        rule(points_per_event=None, unit_minor=100, points_per_unit=1),
        "points.earn[1]",
        "only purchases",
    ),
    "a minimum of a check-in": (rule(min_amount_minor=1), "points.earn[1]", "only purchases"),
    "a cap of nothing": (rule(per_day={}), "points.earn[1].per_day", "times or points"),
    "a cap of 0 times": (rule(per_day={"times": 0}), "points.earn[1].per_day.times", "greater than"),
    "an unknown name": (rule(condition="amount > 1"), "points.earn[1].condition", "undeclared reference"),
    "another type": (rule(condition="kind == 1"), "points.earn[1].condition", "no matching overload"),
    "a loop": (rule(condition="[1].all(e, e > 0)"), "points.earn[1].condition", "undeclared"),
    "too long a condition": (
        rule(condition="kind == '" + "x" * 500 + "'"),
        "points.earn[1].condition",
        "at most 500",
    ),
    "a multiplier's condition": (
        multiplier(condition="birth_year"),
        "points.multipliers[0].condition",
        "undeclared reference to 'birth_year'",
    ),
    "a multiplier of no kind": (multiplier(kind="cap"), "points.multipliers[0].kind", "Input should be"),
    "a negative multiplier": (multiplier(bp=-1), "points.multipliers[0].bp", "greater than or equal to 0"),
    "a stacking that is none": (lambda points: points.update(stacking="min"), "points.stacking", "Input"),
    "a rounding that is none": (lambda points: points.update(rounding="up"), "points.rounding", "Input"),
    "two rules of one key": (rule(key="purchase"), "points", "earning rules share a key: purchase"),
    "a cap of no rule": (
        lambda points: points.update(caps=[{"key": "c", "rules": ["none"], "per_day": {"times": 1}}]),
        "points",
        "caps[0].rules names no rule: none",
    ),
    "too many conditions": (
        lambda points: points["earn"].extend(
            {**CHECK_IN, "key": f"r{place}", "condition": "hour > 1"} for place in range(CONDITIONS_MAX + 1)
        ),
        "points",
        "more than 50 conditions",
    ),
}


@pytest.mark.parametrize(("change", "path", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_earned_by_is_refused_with_its_path(
    change: Callable[[Document], object], path: str, problem: str
) -> None:
    found = problems(change)

    assert list(found) == [path]
    assert problem in str(found[path])


def by_amount(points_per_unit: int, **fields: object) -> Document:
    return {
        "key": "purchase",
        "event_kind": "purchase",
        "unit_minor": 1,
        "points_per_unit": points_per_unit,
        **fields,
    }


# An event of the most that a purchase may cost earns as many points as there may be, at once.
@pytest.mark.parametrize(
    ("points", "fits"),
    [
        ({"earn": [by_amount(1, multiplied=False)]}, True),
        ({"earn": [by_amount(1)]}, False),
        ({"earn": [by_amount(1)], "multiplier_max_bp": 10_000}, True),
        (
            {
                "earn": [by_amount(1)],
                "multipliers": [{"key": "m", "kind": "bonus", "bp": 1}],
                "multiplier_max_bp": 10_001,
            },
            False,
        ),
        ({"earn": [by_amount(1, multiplied=False), by_amount(1, key="b", multiplied=False)]}, False),
        ({"earn": [by_amount(1, multiplied=False), {**CHECK_IN, "points_per_event": 10**9}]}, True),
    ],
    ids=["once", "doubled by tiers", "capped", "capped a little above", "two rules", "another kind"],
)
def test_no_event_may_earn_more_than_the_books_take(points: Document, fits: bool) -> None:
    document = program(lambda own: own.update(points))

    if fits:
        assert Program.parse(document).points.earn[0].points_per_unit == 1
    else:
        with pytest.raises(ProgramInvalid) as refusal:
            Program.parse(document)
        assert f"more than {POINTS_OF_AN_EVENT_MAX} points" in str(refusal.value.facts)


@pytest.mark.parametrize("name", ["ecommerce_five", "music_store"])
def test_a_document_of_before_means_what_it_meant(name: str) -> None:
    document = preset(name).document()
    points = document["points"]
    for field in ("multipliers", "stacking", "multiplier_max_bp", "rounding", "caps"):
        del points[field]
    points["earn"] = [
        {key: each[key] for key in ("key", "event_kind", "unit_minor", "points_per_unit")}
        for each in points["earn"]
    ]

    assert Program.parse(document) == preset(name)
