"""Rules of tiers: what conditions mean, what they prove, what is missing and how near it is."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.domain.rules import RuleResult
from services.scoring.domain.tiers import Standing, Step, decide
from tests.scoring.builders import a_ladder, a_step, at_least, codes, facts, reasons

GROWING = (">=", ">")
AMOUNTS = st.integers(min_value=0, max_value=200)


def test_all_of_a_way_is_as_near_as_its_last_part() -> None:
    ladder = a_ladder({"all": [at_least("spend", 100), at_least("orders", 10)]})

    halfway = decide(ladder, Standing("t0"), a_step(spend=100, orders=5))
    near = decide(ladder, Standing("t0"), a_step(spend=90, orders=8))

    assert "NEAR_UPGRADE" not in codes(halfway)
    assert reasons(near)[-1] == ("NEAR_UPGRADE", {"tier": "t1", "progress_bp": "8000"})


def test_rules_need_not_be_nested() -> None:
    ladder = a_ladder(at_least("spend", 100), at_least("reviews", 5))

    assert decide(ladder, Standing("t0"), a_step(reviews=5)).to_tier == "t2"


def test_only_what_made_the_rule_hold_is_named_as_its_reason() -> None:
    ladder = a_ladder(
        {"any": [{"all": [at_least("spend", 1), at_least("orders", 9)]}, at_least("shares", 2)]}
    )

    receipt = decide(ladder, Standing("t0"), a_step(spend=5, shares=2))

    assert [params["metric"] for code, params in reasons(receipt) if code == "TIER_REACHED"] == ["shares"]


def test_every_comparison_of_every_tier_is_told_with_its_place() -> None:
    ladder = a_ladder(
        at_least("spend", 10),
        {"all": [{"any": [at_least("orders", 2), at_least("logins", 3)]}, at_least("spend", 20)]},
    )

    receipt = decide(ladder, Standing("t0"), a_step(spend=15, logins=3))

    assert [
        (each.rule.tier, each.rule.path, each.value, each.met, each.margin) for each in receipt.rules
    ] == [
        ("t1", "entry", 15, True, 5),
        ("t2", "all[0].any[0]", 0, False, -2),
        ("t2", "all[0].any[1]", 3, True, 0),
        ("t2", "all[1]", 15, False, -5),
    ]
    assert receipt.next is not None
    assert [gap.missing for gap in receipt.next.gaps] == [2, 0, 5]
    assert receipt.facts == tuple(sorted(facts(spend=15, orders=0, logins=3).items()))


@pytest.mark.parametrize(
    ("op", "value", "met", "missing"),
    [
        (">=", 9, False, 1),
        (">=", 10, True, 0),
        (">", 10, False, 1),
        (">", 11, True, 0),
        ("<=", 11, False, 1),
        ("<=", 10, True, 0),
        ("<", 10, False, 1),
        ("<", 9, True, 0),
        ("==", 12, False, 2),
        ("==", 8, False, 2),
        ("==", 10, True, 0),
    ],
)
def test_a_comparison_holds_up_to_its_edge(op: str, value: int, met: bool, missing: int) -> None:
    receipt = decide(
        a_ladder({"metric": "orders", "op": op, "value": 10}), Standing("t0"), a_step(orders=value)
    )

    (result,) = receipt.rules
    assert (result.met, result.missing) == (met, missing)
    assert receipt.to_tier == ("t1" if met else "t0")


def conditions(ops: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    comparison = st.fixed_dictionaries(
        {
            "metric": st.sampled_from(["spend", "orders", "invites"]),
            "op": st.sampled_from(ops),
            "value": st.integers(min_value=0, max_value=50),
        }
    )
    return st.recursive(
        comparison,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        ),
        max_leaves=8,
    )


def fed_back(step: Step, gaps: tuple[RuleResult, ...]) -> Step:
    """The step with what each gap says is missing; the largest where several read one fact."""
    filled = dict(step.facts)
    for gap in gaps:
        filled[gap.rule.fact] = max(filled[gap.rule.fact], step.facts[gap.rule.fact] + gap.missing)
    return Step(step.cause, step.occurred_time, filled)


@given(conditions(GROWING), AMOUNTS, AMOUNTS, AMOUNTS)
def test_what_is_said_to_be_missing_is_what_it_takes(
    entry: dict[str, Any], spend: int, orders: int, invites: int
) -> None:
    ladder = a_ladder(entry)
    step = a_step(spend=spend, orders=orders, invites=invites)
    before = decide(ladder, Standing("t0"), step)
    if before.next is None:
        return

    after = decide(ladder, Standing("t0"), fed_back(step, before.next.gaps))

    assert after.to_tier == "t1"
    assert any(gap.missing for gap in before.next.gaps)


def meaning(entry: Mapping[str, Any], values: Mapping[str, int]) -> bool:
    """What a condition means, read from the document."""
    if "any" in entry:
        return any(meaning(part, values) for part in entry["any"])
    if "all" in entry:
        return all(meaning(part, values) for part in entry["all"])
    value, threshold = values[entry["metric"]], entry["value"]
    return bool(eval(f"{value} {entry['op']} {threshold}"))


@given(conditions((">=", ">", "<=", "<", "==")), *[st.integers(min_value=0, max_value=60)] * 3)
def test_a_compiled_condition_means_what_the_document_says(
    entry: dict[str, Any], spend: int, orders: int, invites: int
) -> None:
    values = {"spend": spend, "orders": orders, "invites": invites}

    receipt = decide(a_ladder(entry), Standing("t0"), a_step(spend=spend, orders=orders, invites=invites))

    assert (receipt.to_tier == "t1") is meaning(entry, values)
    if receipt.to_tier == "t1":
        proof = [params["metric"] for code, params in reasons(receipt) if code == "TIER_REACHED"]
        assert proof
