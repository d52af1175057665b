"""What holds of earning whatever the program and the events: preview is award, parts of refunds add up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import business_date
from libs.common.program import Program
from services.benefits.domain.accruals import Accrual
from services.benefits.domain.earning import Earning
from services.benefits.domain.earning_caps import Earned
from services.benefits.domain.earning_previews import PossibleEvent, earner, preview
from services.benefits.domain.effects import Effect, effect
from services.benefits.domain.memberships import MemberEvent, Membership
from tests.benefits.domain.builders import Books, a_receipt, a_refund, ids
from tests.benefits.domain.earning_cases import RULES, histories, programs
from tests.benefits.domain.stored import Stored
from tests.support.builders import PROGRAM

History = list[tuple[MemberEvent, str]]
Days = Mapping[date, Earned]


def applied(program: Program, history: History, before: Membership, earned: Days) -> Effect:
    """What events of a member come to, at the tiers that they are said to have before each."""
    receipts = [a_receipt(tier, tier, at=event.occurred_time) for event, tier in history]
    events = [event for event, _ in history]
    return effect(program, events, [before], [receipts], earned=earned, new_id=ids())


def of_event(result: Effect, event: MemberEvent) -> Sequence[Earning]:
    """What the rules gave for an event; nothing where there are none for its kind."""
    found = [each for each in result.movements if isinstance(each, Accrual)]
    return next((each.earnings for each in found if each.external_ref == event.external_ref), ())


@given(programs(), histories())
def test_a_preview_says_what_is_awarded_then(program: Program, history: History) -> None:
    membership, earned = Membership(PROGRAM, "ann", "main"), dict[date, Earned]()
    for event, tier in history:
        day = business_date(event.occurred_time, program.time_zone)
        possible = PossibleEvent(
            "ann",
            event.kind,
            event.amount_minor,
            event.occurred_time,
            event.store_id,
            event.source,
            event.attributes,
        )
        held = {"main": replace(membership, tier=tier)}

        before = earner(program, held, (), earned.get(day, {}), event.occurred_time)
        said = preview(program, possible, event.occurred_time, before)

        result = applied(program, [(event, tier)], membership, earned)
        awarded = of_event(result, event)
        assert [each for each in said.rules if each.reason != "EARNING_OTHER_KIND"] == list(awarded)
        assert said.points == sum(each.points for each in awarded)
        (membership,), earned = result.after, {**earned, **result.earned}


@given(programs(), histories(), st.data())
def test_however_events_are_split_they_earn_the_same(
    program: Program, history: History, data: st.DataObject
) -> None:
    together = applied(program, history, Membership(PROGRAM, "ann", "main"), {})
    cut = data.draw(st.integers(0, len(history)))

    first = applied(program, history[:cut], Membership(PROGRAM, "ann", "main"), {}) if cut else None
    before = first.after[0] if first else Membership(PROGRAM, "ann", "main")
    earned = first.earned if first else {}
    rest = applied(program, history[cut:], before, earned) if cut < len(history) else None

    apart = [*(first.movements if first else ()), *(rest.movements if rest else ())]
    assert [each.earnings for each in together.movements if isinstance(each, Accrual)] == [
        each.earnings for each in apart if isinstance(each, Accrual)
    ]
    assert together.earned == {**earned, **(rest.earned if rest else {})}


@given(programs(), histories())
def test_no_day_gives_more_than_its_caps(program: Program, history: History) -> None:
    result = applied(program, history, Membership(PROGRAM, "ann", "main"), {})

    for day in result.earned.values():
        for rule in program.points.earn:
            for _, shared, per_day in program.points.caps_of(rule):
                used = [day[each] for each in shared if each in day]
                assert per_day.points is None or sum(each.points for each in used) <= per_day.points
                assert per_day.times is None or sum(each.times for each in used) <= per_day.times


@given(programs(), histories(), st.permutations(RULES))
def test_the_order_of_rules_changes_nothing_where_they_share_no_cap(
    program: Program, history: History, order: list[Mapping[str, object]]
) -> None:
    places = {str(rule["key"]): place for place, rule in enumerate(order)}
    points = program.points.model_copy(update={"caps": ()})
    ordered = points.model_copy(
        update={"earn": tuple(sorted(points.earn, key=lambda rule: places[rule.key]))}
    )

    one, other = (
        applied(program.model_copy(update={"points": each}), history, Membership(PROGRAM, "ann", "main"), {})
        for each in (points, ordered)
    )

    for event, _ in history:
        by_rule = [{each.rule: each for each in of_event(result, event)} for result in (one, other)]
        assert by_rule[0] == by_rule[1]
    assert one.earned == other.earned


@given(programs(), histories(), st.data())
def test_refunds_in_parts_take_back_what_one_of_the_whole_does(
    program: Program, history: History, data: st.DataObject
) -> None:
    result = applied(program, history, Membership(PROGRAM, "ann", "main"), {})
    bought = [
        each for each in result.movements if isinstance(each, Accrual) and not each.event_kind and each.points
    ]
    in_parts, whole = Books(), Books()
    for books in (in_parts, whole):
        books.post(result.movements)
    for accrual in bought:
        left = max(each.amount_minor for each in accrual.earnings)
        while left:
            part = data.draw(st.integers(1, left))
            in_parts.post(
                [a_refund("ann", part, of=accrual.external_ref, ref=f"{accrual.external_ref}-{left}")]
            )
            left -= part
        whole.post([a_refund("ann", 10**12, of=accrual.external_ref, ref=f"{accrual.external_ref}-all")])

    assert balance(in_parts) == balance(whole)
    assert balance(whole) == sum(
        each.points for each in result.movements if isinstance(each, Accrual) and each.event_kind
    )
    assert Stored.of(in_parts).faults() == Stored.of(whole).faults() == []


@given(programs(), histories())
def test_more_money_never_keeps_fewer_points_and_none_keeps_none(program: Program, history: History) -> None:
    result = applied(program, history, Membership(PROGRAM, "ann", "main"), {})

    for event, _ in history:
        for earning in of_event(result, event):
            kept = [earning.points_for(amount) for amount in range(0, event.amount_minor + 1, 97)]
            assert kept == sorted(kept)
            assert earning.points_for(0) == 0
            assert event.amount_minor == 0 or earning.points_for(event.amount_minor) == earning.points


def balance(books: Books) -> int:
    return sum(account.balance for account in books.accounts.values() if account.owner == "ann")
