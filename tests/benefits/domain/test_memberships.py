"""Memberships: how the decisions on a member's events follow one another, and what they earn."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from libs.common.program import Program
from services.benefits.domain.accruals import Accrual
from services.benefits.domain.effects import Effect, effect
from services.benefits.domain.memberships import (
    Inbound,
    MemberEvent,
    Membership,
    TierReceipt,
)
from services.benefits.domain.reversals import Refund
from tests.benefits.domain.builders import a_program, a_receipt, an_event, ids
from tests.support.builders import DAY, NOON, PROGRAM

JOINED = NOON - 30 * DAY
NEW = Membership(PROGRAM, "ann", "main")


def accruals(result: Effect) -> list[Accrual]:
    """What the events earn."""
    return [each for each in result.movements if isinstance(each, Accrual)]


def registration() -> MemberEvent:
    return Inbound(PROGRAM, "ann", JOINED).registration()


def decided(
    *steps: tuple[MemberEvent, TierReceipt],
    membership: Membership = NEW,
    months: int | None = None,
    days: int = 0,
) -> Effect:
    events = [event for event, _ in steps]
    program = a_program(expire_after_months=months, activate_after_days=days)
    return effect(program, events, [membership], [[tier for _, tier in steps]], earned={}, new_id=ids())


def joined_and_upgraded() -> Effect:
    return decided(
        (registration(), a_receipt("", "normal", at=JOINED)),
        (an_event(1, 5_000), a_receipt("normal", "normal")),
        (an_event(2, 7_000), a_receipt("normal", "silver", at=NOON + DAY)),
        (an_event(3, 1_000), a_receipt("silver", "silver", at=NOON + 2 * DAY)),
    )


def test_decisions_are_numbered_on_from_the_membership_and_name_their_events() -> None:
    result = joined_and_upgraded()

    numbered = [(decision.seq, decision.event_seq) for decision in result.decisions]
    assert numbered == [(1, 0), (2, 1), (3, 2), (4, 3)]


def test_a_membership_goes_on_where_the_stored_one_stands() -> None:
    first = joined_and_upgraded().after[0]

    then = decided((an_event(4), a_receipt("silver", "gold", at=NOON + 3 * DAY)), membership=first)

    (after,) = then.after
    assert then.before == (first,)
    assert (after.seq, after.applied_seq, after.tier) == (5, 4, "gold")


def test_the_membership_after_stands_where_the_last_decision_left_it() -> None:
    result = joined_and_upgraded()

    (after,) = result.after
    last = result.decisions[-1]
    assert (after.tier, after.seq, after.applied_seq) == ("silver", 4, 3)
    assert (after.decision_id, after.as_of, after.qualifying) == (
        last.decision_id,
        last.tier.as_of,
        last.tier.facts,
    )


def test_a_tier_is_held_since_the_decision_that_changed_it() -> None:
    (after,) = joined_and_upgraded().after

    assert after.since_time == NOON + DAY


def test_the_registration_is_a_change_from_no_tier() -> None:
    result = decided((registration(), a_receipt("", "normal", at=JOINED)))

    assert [decision.changed for decision in result.decisions] == [True]
    assert result.after[0].since_time == JOINED


def test_the_version_moves_with_every_decision() -> None:
    result = joined_and_upgraded()

    assert (result.before[0].version, result.after[0].version) == (0, 4)


def test_the_registration_earns_nothing() -> None:
    assert decided((registration(), a_receipt("", "normal"))).movements == ()


def test_an_upgrade_counts_from_the_next_event_on() -> None:
    earned = accruals(joined_and_upgraded())

    assert [(each.external_ref, each.points) for each in earned] == [
        ("ref_1", 50),
        ("ref_2", 70),
        ("ref_3", 20),
    ]


def test_an_event_that_no_rule_names_is_decided_and_accrues_nothing() -> None:
    result = decided((an_event(1, 0, kind="login"), a_receipt("normal", "normal")))

    assert (len(result.decisions), result.movements) == (1, ())


def test_a_purchase_of_nothing_accrues_zero_points() -> None:
    (accrual,) = accruals(decided((an_event(1, 0), a_receipt("normal", "normal"))))

    assert accrual.points == 0


@pytest.mark.parametrize(
    ("months", "expires"),
    [(None, None), (12, datetime(1999, 3, 2, 12, tzinfo=UTC)), (1, datetime(1998, 4, 2, 12, tzinfo=UTC))],
    ids=["never", "a year", "a month"],
)
def test_points_expire_so_many_months_after_the_purchase(
    months: int | None, expires: datetime | None
) -> None:
    (accrual,) = accruals(decided((an_event(1), a_receipt("normal", "normal")), months=months))

    assert accrual.expire_time == expires


def test_a_month_that_is_too_short_ends_on_its_last_day() -> None:
    event = an_event(1, at=datetime(1998, 1, 31, 12, tzinfo=UTC))

    (accrual,) = accruals(decided((event, a_receipt("normal", "normal")), months=1))

    assert accrual.expire_time == datetime(1998, 2, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize("days", [0, 14], ids=["at once", "after two weeks"])
def test_points_are_active_so_many_days_after_the_purchase(days: int) -> None:
    (accrual,) = accruals(decided((an_event(1), a_receipt("normal", "normal")), days=days))

    assert accrual.active_time == NOON + days * DAY


def test_a_refund_moves_points_between_the_accruals_around_it_as_of_its_decision() -> None:
    refund = replace(an_event(2, 400, kind="refund"), original=("shop", "ref_1", 0))

    result = decided(
        (an_event(1, 1_000), a_receipt("normal", "normal")),
        (refund, a_receipt("normal", "normal", at=NOON + DAY)),
        (an_event(3, 2_000), a_receipt("normal", "normal")),
    )

    first, back, last = result.movements
    assert [each.external_ref for each in (first, last)] == ["ref_1", "ref_3"]
    assert back == Refund("ann", "shop", "ref_2", 0, NOON, NOON + DAY, ("shop", "ref_1", 0), 400)
    assert len(result.decisions) == 3


def test_each_tier_set_is_decided_and_points_are_counted_once_by_the_first() -> None:
    document = a_program().document()
    program = Program.parse(
        document | {"tier_sets": [{**document["tier_sets"][0], "key": key} for key in ("main", "season")]}
    )
    memberships = [Membership(PROGRAM, "ann", key) for key in ("main", "season")]
    receipts = [[a_receipt("silver", "silver")], [a_receipt("normal", "gold")]]

    result = effect(program, [an_event(1, 1_000)], memberships, receipts, earned={}, new_id=ids())

    assert [(each.tier_set, each.tier, each.seq) for each in result.after] == [
        ("main", "silver", 1),
        ("season", "gold", 1),
    ]
    assert [accrual.points for accrual in accruals(result)] == [20]


def test_a_receipt_too_few_is_a_defect_and_not_a_shorter_effect() -> None:
    with pytest.raises(ValueError, match="zip"):
        effect(
            a_program(),
            [an_event(1), an_event(2)],
            [NEW],
            [[a_receipt("", "normal")]],
            earned={},
            new_id=ids(),
        )
