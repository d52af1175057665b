"""Builders for the pure tests of benefits: programs, events, receipts of decisions, and a small ledger."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from libs.common.program import Program, preset
from services.benefits.domain.accruals import Accrual
from services.benefits.domain.adjustments import Adjustment, adjust
from services.benefits.domain.earning import Earning
from services.benefits.domain.holds import Charge, Hold
from services.benefits.domain.ledger import Account, Allocation, Entry, EventKey, Lot, Transaction
from services.benefits.domain.maturity import due_time, mature
from services.benefits.domain.memberships import MemberEvent, TierReceipt
from services.benefits.domain.movements import Movement, post
from services.benefits.domain.posting import Posting, allocated
from services.benefits.domain.reversals import Purchase, Refund
from services.benefits.domain.spending import capture, give_back, hold, redeem, release, usable
from services.benefits.domain.transfers import transfer
from tests.support.builders import DAY, NOON, PROGRAM

RETURNED_DAYS = 30


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
    return Accrual(member_id, "shop", ref, line, at, at + pending_days * DAY, expires, earnings, "points")


def a_refund(
    member_id: str, amount_minor: int, *, of: str = "ref", ref: str = "back", at: datetime = NOON + DAY
) -> Refund:
    """Money back for the purchase of this reference."""
    return Refund(member_id, "shop", ref, 0, at, at, ("shop", of, 0), amount_minor)


def an_adjustment(points: int, member_id: str = "ann", *, adjustment_id: str = "adj_1") -> Adjustment:
    """An adjustment that Sue asked for."""
    return Adjustment(adjustment_id, PROGRAM, member_id, points, "goodwill", asked_by="sue", asked_time=NOON)


@dataclass
class Books:
    """A ledger in memory: what the postings made so far have left behind."""

    new_id: Callable[[str], str] = field(default_factory=ids)
    accounts: dict[str, Account] = field(default_factory=dict)
    transactions: list[Transaction] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    kept_lots: dict[str, Lot] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)

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
        origins = {each.transaction_id: each for each in self.transactions}
        while due := [lot for lot in posting.lots.values() if lot.remaining and _is_due(lot, until)]:
            lot = min(due, key=lambda each: due_time(each) or until)
            mature(posting, lot, origins[lot.origin_transaction_id])
        return self._kept(posting)

    def spend(self, points: int, member_id: str = "ann", *, time: datetime = NOON) -> Posting:
        """Spend points at once, or as many as there are."""
        posting = self._posting(0)
        left = sum(each.points for each in drawn_at_most(posting, member_id, points, time=time))
        if left:
            charge = self.a_charge(left, member_id)
            self._resolved(redeem(posting, charge, time=time, day="1998-03-02"))
        return self._kept(posting)

    def redeem(self, points: int, member_id: str = "ann", *, time: datetime = NOON) -> Hold:
        """Spend points at once."""
        posting = self._posting(0)
        held = redeem(posting, self.a_charge(points, member_id), time=time, day="1998-03-02")
        self._kept(posting)
        return self._resolved(held)

    def hold(
        self,
        points: int,
        member_id: str = "ann",
        *,
        time: datetime = NOON,
        expires_time: datetime | None = None,
    ) -> Hold:
        """Set points aside."""
        posting = self._posting(0)
        charge = self.a_charge(points, member_id)
        held = hold(posting, charge, time=time, day="1998-03-02", expires_time=expires_time)
        self._kept(posting)
        return self._resolved(held)

    def capture(self, held: Hold, points: int, *, time: datetime = NOON) -> Hold:
        """Spend held points, and give the others back."""
        posting = self._posting(0, held)
        captured = capture(posting, self.holds[held.hold_id], points, time=time, returned_days=RETURNED_DAYS)
        self._kept(posting)
        return self._resolved(captured)

    def release(self, held: Hold, *, time: datetime = NOON) -> Hold:
        """Give held points back."""
        posting = self._posting(0, held)
        released = release(posting, self.holds[held.hold_id], time=time, returned_days=RETURNED_DAYS)
        self._kept(posting)
        return self._resolved(released)

    def give_back(self, held: Hold, points: int, *, time: datetime = NOON) -> Hold:
        """Give spent points back."""
        posting = self._posting(0, held)
        key = ("till", self.new_id("ret"), 0)
        returned = give_back(
            posting, self.holds[held.hold_id], points, key=key, time=time, returned_days=RETURNED_DAYS
        )
        self._kept(posting)
        return self._resolved(returned)

    def transfer(self, points: int, from_id: str, to_id: str, *, time: datetime = NOON) -> Posting:
        """Pass points on."""
        posting = self._posting(0)
        transfer_id = self.new_id("trf")
        transfer(posting, from_id=from_id, to_id=to_id, points=points, transfer_id=transfer_id, time=time)
        return self._kept(posting)

    def adjust(
        self,
        points: int,
        member_id: str = "ann",
        *,
        time: datetime = NOON,
        expires: datetime | None = None,
    ) -> Posting:
        """Give points, or take them."""
        posting = self._posting(0)
        asked = an_adjustment(points, member_id, adjustment_id=self.new_id("adj"))
        adjust(posting, asked, time=time, expire_time=expires)
        return self._kept(posting)

    def a_charge(self, points: int, member_id: str = "ann") -> Charge:
        """A charge of a check that nobody was charged for; a point is worth a minor unit."""
        return Charge(member_id, points, points, "till", self.new_id("chk"))

    def _resolved(self, held: Hold) -> Hold:
        self.holds[held.hold_id] = held
        return held

    def _posting(self, stripe: int, held: Hold | None = None) -> Posting:
        """A posting with the lots that have anything left, and those that a hold drew on."""
        drawn = {each.lot_id for each in held.drawn} if held else set()
        now = NOON + timedelta(seconds=len(self.transactions))
        return Posting(
            PROGRAM,
            "points",
            stripe,
            now,
            self.new_id,
            accounts=dict(self.accounts),
            lots={key: lot for key, lot in self.kept_lots.items() if lot.remaining or key in drawn},
            kinds={each.transaction_id: each.kind for each in self.transactions},
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


def drawn_at_most(posting: Posting, member_id: str, points: int, *, time: datetime) -> list[Allocation]:
    """What a member may spend of so many points."""
    account = posting.account(member_id)
    lots = usable(posting, account, time)
    return allocated(lots, min(points, sum(lot.remaining for lot in lots) - account.arrears))


def _is_due(lot: Lot, until: datetime) -> bool:
    time = due_time(lot)
    return time is not None and time <= until
