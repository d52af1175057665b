"""Reviews: what keeps a tier at the end of its period, grace, soft landings, gates, seasons, new versions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.canonical import canonical
from libs.common.program import Program, preset
from services.scoring.domain.moves import Look, Outcome
from services.scoring.domain.receipts import Receipt, RunCause, canonical_text
from services.scoring.domain.terms import NO_TERM, Term
from services.scoring.domain.tiers import Ladder, Standing, Step, decide, decide_in_row, replay
from tests.scoring.builders import at_least, codes, ladder_of, reasons
from tests.scoring.domain.test_receipts import written_out

SPENT = "purchase.amount_minor.year"
MAY = datetime(2026, 5, 7, 4, tzinfo=UTC)
# The shop's days are those of Shanghai.
NEW_YEAR = datetime(2026, 12, 31, 16, tzinfo=UTC)
NEXT_NEW_YEAR = datetime(2027, 12, 31, 16, tzinfo=UTC)
YEARLY = {"downgrade": "period_end", "period": {"kind": "year"}}
STEPS = YEARLY | {"downgrade": "step_down"}


def a_ladder(
    movement: Mapping[str, Any], *, keeps: Mapping[str, Any] | None = None, seasons: Any = (), **tiers: Any
) -> Ladder:
    """Silver, gold and platinum for 1,000, 5,000 and 10,000 in the calendar's year, above normal."""
    document = preset("ecommerce_five").document()
    (tier_set,) = document["tier_sets"]
    entries = {"normal": None, "silver": 1_000, "gold": 5_000, "platinum": 10_000}
    tier_set |= {"window": "year", "movement": dict(movement), "seasons": list(seasons)}
    tier_set["tiers"] = [
        {
            "key": key,
            "name": {"zh": "级", "en": "Tier"},
            "entry": None if spend is None else at_least("spend", spend),
            "keep": (keeps or {}).get(key),
            **tiers.get(key, {}),
        }
        for key, spend in entries.items()
    ]
    return ladder_of(Program.parse(document))


def spent(amount: int, at: datetime = MAY, look: Look = Look.EVENT, **more: int) -> Step:
    return Step(
        RunCause("run"), at, {SPENT: amount, **{f"risk.{name}": value for name, value in more.items()}}, look
    )


def reviewed(ladder: Ladder, tier: str, amount: int, *, in_grace: bool = False) -> Receipt:
    standing = Standing(tier, MAY, Term(NEW_YEAR, in_grace))
    return decide(ladder, standing, spent(amount, NEW_YEAR, Look.REVIEW))


def test_a_tier_that_is_given_is_held_to_the_end_of_the_period() -> None:
    receipt = decide(a_ladder(YEARLY), Standing("normal"), spent(5_000))

    assert (receipt.outcome, receipt.to_tier, receipt.term) == (Outcome.UPGRADED, "gold", Term(NEW_YEAR))


def test_the_first_tier_has_no_term() -> None:
    assert decide(a_ladder(YEARLY), Standing(), spent(0)).term == NO_TERM


def test_between_reviews_nobody_falls_and_is_told_until_when() -> None:
    receipt = decide(a_ladder(YEARLY), Standing("gold", MAY, Term(NEW_YEAR)), spent(0))

    assert (receipt.outcome, receipt.to_tier) == (Outcome.KEPT, "gold")
    assert reasons(receipt)[:2] == [
        ("TIER_KEPT", {"tier": "gold"}),
        ("TIER_HELD_UNTIL", {"tier": "gold", "earned_tier": "normal", "until": "2026-12-31T16:00:00Z"}),
    ]


def test_who_meets_the_tier_at_its_review_keeps_it_for_another_period() -> None:
    receipt = reviewed(a_ladder(YEARLY), "gold", 5_000)

    assert (receipt.outcome, receipt.to_tier, receipt.term) == (Outcome.KEPT, "gold", Term(NEXT_NEW_YEAR))


def test_who_misses_it_goes_to_what_they_meet_and_is_told_what_was_missing() -> None:
    receipt = reviewed(a_ladder(YEARLY), "platinum", 1_200)

    assert (receipt.outcome, receipt.from_tier, receipt.to_tier) == (
        Outcome.DOWNGRADED,
        "platinum",
        "silver",
    )
    assert receipt.term == Term(NEXT_NEW_YEAR)
    assert reasons(receipt)[:2] == [
        ("TIER_LOST", {"tier": "platinum", "earned_tier": "silver"}),
        (
            "KEEP_GAP",
            {
                "tier": "platinum",
                "metric": "spend",
                "op": ">=",
                "threshold": "10000",
                "value": "1200",
                "missing": "8800",
                "path": "entry",
                "window": "year",
                "currency": "CNY",
            },
        ),
    ]


