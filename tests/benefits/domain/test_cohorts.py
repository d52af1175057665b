"""Cohorts: each point of a month is somewhere, and all months together are what the books say."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from services.benefits.domain.cohorts import COLUMNS, STATES, Posted, changes, month_of
from services.benefits.domain.holds import Hold
from services.benefits.domain.ledger import purpose_of
from services.benefits.domain.posting import Posting
from services.benefits.domain.transfers import transfer
from tests.benefits.domain.builders import Books, a_refund, an_accrual, drawn_at_most
from tests.support.builders import DAY, NOON

ZONE = "Asia/Shanghai"
Table = dict[str, dict[str, int]]


def posted(books: Books) -> list[Posted]:
    """All transactions with what their cohorts follow from."""
    entries = defaultdict(list)
    for entry in books.entries:
        entries[entry.transaction_id].append(entry)
    of_holds = defaultdict(list)
    for each in books.transactions:
        of_holds[each.hold_id].append(each)
    drawn = {
        each.hold_id: next(entry.allocations for entry in entries[each.transaction_id] if entry.allocations)
        for each in books.transactions
        if each.kind in {"hold", "redemption"}
    }
    return [
        Posted(
            each,
            entries[each.transaction_id],
            of_holds[each.hold_id] if each.hold_id else (),
            drawn.get(each.hold_id, ()),
        )
        for each in books.transactions
    ]


def table(books: Books, order: list[Posted] | None = None) -> Table:
    """Cohorts by month and column."""
    origins = {each.transaction_id: each.occurred_time for each in books.transactions}
    cells: Counter[tuple[str, str]] = Counter()
    for each in posted(books) if order is None else order:
        cells.update(changes([each], books.kept_lots, origins, ZONE))
    found: Table = defaultdict(lambda: dict.fromkeys(COLUMNS, 0))
    for (month, column), points in cells.items():
        found[month][column] += points
    return found


def balances(books: Books) -> dict[str, int]:
    found = Counter[str]()
    for account in books.accounts.values():
        found[purpose_of(account.account_id) or "active"] += account.balance
    return found


def at(day: int) -> datetime:
    return NOON + day * DAY


def pass_on(books: Books, points: int, *, time: datetime) -> None:
    posting = books._posting(0)
    transfer(posting, from_id="ann", to_id="bob", points=points, transfer_id=books.new_id("trf"), time=time)
    books._kept(posting)


def left(books: Books, time: datetime) -> int:
    posting: Posting = books._posting(0)
    return sum(each.points for each in drawn_at_most(posting, "ann", 10**6, time=time))


def resolve(books: Books, held: Hold, what: str, number: int, time: datetime) -> None:
    """One of the things that may become of a hold, if it is one of these now."""
    if held.open and what == "capture":
        books.capture(held, number % held.points + 1, time=time)
    elif held.open and what == "release":
        books.release(held, time=time)
    elif held.captured > held.returned and what == "give_back":
        books.give_back(held, number % held.kept + 1, time=time)


KINDS = [
    *("buy", "buy", "refund", "spend", "hold", "hold", "pass", "days"),
    *("capture", "capture", "release", "give_back", "give_back"),
]
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(1, 100), st.integers(0, 20)), min_size=5, max_size=40
)


def played(steps: list[tuple[str, int, int]]) -> Books:
    """Books in which all of this happened; a number is a share of what there is, in percent."""
    books, day, refunded = Books(), 0, Counter[str]()
    for place, (what, number, some) in enumerate(steps):
        now, ref = at(day), f"r{place}"
        if what == "buy":
            lasts = at(day + 4 + some) if number % 4 else None
            books.post(
                [an_accrual("ann", number, ref=ref, at=now, pending_days=some % 4, expires=lasts)], time=now
            )
            refunded[ref] = number * 100
        elif what == "refund" and refunded:
            of = sorted(refunded)[some % len(refunded)]
            amount = refunded[of] * number // 100
            refunded[of] -= amount
            books.post([a_refund("ann", amount, of=of, ref=ref, at=now)])
        elif what == "days":
            day += some
            books.mature(at(day))
        elif (points := left(books, now) * number // 100) > 0 and what in {"spend", "hold", "pass"}:
            spends: dict[str, Callable[..., object]] = {"spend": books.spend, "hold": books.hold}
            spends.get(what, partial(pass_on, books))(points, time=now)
        elif books.holds and what in {"capture", "release", "give_back"}:
            held = books.holds[sorted(books.holds)[-1 - some % len(books.holds)]]
            resolve(books, held, what, number, now)
    return books


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_all_cohorts_together_are_what_the_accounts_hold(steps: list[tuple[str, int, int]]) -> None:
    books = played(steps)

    cohorts = table(books)

    sums = {column: sum(each[column] for each in cohorts.values()) for column in COLUMNS}
    arrears = sum(account.arrears for account in books.accounts.values())
    said = balances(books)
    expected = {state: said.get(state, 0) for state in STATES}
    # What refunds took before there was anything to take is in no cohort until the next points pay for it.
    expected["active"] += arrears
    expected["reversed"] -= arrears
    assert {state: sums[state] for state in STATES} == expected
    assert sums["earned"] == -said.get("issuer", 0)
    assert sums["received"] == sums["moved"]


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_the_points_of_a_month_are_somewhere_and_never_less_than_none(
    steps: list[tuple[str, int, int]],
) -> None:
    for cohort in table(played(steps)).values():
        assert cohort["earned"] + cohort["received"] == cohort["moved"] + sum(
            cohort[state] for state in STATES
        )
        assert min(cohort.values()) >= 0


@settings(max_examples=20, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(steps: list[tuple[str, int, int]], random: st.DataObject) -> None:
    books = played(steps)
    order = posted(books)
    random.shuffle(order)  # type: ignore[attr-defined]

    assert table(books, order) == table(books)


def test_points_stay_in_the_month_in_which_they_were_earned() -> None:
    books = Books()
    books.post([an_accrual("ann", 100, ref="march", at=NOON, pending_days=10)], time=NOON)
    books.mature(at(10))
    books.post([an_accrual("ann", 50, ref="april", at=at(31))], time=at(31))
    held = books.hold(120, time=at(40))
    books.capture(held, 110, time=at(41))

    assert {
        month: {name: points for name, points in each.items() if points}
        for month, each in table(books).items()
    } == {
        "1998-03": {"earned": 100, "spent": 100},
        "1998-04": {"earned": 50, "spent": 10, "active": 40},
    }


def some(books: Books) -> dict[str, dict[str, int]]:
    """The cohorts without what is nothing."""
    return {month: {name: each[name] for name in each if each[name]} for month, each in table(books).items()}


def two_months(*, until: datetime | None = None) -> Books:
    """100 points of March, until a time or for ever, and 100 of April."""
    books = Books()
    books.post([an_accrual("ann", 100, ref="march", at=NOON, expires=until)], time=NOON)
    books.post([an_accrual("ann", 100, ref="april", at=at(31), expires=at(200))], time=at(31))
    return books


def test_what_is_not_captured_is_what_was_drawn_last() -> None:
    books = two_months(until=at(100))
    held = books.hold(150, time=at(40))
    books.capture(held, 70, time=at(41))

    assert some(books) == {
        "1998-03": {"earned": 100, "spent": 70, "active": 30},
        "1998-04": {"earned": 100, "active": 100},
    }


def test_what_comes_back_in_parts_comes_back_from_the_last_point_on() -> None:
    books = two_months(until=at(100))
    held = books.capture(books.hold(150, time=at(40)), 150, time=at(41))
    books.give_back(held, 40, time=at(42))
    books.give_back(held, 30, time=at(43))

    assert some(books) == {
        "1998-03": {"earned": 100, "spent": 80, "active": 20},
        "1998-04": {"earned": 100, "active": 100},
    }


def test_what_comes_back_to_points_that_have_ended_leaves_their_month() -> None:
    books = two_months(until=at(60))
    held = books.capture(books.hold(150, time=at(40)), 150, time=at(41))
    books.mature(at(70))
    books.give_back(held, 120, time=at(70))

    assert some(books) == {
        "1998-03": {"earned": 100, "spent": 30, "moved": 70},
        "1998-04": {"earned": 100, "active": 100},
        "1998-05": {"received": 70, "active": 70},
    }


def test_what_comes_back_pays_for_what_refunds_took_before() -> None:
    books = two_months()
    held = books.capture(books.hold(200, time=at(40)), 200, time=at(41))
    books.post([a_refund("ann", 6_000, of="april", at=at(42))])
    books.give_back(held, 100, time=at(43))

    assert some(books) == {
        "1998-03": {"earned": 100, "reversed": 60, "active": 40},
        "1998-04": {"earned": 100, "spent": 100},
    }


def test_new_points_pay_for_what_refunds_took_before() -> None:
    books = two_months()
    books.spend(200, time=at(40))
    books.post([a_refund("ann", 6_000, of="april", at=at(42))])
    books.post([an_accrual("ann", 80, ref="june", at=at(91))], time=at(91))

    assert some(books)["1998-06"] == {"earned": 80, "reversed": 60, "active": 20}


def test_points_that_are_passed_on_leave_for_the_month_of_that() -> None:
    books = Books()
    books.post([an_accrual("ann", 100, at=NOON)], time=NOON)
    pass_on(books, 30, time=at(31))

    found = table(books)

    assert (found["1998-03"]["moved"], found["1998-03"]["active"]) == (30, 70)
    assert (found["1998-04"]["received"], found["1998-04"]["active"]) == (30, 30)


def test_a_month_is_the_programs() -> None:
    assert month_of(datetime.fromisoformat("1998-03-31T16:00:00+00:00"), ZONE) == "1998-04"
