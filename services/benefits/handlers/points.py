"""Points: loads what the movements of some members meet, posts them, and stores what they come to."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.benefits.domain.accruals import Accrual
from services.benefits.domain.ledger import ISSUER, REVERSED, Account, EventKey, Lot, system_account
from services.benefits.domain.movements import Movement, post
from services.benefits.domain.posting import Posting
from services.benefits.domain.programs import Version
from services.benefits.domain.reversals import Purchase, Refund
from services.benefits.repository import ledger
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class Movements:
    """What members of one partition do to their points of a currency, by a version of their program."""

    version: Version
    currency: str
    partition: int
    program_time: datetime
    movements: Sequence[Movement]

    @staticmethod
    def of_each_currency(
        version: Version, partition: int, program_time: datetime, movements: Sequence[Movement]
    ) -> list["Movements"]:
        """The movements by currency; a refund takes back what a purchase gave in any."""
        return [
            Movements(version, currency, partition, program_time, found)
            for currency in version.program.points.currencies
            if (found := [one for one in movements if isinstance(one, Refund) or one.currency == currency])
        ]

    @property
    def issued(self) -> list[int]:
        """What is issued, by accrual."""
        return [each.points for each in self.movements if isinstance(each, Accrual) and each.points]

    @property
    def refunds(self) -> list[Refund]:
        return [each for each in self.movements if isinstance(each, Refund)]

    def posting(self, now: datetime, new_id: Callable[[str], str]) -> Posting:
        """A posting of them, with nothing in it."""
        return Posting(self.version.program_id, self.currency, self.partition, now, new_id)


async def issue(benefits: BenefitsStore, movements: Movements) -> Account:
    """Move the issuer's stripe by all that is issued, first in the transaction; gives it as it was before."""
    version, issued = movements.version, movements.issued
    issuer = system_account(ISSUER, version.program_id, movements.currency, movements.partition)
    if not issued:
        return issuer
    return await ledger.take(benefits, issuer, points=-sum(issued), entries=len(issued))


async def post_movements(
    benefits: BenefitsStore,
    movements: Movements,
    *,
    issuer: Account,
    now: datetime,
    new_id: Callable[[str], str],
) -> Posting:
    """Post movements from the issuer's stripe, which was moved already, and store them."""
    posting = movements.posting(now, new_id)
    originals = {refund.original for refund in movements.refunds}
    purchases = await ledger.purchases(benefits, posting.program_id, posting.currency, originals)
    posting.lots = await _lots(benefits, posting, movements.refunds, purchases)
    posting.accounts = {
        **await ledger.accounts(benefits, _met(posting, movements)),
        issuer.account_id: issuer,
    }
    owes = movements.version.program.points.arrears == "owe"
    post(posting, movements.movements, purchases, program_time=movements.program_time, owes=owes)
    await ledger.keep(benefits, posting, but=[issuer.account_id])
    return posting


def _met(posting: Posting, movements: Movements) -> list[str]:
    """The accounts that may be moved, the issuer's apart."""
    members = {each.member_id for each in movements.movements}
    met = [posting.account(member_id) for member_id in members]
    if movements.refunds or any(_is_pending(each, movements.program_time) for each in movements.movements):
        met += [posting.pending(member_id) for member_id in members]
    if movements.refunds:
        met.append(posting.system(REVERSED))
    return [account.account_id for account in met]


def _is_pending(movement: Movement, program_time: datetime) -> bool:
    return isinstance(movement, Accrual) and movement.pending(program_time)


async def _lots(
    benefits: BenefitsStore,
    posting: Posting,
    refunds: Sequence[Refund],
    purchases: Mapping[EventKey, Purchase],
) -> dict[str, Lot]:
    """The lots that refunds may draw on: the purchases' own, and of the others as much as is taken back.

    What own lots still have may be another purchase's than the one that lacks.
    """
    own = await ledger.lots_from(benefits, [each.accrual.transaction_id for each in purchases.values()])
    lots = {lot.lot_id: lot for lot in own}
    by_member: dict[str, list[Refund]] = defaultdict(list)
    for refund in refunds:
        by_member[refund.member_id].append(refund)
    for member_id, of_member in by_member.items():
        to_reverse = _to_reverse(of_member, purchases)
        if to_reverse > 0:
            others = await ledger.drawable(
                benefits,
                posting.account(member_id).account_id,
                to_reverse,
                since=min(each.as_of for each in of_member),
                until=max(each.as_of for each in of_member),
                but=lots,
            )
            lots |= {lot.lot_id: lot for lot in others}
    return lots


def _to_reverse(refunds: Sequence[Refund], purchases: Mapping[EventKey, Purchase]) -> int:
    """The most that refunds may take back of the purchases of before."""
    refunded = [purchases[key] for key in {each.original for each in refunds} if key in purchases]
    return sum(each.accrual.points - each.latest.reversed_points for each in refunded)
