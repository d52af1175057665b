"""What falls due in the calendar with contracts: their ends are told ahead, and happen."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby

from libs.common.calendar import Due
from libs.common.program import Program
from services.benefits.domain.contract_ends import closed, reminded
from services.benefits.domain.contract_occasions import contract_ending
from services.benefits.domain.contracts import Contract
from services.benefits.handlers.contract_keeping import Became, keep_contracts
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.telling import NewId, tell
from services.benefits.repository import contracts as kept
from services.benefits.repository.store import BenefitsStore


class ContractReminders:
    """Tells members so many days ahead that a contract ends; each is named by the contract and the days.

    A contract knows its next reminder, and has none while another follows it.
    """

    name = "contract_reminder"

    def __init__(
        self, store: BenefitsStore, programs: ProgramHandlers, *, now: Callable[[], datetime], new_id: NewId
    ) -> None:
        self._store, self._programs, self._now, self._new_id = store, programs, now, new_id

    async def due(self, program_id: str, until: datetime, limit: int) -> Sequence[Due]:
        """The contracts whose next reminder is due by then."""
        found = await kept.due(self._store, program_id, "reminder_time", until, limit)
        return [_reminder(each) for each in found]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Tell the members of these contracts, unless it is long ago; gives how many that were."""
        program = (await self._programs.live(program_id)).program
        return await self._store.transaction(partial(self._tell, program, items, fresh_since))

    async def _tell(
        self, program: Program, items: Sequence[Due], fresh_since: datetime, benefits: BenefitsStore
    ) -> int:
        found = await kept.by_ids(benefits, program.key, map(_contract_id, items))
        waiting = [each for each in found.values() if each.reminder_time is not None]
        due = {reminder.key: (each, reminder.due_time) for each in waiting for reminder in [_reminder(each)]}
        told = [due[item.key] for item in items if item.key in due]
        for time, same in groupby(told, key=lambda each: each[1]):
            if time >= fresh_since:
                occasions = [contract_ending(program, contract, time) for contract, _ in same]
                await tell(benefits, program, occasions, time=time, now=self._now(), new_id=self._new_id)
        await kept.keep(benefits, [reminded(contract, program.time_zone) for contract, _ in told])
        return len(told)


class ContractEnds:
    """Ends contracts, and their grace, each named by the contract and the time.

    It is announced however long ago it fell due: what the member holds has
    changed, and who shows it has to know. Whoever has nothing that follows
    enters the renewal pool.
    """

    name = "contract_end"

    def __init__(
        self, store: BenefitsStore, programs: ProgramHandlers, *, now: Callable[[], datetime]
    ) -> None:
        self._store, self._programs, self._now = store, programs, now

    async def due(self, program_id: str, until: datetime, limit: int) -> Sequence[Due]:
        """The contracts that end by then, or whose grace does."""
        found = await kept.due(self._store, program_id, "closing_time", until, limit)
        return [_end(each) for each in found]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """End these contracts; gives how many still had to."""
        currency = (await self._programs.live(program_id)).program.currency
        return await self._store.transaction(partial(self._end, program_id, currency, items))

    async def _end(
        self, program_id: str, currency: str, items: Sequence[Due], benefits: BenefitsStore
    ) -> int:
        found = await kept.by_ids(benefits, program_id, map(_contract_id, items))
        waiting = [each for each in found.values() if each.closing_time is not None]
        due = {end.key: (each, end.due_time) for each in waiting for end in [_end(each)]}
        ending = [due[item.key] for item in items if item.key in due]
        if not ending:
            return 0
        members = {contract.member_id for contract, _ in ending}
        # What somebody buys at this moment decides who enters the pool.
        await kept.claim(benefits, program_id, members)
        first = min(time for _, time in ending)
        standing = _by_member(await kept.held(benefits, program_id, members, first))
        became = [
            Became(closed(contract, standing.get(contract.member_id, {})), time) for contract, time in ending
        ]
        await keep_contracts(benefits, became, currency, now=self._now())
        return len(ending)


def _reminder(contract: Contract) -> Due:
    assert contract.reminder_time is not None, "only those are asked for that have one"
    return Due(f"{contract.contract_id}/{contract.reminder_days}", contract.reminder_time)


def _end(contract: Contract) -> Due:
    assert contract.closing_time is not None, "only those are asked for that have one"
    return Due(f"{contract.contract_id}/{contract.closing_time.isoformat()}", contract.closing_time)


def _contract_id(item: Due) -> str:
    return item.key.partition("/")[0]


def _by_member(contracts: Iterable[Contract]) -> dict[str, dict[str, Contract]]:
    found: dict[str, dict[str, Contract]] = {}
    for each in contracts:
        found.setdefault(each.member_id, {})[each.contract_id] = each
    return found
