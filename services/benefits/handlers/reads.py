"""Use cases that read: memberships, decisions, accounts, entries and entitlements."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.homes import is_visible, visible
from services.benefits.domain.entitlements import Entitlement
from services.benefits.domain.errors import MemberUnknown
from services.benefits.domain.holdings import Holding, Holdings
from services.benefits.domain.ledger import (
    Account,
    Transaction,
    held_account,
    member_account,
    pending_account,
)
from services.benefits.domain.memberships import Decision, Membership, membership_id
from services.benefits.domain.standing import HeldTier
from services.benefits.domain.verification import StoredEntry
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.standing import MemberStanding, standing_now
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import ledger
from services.benefits.repository.store import BenefitsStore

READS_AT_ONCE = 16
# The accounts of a member in each currency.
OF_MEMBER = (member_account, pending_account, held_account)


@dataclass(frozen=True, slots=True)
class HeldMembership:
    """A membership with the tier that is held, and the latest decision, which is about the earned one."""

    membership: Membership
    held: HeldTier
    decision: Decision | None


class ReadHandlers:
    """Answers what members hold, without changing anything."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def memberships(
        self, program_id: str, member_ids: Sequence[str]
    ) -> dict[str, list[HeldMembership]]:
        """The memberships of each member that has any, with what is held and the latest decision of each."""
        found = await self._standings(program_id, member_ids)
        every = [membership for each in found.values() for membership in each.memberships]
        decisions = await self._store.decisions(membership.decision_id for membership in every)
        return {
            member_id: [
                HeldMembership(one, tiers[one.tier_set], decisions.get(one.decision_id))
                for one in each.memberships
            ]
            for member_id, each in found.items()
            if each.memberships
            for tiers in [each.tiers]
        }

    async def decisions(self, program_id: str, decision_ids: Sequence[str]) -> dict[str, Decision]:
        found = await self._store.decisions(decision_ids)
        seen = await self._seen(program_id, {decision.member_id for decision in found.values()})
        return {
            key: decision
            for key, decision in found.items()
            if decision.program_id == program_id and decision.member_id in seen
        }

    async def tier_changes(
        self, program_id: str, keys: Sequence[tuple[str, str]], first: int
    ) -> list[list[Decision]]:
        """The changes of each (member, tier set), latest first."""
        at_once = asyncio.Semaphore(READS_AT_ONCE)
        seen = await self._seen(program_id, {member_id for member_id, _ in keys})

        async def changes(member_id: str, tier_set: str) -> list[Decision]:
            if member_id not in seen:
                return []
            async with at_once:
                return await self._store.tier_changes(membership_id(program_id, member_id, tier_set), first)

        return await asyncio.gather(*(changes(*key) for key in keys))

    async def holdings(self, program_id: str, member_ids: Sequence[str]) -> dict[str, Holdings]:
        """The points of each member to whom any were ever posted."""
        points = (await self._programs.live(program_id)).program.points
        seen = await self._seen(program_id, member_ids)
        accounts = {
            (each, currency): [of(program_id, each, currency) for of in OF_MEMBER]
            for each in seen
            for currency in points.currencies
        }
        stored, expiring = await asyncio.gather(
            ledger.accounts(self._store, [one.account_id for every in accounts.values() for one in every]),
            ledger.expiring(self._store, [active.account_id for active, *_ in accounts.values()]),
        )
        found = {
            key: _holding([stored.get(one.account_id, one) for one in every], expiring)
            for key, every in accounts.items()
        }
        return {
            each: Holdings(
                each, found[each, points.currency], {type_: found[each, type_.key] for type_ in points.types}
            )
            for each in seen
            if any(one.account_id in stored for name in points.currencies for one in accounts[each, name])
        }

    async def entries(
        self, program_id: str, member_ids: Sequence[str], first: int, point_type: str = ""
    ) -> list[list[tuple[StoredEntry, Transaction]]]:
        """The entries of each member's account, or of that for a type, with transactions, latest first."""
        currency = point_type or (await self._programs.live(program_id)).program.points.currency
        at_once = asyncio.Semaphore(READS_AT_ONCE)
        seen = await self._seen(program_id, member_ids)

        async def latest(member_id: str) -> list[StoredEntry]:
            if member_id not in seen:
                return []
            async with at_once:
                account = member_account(program_id, member_id, currency)
                return await ledger.latest_entries(self._store, account.account_id, first)

        by_member = await asyncio.gather(*(latest(member_id) for member_id in member_ids))
        wanted = [stored.entry.transaction_id for entries in by_member for stored in entries]
        transactions = await ledger.transactions(self._store, wanted)
        return [
            [(stored, transactions[stored.entry.transaction_id]) for stored in entries]
            for entries in by_member
        ]

    async def entitlements(self, program_id: str, member_ids: Sequence[str]) -> dict[str, list[Entitlement]]:
        """What the tiers and contracts of each member grant, by the live version of the program."""
        found = await self._standings(program_id, member_ids)
        return {member_id: each.entitlements for member_id, each in found.items()}

    async def latest_change(self, program_id: str, member_id: str) -> int:
        """The place of the latest change of a member whom the caller may see."""
        if not await is_visible(self._store.database, program_id, member_id):
            raise MemberUnknown(member_id=member_id)
        return await self._store.change_place(member_id)

    async def _seen(self, program_id: str, member_ids: Collection[str]) -> set[str]:
        """Those of the members whom the caller may see; the others are as if they were not there."""
        return await visible(self._store.database, program_id, member_ids)

    async def _standings(self, program_id: str, member_ids: Sequence[str]) -> dict[str, MemberStanding]:
        version = await self._programs.find(program_id)
        if version is None:
            return {}
        seen = await self._seen(program_id, member_ids)
        return await standing_now(self._store, version.program, seen, self._times)


def _holding(accounts: Sequence[Account], expiring: Mapping[str, Sequence[tuple[datetime, int]]]) -> Holding:
    """The accounts of a member in one currency: to spend from, pending, held."""
    active, pending, held = accounts
    return Holding(active, pending.balance, held.balance, tuple(expiring.get(active.account_id, ())))
