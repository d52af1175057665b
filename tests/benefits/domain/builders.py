"""Builders for the pure tests of benefits: programs, events, receipts of decisions, and a small ledger."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from libs.common.program import Program, preset
from services.benefits.domain.accruals import Accrual
from services.benefits.domain.earning import Earning
from services.benefits.domain.ledger import EXPIRED, Account, Entry, EventKey, Lot, Transaction
from services.benefits.domain.maturity import due_time, mature
from services.benefits.domain.memberships import MemberEvent, TierReceipt
from services.benefits.domain.movements import Movement, post
from services.benefits.domain.posting import Posting, allocated, soonest_to_expire
from services.benefits.domain.reversals import Purchase, Refund
from tests.support.builders import DAY, NOON, PROGRAM

# What spends points is no part of the ledger yet.
REDEMPTION = "redemption"


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


def an_accrual(
    member_id: str,
    *points: int,
    ref: str = "ref",
    line: int = 0,
    at: datetime = NOON,
    pending_days: int = 0,
    expires: datetime | None = None,
) -> Accrual:
    """An accrual of so many points by one rule each, a point for each whole unit of 100."""
    amount_minor = max(points, default=0) * 100
    earnings = tuple(
        Earning(f"rule{place}", amount_minor, 100, 1, 10_000, "normal", each)
        for place, each in enumerate(points)
    )
    return Accrual(member_id, "shop", ref, line, at, at + pending_days * DAY, expires, earnings)


def a_refund(
    member_id: str, amount_minor: int, *, of: str = "ref", ref: str = "back", at: datetime = NOON + DAY
) -> Refund:
    """Money back for the purchase of this reference."""
    return Refund(member_id, "shop", ref, 0, at, at, ("shop", of, 0), amount_minor)


@dataclass
class Books:
    """A ledger in memory: what the postings made so far have left behind."""

    new_id: Callable[[str], str] = field(default_factory=ids)
    accounts: dict[str, Account] = field(default_factory=dict)
    transactions: list[Transaction] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    kept_lots: dict[str, Lot] = field(default_factory=dict)

    @property
    def lots(self) -> list[Lot]:
        """All lots as they are now."""
        return list(self.kept_lots.values())

    def post(
        self,
        movements: Sequence[Movement],
        *,
        stripe: int = 0,
        time: datetime = NOON,
        owes: bool = True,
    ) -> Posting:
        """Post movements as one transaction of the database does, at a time of the program."""
        posting = self._posting(stripe)
        post(posting, movements, self._purchases(), program_time=time, owes=owes)
        return self._kept(posting)

    def mature(self, until: datetime, *, stripe: int = 0) -> Posting:
        """Make happen what falls due until a time, soonest first."""
        posting = self._posting(stripe)
        accruals = {each.transaction_id: each for each in self.transactions}
        while due := [lot for lot in posting.lots.values() if lot.remaining and _is_due(lot, until)]:
            lot = min(due, key=lambda each: due_time(each) or until)
            mature(posting, lot, accruals[lot.origin_transaction_id])
        return self._kept(posting)

    def spend(self, points: int, member_id: str = "ann", *, time: datetime = NOON) -> Posting:
        """Take points as a redemption will, the soonest to expire first; to the account of expired ones."""
        posting = self._posting(0)
        accruals = {each.transaction_id: each for each in self.transactions}
        lots = [lot for lot in posting.lots.values() if lot.member_id == member_id and not lot.pending]
        usable = soonest_to_expire(lot for lot in lots if lot.usable(time))
        for drawn in allocated(usable, points):
            accrual = accruals[posting.lots[drawn.lot_id].origin_transaction_id]
            transaction = posting.begin(
                REDEMPTION,
                points=drawn.points,
                source="shop",
                external_ref=accrual.external_ref,
                line=0,
                occurred_time=time,
                original_transaction_id=accrual.transaction_id,
            )
            posting.take(transaction, posting.account(member_id), [drawn])
            posting.move(transaction, posting.system(EXPIRED), drawn.points)
        return self._kept(posting)

    def _posting(self, stripe: int) -> Posting:
        now = NOON + timedelta(seconds=len(self.transactions))
        return Posting(
            PROGRAM,
            "points",
            stripe,
            now,
            self.new_id,
            accounts=dict(self.accounts),
            lots={key: lot for key, lot in self.kept_lots.items() if lot.remaining},
        )

    def _kept(self, posting: Posting) -> Posting:
        self.accounts |= posting.accounts
        self.transactions += posting.transactions
        self.entries += posting.entries
        self.kept_lots |= posting.lots
        return posting

    def _purchases(self) -> dict[EventKey, Purchase]:
        """Each accrual with what went back to it, as a database finds it."""
        found = {}
        for accrual in self.transactions:
            if accrual.kind == "accrual":
                after = [e for e in self.transactions if e.original_transaction_id == accrual.transaction_id]
                reversals = [each.reversal for each in after if each.reversal is not None]
                expired = sum(each.points for each in after if each.kind == "expiration")
                latest = {"latest": reversals[-1]} if reversals else {}
                found[accrual.key] = Purchase(accrual, expired_points=expired, **latest)
        return found

    def entries_of(self, account_id: str) -> list[Entry]:
        """The entries of an account, as they were posted."""
        return [entry for entry in self.entries if entry.account_id == account_id]


def _is_due(lot: Lot, until: datetime) -> bool:
    time = due_time(lot)
    return time is not None and time <= until
