"""Codes into a file, each once through every interruption; windows by days; cells that are no formulas."""

import csv
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.cli import coupons
from libs.cli.coupon_run import opened
from libs.cli.errors import CommandError
from libs.common.rpc.time import timestamp

SHANGHAI = "Asia/Shanghai"


class Killed(Exception):
    """What ends a command in the middle."""


@dataclass
class Service:
    """Makes codes, the same for the same request; may end the command before or after it has made some."""

    made: dict[str, list[str]] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)

    async def GenerateCouponCodes(
        self, request: pb.GenerateCouponCodesRequest, **_: float
    ) -> pb.GenerateCouponCodesResponse:
        kill = self.kills.pop(0) if self.kills else ""
        if kill == "before":
            raise Killed
        number = len(self.made)
        fresh = [f"{number:04}-{place:04}" for place in range(request.count)]
        codes = self.made.setdefault(request.request_id, fresh)
        if kill == "after":
            raise Killed
        return pb.GenerateCouponCodesResponse(codes=codes)

    @property
    def clients(self) -> Any:
        return SimpleNamespace(coupons=self)

    @property
    def codes(self) -> list[str]:
        return [code for codes in self.made.values() for code in codes]


async def generate(service: Service, file: Path, count: int = 2_500, campaign: str = "summer") -> int:
    """Run the command; gives how many codes it told of."""
    told = 0

    def more(codes: int) -> None:
        nonlocal told
        told += codes

    with opened(file, "store", campaign, count) as run:
        await run.go_on(service.clients, more)
    return told


def codes_in(file: Path) -> list[str]:
    header, *rows = file.read_text().splitlines()
    assert header == "code"
    return rows


async def test_codes_come_in_batches_into_a_file_that_its_owner_alone_reads(tmp_path: Path) -> None:
    service, file = Service(), tmp_path / "codes.csv"

    told = await generate(service, file)

    assert (told, codes_in(file)) == (2_500, service.codes)
    assert [len(codes) for codes in service.made.values()] == [1_000, 1_000, 500]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "kills",
    [["before"], ["after"], ["", "before"], ["", "after"], ["", "", "after"], ["after"] * 3],
    ids=lambda kills: " then ".join(each or "well" for each in kills),
)
async def test_an_interrupted_run_goes_on_and_makes_no_code_twice(tmp_path: Path, kills: list[str]) -> None:
    service, file = Service(kills=list(kills)), tmp_path / "codes.csv"

    for _ in range(len(kills)):
        if service.kills:
            with pytest.raises(Killed):
                await generate(service, file)
    await generate(service, file)

    assert len(service.codes) == 2_500
    assert codes_in(file) == service.codes


async def test_a_batch_that_was_half_written_is_written_whole(tmp_path: Path) -> None:
    service, file = Service(kills=["", "before"]), tmp_path / "codes.csv"
    with pytest.raises(Killed):
        await generate(service, file)
    with file.open("a") as cut:
        cut.write("0001-0000\n0001-00")

    await generate(service, file)

    assert codes_in(file) == service.codes


async def test_a_finished_run_makes_nothing_more(tmp_path: Path) -> None:
    service, file = Service(), tmp_path / "codes.csv"
    await generate(service, file)

    again = await generate(service, file)

    assert (again, len(service.made)) == (0, 3)


@pytest.mark.parametrize("other", [{"count": 2_501}, {"campaign": "winter"}], ids=["count", "campaign"])
async def test_a_file_is_of_one_run(tmp_path: Path, other: dict[str, Any]) -> None:
    service, file = Service(), tmp_path / "codes.csv"
    await generate(service, file)

    with pytest.raises(CommandError, match="of 2500 codes of summer of store"):
        await generate(service, file, **other)


async def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("mine")

    with pytest.raises(CommandError, match="not of this command"):
        await generate(Service(), file)

    assert file.read_text() == "mine"


def test_one_command_at_a_time_writes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"

    with (
        opened(file, "store", "summer", 1),
        pytest.raises(CommandError, match="Another"),
        opened(file, "store", "summer", 1),
    ):
        pass


async def test_a_file_that_has_lost_codes_is_told_of(tmp_path: Path) -> None:
    service, file = Service(), tmp_path / "codes.csv"
    await generate(service, file)
    file.write_text("code\n")

    with pytest.raises(CommandError, match="lacks codes"):
        await generate(service, file)


async def test_a_command_that_was_killed_at_its_very_beginning_begins_again(tmp_path: Path) -> None:
    service, file = Service(), tmp_path / "codes.csv"
    file.write_text("code\n")

    await generate(service, file)

    assert codes_in(file) == service.codes


def test_what_cannot_be_read_is_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.with_name("codes.csv.run").write_text("{")

    with pytest.raises(CommandError, match="cannot be read"), opened(file, "store", "summer", 1):
        pass


# Windows

Window = Callable[[str, str], datetime]
WINDOWS: dict[str, tuple[Window, str, datetime]] = {
    "from a day": (coupons.beginning, "2026-06-01", datetime(2026, 5, 31, 16, tzinfo=UTC)),
    "until a day, which is in it": (coupons.ending, "2026-06-18", datetime(2026, 6, 18, 16, tzinfo=UTC)),
    "until a time, which is out": (coupons.ending, "2026-06-18T12:00", datetime(2026, 6, 18, 4, tzinfo=UTC)),
    "a time with its zone": (coupons.beginning, "2026-06-01T00:00Z", datetime(2026, 6, 1, tzinfo=UTC)),
}


@pytest.mark.parametrize(("window", "text", "expected"), WINDOWS.values(), ids=WINDOWS)
def test_days_begin_and_end_at_the_midnights_of_the_program(
    window: Window, text: str, expected: datetime
) -> None:
    assert window(text, SHANGHAI) == expected


def test_a_day_that_a_clock_changes_ends_at_its_own_midnight() -> None:
    # New York sets its clocks back on the 1st of November 2026.
    opens, closes = (each("2026-11-01", "America/New_York") for each in (coupons.beginning, coupons.ending))

    assert closes.astimezone(UTC) - opens.astimezone(UTC) == timedelta(hours=25)


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "18.06.2026", ""])
def test_what_is_no_day_is_said(text: str) -> None:
    with pytest.raises(CommandError, match="expected a day or a time"):
        coupons.ending(text, SHANGHAI)


def test_steps_are_pairs_of_minor_units() -> None:
    assert coupons.step("30000:5000") == pb.CouponStep(from_minor=30_000, off_minor=5_000)


@pytest.mark.parametrize("text", ["30000", "a:b", ":", "1:-1", "1:２"])
def test_what_is_no_step_is_said(text: str) -> None:
    with pytest.raises(CommandError, match="30000:5000"):
        coupons.step(text)


# Files


def test_no_text_of_a_coupon_becomes_a_formula(tmp_path: Path) -> None:
    file = tmp_path / "coupons.csv"
    evil = pb.Coupon(
        coupon_id="=1+1",
        campaign="+SUM(A1)",
        member_id="@cmd",
        ending="-2+3",
        status=pb.COUPON_STATUS_USED,
        used_count=1,
        created_time=timestamp(datetime(2026, 6, 1, tzinfo=UTC)),
    )

    file.write_text(coupons.HEADER + coupons.row(evil))

    (row,) = csv.DictReader(file.open())
    texts = [row[name] for name in ("coupon_id", "campaign", "member_id", "ending")]
    assert texts == ["'=1+1", "'+SUM(A1)", "'@cmd", "'-2+3"]
    assert (row["status"], row["used_count"], row["created_time"]) == (
        "USED",
        "1",
        "2026-06-01T00:00:00+00:00",
    )
