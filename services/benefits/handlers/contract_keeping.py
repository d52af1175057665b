"""Keeping contracts: what became of some of them is stored and announced in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.benefits.contract_messages import contract_changed
from services.benefits.domain.contracts import Outcome
from services.benefits.repository import contracts as kept
from services.benefits.repository.notices import overtake_contract_endings
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a contract at a time of its program."""

    outcome: Outcome
    at: datetime


async def keep_contracts(
    benefits: BenefitsStore, became: Sequence[Became], currency: str, *, now: datetime
) -> None:
    """Store what became of contracts of a program with this currency, and announce it in order.

    What waits to be told of an end that is none any more is not told.
    """
    changed = [contract for each in became for contract in each.outcome.changed]
    await kept.keep(benefits, changed)
    await overtake_contract_endings(
        benefits, [(each.member_id, each.contract_id) for each in changed if each.settled]
    )
    told = [(*one, each.at) for each in became for one in each.outcome.told]
    announced = [contract_changed(contract, change, currency, at) for contract, change, at in told]
    await benefits.announce(announced, now)
