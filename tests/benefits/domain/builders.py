"""Builders for the pure tests of benefits: programs, events, receipts of decisions, and a small ledger."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from libs.common.program import Program, preset
from services.benefits.domain.earning import Earning
from services.benefits.domain.ledger import (
    Account,
    Accrual,
    Entry,
    Lot,
    Posting,
    Transaction,
    issuer_account,
    member_account,
    post_accruals,
)
from services.benefits.domain.memberships import MemberEvent, TierReceipt
from tests.support.builders import NOON, PROGRAM


def ids() -> Callable[[str], str]:
    """Identifiers that sort in the order in which they were asked for."""
    count = itertools.count(1)
    return lambda prefix: f"{prefix}_{next(count):06d}"


def a_program(
    *rules: Mapping[str, Any], multipliers: Mapping[str, int] | None = None, **points: Any
) -> Program:
    """The music store with these earning rules, tier multipliers and other points settings."""
    document = preset(PROGRAM).document()
    document["points"] |= points
    if rules:
        document["points"]["earn"] = [
            {"key": f"rule{place}", "event_kind": "purchase", "unit_minor": 100, "points_per_unit": 1, **rule}
            for place, rule in enumerate(rules)
        ]
    for tier in document["tier_sets"][0]["tiers"]:
        tier["multiplier_bp"] = (multipliers or {}).get(tier["key"], tier["multiplier_bp"])
    return Program.parse(document)


def an_event(
    seq: int, amount_minor: int = 1000, *, kind: str = "purchase", at: datetime = NOON
) -> MemberEvent:
    """An event of a member, as members announced it."""
    facts = {"purchase.count.lifetime": seq}
    return MemberEvent(f"evt_{seq}", seq, kind, "shop", f"ref_{seq}", 0, at, amount_minor, facts)


def a_receipt(from_tier: str, to_tier: str, *, at: datetime = NOON) -> TierReceipt:
    """A decision of scoring, as far as memberships read it."""
    outcome = "ENROLLED" if not from_tier else "KEPT" if from_tier == to_tier else "UPGRADED"
    return TierReceipt(
        outcome, from_tier, to_tier, at, (("purchase.count.lifetime", 1),), "d" * 64, b"receipt"
    )


def an_accrual(member_id: str, *points: int, ref: str = "ref", line: int = 0) -> Accrual:
    """An accrual of so many points by one rule each."""
    earnings = tuple(
        Earning(f"rule{place}", each * 100, 100, 1, 10_000, "normal", each)
        for place, each in enumerate(points)
    )
    return Accrual(member_id, "shop", ref, line, NOON, None, earnings)


@dataclass
class Books:
    """A ledger in memory: what the postings made so far have left behind."""

    new_id: Callable[[str], str] = field(default_factory=ids)
    accounts: dict[str, Account] = field(default_factory=dict)
    transactions: list[Transaction] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)

    def post(self, accruals: Sequence[Accrual], *, stripe: int = 0) -> Posting:
        """Post accruals as one transaction of the database does."""
        issuer = issuer_account(PROGRAM, "points", stripe)
        members = {each.member_id: member_account(PROGRAM, each.member_id, "points") for each in accruals}
        posting = post_accruals(
            accruals,
            issuer=self.accounts.get(issuer.account_id, issuer),
            accounts={
                member_id: self.accounts.get(account.account_id, account)
                for member_id, account in members.items()
            },
            now=NOON + timedelta(seconds=len(self.transactions)),
            new_id=self.new_id,
        )
        self.accounts |= posting.accounts
        self.transactions += posting.transactions
        self.entries += posting.entries
        self.lots += posting.lots
        return posting

    def entries_of(self, account_id: str) -> list[Entry]:
        """The entries of an account, as they were posted."""
        return [entry for entry in self.entries if entry.account_id == account_id]
