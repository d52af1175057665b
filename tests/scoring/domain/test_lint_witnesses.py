"""Lint and the decision agree: what lint shows is so, and what it calls unreachable nobody reaches."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.lint.check import lint
from libs.common.lint.findings import Finding
from libs.common.program import Program, preset
from services.scoring.domain.receipts import RunCause
from services.scoring.domain.tiers import Ladder, Standing, Step, decide
from tests.scoring.builders import NOON, ladder_of

MOST = 3
SPEND, ORDERS, SCORE = "purchase.amount_minor.lifetime", "purchase.count.lifetime", "score.vci"
BANDS = {"top": 3, "middle": 1, "base": 0}
TIERS = ("t1", "t2", "t3")
VCI = {
    "key": "vci",
    "version": "v1",
    "name": {"zh": "系数", "en": "Coefficient"},
    "dimensions": [
        {
            "key": "orders",
            "name": {"zh": "次", "en": "Orders"},
            "fact": ORDERS,
            "scale": {"kind": "linear", "high": 9},
            "weight_bp": 10_000,
        }
    ],
    "bands": [
        {"key": key, "name": {"zh": key, "en": key}, "min_total_bp": least} for key, least in BANDS.items()
    ],
}

compared = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(["spend", "orders", "vci"]),
        "op": st.sampled_from([">=", ">", "<=", "<", "=="]),
        "value": st.integers(0, MOST),
    }
)
labelled = st.sampled_from([{"segment": "vci", "is": label} for label in BANDS])
conditions = st.recursive(
    compared | labelled,
    lambda inner: st.tuples(st.sampled_from(["any", "all"]), st.lists(inner, min_size=1, max_size=3)).map(
        lambda made: {made[0]: made[1]}
    ),
    max_leaves=5,
)


def a_program(entries: list[Any], keep: Any = None) -> Program:
    document = preset("ecommerce_five").document()
    (tier_set,) = document["tier_sets"]
    tier_set["movement"] |= {"downgrade": "period_end", "period": {"kind": "year"}}
    tier_set["tiers"] = [
        {"key": key, "name": {"zh": "级", "en": "Tier"}, "entry": entry}
        for key, entry in zip(("t0", *TIERS), [None, *entries], strict=True)
    ]
    tier_set["tiers"][1]["keep"] = keep
    return Program.parse(document | {"scorecards": [VCI]})


def everybody() -> Iterator[dict[str, int]]:
    """All members that differ to a rule: beyond the highest threshold all are alike."""
    for spend, orders, score in product(range(MOST + 2), range(MOST + 2), range(-1, MOST + 2)):
        facts = {SPEND: spend, ORDERS: orders}
        if score >= 0:
            label = next(key for key, least in BANDS.items() if score >= least)
            facts |= {SCORE: score, f"{SCORE}.{label}": 1}
        yield facts


def ladder_of_totals(program: Program) -> Ladder:
    """The ladder for facts in which totals of scores are given, and not worked out."""
    return replace(ladder_of(program), cards=())


def reached(ladder: Ladder, facts: Mapping[str, int]) -> str:
    return decide(ladder, Standing(), Step(RunCause("run"), NOON, facts)).to_tier


def meets(ladder: Ladder, tier: str, facts: Mapping[str, int]) -> bool:
    rule = ladder.tiers[ladder.rank(tier)]
    return rule.condition is not None and rule.condition.holds(rule.evaluate(facts))


def keeps(ladder: Ladder, tier: str, facts: Mapping[str, int]) -> bool:
    rule = ladder.tiers[ladder.rank(tier)]
    return rule.keep is not None and rule.keep.holds(rule.evaluate(facts))


def of(found: list[Finding], *codes: str) -> dict[str, Finding]:
    return {each.params["tier"]: each for each in found if each.code in codes}


@settings(max_examples=20)
@given(st.lists(conditions, min_size=3, max_size=3))
def test_nobody_is_in_the_tiers_that_lint_names_and_somebody_is_in_all_others(entries: list[Any]) -> None:
    program = a_program(entries)
    ladder = ladder_of_totals(program)

    found = lint(program, NOON)

    in_them = {reached(ladder, facts) for facts in everybody()}
    assert set(of(found, "TIER_UNREACHABLE", "TIER_SHADOWED")) == set(TIERS) - in_them
    for tier in of(found, "TIER_UNREACHABLE"):
        assert not any(meets(ladder, tier, facts) for facts in everybody())
    for tier, shadowed in of(found, "TIER_SHADOWED").items():
        assert shadowed.witness is not None
        assert meets(ladder, tier, shadowed.witness)
        assert reached(ladder, shadowed.witness) in shadowed.params["higher"].split("/")


@settings(max_examples=20)
@given(st.lists(conditions, min_size=3, max_size=3))
def test_who_is_said_to_reach_a_tier_without_the_lower_one_does(entries: list[Any]) -> None:
    program = a_program(entries)
    ladder = ladder_of_totals(program)

    easier = of(lint(program, NOON), "TIER_EASIER")

    possible = [tier for tier in TIERS if any(meets(ladder, tier, facts) for facts in everybody())]
    skipping = {
        tier: lower
        for lower, tier in pairwise(possible)
        if any(meets(ladder, tier, facts) and not meets(ladder, lower, facts) for facts in everybody())
    }
    assert {tier: each.params["lower"] for tier, each in easier.items()} == skipping
    for tier, each in easier.items():
        assert each.witness is not None
        assert meets(ladder, tier, each.witness)
        assert not meets(ladder, each.params["lower"], each.witness)
        assert ladder.rank(reached(ladder, each.witness)) >= ladder.rank(tier)


@settings(max_examples=20)
@given(conditions, conditions)
def test_keep_rules_that_always_or_never_hold_are_those_that_everybody_or_nobody_meets(
    entry: Any, keep: Any
) -> None:
    program = a_program([entry, entry, entry], keep)
    ladder = ladder_of_totals(program)

    found = lint(program, NOON)

    kept = [keeps(ladder, "t1", facts) for facts in everybody()]
    assert bool(of(found, "KEEP_IMPOSSIBLE")) == (not any(kept))
    assert bool(of(found, "KEEP_NEVER_FAILS")) == all(kept)
    if harder := of(found, "KEEP_HARDER"):
        pairs = [(meets(ladder, "t1", facts), keeps(ladder, "t1", facts)) for facts in everybody()]
        assert all(met for met, kept_by in pairs if kept_by)
        assert (harder["t1"].witness is not None) == any(met and not kept_by for met, kept_by in pairs)
