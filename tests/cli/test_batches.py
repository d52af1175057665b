"""How a file is cut into batches that may be in flight together."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from libs.cli.batches import EVENTS_MAX, LANES, by_customer, lanes
from libs.cli.cdnow import Purchase

PURCHASES = st.lists(
    st.builds(
        Purchase,
        customer=st.sampled_from([f"{number:04}" for number in range(12)]),
        day=st.dates(date(1997, 1, 1), date(1997, 1, 9)),
        quantity=st.just(1),
        amount_minor=st.integers(0, 99),
        external_ref=st.uuids().map(str),
    ),
    max_size=900,
)


def a_purchase(customer: str, day: int, ref: str) -> Purchase:
    return Purchase(customer, date(1997, 1, day), 1, 100, ref)


def test_rows_of_a_customer_come_by_day_and_those_of_one_day_as_they_stand() -> None:
    rows = by_customer([a_purchase("1", 2, "b"), a_purchase("1", 1, "a"), a_purchase("1", 2, "c")])

    assert [row.external_ref for row in rows["1"]] == ["a", "b", "c"]


@given(PURCHASES)
def test_every_row_is_sent_once_in_batches_that_fit(purchases: list[Purchase]) -> None:
    sent = [row for lane in lanes(by_customer(purchases)) for batch in lane for row in batch]

    assert sorted(row.external_ref for row in sent) == sorted(row.external_ref for row in purchases)
    assert all(0 < len(batch) <= EVENTS_MAX for lane in lanes(by_customer(purchases)) for batch in lane)


@given(PURCHASES)
def test_a_customer_is_in_one_lane_only_in_order(purchases: list[Purchase]) -> None:
    rows = by_customer(purchases)
    found = lanes(rows)

    for customer, own in rows.items():
        holding = [
            sent
            for lane in found
            if (sent := [row for batch in lane for row in batch if row.customer == customer])
        ]
        assert holding == [own]


def test_a_customer_who_fits_is_never_cut() -> None:
    rows = {
        f"{number}": [a_purchase(f"{number}", 1, f"{number}-{row}") for row in range(150)]
        for number in range(4)
    }

    batches = [batch for lane in lanes(rows) for batch in lane]

    assert sorted(len(batch) for batch in batches) == [150] * 4


def test_lanes_share_the_work() -> None:
    rows = {f"{number}": [a_purchase(f"{number}", 1, f"{number}")] for number in range(1600)}

    assert [len(lane) for lane in lanes(rows)] == [8 / LANES] * LANES
