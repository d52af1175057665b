"""VerifyLedger over holds: what is changed in the database behind them is found."""

from typing import Any

import pytest

from libs.common.mongo import Database
from services.benefits.handlers import hold_verification
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.spending import Purse, a_purse


async def a_ledger_of_holds(benefits: BenefitsWorld) -> Purse:
    """A member with 10 points on hold, 20 captured of 25, 5 released, and 8 of 15 given back."""
    purse = await a_purse(benefits, 50, 50)
    await purse.hold(purse.charge(10))
    await purse.capture(await purse.hold(purse.charge(25)), 20)
    await purse.release(await purse.hold(purse.charge(5)))
    await purse.give_back(await purse.redeem(purse.charge(15)), 8)
    return purse


async def test_a_ledger_of_holds_is_whole(benefits: BenefitsWorld) -> None:
    purse = await a_ledger_of_holds(benefits)

    assert await purse.balances() == {"issuer": -100, "active": 63, "held": 10, "spent": 27}
    assert await ledger_faults(benefits, purse.program.key) == []


async def edited(database: Database, program_id: str, where: dict[str, Any], **fields: Any) -> None:
    found = await database.holds.update_one({"program_id": program_id, **where}, {"$set": fields})
    assert found.modified_count == 1


TAMPERINGS: list[tuple[str, set[str], dict[str, Any], dict[str, Any]]] = [
    ("an open hold closed", {"HELD", "HOLD"}, {"points": 10}, {"state": "released"}),
    ("a hold opened again", {"HELD", "HOLD"}, {"points": 5}, {"state": "open"}),
    ("more captured", {"HOLD"}, {"points": 25}, {"captured": 21}),
    ("less given back", {"HOLD"}, {"points": 15}, {"returned": 7}),
    ("another lot drawn on", {"HOLD"}, {"points": 15}, {"drawn.0.lot_id": "lot_x"}),
    ("held for another check", {"HOLD"}, {"points": 25}, {"external_ref": "another"}),
    ("held in another account", {"HELD"}, {"points": 10}, {"account_id": "~/x/points/held"}),
]


@pytest.mark.parametrize(
    ("codes", "where", "fields"), [each[1:] for each in TAMPERINGS], ids=[each[0] for each in TAMPERINGS]
)
async def test_a_hold_that_was_tampered_with_is_found_by_its_code(
    benefits: BenefitsWorld, codes: set[str], where: dict[str, Any], fields: dict[str, Any]
) -> None:
    purse = await a_ledger_of_holds(benefits)

    await edited(benefits.database, purse.program.key, where, **fields)

    assert {each.split()[0] for each in await ledger_faults(benefits, purse.program.key)} == codes


@pytest.mark.parametrize("at_once", [500, 2], ids=["in one page", "in pages"])
@pytest.mark.parametrize("points", [10, 25, 15], ids=["the first", "one between", "the last"])
async def test_a_hold_that_was_deleted_is_missed_by_its_transactions(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch, points: int, at_once: int
) -> None:
    monkeypatch.setattr(hold_verification, "HOLDS_AT_ONCE", at_once)
    purse = await a_ledger_of_holds(benefits)
    found = await benefits.database.holds.find_one_and_delete(
        {"program_id": purse.program.key, "points": points}
    )
    assert found is not None

    faults = await ledger_faults(benefits, purse.program.key)

    orphans = benefits.database.transactions.find({"hold_id": found["_id"]})
    expected = {each["_id"] async for each in orphans}
    assert {each.split()[1] for each in faults if each.startswith("HOLD ")} == expected
