"""Whatever is done to contracts in whatever order: periods neither overlap nor gap, and refunds end them."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import Refusal
from tests.benefits.domain.contract_book import Book, a_plan
from tests.support.goods import contract_faults

BEGIN = datetime(2027, 12, 30, 22, tzinfo=UTC)
PLANS = (
    a_plan(grace_days=5),
    a_plan("quarter", term_months=3),
    a_plan("month", term_months=1, grace_days=2, reminder_days=(20, 3)),
    a_plan("life", lifetime=True),
    a_plan("boost", group="boost", term_months=2, needs=("year", "life")),
)
PLAN = st.sampled_from(PLANS)
WHICH = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("sell"), PLAN, st.booleans()),
    st.tuples(st.just("renew"), WHICH, st.sampled_from([None, *PLANS])),
    st.tuples(st.just("refund"), WHICH, st.sampled_from(["whole", "pro_rata"])),
    st.tuples(st.just("cancel"), WHICH, st.none()),
    st.tuples(st.just("satisfy"), WHICH, st.sampled_from(["very_satisfied", "satisfied", "unmet"])),
    st.tuples(st.just("move"), st.integers(0, 500), st.integers(0, 23)),
)


def do(book: Book, what: str, one: object, other: object) -> None:
    """One step, of contracts counted from the latest sale; what is refused changes nothing."""
    latest = list(reversed(book.contracts.values()))
    if what == "sell":
        book.sell(one, after_running=bool(other))  # type: ignore[arg-type]
    elif what == "move":
        book.move(book.at + timedelta(days=one, hours=other))  # type: ignore[arg-type]
    elif isinstance(one, int) and one < len(latest):
        contract = latest[one]
        if what == "renew":
            book.renew(contract, other)  # type: ignore[arg-type]
        elif what == "refund":
            book.refund(contract, other)
        elif what == "cancel":
            book.cancel(contract)
        else:
            book.satisfy(contract, other)


def check(book: Book) -> None:
    """What holds after every step."""
    contracts = list(book.contracts.values())
    assert contract_faults(contracts) == []
    for group in ("membership", "boost"):
        of_group = [each for each in contracts if each.terms.group == group]
        moments = [at for each in of_group for at in (each.period.start_time, each.until_time) if at]
        assert all(sum(each.runs(at) for each in of_group) <= 1 for at in [book.at, *moments])
        if any(each.pooled for each in of_group):
            assert not any(each.stands(book.at) for each in of_group if not each.pooled), "has another"
    assert all(each.period.bounds[1] <= book.at for each in contracts if each.pooled)
    told = [(contract_id, days) for contract_id, days, _ in book.reminders]
    assert len(told) == len(set(told)), "told twice"
    assert book.charges == len(contracts)


@given(st.lists(STEPS, max_size=25), st.sampled_from(["Asia/Shanghai", "America/New_York"]))
@settings(max_examples=200)
def test_any_steps_in_any_order_keep_the_rows_whole(
    steps: list[tuple[str, object, object]], time_zone: str
) -> None:
    book = Book(BEGIN, time_zone)

    for step in steps:
        before = dict(book.contracts)
        try:
            do(book, *step)
        except Refusal:
            assert book.contracts == before
        check(book)


@given(st.lists(st.integers(0, 45), min_size=1, max_size=12), st.permutations(range(5)))
def test_renewals_at_any_time_give_one_unbroken_row(days: list[int], order: list[int]) -> None:
    book = Book(BEGIN)
    last = book.sell(PLANS[0])

    for wait, place in zip(days, order * 3, strict=False):
        book.move(min(book.at + timedelta(days=wait), last.period.bounds[1] - timedelta(seconds=1)))
        if last.period.bounds[1] - book.at < timedelta(days=3_000):
            last = book.renew(last, PLANS[place % 3])

    row = list(book.contracts.values())
    assert contract_faults(row) == []
    assert all(one.period.end_time == other.period.start_time for one, other in pairwise(row))
    assert len(row) == book.charges
    assert row[-1].period.anchor == date(2027, 12, 31)


def test_a_clock_moved_past_several_ends_gives_each_reminder_once_and_in_order() -> None:
    book = Book(BEGIN)
    first = book.sell(PLANS[1])
    book.renew(first)
    book.sell(a_plan("album", group="album", term_months=2, reminder_days=(30, 7, 1)))

    book.move(BEGIN + timedelta(days=1_000))

    times = [time for _, _, time in book.reminders]
    assert times == sorted(times)
    assert [(contract_id[-1], days) for contract_id, days, _ in book.reminders] == [
        ("3", 30),
        ("3", 7),
        ("3", 1),
        ("2", 30),
        ("2", 7),
        ("2", 1),
    ]
    assert [each.contract_id[-1] for each in book.contracts.values() if each.pooled] == ["2", "3"]
