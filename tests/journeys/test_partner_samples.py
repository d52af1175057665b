"""The tills of examples/partner: whatever the network does, and though they are killed, sales count once."""

import asyncio
import csv
import signal
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.partner.replay_kit.faults import ASKED_SECONDS
from libs.cli.clients import connected, staff_token
from libs.cli.data_folder import RunFile
from libs.common.program import Program
from tests.journeys.expected import TIERS, Expected
from tests.journeys.music_stores import a_music_store, as_expected, proven_figures
from tests.journeys.tills import EXAMPLES, PARTNER, Ended, Kit, Till, node_till, python_till, replay_kit

SALES = EXAMPLES / "sales.csv"
SEED = 7
FAULTS = 9
pytestmark = pytest.mark.timeout(240)


def counted() -> Expected:
    """What must come of the sales, counted here.

    A tier that is reached is kept; refunds lower the spend, and take back
    what their purchase would not have earned without them.
    """
    with SALES.open() as file:
        rows = list(csv.DictReader(file))
    spent, held = defaultdict[str, int](int), defaultdict[str, int](int)
    earned: dict[tuple[str, str], tuple[int, int]] = {}  # by line: what is left of it, and the multiplier
    expected = Expected(purchases=len(rows))
    for row in rows:
        customer, minor = row["customer"], int(row["amount"].replace(".", ""))
        if row["kind"] == "purchase":
            multiplier = 2 if held[customer] else 1
            earned[row["receipt"], row["line"]] = minor, multiplier
            expected.points += minor // 100 * multiplier
        else:
            original = row["original_receipt"], row["original_line"]
            left, multiplier = earned[original]
            earned[original] = left - minor, multiplier
            expected.points -= (left // 100 - (left - minor) // 100) * multiplier
        spent[customer] += minor if row["kind"] == "purchase" else -minor
        reached = max(rank for rank, (_, least) in enumerate(TIERS) if spent[customer] >= least)
        held[customer] = max(held[customer], reached)
    expected.members, expected.spend_minor = len(spent), sum(spent.values())
    for rank in held.values():
        expected.tiers[TIERS[rank][0]] += 1
    return expected


@dataclass(frozen=True)
class Sold:
    """A till that has sold everything by way of the kit, though it was killed on the way."""

    till: Till
    program: Program
    kit: Kit
    killed: int
    ended: Ended

    async def found(self) -> Expected:
        """What the platform says has become of it."""
        sales = counted().purchases  # refunds are transactions of the ledger as well
        async with connected(self.till.run, staff_token(self.till.run, self.program.key)) as staff:
            return as_expected(await proven_figures(staff, self.program, purchases=sales), purchases=sales)


@pytest.fixture(scope="module", params=["python", "node"])
async def sold(
    run: RunFile, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Sold:
    """Every sale sold by a till that the kit troubles and that is killed in the middle."""
    folder = tmp_path_factory.mktemp(request.param)
    command = python_till() if request.param == "python" else node_till(folder)
    program = await a_music_store(run, PARTNER)
    till, journal = Till(command, run, program.key), folder / "till.journal"
    async with replay_kit(run, program.key, seed=SEED) as kit:
        killed = await till.sell_until_killed(SALES, journal, kit.addresses, answers=9)
        with journal.open("ab") as file:
            file.write(b'{"step": "events.')  # as if it had been killed while it wrote
        # Who is started again has forgotten how long they were asked to wait.
        await asyncio.sleep(ASKED_SECONDS)
        ended = await till.sell(SALES, journal, kit.addresses)
    return Sold(till, program, kit, killed, ended)


async def test_the_figures_are_those_of_a_run_that_nothing_disturbed(sold: Sold) -> None:
    expected = counted()

    assert (sold.killed, sold.ended.code) == (-signal.SIGKILL, 0), sold.ended.err
    assert await sold.found() == expected


def test_the_till_reads_back_what_has_become_of_its_sales(sold: Sold) -> None:
    expected = counted()

    lines = [line.split() for line in sold.ended.out.splitlines()]
    spend = f"{expected.spend_minor // 100}.{expected.spend_minor % 100:02}"
    assert ["all", str(expected.members), spend, str(expected.points)] in lines
    assert {name: int(members) for name, members, *_ in lines[1:6] if name != "all"} == {
        tier: members for tier, members in expected.tiers.items() if members
    }
    assert "events: 340 accepted, 0 duplicate, 0 rejected" in sold.ended.out


def test_every_fault_was_met_and_the_till_kept_the_rules(sold: Sold) -> None:
    counts = [line.split()[0] for line in sold.kit.summary.splitlines()[-FAULTS:]]

    assert sold.kit.code == 0, sold.kit.summary
    assert all(int(count) > 0 for count in counts), sold.kit.summary


async def test_a_till_that_lost_its_journal_changes_nothing(sold: Sold, tmp_path: Path) -> None:
    again = await sold.till.sell(SALES, tmp_path / "new.journal")

    assert again.code == 0, again.err
    assert "members: 107, of them 0 new" in again.out
    assert "events: 0 accepted, 340 duplicate, 0 rejected" in again.out
    assert await sold.found() == counted()


async def test_a_sale_told_otherwise_is_for_a_person_and_not_sent_again(sold: Sold, tmp_path: Path) -> None:
    changed, journal = tmp_path / "sales.csv", tmp_path / "till.journal"
    changed.write_text(SALES.read_text().replace(",8.77,", ",8.78,", 1))

    first = await sold.till.sell(changed, journal)
    answered = journal.read_bytes()
    second = await sold.till.sell(changed, journal)

    assert (first.code, second.code) == (1, 1)
    assert "for a person: purchase 19970102-0022/1 of 0022: EVENT_CONFLICT" in first.out
    assert second.out == first.out
    assert journal.read_bytes() == answered
    assert await sold.found() == counted()


async def test_a_request_that_cannot_be_is_not_tried_again(sold: Sold, tmp_path: Path) -> None:
    nobodys = tmp_path / "sales.csv"
    nobodys.write_text(SALES.read_text().replace(",0022,", ",,", 1))

    refused = await sold.till.sell(nobodys, tmp_path / "till.journal")

    assert refused.code == 1
    assert "INVALID_REQUEST (INVALID_ARGUMENT)" in refused.err
    assert "attempt" not in refused.err


async def test_the_journal_of_other_sales_is_refused_before_anything_is_sent(
    sold: Sold, tmp_path: Path
) -> None:
    other, journal = tmp_path / "sales.csv", tmp_path / "till.journal"
    other.write_text("\n".join(SALES.read_text().splitlines()[:3]))
    await sold.till.sell(other, journal)

    refused = await sold.till.sell(SALES, journal)

    assert refused.code == 1
    assert "is the journal of" in refused.err
    assert await sold.found() == counted()
