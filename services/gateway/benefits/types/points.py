"""What the graph shows of points: the account, its entries, and how each was counted."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from laurel.benefits.v1 import benefits_pb2 as pb
from services.gateway.benefits.types.earning import Earning, earning_of
from services.gateway.benefits.types.holds import PointsHold, hold_of
from services.gateway.benefits.types.proofs import EntryProof, proof_of
from services.gateway.context import Info
from services.gateway.sources import loaded, one
from services.gateway.values import LocalName, Long, checked_first, known, time_of


@strawberry.enum(description="What a ledger transaction does.")
class EntryKind(Enum):
    ACCRUAL = strawberry.enum_value(pb.ENTRY_KIND_ACCRUAL, description="Points earned.")
    REVERSAL = strawberry.enum_value(
        pb.ENTRY_KIND_REVERSAL, description="Points taken back, as what earned them was refunded."
    )
    EXPIRATION = strawberry.enum_value(
        pb.ENTRY_KIND_EXPIRATION, description="Points that nobody spent in time."
    )
    ACTIVATION = strawberry.enum_value(
        pb.ENTRY_KIND_ACTIVATION, description="Points that were pending and may now be spent."
    )
    HOLD = strawberry.enum_value(
        pb.ENTRY_KIND_HOLD, description="Points set aside for something that is not settled."
    )
    CAPTURE = strawberry.enum_value(pb.ENTRY_KIND_CAPTURE, description="Held points that were spent.")
    RELEASE = strawberry.enum_value(pb.ENTRY_KIND_RELEASE, description="Held points that came back.")
    REDEMPTION = strawberry.enum_value(pb.ENTRY_KIND_REDEMPTION, description="Points spent at once.")
    RETURN = strawberry.enum_value(pb.ENTRY_KIND_RETURN, description="Spent points that came back.")
    ADJUSTMENT = strawberry.enum_value(
        pb.ENTRY_KIND_ADJUSTMENT, description="Points given or taken by the staff."
    )
    TRANSFER = strawberry.enum_value(
        pb.ENTRY_KIND_TRANSFER, description="Points passed from one member to another."
    )
    TIER_REWARD = strawberry.enum_value(
        pb.ENTRY_KIND_TIER_REWARD, description="Points for a tier that was reached."
    )


@strawberry.type(description="One immutable movement of an account.")
class Entry:
    id: strawberry.ID = strawberry.field(description="Id of the entry.")
    transaction_id: strawberry.ID = strawberry.field(
        description="The ledger transaction; its entries sum to 0."
    )
    seq: Long = strawberry.field(description="Its place in the account: 1, 2, 3, …")
    points: Long = strawberry.field(description="What was added, or taken when negative.")
    balance_after: Long = strawberry.field(description="Balance after it.")
    kind: EntryKind | None = strawberry.field(description="What the transaction does.")
    occurred_time: datetime | None = strawberry.field(description="When the cause happened.")
    source: str = strawberry.field(description="The partner that told of the cause.")
    external_ref: str = strawberry.field(
        description="The partner's own number of the cause, such as a receipt's."
    )
    line: int = strawberry.field(description="Line of it, 0 when it has none.")
    event_kind: str | None = strawberry.field(
        description="Kind of the event that earned, such as `check_in`; null where that was a purchase."
    )
    digest: str = strawberry.field(description="SHA-256 of the entry as canonical JSON.")
    lot_id: strawberry.ID | None = strawberry.field(
        description="The lot of points that it made, or drew on or gave back to first."
    )
    earnings: list[Earning] = strawberry.field(
        description="Of an accrual: how the points were counted, by earning rule; they add up to the points."
    )
    original_transaction_id: strawberry.ID | None = strawberry.field(
        description="The accrual whose points it takes back, activates or lets expire, if it is one of these."
    )
    written_off_points: Long = strawberry.field(
        description="Of a reversal: what was not taken back, as it had expired or as the program forgives."
    )

    @loaded(
        EntryProof | None,
        lambda context: context.proofs.proof,
        one(proof_of),
        description="Proof that it is in the ledger as it was posted.",
    )
    def proof(self) -> str:
        return self.id


@strawberry.type(description="Points that expire at a time.")
class ExpiringPoints:
    expire_time: datetime | None = strawberry.field(description="When, by the program's clock.")
    points: Long = strawberry.field(description="How many.")


EntriesKey = tuple[str, tuple[str, int]]
"""The member, and of which type of points how many."""


@strawberry.type(description="What a member has of a type of points beside the redeemable ones.")
class TypedPoints:
    member_id: strawberry.Private[str]
    key: str = strawberry.field(description="Key of the type, such as `tier_points`.")
    kind: str = strawberry.field(description="`tier`, where they qualify, or `exclusive`.")
    name: LocalName = strawberry.field(description="Name for people.")
    balance: Long = strawberry.field(
        description="Sum of all entries; below 0 where a refund took more than there was."
    )
    held: Long = strawberry.field(
        description="Held for something that is not settled; no part of the balance."
    )
    pending: Long = strawberry.field(description="Earned and not yet active; no part of the balance.")
    pays: bool = strawberry.field(description="Whether rewards and tills may ask for them.")
    expiring: list[ExpiringPoints] = strawberry.field(
        description="What expires next, soonest first; at most ten."
    )

    @loaded(
        list[Entry] | None,
        lambda context: context.benefits.entries,
        lambda _, entries: [_entry(entry) for entry in entries],
        description="Movements of the account, latest first.",
    )
    def entries(
        self, first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20
    ) -> EntriesKey:
        return self.member_id, (self.key, checked_first(first))


@strawberry.type(description="The redeemable points of a member.")
class PointsAccount:
    message: strawberry.Private[pb.PointsAccount]

    @strawberry.field(description="Which points, as the program calls them.")
    def currency(self) -> str:
        return self.message.currency

    @strawberry.field(
        description="What may be spent: the balance, which held points have left; 0 where that is less."
    )
    def available(self) -> Long:
        return Long(self.message.available_points)

    @strawberry.field(description="Sum of all entries; below 0 where a refund took more than there was.")
    def balance(self) -> Long:
        return Long(self.message.balance_points)

    @strawberry.field(description="Held for something that is not settled; no part of the balance.")
    def held(self) -> Long:
        return Long(self.message.held_points)

    @strawberry.field(description="Earned and not yet active; no part of the balance.")
    def pending(self) -> Long:
        return Long(self.message.pending_points)

    @strawberry.field(description="What expires next, soonest first; at most ten.")
    def expiring(self) -> list[ExpiringPoints]:
        return _expiring(self.message.expiring)

    @strawberry.field(
        description="What the member has of the other types of points, as the program names them."
    )
    def types(self) -> list[TypedPoints]:
        return [_typed(each, self.message.member_id) for each in self.message.types]

    @loaded(
        list[Entry] | None,
        lambda context: context.benefits.entries,
        lambda _, entries: [_entry(entry) for entry in entries],
        description="Movements of the account, latest first.",
    )
    def entries(
        self, first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20
    ) -> EntriesKey:
        return self.message.member_id, ("", checked_first(first))

    @strawberry.field(description="What is on hold, latest first.")
    async def holds(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
    ) -> list[PointsHold] | None:
        holds = await info.context.points.holds.load((self.message.member_id, checked_first(first)))
        return [hold_of(each) for each in holds or ()]


def account_of(account: pb.PointsAccount) -> PointsAccount:
    """An account as the graph shows it."""
    return PointsAccount(message=account)


def _typed(points: pb.TypedPoints, member_id: str) -> TypedPoints:
    return TypedPoints(
        member_id=member_id,
        key=points.type,
        kind=points.kind,
        name=LocalName(zh=points.name_zh, en=points.name_en),
        balance=Long(points.balance_points),
        held=Long(points.held_points),
        pending=Long(points.pending_points),
        pays=points.pays,
        expiring=_expiring(points.expiring),
    )


def _expiring(found: Iterable[pb.ExpiringPoints]) -> list[ExpiringPoints]:
    return [
        ExpiringPoints(expire_time=time_of(each, "expire_time"), points=Long(each.points)) for each in found
    ]


def _entry(entry: pb.Entry) -> Entry:
    return Entry(
        id=strawberry.ID(entry.entry_id),
        transaction_id=strawberry.ID(entry.transaction_id),
        seq=Long(entry.seq),
        points=Long(entry.points),
        balance_after=Long(entry.balance_after),
        kind=known(EntryKind, entry.kind),
        occurred_time=time_of(entry, "occurred_time"),
        source=entry.source,
        external_ref=entry.external_ref,
        line=entry.line,
        event_kind=entry.event_kind or None,
        digest=entry.digest,
        lot_id=strawberry.ID(entry.lot_id) if entry.lot_id else None,
        earnings=[earning_of(each) for each in entry.earnings],
        original_transaction_id=strawberry.ID(entry.original_transaction_id)
        if entry.original_transaction_id
        else None,
        written_off_points=Long(entry.written_off_points),
    )
