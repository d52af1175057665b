"""What falls due in the calendar with points: pending ones become active, and ones nobody spent expire."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from libs.common.calendar import Due
from libs.common.redis import partition_of
from services.benefits.domain.ledger import EXPIRED, Lot, currency_of
from services.benefits.domain.maturity import before_they_expire, mature
from services.benefits.domain.posting import Posting
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.outbox import points_changed
from services.benefits.repository import ledger
from services.benefits.repository.store import BenefitsStore


class LotMaturity:
    """Activates or expires lots, each named by its id; one that has nothing left is done.

    It is announced however long ago it fell due: a balance has changed, and
    who shows it has to know.
    """

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        *,
        pending: bool,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        """Of pending lots it is activation, of the others expiration."""
        self._store, self._programs, self._pending = store, programs, pending
        self._now, self._new_id = now, new_id

    @property
    def name(self) -> str:
        return "points_activation" if self._pending else "points_expiration"

    async def due(self, program_id: str, until: datetime, limit: int) -> list[Due]:
        """The lots that are due until a time; those behind what they bring about have to wait for it."""
        lots = await ledger.due_lots(self._store, program_id, pending=self._pending, until=until, limit=limit)
        return [Due(lot.lot_id, time) for lot, time in before_they_expire(lots)]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Post what is due with these lots, in one transaction; gives how many had anything left."""
        lot_ids = [item.key for item in items]
        return await self._store.transaction(partial(self._post, program_id, lot_ids))

    async def _post(self, program_id: str, lot_ids: Sequence[str], benefits: BenefitsStore) -> int:
        found = await ledger.lots(benefits, lot_ids)
        lots = [found[each] for each in lot_ids if each in found and found[each].remaining]
        by_currency: dict[str, list[Lot]] = defaultdict(list)
        for lot in lots:
            by_currency[currency_of(lot.account_id)].append(lot)
        for currency in sorted(by_currency):
            await self._post_alike(program_id, currency, by_currency[currency], benefits)
        return len(lots)

    async def _post_alike(
        self, program_id: str, currency: str, lots: Sequence[Lot], benefits: BenefitsStore
    ) -> None:
        now = self._now()
        # One stripe for all: nobody meets there but who expires points, and they take turns under the lease.
        posting = Posting(program_id, currency, partition_of(lots[0].member_id), now, self._new_id)
        posting.lots = {lot.lot_id: lot for lot in lots}
        members = {lot.member_id for lot in lots}
        met = [posting.system(EXPIRED), *map(posting.account, members), *map(posting.pending, members)]
        posting.accounts = await ledger.accounts(benefits, [account.account_id for account in met])
        origins = await ledger.transactions(benefits, [lot.origin_transaction_id for lot in lots])
        for lot in lots:
            mature(posting, lot, origins[lot.origin_transaction_id])
        await ledger.keep(benefits, posting)
        await benefits.announce(points_changed(posting), now)
