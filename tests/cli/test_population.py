"""Invented buyers: the figures of the models come out, and `laurel load` reads what is written."""

import math
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.cli import cdnow
from libs.cli.main import app
from libs.cli.population import (
    DAYS_PER_WEEK,
    JOINED_DAYS,
    JOINED_FROM,
    OBSERVED_UNTIL,
    RATE_SHAPE,
    RATE_WEEKS,
    SPEND_SCALE,
    SPEND_SCALE_SHAPE,
    SPEND_SHAPE,
    Buy,
    population,
)
from libs.cli.sample import FILE

MEMBERS = 20_000


@pytest.fixture(scope="module")
def buyers() -> list[list[Buy]]:
    return list(population(MEMBERS, seed=11))


def share_of_one_time_buyers() -> float:
    """Those who have not come back: (alpha / (alpha + T)) ** r, over the days on which members join."""
    last = (OBSERVED_UNTIL - JOINED_FROM).days + 1
    weeks = [(last - day - 0.5) / DAYS_PER_WEEK for day in range(JOINED_DAYS)]
    return sum(math.pow(RATE_WEEKS / (RATE_WEEKS + each), RATE_SHAPE) for each in weeks) / JOINED_DAYS


def test_as_many_buy_once_as_the_model_says(buyers: list[list[Buy]]) -> None:
    once = sum(len(buys) == 1 for buys in buyers) / MEMBERS

    assert once == pytest.approx(share_of_one_time_buyers(), abs=5 * (0.25 / MEMBERS) ** 0.5)


def test_they_spend_what_the_model_says(buyers: list[list[Buy]]) -> None:
    dollars = [buys[0].amount_minor / 100 for buys in buyers]

    assert sum(dollars) / MEMBERS == pytest.approx(
        SPEND_SHAPE * SPEND_SCALE / (SPEND_SCALE_SHAPE - 1), rel=0.03
    )


def test_some_leave_and_some_stay_and_the_mean_is_near_that_of_cdnow(buyers: list[list[Buy]]) -> None:
    purchases = sum(map(len, buyers)) / MEMBERS
    of_cdnow = cdnow.parse(FILE.read_text().splitlines())

    assert purchases == pytest.approx(len(of_cdnow) / len({each.customer for each in of_cdnow}), rel=0.12)
    assert max(map(len, buyers)) > 20


def test_all_join_in_the_first_weeks_and_buy_in_order_until_the_end(buyers: list[list[Buy]]) -> None:
    days = [[buy.day for buy in buys] for buys in buyers]

    assert all(own == sorted(own) for own in days)
    assert {min(own[0] for own in days), max(own[0] for own in days)} == {
        JOINED_FROM,
        date(1997, 3, 25),
    }
    assert max(own[-1] for own in days) == OBSERVED_UNTIL
    assert all(buy.quantity >= 1 and buy.amount_minor >= 0 for buys in buyers for buy in buys)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one", "again", "other")]

    for file, seed in zip(files, ("3", "3", "4"), strict=True):
        CliRunner().invoke(
            app, ["generate", "--members", "50", "--seed", seed, "--out", str(file)], catch_exceptions=False
        )

    one, again, other = (file.read_bytes() for file in files)
    assert one == again
    assert one != other
    assert {each.name for each in tmp_path.iterdir()} == {"one", "again", "other"}


def test_a_smaller_population_is_the_beginning_of_a_larger_one() -> None:
    assert list(population(10, seed=5)) == list(population(30, seed=5))[:10]


def test_what_is_written_is_what_load_reads(buyers: list[list[Buy]]) -> None:
    lines = [buy.line() for buys in buyers[:500] for buy in buys]

    read = cdnow.parse(lines)

    assert [(each.customer, each.day, each.quantity, each.amount_minor) for each in read] == [
        (f"{buy.customer:04}", buy.day, buy.quantity, buy.amount_minor)
        for buys in buyers[:500]
        for buy in buys
    ]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["generate", "--members", "5", "--out", str(tmp_path / "no" / "file")])

    assert "cannot be written" in str(told.exception)
