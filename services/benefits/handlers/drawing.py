"""Postings on what members may spend: loads what they meet, keeps and announces what they come to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from libs.common.program import Program
from libs.common.redis import partition_of
from services.benefits.domain.posting import Posting
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
    ) -> Posting:
        """A posting with what members may spend, maybe what is on hold, and accounts of the program."""
        members = list(member_ids)
        stripe = partition_of(members[0])
        posting = Posting(program.key, program.points.currency, stripe, self.now(), self.new_id)
        met = [*map(posting.account, members), *map(posting.system, purposes)]
        met += map(posting.held, members) if held else []
        posting.accounts = await ledger.accounts(store, [each.account_id for each in met])
        return posting

    async def keep(self, store: BenefitsStore, posting: Posting) -> None:
        """Store a posting, and announce it to those whose points it changed."""
        await ledger.keep(store, posting)
        await store.announce(points_changed(posting), posting.now)


async def load_lots(
    store: BenefitsStore, posting: Posting, member_id: str, points: int, *, time: datetime
) -> None:
    """Load as many of a member's lots as so many points are drawn from, behind what is in arrears."""
    account = posting.account(member_id)
    needed = points + account.arrears
    usable = await ledger.drawable(store, account.account_id, needed, since=time, until=time, but=())
    posting.lots = {lot.lot_id: lot for lot in usable}
