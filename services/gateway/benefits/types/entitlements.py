"""What the graph shows of the benefits that a member has."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime

import strawberry

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2
from services.gateway.benefits.types.benefit_terms import BenefitKind, QuotaPeriod, QuotaUnit, numbers_of
from services.gateway.sources import loaded
from services.gateway.values import LocalName, Long, NamedNumber, known, time_of


@strawberry.type(description="What a member has of a benefit in the present period.")
class Allowance:
    unit: QuotaUnit | None = strawberry.field(description="What it is counted in.")
    period: QuotaPeriod | None = strawberry.field(description="How often it begins anew.")
    limit: Long = strawberry.field(description="How much there is, what was carried over included.")
    used: Long = strawberry.field(description="How much of it was used.")
    left: Long = strawberry.field(description="How much is left.")
    reset_time: datetime | None = strawberry.field(description="When the next period begins, if one does.")
    open: bool = strawberry.field(
        description="Whether it may be used now: by its schedule, and by the member's birthday."
    )
    opening_time: datetime | None = strawberry.field(
        description="When it opens next; null while it is open, and where it never does."
    )
    pool_left: Long | None = strawberry.field(
        description="How much all members together have left of it; null where they share nothing."
    )


@strawberry.type(description="How far a member is from a benefit that opens by and by.")
class Unlock:
    standard: str = strawberry.field(description="Key of the standard that counts.")
    months: int = strawberry.field(description="Months in a row so far.")
    months_needed: int = strawberry.field(description="Months in a row that it takes.")
    unlocked: bool = strawberry.field(description="Whether it is open; then it stays so.")


@strawberry.type(description="A benefit that a member has by their tier or by contract.")
class Benefit:
    message: strawberry.Private[pb.Entitlement]
    key: str = strawberry.field(description="Key, such as `free_shipping`.")

    @strawberry.field(description="What it is about.")
    def kind(self) -> BenefitKind | None:
        return known(BenefitKind, self.message.kind)

    @strawberry.field(
        description="Key of the tier set that grants it; empty where a contract does by itself."
    )
    def tier_set(self) -> str:
        return self.message.tier_set

    @strawberry.field(
        description="Key of the tier in whose list it stands; empty where a contract grants it by itself."
    )
    def granted_by_tier(self) -> str:
        return self.message.granted_by_tier

    @strawberry.field(description="Whether that tier is below the member's own.")
    def inherited(self) -> bool:
        return self.message.inherited

    @strawberry.field(description="The contract without which they would not have it; null where they would.")
    def contract_id(self) -> strawberry.ID | None:
        return strawberry.ID(self.message.contract_id) if self.message.contract_id else None

    @strawberry.field(description="Key of that contract's plan.")
    def plan(self) -> str | None:
        return self.message.plan or None

    member_key: strawberry.Private[str]

    @strawberry.field(description="Name for people.")
    def name(self) -> LocalName:
        return LocalName(zh=self.message.name_zh, en=self.message.name_en)

    @strawberry.field(description="Its numbers, if it has any.")
    def params(self) -> list[NamedNumber]:
        return numbers_of(self.message.params)

    @loaded(
        Allowance | None,
        lambda context: context.entitlements.allowances,
        lambda benefit, every: next((allowance_of(of) for of in every if of.benefit == benefit.key), None),
        description="What is left of it now; null where it is not counted.",
    )
    def allowance(self) -> str:
        return self.member_key

    @loaded(
        Unlock | None,
        lambda context: context.entitlements.unlocks,
        lambda benefit, every: next((unlock_of(of) for of in every if of.benefit == benefit.key), None),
        description="How far it is from being open; null where it is from the tier on.",
    )
    def unlock(self) -> str:
        return self.member_key


@strawberry.type(description="A benefit that a higher tier would add.")
class LockedBenefit:
    key: str = strawberry.field(description="Key, such as `free_shipping`.")
    kind: BenefitKind | None = strawberry.field(description="What it is about.")
    name: LocalName = strawberry.field(description="Name for people.")
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tier: str = strawberry.field(description="Key of the lowest tier that grants it.")
    steps: int = strawberry.field(description="How many tiers above the member's own that is.")


@strawberry.type(description="A use of a benefit.")
class BenefitUse:
    use_id: str = strawberry.field(description="The platform's own id of it.")
    benefit: str = strawberry.field(description="Key of the benefit.")
    amount: Long = strawberry.field(description="How much, in the unit of its quota.")
    used_time: datetime | None = strawberry.field(description="When, by the program's clock.")
    cancelled: bool = strawberry.field(description="Whether it was given back.")


def allowance_of(allowance: entitlements_pb2.Allowance) -> Allowance:
    """What is left of a benefit, as the graph shows it."""
    return Allowance(
        unit=known(QuotaUnit, allowance.unit),
        period=known(QuotaPeriod, allowance.period),
        limit=Long(allowance.limit),
        used=Long(allowance.used),
        left=Long(allowance.left),
        reset_time=time_of(allowance, "reset_time"),
        open=allowance.open,
        opening_time=time_of(allowance, "opening_time"),
        pool_left=Long(allowance.pool_left) if allowance.HasField("pool_left") else None,
    )


def unlock_of(unlock: entitlements_pb2.Unlock) -> Unlock:
    """How far a benefit is, as the graph shows it."""
    return Unlock(
        standard=unlock.standard,
        months=unlock.months,
        months_needed=unlock.months_needed,
        unlocked=unlock.unlocked,
    )


def locked_of(benefit: entitlements_pb2.LockedBenefit) -> LockedBenefit:
    """A benefit of a higher tier as the graph shows it."""
    return LockedBenefit(
        key=benefit.benefit,
        kind=known(BenefitKind, benefit.kind),
        name=LocalName(zh=benefit.name_zh, en=benefit.name_en),
        tier_set=benefit.tier_set,
        tier=benefit.tier,
        steps=benefit.steps,
    )


def use_of(use: entitlements_pb2.BenefitUse) -> BenefitUse:
    """A use of a benefit as the graph shows it."""
    return BenefitUse(
        use_id=use.use_id,
        benefit=use.benefit,
        amount=Long(use.amount),
        used_time=time_of(use, "used_time"),
        cancelled=use.cancelled,
    )


def benefit_of(entitlement: pb.Entitlement, member_key: str) -> Benefit:
    """An entitlement of a member as the graph shows it."""
    return Benefit(message=entitlement, member_key=member_key, key=entitlement.benefit)
