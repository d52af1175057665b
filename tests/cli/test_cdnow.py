"""The parser of the CDNOW format: exact amounts, references by content, all of a file or nothing."""

import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.cli.cdnow import BadLineError, Purchase, parse
from libs.cli.sample import FILE

Row = tuple[str, str, str, str]
ROWS = st.lists(
    st.builds(
        lambda customer, day, quantity, cents: (
            f"{customer:04}",
            f"1997{day // 28 % 12 + 1:02}{day % 28 + 1:02}",
            str(quantity),
            f"{cents // 100}.{cents % 100:02}",
        ),
        st.integers(1, 5),
        st.integers(0, 40),
        st.integers(1, 3),
        st.integers(0, 300),
    ),
    max_size=30,
)


def refs(lines: list[str]) -> list[str]:
    return sorted(purchase.external_ref for purchase in parse(lines))


def test_the_sample_has_the_known_figures() -> None:
    purchases = parse(FILE.read_text().splitlines())

    assert len(purchases) == 6919
    assert len({purchase.customer for purchase in purchases}) == 2357
    assert sum(purchase.amount_minor for purchase in purchases) == 24409194
    assert sum(purchase.quantity for purchase in purchases) == 16479
    assert len({purchase.external_ref for purchase in purchases}) == 6919


def test_a_row_of_five_columns_becomes_a_purchase_in_cents() -> None:
    (purchase,) = parse([" 00004 0001 19970101  2   29.33\r\n"])

    assert purchase == Purchase("0001", date(1997, 1, 1), 2, 2933, purchase.external_ref)


@pytest.mark.parametrize(
    ("amount", "minor"),
    [("0.00", 0), ("0.29", 29), ("1.10", 110), ("4.35", 435), ("9999999999.99", 999999999999)],
)
def test_amounts_are_exact(amount: str, minor: int) -> None:
    assert parse([f"1 19970101 1 {amount}"])[0].amount_minor == minor


@pytest.mark.parametrize(
    "header",
    ["id customer date cds amount", "master_id\tsample_id\tdate\tcount\tdollars", "CUSTOMER DATE CDS AMOUNT"],
)
def test_a_header_may_stand_in_the_first_line(header: str) -> None:
    assert len(parse([header, "00004 0001 19970101 2 29.33"])) == 1


def test_blank_lines_are_skipped() -> None:
    assert len(parse(["", "0001 19970101 2 29.33", "  ", "0001 19970102 2 29.33", ""])) == 2


def test_a_file_without_rows_has_no_purchases() -> None:
    assert parse([]) == []


@pytest.mark.parametrize(
    "line",
    [
        "0001 19970101 2",
        "9 00004 0001 19970101 2 29.33",
        "0001 19970230 2 29.33",
        "0001 1997-01-01 2 29.33",
        "0001 19970101 -2 29.33",
        "0001 19970101 2 -29.33",
        "0001 19970101 2 29.3",
        "0001 19970101 2 29,33",
        "0001 19970101 2 29.333",
        "0001 19970101 2 1e3",
        "0001 19970101 2 $29.33",
        "0001 19970101 2.5 29.33",
        "x001 19970101 2 29.33",
        "00x4 0001 19970101 2 29.33",
        "0001 19970101 2 ٢٩.٣٣",
        "0001 00000101 2 29.33",
        "0001 19970101 2 29.33 # gift",
        "customer date cds amount",
    ],
)
def test_a_bad_line_refuses_the_whole_file_by_its_number(line: str) -> None:
    with pytest.raises(BadLineError, match="line 3: expected") as refusal:
        parse(["0001 19970101 2 29.33", "", line, "0001 19970102 2 29.33"])

    assert refusal.value.number == 3


def test_a_first_line_with_numbers_is_no_header() -> None:
    with pytest.raises(BadLineError, match="line 1"):
        parse(["0001 19970101 two 29.33"])


def test_rows_that_look_alike_are_separate_purchases() -> None:
    first, second = parse(["0001 19970101 1 9.99", "0001 19970101 1 9.99"])

    assert first.external_ref != second.external_ref


@given(rows=ROWS, seed=st.integers(0, 1000))
def test_references_survive_order_header_and_a_missing_first_column(rows: list[Row], seed: int) -> None:
    five = [f" {number:05} {' '.join(row)}" for number, row in enumerate(rows)]
    shuffled = random.Random(seed).sample([" ".join(row) for row in rows], len(rows))

    assert refs(five) == refs(shuffled) == refs(["id date cds amount", *shuffled])


@given(rows=ROWS)
def test_references_are_unique_in_a_file(rows: list[Row]) -> None:
    found = refs([" ".join(row) for row in rows])

    assert len(set(found)) == len(rows)


@given(rows=ROWS, cut=st.integers(0, 30))
def test_a_part_of_a_file_has_references_of_the_whole(rows: list[Row], cut: int) -> None:
    lines = [" ".join(row) for row in rows]

    assert set(refs(lines[:cut])) <= set(refs(lines))


def test_the_copy_in_the_examples_is_there() -> None:
    assert Path(FILE).is_file()