@pytest.mark.parametrize(("steps_max", "tier"), [(1, "gold"), (2, "silver"), (3, "normal"), (99, "normal")])
def test_a_soft_landing_goes_down_by_so_many_tiers_at_most(steps_max: int, tier: str) -> None:
    receipt = reviewed(a_ladder(STEPS | {"max_step_down": steps_max}), "platinum", 0)

    assert (receipt.outcome, receipt.to_tier) == (Outcome.DOWNGRADED, tier)
    assert ("TIER_SOFT_LANDING" in codes(receipt)) is (tier != "normal")


def test_a_keep_rule_of_its_own_keeps_a_tier_that_would_not_be_given_again() -> None:
    ladder = a_ladder(YEARLY, keeps={"gold": at_least("spend", 3_000)})

    kept, lost = reviewed(ladder, "gold", 3_000), reviewed(ladder, "gold", 2_999)

    assert (kept.outcome, codes(kept)[:2]) == (Outcome.KEPT, ["TIER_KEPT", "TIER_KEPT_BY"])
    assert [rule.rule.path for rule in kept.rules if rule.rule.tier == "gold"] == ["entry", "keep"]
    assert (lost.outcome, lost.to_tier) == (Outcome.DOWNGRADED, "silver")


def test_what_keeps_a_lower_tier_is_where_one_lands() -> None:
    ladder = a_ladder(YEARLY, keeps={"silver": at_least("spend", 100)})

    assert reviewed(ladder, "gold", 100).to_tier == "silver"


class TestGrace:
    LADDER = a_ladder(YEARLY | {"grace_days": 30})
    ENDS = NEW_YEAR + timedelta(days=30)

    def test_the_first_miss_gives_days_of_grace(self) -> None:
        receipt = reviewed(self.LADDER, "gold", 4_000)

        assert (receipt.outcome, receipt.to_tier) == (Outcome.GRACE, "gold")
        assert receipt.term == Term(self.ENDS, in_grace=True)
        assert reasons(receipt)[0] == ("TIER_GRACE", {"tier": "gold", "until": "2027-01-30T16:00:00Z"})
        assert codes(receipt)[1] == "KEEP_GAP"

    def test_after_which_the_tier_is_lost(self) -> None:
        standing = Standing("gold", NEW_YEAR, Term(self.ENDS, in_grace=True))

        receipt = decide(self.LADDER, standing, spent(1_000, self.ENDS, Look.REVIEW))

        assert (receipt.outcome, receipt.to_tier) == (Outcome.DOWNGRADED, "silver")

    def test_and_in_which_it_can_be_met_again(self) -> None:
        standing = Standing("gold", NEW_YEAR, Term(self.ENDS, in_grace=True))

        receipt = decide(self.LADDER, standing, spent(5_000, NEW_YEAR + timedelta(days=3)))

        assert (receipt.outcome, receipt.term) == (Outcome.KEPT, Term(NEXT_NEW_YEAR))

    def test_an_event_that_is_not_enough_changes_nothing(self) -> None:
        standing = Standing("gold", NEW_YEAR, Term(self.ENDS, in_grace=True))

        assert decide(self.LADDER, standing, spent(10, NEW_YEAR + timedelta(days=3))).term == standing.term


def test_scheduled_upgrades_wait_for_the_review() -> None:
    ladder = a_ladder({"upgrade": "scheduled", "period": {"kind": "year"}})
    joined = decide(ladder, Standing(), spent(0))

    reached = decide(ladder, Standing("normal", MAY, joined.term), spent(5_000))
    given_then = decide(ladder, Standing("normal", MAY, joined.term), spent(5_000, NEW_YEAR, Look.REVIEW))

    assert joined.term == Term(NEW_YEAR)
    assert (reached.outcome, reached.to_tier, codes(reached)[1]) == (
        Outcome.KEPT,
        "normal",
        "TIER_AFTER_PERIOD",
    )
    assert (given_then.outcome, given_then.to_tier) == (Outcome.UPGRADED, "gold")


class TestGate:
    LADDER = a_ladder(YEARLY | {"review_gate": {"integrity_below": 60}})

    def test_an_upgrade_of_one_whom_risk_doubts_is_held_with_both_reasons(self) -> None:
        receipt = decide(self.LADDER, Standing("normal"), spent(5_000, integrity=59))

        assert (receipt.outcome, receipt.to_tier) == (Outcome.HELD, "normal")
        assert codes(receipt)[:2] == ["UPGRADE_HELD", "TIER_REACHED"]
        assert ("risk.integrity", 59) in receipt.facts

    @pytest.mark.parametrize("step", [spent(5_000, integrity=60), spent(5_000)])
    def test_of_others_it_is_not(self, step: Step) -> None:
        assert decide(self.LADDER, Standing("normal"), step).outcome is Outcome.UPGRADED

    def test_nothing_but_upgrades_waits_for_risk(self) -> None:
        standing = Standing("gold", MAY, Term(NEW_YEAR))

        receipt = decide(self.LADDER, standing, spent(0, NEW_YEAR, Look.REVIEW, integrity=0))

        assert receipt.outcome is Outcome.DOWNGRADED

    def test_who_joins_with_a_past_begins_at_the_first_tier(self) -> None:
        receipt = decide(self.LADDER, Standing(), spent(5_000, integrity=1))

        assert (receipt.outcome, receipt.to_tier) == (Outcome.ENROLLED, "normal")


