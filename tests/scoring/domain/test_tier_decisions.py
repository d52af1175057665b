"""Tier decisions: who gets which tier, what happens to it, and why."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.program import METRICS, Program, preset
from services.scoring.domain.errors import TierUnknown
from services.scoring.domain.receipts import EventCause, Outcome, Receipt
from services.scoring.domain.rules import RuleResult
from services.scoring.domain.tiers import Ladder, Standing, Step, decide, decide_in_row, ladders

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GROWING = (">=", ">")


def ladder_of(program: Program) -> Ladder:
    return ladders(program, program.digest())["main"]


def a_ladder(*entries: Mapping[str, Any], near_upgrade_bp: int = 8000) -> Ladder:
    """Tiers t1, t2, … with these entries, above t0."""
    document = preset("ecommerce_five").document()
    (tier_set,) = document["tier_sets"]
    tier_set["movement"]["near_upgrade_bp"] = near_upgrade_bp
    tier_set["tiers"] = [
        {"key": f"t{rank}", "name": {"zh": "级", "en": "Tier"}, "entry": entry}
        for rank, entry in enumerate([None, *entries])
    ]
    return ladder_of(Program.parse(document))


def facts(**metrics: int) -> dict[str, int]:
    return {METRICS[metric]: value for metric, value in metrics.items()}


def a_step(seq: int = 1, *, at: datetime = NOON, **metrics: int) -> Step:
    return Step(EventCause(f"evt_{seq}", seq), at, facts(**metrics))


def reasons(receipt: Receipt) -> list[tuple[str, dict[str, str]]]:
    return [(reason.code, reason.params) for reason in receipt.reasons]


def codes(receipt: Receipt) -> list[str]:
    return [reason.code for reason in receipt.reasons]


def at_least(metric: str, value: int) -> dict[str, Any]:
    return {"metric": metric, "op": ">=", "value": value}


SHOP = ladder_of(preset("ecommerce_five"))
MUSIC = ladder_of(preset("music_store"))


@pytest.mark.parametrize(
    ("spend_fen", "invites", "tier"),
    [
        (0, 0, "normal"),
        (99_999, 2, "normal"),
        (100_000, 0, "silver"),
        (0, 3, "silver"),
        (499_999, 9, "silver"),
        (500_000, 0, "gold"),
        (0, 10, "gold"),
        (999_999, 29, "gold"),
        (1_000_000, 0, "platinum"),
        (0, 30, "platinum"),
        (2_999_999, 99, "platinum"),
        (0, 100, "diamond"),
        (3_000_000, 0, "diamond"),
    ],
)
def test_a_member_of_the_shop_qualifies_by_spend_or_by_invites(
    spend_fen: int, invites: int, tier: str
) -> None:
    receipt = decide(SHOP, Standing("normal"), a_step(spend=spend_fen, invites=invites))

    assert receipt.to_tier == tier


def test_registration_gives_the_first_tier() -> None:
    receipt = decide(SHOP, Standing(), a_step())

    assert (receipt.outcome, receipt.from_tier, receipt.to_tier) == (Outcome.ENROLLED, "", "normal")
    assert codes(receipt) == ["TIER_ENROLLED", "NEXT_TIER_GAP", "NEXT_TIER_GAP"]


def test_one_who_joins_with_a_past_starts_where_it_leads() -> None:
    receipt = decide(SHOP, Standing(), a_step(spend=500_000))

    assert (receipt.outcome, receipt.to_tier) == (Outcome.ENROLLED, "gold")
    assert codes(receipt)[:2] == ["TIER_ENROLLED", "TIER_REACHED"]


def test_an_upgrade_names_every_alternative_that_holds_and_what_is_next() -> None:
    receipt = decide(SHOP, Standing("normal"), a_step(spend=120_000, invites=4))

    assert receipt.outcome is Outcome.UPGRADED
    assert reasons(receipt) == [
        (
            "TIER_REACHED",
            {
                "tier": "silver",
                "metric": "spend",
                "op": ">=",
                "threshold": "100000",
                "value": "120000",
                "currency": "CNY",
            },
        ),
        ("TIER_REACHED", {"tier": "silver", "metric": "invites", "op": ">=", "threshold": "3", "value": "4"}),
        (
            "NEXT_TIER_GAP",
            {
                "tier": "gold",
                "metric": "spend",
                "op": ">=",
                "threshold": "500000",
                "value": "120000",
                "currency": "CNY",
                "missing": "380000",
            },
        ),
        (
            "NEXT_TIER_GAP",
            {
                "tier": "gold",
                "metric": "invites",
                "op": ">=",
                "threshold": "10",
                "value": "4",
                "missing": "6",
            },
        ),
    ]


def test_a_tier_that_the_facts_no_longer_give_is_kept_and_said_to_be_protected() -> None:
    receipt = decide(SHOP, Standing("gold"), a_step(spend=100_000))

    assert (receipt.outcome, receipt.to_tier) == (Outcome.KEPT, "gold")
    assert reasons(receipt)[:2] == [
        ("TIER_KEPT", {"tier": "gold"}),
        ("TIER_PROTECTED", {"tier": "gold", "earned_tier": "silver"}),
    ]
    assert receipt.next is not None
    assert receipt.next.tier == "platinum"


def test_the_same_tier_again_is_kept_without_protection() -> None:
    receipt = decide(SHOP, Standing("silver"), a_step(spend=100_000))

    assert codes(receipt) == ["TIER_KEPT", "NEXT_TIER_GAP", "NEXT_TIER_GAP"]


def test_nothing_is_next_at_the_top() -> None:
    receipt = decide(SHOP, Standing("platinum"), a_step(invites=100))

    assert codes(receipt) == ["TIER_REACHED", "TOP_TIER"]
    assert receipt.next is None


@pytest.mark.parametrize(("spend", "near"), [(7999, False), (8000, True), (9999, True)])
def test_a_member_is_near_from_eight_tenths_of_one_way_on(spend: int, near: bool) -> None:
    receipt = decide(MUSIC, Standing("normal"), a_step(spend=spend))

    assert ("NEAR_UPGRADE" in codes(receipt)) is near


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


@pytest.mark.parametrize(("occurred", "as_of"), [(-1, 0), (0, 0), (1, 1)], ids=["earlier", "same", "later"])
def test_a_decision_is_never_as_of_a_time_before_the_last_one(occurred: int, as_of: int) -> None:
    step = a_step(at=NOON + timedelta(hours=occurred))

    receipt = decide(SHOP, Standing("normal", NOON), step)

    assert receipt.as_of == NOON + timedelta(hours=as_of)


def test_facts_that_no_rule_reads_are_not_in_the_receipt() -> None:
    receipt = decide(MUSIC, Standing("normal"), a_step(spend=100, orders=7, logins=9))

    assert receipt.facts == (("purchase.amount_minor.lifetime", 100),)


def test_a_tier_of_another_ladder_is_unknown() -> None:
    with pytest.raises(TierUnknown) as refusal:
        decide(SHOP, Standing("titanium"), a_step())

    assert refusal.value.facts == {"tier_set": "main", "tier": "titanium"}


AMOUNTS = st.integers(min_value=0, max_value=200)
STEPS = st.lists(
    st.tuples(AMOUNTS, AMOUNTS, st.integers(min_value=-100, max_value=100)), min_size=1, max_size=20
).map(
    lambda rows: [
        a_step(seq, at=NOON + timedelta(minutes=minutes), spend=spend * 20_000, invites=invites)
        for seq, (spend, invites, minutes) in enumerate(rows)
    ]
)


@given(STEPS)
def test_a_row_of_steps_is_decided_as_one_by_one(steps: list[Step]) -> None:
    in_row = decide_in_row(SHOP, Standing(), steps)

    standing, one_by_one = Standing(), []
    for step in steps:
        receipt = decide(SHOP, standing, step)
        one_by_one.append(receipt)
        standing = Standing(receipt.to_tier, receipt.as_of)
    assert in_row == one_by_one
    assert [receipt.digest for receipt in in_row] == [receipt.digest for receipt in one_by_one]


@given(STEPS)
def test_a_tier_never_falls_and_time_never_goes_back(steps: list[Step]) -> None:
    receipts = decide_in_row(SHOP, Standing(), steps)

    ranks = [SHOP.rank(receipt.to_tier) for receipt in receipts]
    times = [receipt.as_of for receipt in receipts]
    assert ranks == sorted(ranks)
    assert times == sorted(times)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=20))
def test_facts_that_only_grow_lead_where_their_last_state_leads_at_once(
    growth: list[tuple[int, int]],
) -> None:
    spend, invites, steps = 0, 0, []
    for seq, (more_spend, more_invites) in enumerate(growth):
        spend, invites = spend + more_spend * 1000, invites + more_invites // 20
        steps.append(a_step(seq, spend=spend, invites=invites))

    *_, last = decide_in_row(SHOP, Standing(), steps)

    assert last.to_tier == decide(SHOP, Standing(), steps[-1]).to_tier
    assert "TIER_PROTECTED" not in codes(last)


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
