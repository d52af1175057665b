"""Postings on what members may spend: loads what they meet, keeps and announces what they come to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from libs.common.program import Program
from libs.common.redemption_policy import Redemption
from libs.common.redis import partition_of
from services.benefits.domain.errors import PointsPayNothing
from services.benefits.domain.ledger import member_account
from services.benefits.domain.posting import Posting
from services.benefits.domain.value import Worth
from services.benefits.outbox import points_changed
from services.benefits.repository import ledger
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class Drawing:
    """Opens postings of a program, in the transaction of a store."""

    now: Callable[[], datetime]
    new_id: Callable[[str], str]

    async def open(
        self,
        store: BenefitsStore,
        program: Program,
        member_ids: Iterable[str],
        *purposes: str,
        held: bool = False,
        currency: str = "",
    ) -> Posting:
        """A posting with what members may spend, maybe what is on hold, and accounts of the program."""
        members = list(member_ids)
        posting = self._posting(program, partition_of(members[0]), self.now(), currency)
        met = [*map(posting.account, members), *map(posting.system, purposes)]
        met += map(posting.held, members) if held else []
        posting.accounts = await ledger.accounts(store, [each.account_id for each in met])
        return posting

    async def open_each(
        self, store: BenefitsStore, program: Program, member_ids: Iterable[str], *purposes: str
    ) -> Mapping[str, Posting]:
        """The postings of several members, with what they may spend; members of a stripe have the same."""
        members, now = sorted(set(member_ids)), self.now()
        stripes = {stripe: self._posting(program, stripe, now) for stripe in set(map(partition_of, members))}
        postings = {each: stripes[partition_of(each)] for each in members}
        met = [postings[each].account(each) for each in members]
        met += [posting.system(each) for posting in stripes.values() for each in purposes]
        found = await ledger.accounts(store, [each.account_id for each in met])
        for posting in stripes.values():
            posting.accounts = dict(found)
        return postings

    def _posting(self, program: Program, stripe: int, now: datetime, currency: str = "") -> Posting:
        return Posting(program.key, currency or program.points.currency, stripe, now, self.new_id)

    async def keep(self, store: BenefitsStore, *postings: Posting) -> None:
        """Store postings of a moment, and announce them to those whose points they changed."""
        await ledger.keep(store, *postings)
        announcements = [each for posting in postings for each in points_changed(posting)]
        await store.announce(announcements, postings[0].now)


async def load_lots(
    store: BenefitsStore, posting: Posting, member_id: str, points: int, *, time: datetime
) -> None:
    """Load as many of a member's lots as so many points are drawn from, behind what is in arrears."""
    account = posting.account(member_id)
    needed = points + account.arrears
    usable = await ledger.drawable(store, account.account_id, needed, since=time, until=time, but=())
    posting.lots = {lot.lot_id: lot for lot in usable}


def payment(program: Program, point_type: str) -> Redemption:
    """How points of a type are redeemed, or PointsPayNothing."""
    found = program.points.paying(point_type)
    if found is None:
        raise PointsPayNothing(point_type=point_type)
    return found


async def worth_of(
    store: BenefitsStore,
    program: Program,
    member_id: str,
    points: int,
    *,
    time: datetime,
    point_type: str = "",
) -> Worth:
    """What a member's points are worth at a time; so many of them by their age, where they depreciate."""
    redemption = payment(program, point_type)
    if not redemption.depreciation:
        return Worth(redemption)
    account = member_account(program.key, member_id, program.points.currency)
    lots = await ledger.drawable(store, account.account_id, points, since=time, until=time, but=())
    return Worth.of(redemption, lots, time)
