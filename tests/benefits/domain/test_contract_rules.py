"""Contracts are sold one at a time of a group, follow each other without a gap, and end once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.contract_policy import FollowUp
from services.benefits.domain.contracts import Contract, ContractChange
from services.benefits.domain.errors import (
    AmountAbovePrice,
    ContractEnded,
    ContractForLife,
    ContractRenewed,
    ContractRunning,
    ContractTooFarAhead,
    PlanNeedsAnother,
    PlanUnknown,
    RenewalCancelled,
)
from tests.benefits.domain.contract_book import Book, a_plan

BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR, LIFE = a_plan(), a_plan("life", lifetime=True)
GRACE = a_plan(grace_days=7)
ADD_ON = a_plan("boost", group="boost", needs=("year",), term_months=24)
CLASS = {"benefit": "private_class", "kind": "service", "name": {"zh": "红娘私教课", "en": "Private class"}}
OFFERING = a_plan(follow_up=FollowUp.model_validate({"very_satisfied": (CLASS,), "valid_days": 10}))


def a_book(at: datetime = BEGIN) -> Book:
    return Book(at)


def end_of(contract: Contract) -> datetime:
    assert contract.period.end_time is not None
    return contract.period.end_time


def test_of_a_group_a_member_has_one_at_a_time() -> None:
    book = a_book()
    sold = book.sell(YEAR)

    with pytest.raises(ContractRunning) as refusal:
        book.sell(a_plan("other"))

    assert refusal.value.facts == {
        "contract_id": sold.contract_id,
        "until_time": end_of(sold).isoformat(),
    }
    assert book.charges == 1


def test_contracts_of_other_groups_stand_beside_each_other() -> None:
    book = a_book()

    book.sell(YEAR)
    book.sell(a_plan("other", group="other"))

    assert [each.runs(BEGIN) for each in book.contracts.values()] == [True, True]


def test_a_sale_after_the_running_one_begins_where_that_ends() -> None:
    book = a_book()
    first = book.sell(YEAR)

    second = book.sell(a_plan("other"), after_running=True)

    assert second.period.start_time == end_of(first)
    assert book[first].followed_by == second.contract_id


def test_a_sale_after_the_running_one_begins_now_where_none_runs() -> None:
    sold = a_book().sell(YEAR, after_running=True)

    assert (sold.period.start_time, sold.follows) == (BEGIN, "")


def test_a_contract_is_renewed_once() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    renewal = book.renew(sold)

    with pytest.raises(ContractRenewed) as by_renewal:
        book.renew(sold)
    with pytest.raises(ContractRenewed) as by_sale:
        book.sell(YEAR, after_running=True)

    assert by_renewal.value.facts == by_sale.value.facts
    assert by_sale.value.facts["followed_by"] == renewal.contract_id

    assert book.charges == 2


def test_a_renewal_goes_on_with_the_plan_and_knows_since_when() -> None:
    book = a_book()
    sold = book.sell(YEAR)

    renewal = book.renew(sold)
    other = book.renew(renewal, a_plan("other"))

    assert [each.since_time for each in (sold, renewal, other)] == [BEGIN, BEGIN, end_of(renewal)]


def test_a_renewal_by_a_plan_of_another_group_is_no_renewal() -> None:
    book = a_book()
    sold = book.sell(YEAR)

    with pytest.raises(PlanUnknown):
        book.renew(sold, a_plan("other", group="other"))


def test_what_is_over_is_not_renewed() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    book.move(end_of(sold))

    with pytest.raises(ContractEnded):
        book.renew(sold)

    assert book.sell(YEAR).period.start_time == end_of(sold)


def test_in_its_grace_a_contract_grants_on_and_is_renewed_without_a_gap() -> None:
    book = a_book()
    sold = book.sell(GRACE)
    book.move(end_of(sold) + 6 * DAY)
    granted = book[sold].runs(book.at)

    renewal = book.renew(sold)

    assert granted
    assert renewal.period.start_time == end_of(sold)
    assert not book[sold].pooled
    assert [each.runs(book.at) for each in book.contracts.values()] == [False, True]


def test_what_was_renewed_in_its_grace_has_ended_once() -> None:
    book = a_book()
    sold = book.sell(GRACE)
    book.move(end_of(sold) + DAY)
    book.renew(sold)

    book.move(end_of(sold) + 30 * DAY)

    assert [change for _, change in book.changes] == ["SOLD", "ENDED", "SOLD"]


def test_a_new_sale_in_the_grace_is_refused_unless_it_follows() -> None:
    book = a_book()
    sold = book.sell(GRACE)
    book.move(end_of(sold) + DAY)

    with pytest.raises(ContractRunning):
        book.sell(GRACE)

    assert book.sell(GRACE, after_running=True).period.start_time == end_of(sold)


def test_with_its_grace_all_that_a_contract_grants_ends() -> None:
    book = a_book()
    sold = book.sell(GRACE)

    book.move(end_of(sold) + 7 * DAY)

    assert not book[sold].stands(book.at)
    assert [change for _, change in book.changes] == ["SOLD", "ENDED", "LAPSED"]


def test_a_plan_that_would_be_over_by_now_renews_nothing() -> None:
    book = a_book()
    sold = book.sell(a_plan(grace_days=60))
    book.move(end_of(sold) + 50 * DAY)

    with pytest.raises(ContractEnded):
        book.renew(sold, a_plan("month", term_months=1))


def test_nothing_follows_a_contract_for_life() -> None:
    book = a_book()
    sold = book.sell(LIFE)

    with pytest.raises(ContractForLife):
        book.renew(sold)
    with pytest.raises(ContractForLife):
        book.cancel(sold)
    with pytest.raises(ContractForLife):
        book.refund(sold, "pro_rata")
    with pytest.raises(ContractRunning):
        book.sell(YEAR)


def test_a_contract_for_life_has_no_end_no_reminder_and_no_place_in_the_pool() -> None:
    book = a_book()
    sold = book.sell(LIFE)

    book.move(BEGIN + 40_000 * DAY)

    assert book[sold] == sold
    assert (book.reminders, [change for _, change in book.changes]) == ([], ["SOLD"])


def test_a_whole_refund_gives_back_what_was_paid_and_ends_a_contract_at_once() -> None:
    book = a_book()
    sold = book.sell(LIFE, amount_minor=30_000)
    book.move(BEGIN + DAY)

    ended = book.refund(sold)

    assert ended.refund is not None
    assert ended.refund.amount_minor == 30_000
    assert not ended.stands(book.at)
    assert ended.runs(book.at - DAY)


def test_a_refund_by_days_leaves_the_seller_those_that_were_begun() -> None:
    book = a_book()
    sold = book.sell(YEAR)  # 366 days with the last one, 36500
    book.move(BEGIN + 65 * DAY)

    ended = book.refund(sold, "pro_rata")

    assert ended.refund is not None
    assert ended.refund.amount_minor == round(36_500 * 300 / 366)


def test_a_contract_that_was_refunded_may_be_sold_again_at_once() -> None:
    book = a_book()
    book.refund(book.sell(YEAR))

    again = book.sell(YEAR)

    assert again.period.start_time == BEGIN
    assert [each.runs(BEGIN) for each in book.contracts.values()] == [False, True]


@pytest.mark.parametrize("kind", ["whole", "pro_rata"])
def test_what_is_over_or_refunded_gives_nothing_back(kind: str) -> None:
    book = a_book()
    sold = book.sell(GRACE)
    refunded = book.refund(book.sell(a_plan("other", group="other")))
    book.move(end_of(sold) + DAY)

    for over in (sold, refunded):
        with pytest.raises(ContractEnded):
            book.refund(over, kind)


def test_what_was_renewed_is_refunded_from_the_last_one_on() -> None:
    book = a_book()
    sold = book.sell(GRACE)
    renewal = book.renew(sold)
    with pytest.raises(ContractRenewed):
        book.refund(sold)

    book.refund(renewal)

    assert book[sold].followed_by == ""
    assert book[sold].until_time == end_of(sold) + 7 * DAY
    assert book.renew(sold).period == renewal.period


def test_a_refund_after_its_begin_leaves_the_one_before_as_it_ended() -> None:
    book = a_book()
    sold = book.sell(GRACE)
    renewal = book.renew(sold)
    book.move(end_of(sold) + DAY)

    book.refund(renewal)

    assert [each.runs(book.at) for each in book.contracts.values()] == [False, False]
    with pytest.raises(ContractEnded):
        book.renew(sold)


def test_nobody_pays_further_ahead_than_ten_years() -> None:
    book = a_book()
    last = book.sell(YEAR)
    for _ in range(10):
        last = book.renew(last)

    with pytest.raises(ContractTooFarAhead):
        book.renew(last)

    assert book.charges == 11


def test_more_than_the_price_is_not_taken() -> None:
    book = a_book()

    with pytest.raises(AmountAbovePrice) as refusal:
        book.sell(YEAR, amount_minor=36_501)

    assert refusal.value.facts == {"amount_minor": 36_501, "price_minor": 36_500}
    assert book.sell(YEAR, amount_minor=0).sale.amount_minor == 0


def test_an_add_on_is_sold_to_who_has_what_it_needs() -> None:
    book = a_book()
    with pytest.raises(PlanNeedsAnother) as refusal:
        book.sell(ADD_ON)
    book.sell(YEAR)

    sold = book.sell(ADD_ON)

    assert refusal.value.facts == {"plan": "boost", "needs": "year"}
    assert sold.runs(BEGIN)


def test_who_cancelled_the_renewal_is_not_charged_for_one() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    book.cancel(sold)

    with pytest.raises(RenewalCancelled):
        book.renew(sold)
    book.move(end_of(sold))

    assert (book.charges, book.reminders, book[sold].pooled) == (1, [], True)


def test_a_new_sale_may_follow_what_was_cancelled() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    book.cancel(sold)

    assert book.sell(YEAR, after_running=True).period.start_time == end_of(sold)


def test_cancelling_again_changes_nothing() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    cancelled = book.cancel(sold)
    book.move(BEGIN + DAY)

    assert book.cancel(sold) == cancelled
    assert [change for _, change in book.changes] == ["SOLD", "RENEWAL_CANCELLED"]


def test_what_was_renewed_is_not_cancelled() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    book.renew(sold)

    with pytest.raises(ContractRenewed):
        book.cancel(sold)


def told(book: Book) -> list[tuple[int, str]]:
    return [(days, time.isoformat()) for _, days, time in book.reminders]


def test_an_end_is_told_so_many_days_before_the_last_one() -> None:
    book = a_book()
    book.sell(YEAR)

    book.move(BEGIN + 400 * DAY)

    # The last day is the second of March 2027, which begins at 16:00 UTC of the day before.
    assert told(book) == [
        (30, "2027-01-30T16:00:00+00:00"),
        (7, "2027-02-22T16:00:00+00:00"),
        (1, "2027-02-28T16:00:00+00:00"),
    ]


def test_what_is_too_near_to_be_told_so_long_before_is_told_later() -> None:
    book = a_book()
    book.sell(a_plan("month", term_months=1, reminder_days=(90, 30, 7)))

    book.move(BEGIN + 60 * DAY)

    assert [days for days, _ in told(book)] == [30, 7]


def test_who_renews_is_reminded_no_more_until_the_renewal_is_refunded() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    book.move(end_of(sold) - 31 * DAY)
    renewal = book.renew(sold)
    book.move(end_of(sold) - 6 * DAY)
    book.refund(renewal)

    book.move(end_of(sold))

    assert [days for days, _ in told(book)] == [30, 1]


def test_who_has_run_out_is_in_the_pool_until_they_buy_again() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    book.move(end_of(sold) - DAY)
    before = book[sold].pooled
    book.move(end_of(sold) + 100 * DAY)
    after = book[sold].pooled

    book.sell(YEAR)

    assert (before, after, book[sold].pooled) == (False, True, False)


def test_who_has_bought_before_the_end_was_looked_at_is_not_in_the_pool() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    book.at = end_of(sold) + DAY  # the calendar is late

    book.sell(YEAR)
    book.move(book.at)

    assert not book[sold].pooled
    assert book.changes[-1] == (sold.contract_id, "ENDED")


def test_the_next_one_begins_as_the_one_before_ends() -> None:
    book = a_book()
    sold = book.sell(YEAR)
    renewal = book.renew(sold)

    book.move(end_of(sold))

    assert book.changes[2:] == [(sold.contract_id, "ENDED"), (renewal.contract_id, "STARTED")]
    assert not book[sold].pooled


def offered(contract: Contract) -> tuple[Any, Any]:
    assert contract.follow_up is not None
    return contract.follow_up.offered_time, contract.follow_up.until_time


@pytest.mark.parametrize("said_days", [-20, 3], ids=["before the end", "in the pool"])
def test_who_was_very_satisfied_is_offered_something_once_they_have_run_out(said_days: int) -> None:
    book = a_book()
    sold = book.sell(OFFERING)
    book.move(end_of(sold) + said_days * DAY)
    said = book.satisfy(sold, "very_satisfied")
    book.move(end_of(sold) + 5 * DAY)

    since = end_of(sold) + max(0, said_days) * DAY
    assert offered(said) == ((None, None) if said_days < 0 else (since, since + 10 * DAY))
    assert offered(book[sold]) == (since, since + 10 * DAY)
    assert [change for _, change in book.changes].count(ContractChange.OFFERED) == 1


def test_another_answer_changes_what_is_offered_and_not_until_when() -> None:
    book = a_book()
    sold = book.sell(OFFERING)
    book.move(end_of(sold))
    first = book.satisfy(sold, "very_satisfied")
    book.move(end_of(sold) + 5 * DAY)

    second = book.satisfy(sold, "unmet")
    third = book.satisfy(sold, "unmet")

    assert second == third
    assert offered(second) == offered(first)
    assert second.follow_up is not None
    assert second.follow_up.satisfaction == "unmet"


def test_nothing_is_said_of_what_was_refunded() -> None:
    book = a_book()

    with pytest.raises(ContractEnded):
        book.satisfy(book.refund(book.sell(YEAR)), "satisfied")
