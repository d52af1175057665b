"""The promise about paid membership, checked over all contracts: rows neither overlap nor gap."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from services.benefits.domain.contracts import Contract
from services.benefits.repository.contract_documents import contract_from
from tests.benefits.conftest import BenefitsWorld

FOR_EVER = datetime.max.replace(tzinfo=UTC)


async def stored_faults(benefits: BenefitsWorld, program_id: str) -> list[str]:
    """What is broken about the contracts of a program as they are kept."""
    documents = await benefits.database.contracts.find({"program_id": program_id}).to_list(None)
    return contract_faults([contract_from(each) for each in documents])


def contract_faults(contracts: Sequence[Contract]) -> list[str]:
    """What is broken; nothing when the promise is kept."""
    rows: dict[tuple[str, str], list[Contract]] = defaultdict(list)
    for each in contracts:
        if each.refund is None:
            rows[each.member_id, each.terms.group].append(each)
    faults = [fault for row in rows.values() for fault in _row_faults(row)]
    faults += [fault for each in contracts for fault in _faults(each, contracts)]
    return [*faults, *_twice(contracts)]


def _row_faults(row: list[Contract]) -> Iterator[str]:
    """Of the contracts of a member and a group that were not refunded."""
    row.sort(key=lambda each: each.period.start_time)
    for before, after in pairwise(row):
        end_time = before.period.end_time or FOR_EVER
        if max(end_time, before.until_time or FOR_EVER) > after.period.start_time:
            yield f"{before.contract_id} and {after.contract_id} overlap"
        if after.follows == before.contract_id and end_time != after.period.start_time:
            yield f"between {before.contract_id} and {after.contract_id} is a gap"


def _faults(contract: Contract, contracts: Sequence[Contract]) -> Iterator[str]:
    name, refund = contract.contract_id, contract.refund
    known = {each.contract_id: each for each in contracts}
    pending = [contract.pooled, contract.reminder_time, contract.closing_time]
    if refund is not None and contract.stands(max(refund.time, contract.period.start_time)):
        yield f"{name} was refunded and grants"
    if refund is not None and not 0 <= refund.amount_minor <= contract.sale.amount_minor:
        yield f"{name} gave back {refund.amount_minor} of {contract.sale.amount_minor}"
    if (refund is not None or contract.period.end_time is None) and any(pending):
        yield f"{name} has no end to come, and waits for it"
    if contract.followed_by and known[contract.followed_by].follows != name:
        yield f"{name} is followed by what does not follow it"
    if contract.followed_by and (contract.reminder_time is not None or contract.pooled):
        yield f"{name} is followed, and its end is told or in the pool"


def _twice(contracts: Iterable[Contract]) -> Iterator[str]:
    """One charge to a period, and one refund to a reference."""
    payments = Counter((each.sale.source, each.sale.payment_reference) for each in contracts)
    refunds = Counter((each.refund.source, each.refund.reference) for each in contracts if each.refund)
    periods = Counter(
        (each.member_id, each.terms.group, each.period.start_time) for each in contracts if not each.refund
    )
    for counted in (payments, refunds, periods):
        yield from (f"{what} counts {count} times" for what, count in counted.items() if count > 1)
