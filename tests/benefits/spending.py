"""What tests of spending have in common: a member with points, and everything that may become of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.program import Program
from services.benefits.domain.holds import Charge, Hold
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.spending import Spending
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import a_program, told
from tests.benefits.stories import Story
from tests.support.builders import NOON

Work = Callable[[BenefitsStore], Awaitable[Hold]]


@dataclass
class Purse:
    """A member who is alone in their program, and spends."""

    benefits: BenefitsWorld
    story: Story
    program: Program
    time: datetime = NOON

    @property
    def store(self) -> BenefitsStore:
        return BenefitsStore(self.benefits.database)

    @property
    def spending(self) -> Spending:
        return Spending(now=now, new_id=new_id)

    def charge(self, points: int, *, money_minor: int = 0, ref: str = "", line: int = 0) -> Charge:
        """A charge of a check of its own, if none is named."""
        return Charge(self.story.member_id, points, money_minor, "shop", ref or new_id("chk"), line)

    async def hold(self, charge: Charge, *, minutes: float | None = None) -> Hold:
        """Hold points; `minutes` is when that ends, by our clock."""
        ends = None if minutes is None else now() + timedelta(minutes=minutes)
        return await self.done(
            lambda bound: self.spending.hold(bound, self.program, charge, time=self.time, expires_time=ends)
        )

    async def redeem(self, charge: Charge) -> Hold:
        return await self.done(
            lambda bound: self.spending.redeem(bound, self.program, charge, time=self.time)
        )

    async def capture(self, held: Hold, points: int | None = None) -> Hold:
        return await self.done(
            lambda bound: self.spending.capture(
                bound, self.program, held.hold_id, points=points, time=self.time
            )
        )

    async def release(self, held: Hold) -> Hold:
        return await self.done(
            lambda bound: self.spending.release(bound, self.program, held.hold_id, time=self.time)
        )

    async def give_back(self, held: Hold, points: int | None = None, *, ref: str = "") -> Hold:
        key = ("shop", ref or new_id("ret"), 0)
        return await self.done(
            lambda bound: self.spending.give_back(
                bound, self.program, held.hold_id, key=key, points=points, time=self.time
            )
        )

    async def done(self, work: Work) -> Hold:
        """Run work in a transaction of its own."""
        return await self.store.transaction(work)

    async def balances(self) -> dict[str, int]:
        """What the program's accounts have, by what they are for; the member's own is `active`."""
        found: dict[str, int] = {}
        async for each in self.benefits.database.accounts.find({"program_id": self.program.key}):
            owner = each["owner"].partition(":")[0]
            name = "active" if owner == self.story.member_id else owner
            found[name] = found.get(name, 0) + each["balance"]
        return found

    async def lots(self) -> list[tuple[int, int]]:
        """Earned and left of each lot, the oldest first."""
        found = self.benefits.database.lots.find({"program_id": self.program.key}).sort("_id", 1)
        return [(each["earned"], each["remaining"]) async for each in found]


async def a_purse(benefits: BenefitsWorld, *points: int, **settings: object) -> Purse:
    """A member who earned these points a day apart, in a program with these points settings."""
    program_id = await a_program(benefits, **settings)
    story = Story(program_id)
    if points:
        await told(benefits, story.buys(*[each * 100 for each in points]))
    program = (await ProgramHandlers(BenefitsStore(benefits.database), now).live(program_id)).program
    return Purse(benefits, story, program)
