"""Tier decisions: who gets which tier, what happens to it, and why."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.program import preset
from services.scoring.domain.errors import TierUnknown
from services.scoring.domain.moves import Outcome
from services.scoring.domain.tiers import Standing, Step, decide, decide_in_row
from tests.scoring.builders import NOON, a_step, codes, ladder_of, reasons

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