SALE = {
    "key": "sale",
    "name": {"zh": "大促", "en": "Sale"},
    "from_time": "2026-05-01T00:00:00Z",
    "to_time": "2026-06-01T00:00:00Z",
    "factor_bp": 5_000,
}


class TestSeason:
    LADDER = a_ladder(YEARLY, seasons=[SALE])

    def test_thresholds_of_money_are_other_ones_while_it_lasts(self) -> None:
        receipt = decide(self.LADDER, Standing("normal"), spent(2_500))

        assert (receipt.to_tier, codes(receipt)[1]) == ("gold", "SEASON")
        assert [rule.rule.threshold for rule in receipt.rules] == [500, 2_500, 5_000]

    def test_and_no_longer(self) -> None:
        at_its_end = datetime(2026, 6, 1, tzinfo=UTC)

        assert decide(self.LADDER, Standing("normal"), spent(2_500, at_its_end)).to_tier == "silver"


class TestNewVersion:
    def test_who_meets_more_by_it_goes_up(self) -> None:
        receipt = decide(a_ladder(YEARLY), Standing("normal"), spent(5_000, look=Look.NEW_VERSION))

        assert (receipt.outcome, receipt.to_tier) == (Outcome.UPGRADED, "gold")
        assert codes(receipt)[0] == "NEW_VERSION"

    def test_who_meets_less_keeps_the_tier_until_the_review(self) -> None:
        standing = Standing("gold", MAY, Term(NEW_YEAR))

        receipt = decide(a_ladder(YEARLY), standing, spent(1_000, look=Look.NEW_VERSION))

        assert (receipt.outcome, receipt.term) == (Outcome.KEPT, Term(NEW_YEAR))

    def test_or_goes_at_once_where_the_version_says_so(self) -> None:
        ladder = a_ladder({"downgrade": "never", "new_version": "apply"})

        receipt = decide(ladder, Standing("gold", MAY), spent(1_000, look=Look.NEW_VERSION))

        assert (receipt.outcome, receipt.to_tier) == (Outcome.DOWNGRADED, "silver")

    def test_a_tier_that_there_is_no_longer_is_the_one_that_replaces_it(self) -> None:
        ladder = a_ladder(YEARLY, gold={"replaces": ["ruby"]})

        receipt = decide(ladder, Standing("ruby", MAY, Term(NEW_YEAR)), spent(0))

        assert (receipt.from_tier, receipt.to_tier) == ("ruby", "gold")

    def test_a_period_that_is_new_begins_for_those_who_hold_a_tier(self) -> None:
        assert decide(a_ladder(YEARLY), Standing("gold", MAY), spent(5_000)).term == Term(NEW_YEAR)


LADDERS = [
    a_ladder(YEARLY | {"grace_days": 30}, keeps={"gold": at_least("spend", 3_000)}),
    a_ladder(STEPS | {"grace_days": 7, "upgrade": "scheduled"}),
    a_ladder(YEARLY | {"review_gate": {"integrity_below": 60}, "new_version": "apply"}),
    a_ladder({}),
]
STEP = st.builds(
    lambda amount, days, look, integrity: spent(
        amount, MAY + timedelta(days=days), look, integrity=integrity
    ),
    st.integers(min_value=-5_000, max_value=20_000),
    st.integers(min_value=0, max_value=1_000),
    st.sampled_from(Look),
    st.integers(min_value=0, max_value=100),
)


@given(st.sampled_from(LADDERS), st.lists(STEP, min_size=1, max_size=8))
def test_whatever_happens_a_receipt_is_replayed_to_the_same_bits(ladder: Ladder, steps: list[Step]) -> None:
    for receipt in decide_in_row(ladder, Standing(), steps):
        assert replay(ladder, receipt) == receipt


@given(st.sampled_from(LADDERS), st.lists(STEP, min_size=1, max_size=8))
def test_the_digest_covers_the_terms(ladder: Ladder, steps: list[Step]) -> None:
    for receipt in decide_in_row(ladder, Standing(), steps):
        assert canonical_text(receipt).encode() == canonical(written_out(receipt))


@given(st.lists(STEP, min_size=1, max_size=8))
def test_nobody_falls_but_at_a_review(steps: list[Step]) -> None:
    ladder = LADDERS[0]

    for step, receipt in zip(steps, decide_in_row(ladder, Standing(), steps), strict=True):
        fell = ladder.rank(receipt.to_tier) < ladder.rank(receipt.from_tier)
        assert fell is (receipt.outcome is Outcome.DOWNGRADED)
        assert not fell or step.look is Look.REVIEW
