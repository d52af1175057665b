"""Overrides: what staff decided holds over the rules, which go on beneath it, and its end is a decision."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.canonical import canonical
from services.scoring.domain.errors import TierUnknown
from services.scoring.domain.moves import Look, Outcome
from services.scoring.domain.receipts import Receipt, RunCause, canonical_text
from services.scoring.domain.terms import NO_TERM, Given, Override, Term
from services.scoring.domain.tiers import Ladder, Standing, Step, decide, decide_in_row, replay
from tests.scoring.builders import codes, reasons
from tests.scoring.domain.test_receipts import written_out
from tests.scoring.domain.test_tier_reviews import MAY, NEW_YEAR, SPENT, STEPS, YEARLY, a_ladder, spent

JULY = datetime(2026, 7, 1, tzinfo=UTC)
SPRING = datetime(2027, 3, 1, tzinfo=UTC)
FOR_LIFE, PLAIN, BY_YEAR = Given("gold", "GOODWILL"), a_ladder({}), a_ladder(YEARLY)
UNTIL_JULY = Given("gold", "APPEAL_UPHELD", JULY, "dec_1")


def ordered(given: Given, amount: int = 0, at: datetime = MAY) -> Step:
    return Step(RunCause("override:ovr_1"), at, {SPENT: amount}, Look.OVERRIDE, given)


def told(ladder: Ladder, *steps: Step, tier: str = "normal") -> list[tuple[Outcome, str]]:
    return [(each.outcome, each.to_tier) for each in decide_in_row(ladder, Standing(tier), steps)]


def after(receipt: Receipt) -> Standing:
    return Standing(receipt.to_tier, receipt.as_of, receipt.term)


def test_an_order_gives_the_tier_whatever_rules_say_and_tells_what_they_would() -> None:
    receipt = decide(PLAIN, Standing("normal"), ordered(UNTIL_JULY, 1_000))

    assert (receipt.outcome, receipt.from_tier, receipt.to_tier) == (Outcome.OVERRIDDEN, "normal", "gold")
    assert receipt.term == Term(JULY, override=Override("APPEAL_UPHELD", JULY, "silver", NO_TERM))
    assert reasons(receipt) == [
        (
            "TIER_OVERRIDDEN_UNTIL",
            {
                "tier": "gold",
                "earned_tier": "silver",
                "why": "APPEAL_UPHELD",
                "until": "2026-07-01T00:00:00Z",
            },
        )
    ]
    assert receipt.next is None


def test_one_without_end_says_so() -> None:
    receipt = decide(PLAIN, Standing("normal"), ordered(FOR_LIFE))

    assert (receipt.term.review_time, codes(receipt)) == (None, ["TIER_OVERRIDDEN"])


def test_events_during_it_go_on_counting_beneath_it() -> None:
    steps = [ordered(UNTIL_JULY), spent(10_000, MAY + timedelta(days=1)), spent(10_000, JULY, Look.REVIEW)]

    assert told(PLAIN, *steps) == [
        (Outcome.OVERRIDDEN, "gold"),
        (Outcome.OVERRIDDEN, "gold"),
        (Outcome.UPGRADED, "platinum"),
    ]


@pytest.mark.parametrize("look", [Look.REVIEW, Look.EVENT])
def test_when_it_is_over_rules_decide_anew_and_say_that_it_is(look: Look) -> None:
    given_receipt, receipt = decide_in_row(
        PLAIN, Standing("normal"), [ordered(UNTIL_JULY), spent(1_000, JULY, look)]
    )

    assert (receipt.outcome, receipt.from_tier, receipt.to_tier) == (Outcome.DOWNGRADED, "gold", "silver")
    assert reasons(receipt)[0] == ("OVERRIDE_OVER", {"tier": "gold", "earned_tier": "silver"})
    assert receipt.term == NO_TERM
    assert given_receipt.term.override is not None


def test_until_the_last_moment_it_holds() -> None:
    last = spent(0, JULY - timedelta(milliseconds=1))

    assert told(PLAIN, ordered(UNTIL_JULY), last) == [(Outcome.OVERRIDDEN, "gold")] * 2


def test_who_was_lowered_has_back_what_they_had_when_nothing_is_taken_away_there() -> None:
    lowered = Given("normal", "MISUSE", JULY)

    assert told(PLAIN, ordered(lowered), spent(0, JULY, Look.REVIEW), tier="gold") == [
        (Outcome.OVERRIDDEN, "normal"),
        (Outcome.UPGRADED, "gold"),
    ]


def test_who_was_lowered_has_back_the_rest_of_their_term() -> None:
    start = Standing("gold", MAY, Term(NEW_YEAR))

    receipts = decide_in_row(
        BY_YEAR, start, [ordered(Given("normal", "MISUSE", JULY)), spent(0, JULY, Look.REVIEW)]
    )

    assert [each.term.review_time for each in receipts] == [JULY, NEW_YEAR]
    assert (receipts[1].outcome, receipts[1].to_tier) == (Outcome.UPGRADED, "gold")


def test_a_term_that_ends_beneath_it_is_reviewed_and_the_tier_of_the_order_stays() -> None:
    start = Standing("gold", MAY, Term(NEW_YEAR))

    given_receipt, reviewed, ended = decide_in_row(
        BY_YEAR,
        start,
        [
            ordered(Given("platinum", "GOODWILL", SPRING)),
            spent(1_000, NEW_YEAR, Look.REVIEW),
            spent(0, SPRING, Look.REVIEW),
        ],
    )

    assert given_receipt.term.review_time == NEW_YEAR
    assert (reviewed.outcome, reviewed.to_tier, reviewed.term.review_time) == (
        Outcome.OVERRIDDEN,
        "platinum",
        SPRING,
    )
    assert reviewed.term.override is not None
    assert reviewed.term.override.earned_tier == "silver"
    assert (ended.outcome, ended.to_tier) == (Outcome.DOWNGRADED, "silver")


def test_an_order_is_no_review_of_what_is_beneath_it() -> None:
    scheduled = a_ladder(STEPS | {"upgrade": "scheduled"})

    receipt = decide(scheduled, Standing("silver", MAY, Term(NEW_YEAR)), ordered(FOR_LIFE, 10_000))

    assert receipt.term.override == Override("GOODWILL", None, "silver", Term(NEW_YEAR))


def test_another_order_stands_in_its_place_over_the_same_ground() -> None:
    _, receipt = decide_in_row(
        PLAIN,
        Standing("silver"),
        [ordered(UNTIL_JULY, 1_000), ordered(Given("platinum", "CORRECTION"), 1_000)],
    )

    assert (receipt.from_tier, receipt.to_tier) == ("gold", "platinum")
    assert receipt.term.override == Override("CORRECTION", None, "silver", NO_TERM)


def test_it_ends_early_by_an_order_without_a_tier() -> None:
    assert told(PLAIN, ordered(FOR_LIFE), ordered(Given(code="GOODWILL"), 1_000)) == [
        (Outcome.OVERRIDDEN, "gold"),
        (Outcome.DOWNGRADED, "silver"),
    ]


def test_an_order_that_is_over_before_it_is_decided_gives_nothing() -> None:
    assert told(PLAIN, ordered(UNTIL_JULY, 1_000, at=JULY)) == [(Outcome.UPGRADED, "silver")]


def test_a_tier_that_rules_never_give_is_given_by_staff() -> None:
    ladder = a_ladder({}, platinum={"entry": None, "staff_assigned": True})

    assert told(ladder, spent(10**9), ordered(Given("platinum", "INVITED"), 10**9)) == [
        (Outcome.UPGRADED, "gold"),
        (Outcome.OVERRIDDEN, "platinum"),
    ]


def test_a_new_version_that_has_another_name_for_the_tier_goes_on_with_it() -> None:
    renamed = a_ladder({}, gold={"key": "ruby", "replaces": ["gold"]})
    standing = after(decide(PLAIN, Standing("normal"), ordered(FOR_LIFE)))

    receipt = decide(renamed, standing, spent(0, look=Look.NEW_VERSION))

    assert (receipt.outcome, receipt.to_tier) == (Outcome.OVERRIDDEN, "ruby")
    assert codes(receipt) == ["NEW_VERSION", "TIER_OVERRIDDEN"]


def test_a_tier_that_there_is_not_is_refused() -> None:
    with pytest.raises(TierUnknown):
        decide(PLAIN, Standing("normal"), ordered(Given("opal", "GOODWILL")))


def test_an_upgrade_beneath_it_that_waits_for_risk_is_told() -> None:
    gated = a_ladder({"review_gate": {"integrity_below": 5_000}})
    step = Step(RunCause("override:1"), MAY, {SPENT: 9_000, "risk.integrity": 4_000}, Look.OVERRIDE, FOR_LIFE)

    receipt = decide(gated, Standing("silver"), step)

    assert codes(receipt)[:2] == ["TIER_OVERRIDDEN", "UPGRADE_HELD"]
    assert receipt.term.override is not None
    assert receipt.term.override.earned_tier == "silver"


LADDERS = [
    a_ladder(YEARLY | {"grace_days": 30}),
    a_ladder(STEPS | {"grace_days": 7, "upgrade": "scheduled"}),
    a_ladder(YEARLY | {"review_gate": {"integrity_below": 60}, "new_version": "apply"}),
    PLAIN,
]
TIMES = st.integers(min_value=0, max_value=1_000).map(lambda days: MAY + timedelta(days=days))
GIVEN = st.one_of(
    st.builds(
        Given,
        st.sampled_from(["normal", "silver", "gold", "platinum"]),
        st.sampled_from(["GOODWILL", "MISUSE"]),
        st.none() | TIMES,
        st.sampled_from(["", "dec_1"]),
    ),
    st.just(Given(code="GOODWILL")),
)
STEP = st.builds(
    lambda amount, at, look, integrity, given_now: Step(
        RunCause("run"),
        at,
        {SPENT: amount, "risk.integrity": integrity},
        look,
        given_now if look is Look.OVERRIDE else None,
    ),
    st.integers(min_value=-5_000, max_value=20_000),
    TIMES,
    st.sampled_from(Look),
    st.integers(min_value=0, max_value=100),
    GIVEN,
)
UNREVIEWED = {Look.EVENT, Look.OVERRIDE}
WALKS = st.lists(STEP, min_size=1, max_size=8)


@given(st.sampled_from(LADDERS), WALKS)
def test_whatever_staff_order_a_receipt_is_replayed_to_the_same_bits(
    ladder: Ladder, steps: list[Step]
) -> None:
    for receipt in decide_in_row(ladder, Standing(), steps):
        assert replay(ladder, receipt) == receipt
        assert canonical_text(receipt).encode() == canonical(written_out(receipt))


@given(st.sampled_from(LADDERS), st.lists(STEP.filter(lambda step: step.look in UNREVIEWED), min_size=1))
def test_beneath_any_orders_rules_decide_as_if_there_were_none(ladder: Ladder, steps: list[Step]) -> None:
    plain = [Step(each.cause, each.occurred_time, each.facts) for each in steps]

    ordered_last = decide_in_row(ladder, Standing(), steps)[-1]
    plain_last = decide_in_row(ladder, Standing(), plain)[-1]

    override = ordered_last.term.override
    earned = (ordered_last.to_tier, ordered_last.term)
    if override is not None:
        earned = (override.earned_tier, override.earned_term)
    assert earned == (plain_last.to_tier, plain_last.term)


@given(st.sampled_from(LADDERS), WALKS)
def test_while_an_order_is_in_force_its_tier_is_held(ladder: Ladder, steps: list[Step]) -> None:
    for receipt in decide_in_row(ladder, Standing(), steps):
        override = receipt.term.override
        assert (override is not None) is (receipt.outcome is Outcome.OVERRIDDEN)
        if override is not None and override.until_time is not None:
            assert override.until_time > receipt.as_of
