"""What tests of points have in common: programs of other points, spending, and what a member has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.calendar import CALENDAR, Calendar, Kind
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.program import Program, preset
from services.benefits.domain.holds import Charge
from services.benefits.handlers.maturity import LotMaturity
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.spending import Spending
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON, PROGRAM

PAGE = 200


async def a_program(benefits: BenefitsWorld, **points: Any) -> str:
    """The key of a program of its own, whose points are as said and whose clock stands at noon."""
    document = preset(PROGRAM).document()
    document["key"] = f"store_{new_id('x')[-12:]}"
    document["points"] |= points
    program = Program.parse(document)
    benefits.members.times[program.key] = NOON
    await benefits.publish(program)
    return program.key


async def told(benefits: BenefitsWorld, story: Story, first: int = 1, last: int | None = None) -> None:
    """Have events of a story applied."""
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.told(first, last))


async def spend(benefits: BenefitsWorld, story: Story, points: int) -> None:
    """Redeem points at once, which are worth nothing, so that no cap of money is in the way."""
    store = BenefitsStore(benefits.database)
    program = (await ProgramHandlers(store, now).live(story.program_id)).program
    charge = Charge(story.member_id, points, 0, "shop", new_id("chk"))
    spending = Spending(now=now, new_id=new_id)
    await store.transaction(lambda bound: spending.redeem(bound, program, charge, time=NOON))


def maturity(benefits: BenefitsWorld, *, pending: bool) -> LotMaturity:
    """What a replica's calendar makes happen to points."""
    store = BenefitsStore(benefits.database)
    return LotMaturity(store, ProgramHandlers(store, now), pending=pending, now=now, new_id=new_id)


async def matured(benefits: BenefitsWorld, program_id: str, until: datetime) -> int:
    """Make happen what is due until a time; gives how much that was."""
    happened = 0
    for pending in (True, False):
        kind = maturity(benefits, pending=pending)
        while items := await kind.due(program_id, until, PAGE):
            happened += await kind.happen(program_id, items, until - 7 * DAY)
    return happened


async def a_calendar_day(
    benefits: BenefitsWorld, kinds: Sequence[Kind], program_id: str, time: datetime
) -> None:
    """Have a replica's calendar catch up with a time of a program, once."""
    group = new_id("calendar")
    leases = Leases(benefits.database, [CALENDAR], group=group, holder="test", now=now)
    await leases.renew()

    async def times() -> dict[str, datetime]:
        return {program_id: time}

    await Calendar(benefits.database, leases, kinds, times, service="benefits").run_once()


async def put_aside(benefits: BenefitsWorld, program_id: str) -> list[str]:
    """What the calendar has put aside of a program, as people see it."""
    found = benefits.database.dead_letters.find({"program_id": program_id})
    return [each["stream"] async for each in found]


@dataclass(frozen=True)
class Points:
    """The points of a member and of their program, and what posted them."""

    balance: int
    arrears: int
    pending: int
    expired: int
    reversed: int
    kinds: list[str]
    entries: list[int]
    written_off: list[int]
    remaining: list[int]


async def points_of(benefits: BenefitsWorld, story: Story) -> Points:
    """What there is of a member who is alone in their program."""
    database, program = benefits.database, {"program_id": story.program_id}
    accounts = {each["owner"]: each async for each in database.accounts.find(program)}
    transactions = await database.transactions.find(program).sort("_id", 1).to_list(None)
    own = {"account_id": f"{story.program_id}/{story.member_id}/points"}
    entries = await database.entries.find(own).sort("seq", 1).to_list(None)
    lots = await database.lots.find(program).sort("_id", 1).to_list(None)
    account = accounts.get(story.member_id, {"balance": 0, "arrears": 0})

    def balance(owner: str) -> int:
        return int(accounts[owner]["balance"]) if owner in accounts else 0

    return Points(
        balance=account["balance"],
        arrears=account["arrears"],
        pending=balance(f"pending:{story.member_id}"),
        expired=balance(f"expired:{story.program_id}"),
        reversed=balance(f"reversed:{story.program_id}"),
        kinds=[each["kind"] for each in transactions],
        entries=[each["points"] for each in entries],
        written_off=[each["reversal"]["written_off_points"] for each in transactions if each.get("reversal")],
        remaining=[lot["remaining"] for lot in lots],
    )
