"""Use cases that read: memberships, decisions, accounts, entries and entitlements."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.common.homes import is_visible, visible
from services.benefits.domain.entitlements import Entitlement
from services.benefits.domain.errors import MemberUnknown
from services.benefits.domain.holdings import Holding
from services.benefits.domain.ledger import Transaction, held_account, member_account, pending_account
from services.benefits.domain.memberships import Decision, Membership, membership_id
from services.benefits.domain.standing import HeldTier
from services.benefits.domain.verification import StoredEntry
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.standing import MemberStanding, standing_now
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import ledger
from services.benefits.repository.store import BenefitsStore

READS_AT_ONCE = 16


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

    async def holdings(self, program_id: str, member_ids: Sequence[str]) -> dict[str, Holding]:
        """The points of each member to whom any were ever posted."""
        currency = (await self._programs.live(program_id)).program.points.currency
        seen = await self._seen(program_id, member_ids)
        active = {each: member_account(program_id, each, currency) for each in seen}
        pending = {each: pending_account(program_id, each, currency) for each in seen}
        held = {each: held_account(program_id, each, currency) for each in seen}
        every = [*active.values(), *pending.values(), *held.values()]
        stored, expiring = await asyncio.gather(
            ledger.accounts(self._store, [one.account_id for one in every]),
            ledger.expiring(self._store, [one.account_id for one in active.values()]),
        )
        return {
            each: Holding(
                member_id=each,
                account=stored.get(account.account_id, account),
                pending_points=stored.get(pending[each].account_id, pending[each]).balance,
                held_points=stored.get(held[each].account_id, held[each]).balance,
                expiring=tuple(expiring.get(account.account_id, ())),
            )
            for each, account in active.items()
            if account.account_id in stored or pending[each].account_id in stored
        }

    async def entries(
        self, program_id: str, member_ids: Sequence[str], first: int
    ) -> list[list[tuple[StoredEntry, Transaction]]]:
        """The entries of each member's account with their transactions, latest first."""
        currency = (await self._programs.live(program_id)).program.points.currency
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
