"""Spending: holds, captures, releases and returns, each in the transaction of the store that it is given.

So a redemption, a coupon or a contract can be in the same transaction as the
points that pay for it. What is redeemed counts here, for all channels alike:
a reward and a till cannot pass the day's cap together.
"""

from collections.abc import Callable
from datetime import datetime

from libs.common.clock import business_date
from libs.common.program import Program
from services.benefits.domain import spending
from services.benefits.domain.errors import HoldUnknown
from services.benefits.domain.holds import Charge, Hold
from services.benefits.domain.ledger import SPENT, EventKey
from services.benefits.domain.posting import Posting
from services.benefits.domain.redemption_limits import Redeemed, require_within
from services.benefits.handlers.drawing import Drawing, load_lots, payment
from services.benefits.repository import day_counts, holds, ledger
from services.benefits.repository.holds import redeemed_day
from services.benefits.repository.store import BenefitsStore


class Spending:
    """Moves points that members spend, by the program as it is now and at a time of it.

    `time` is what `ProgramTimes.of` tells, asked for before the transaction;
    `store` is bound to a transaction. Visibility is for the caller to see to.
    """

    def __init__(self, *, now: Callable[[], datetime], new_id: Callable[[str], str]) -> None:
        self._now, self._drawing = now, Drawing(now, new_id)

    async def hold(
        self,
        store: BenefitsStore,
        program: Program,
        charge: Charge,
        *,
        time: datetime,
        expires_time: datetime | None,
    ) -> Hold:
        """Set points aside until they are captured or released; past `expires_time` they are released.

        Without an end it is the caller who resolves it. Raises PointsInsufficient, RedemptionTooSmall,
        RedemptionCapReached, RedemptionsTooFrequent and PointsPayNothing; a business key that was charged
        before is a duplicate key, so look with `find` first.
        """
        day = await self._counted(store, program, charge, time)
        posting = await self._drawn(store, program, charge, time)
        held = spending.hold(posting, charge, time=time, day=day, expires_time=expires_time)
        await self._drawing.keep(store, posting)
        await holds.add(store, held)
        return held

    async def redeem(self, store: BenefitsStore, program: Program, charge: Charge, *, time: datetime) -> Hold:
        """Spend points at once, which is a hold that is captured already; refuses as `hold` does."""
        day = await self._counted(store, program, charge, time)
        posting = await self._drawn(store, program, charge, time)
        held = spending.redeem(posting, charge, time=time, day=day)
        await self._drawing.keep(store, posting)
        await holds.add(store, held)
        return held

    async def capture(
        self,
        store: BenefitsStore,
        program: Program,
        hold_id: str,
        *,
        points: int | None = None,
        time: datetime,
    ) -> Hold:
        """Spend the held points, or so many of them and give the others back.

        Raises HoldUnknown, HoldStateWrong when it is not open or past its end, HoldExceeded.
        """
        held = await self.one(store, program.key, hold_id)
        points = held.points if points is None else points
        posting, time = await self._returning(store, program, held, time)
        captured = spending.capture(posting, held, points, time=time, returned_days=_returned_days(program))
        return await self._resolved(store, posting, held, captured)

    async def release(self, store: BenefitsStore, program: Program, hold_id: str, *, time: datetime) -> Hold:
        """Give all held points back. Raises HoldUnknown, HoldStateWrong."""
        held = await self.one(store, program.key, hold_id)
        posting, time = await self._returning(store, program, held, time)
        released = spending.release(posting, held, time=time, returned_days=_returned_days(program))
        return await self._resolved(store, posting, held, released)

    async def give_back(
        self,
        store: BenefitsStore,
        program: Program,
        hold_id: str,
        *,
        key: EventKey,
        points: int | None = None,
        time: datetime,
    ) -> Hold:
        """Give captured points back, all that are left or so many, under a business key of its own.

        Raises HoldUnknown, HoldStateWrong when it was not captured, HoldExceeded.
        """
        held = await self.one(store, program.key, hold_id)
        points = held.kept if points is None else points
        posting, time = await self._returning(store, program, held, time)
        returned = spending.give_back(
            posting, held, points, key=key, time=time, returned_days=_returned_days(program)
        )
        return await self._resolved(store, posting, held, returned)

    async def one(self, store: BenefitsStore, program_id: str, hold_id: str) -> Hold:
        """A hold, or HoldUnknown."""
        held = await holds.one(store, program_id, hold_id)
        if held is None:
            raise HoldUnknown(hold_id=hold_id)
        return held

    async def find(self, store: BenefitsStore, program_id: str, key: EventKey) -> Hold | None:
        """What was charged under a business key, if anything was."""
        source, external_ref, line = key
        return (await holds.of_keys(store, program_id, source, external_ref, [line])).get(line)

    async def _counted(self, store: BenefitsStore, program: Program, charge: Charge, time: datetime) -> str:
        """Count a charge on the program's business day, first in the transaction; refuse what is too much."""
        day = business_date(time, program.time_zone).isoformat()
        counted = redeemed_day(program.key, charge.member_id, day)
        before = await day_counts.count(store, counted, amount=charge.money_minor, now=self._now())
        redeemed = Redeemed(before.amount, before.times)
        policy = payment(program, charge.point_type)
        require_within(policy, charge.points, charge.money_minor, redeemed)
        return day

    async def _drawn(self, store: BenefitsStore, program: Program, charge: Charge, time: datetime) -> Posting:
        """A posting with as many of the member's lots as are needed."""
        posting = await self._drawing.open(
            store, program, [charge.member_id], SPENT, held=True, currency=charge.point_type
        )
        await load_lots(store, posting, charge.member_id, charge.points, time=time)
        return posting

    async def _returning(
        self, store: BenefitsStore, program: Program, held: Hold, time: datetime
    ) -> tuple[Posting, datetime]:
        """A posting with the lots that a hold drew on, and when what comes back to them does so."""
        posting = await self._drawing.open(
            store, program, [held.charge.member_id], SPENT, held=True, currency=held.currency
        )
        posting.lots = await ledger.lots(store, (each.lot_id for each in held.drawn))
        if maybe := spending.doubtful(posting.lots.values(), time):
            origins = await ledger.expired_origins(store, (lot.origin_transaction_id for lot in maybe))
            time = spending.coming_back((lot for lot in maybe if lot.origin_transaction_id in origins), time)
        made = [lot.origin_transaction_id for lot in spending.ends_by(posting.lots.values(), time)]
        if made:
            posting.kinds |= {
                key: each.kind for key, each in (await ledger.transactions(store, made)).items()
            }
        return posting, time

    async def _resolved(self, store: BenefitsStore, posting: Posting, before: Hold, after: Hold) -> Hold:
        await self._drawing.keep(store, posting)
        await holds.replace(store, after)
        await holds.uncount(store, before, after)
        return after


def _returned_days(program: Program) -> int:
    return program.points.redemption.returned_days
