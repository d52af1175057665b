"""What the graph shows of contracts: those of members, what may be bought, and the pool of who ran out."""

from datetime import datetime
from enum import Enum

import strawberry

from laurel.benefits.v1 import contracts_pb2 as pb
from libs.common.contract_policy import Plan
from services.gateway.benefits.types.benefit_terms import (
    BenefitKind,
    TierBenefit,
    grant_of,
    name_of,
    numbers_of,
)
from services.gateway.values import LocalName, Long, NamedNumber, known, time_of


@strawberry.enum(description="When a contract begins.")
class ContractStart(Enum):
    NOW = strawberry.enum_value(
        pb.CONTRACT_START_NOW, description="Now; refused while the member has another one of the group."
    )
    AFTER_RUNNING = strawberry.enum_value(
        pb.CONTRACT_START_AFTER_RUNNING,
        description="Where the contract of the group that runs now ends; now when none runs.",
    )


@strawberry.enum(description="How far a contract is.")
class ContractState(Enum):
    UPCOMING = strawberry.enum_value(pb.CONTRACT_STATE_UPCOMING, description="Paid for, and begins later.")
    RUNNING = strawberry.enum_value(pb.CONTRACT_STATE_RUNNING, description="Runs.")
    IN_GRACE = strawberry.enum_value(
        pb.CONTRACT_STATE_IN_GRACE,
        description="Over, and still granted what it grants: it may be renewed.",
    )
    ENDED = strawberry.enum_value(pb.CONTRACT_STATE_ENDED, description="Over.")
    REFUNDED = strawberry.enum_value(pb.CONTRACT_STATE_REFUNDED, description="Ended by a refund.")


@strawberry.enum(description="What is given back.")
class RefundKind(Enum):
    WHOLE = strawberry.enum_value(pb.REFUND_KIND_WHOLE, description="All that was paid.")
    PRO_RATA = strawberry.enum_value(
        pb.REFUND_KIND_PRO_RATA, description="The share of the days after today, rounded as the plan says."
    )


@strawberry.enum(description="How content a member is with what a contract gave.")
class Satisfaction(Enum):
    VERY_SATISFIED = strawberry.enum_value(pb.SATISFACTION_VERY_SATISFIED, description="Very satisfied.")
    SATISFIED = strawberry.enum_value(pb.SATISFACTION_SATISFIED, description="Satisfied.")
    UNMET = strawberry.enum_value(pb.SATISFACTION_UNMET, description="What was promised was not met.")


@strawberry.enum(description="What happened to a contract.")
class ContractChangeKind(Enum):
    SOLD = strawberry.enum_value(pb.CONTRACT_CHANGE_SOLD, description="It was sold.")
    STARTED = strawberry.enum_value(
        pb.CONTRACT_CHANGE_STARTED, description="It began, where the one before it ended."
    )
    RENEWAL_CANCELLED = strawberry.enum_value(
        pb.CONTRACT_CHANGE_RENEWAL_CANCELLED, description="It is not to be renewed."
    )
    REFUNDED = strawberry.enum_value(
        pb.CONTRACT_CHANGE_REFUNDED, description="Its money was given back, and it ended."
    )
    ENDED = strawberry.enum_value(pb.CONTRACT_CHANGE_ENDED, description="It ended.")
    LAPSED = strawberry.enum_value(pb.CONTRACT_CHANGE_LAPSED, description="Its grace ended, too.")
    OFFERED = strawberry.enum_value(
        pb.CONTRACT_CHANGE_OFFERED,
        description="The member has what is offered to those who are as content as they are.",
    )


@strawberry.type(description="Money back for a contract.")
class ContractRefund:
    kind: RefundKind | None = strawberry.field(description="What was given back.")
    refund_reference: str = strawberry.field(description="The seller's own number of it.")
    amount_minor: Long = strawberry.field(description="How much, in minor units.")
    refunded_time: datetime | None = strawberry.field(description="When.")


@strawberry.type(description="One paid period of a member and a plan; all times are by the program's clock.")
class Contract:
    id: strawberry.ID = strawberry.field(description="Id of the contract.")
    member_id: strawberry.ID = strawberry.field(description="Whose it is: `mem_…`.")
    plan: str = strawberry.field(description="Key of the plan; `contractPlans` has its name.")
    group: str = strawberry.field(description="The plans of this group exclude each other.")
    source: str = strawberry.field(description="Who sold it: a partner, or `staff`.")
    payment_reference: str = strawberry.field(description="The seller's own number of the payment.")
    amount_minor: Long = strawberry.field(description="What was paid, in minor units.")
    currency: str = strawberry.field(description="Of the program, as in ISO 4217.")
    sold_time: datetime | None = strawberry.field(description="When it was sold.")
    start_time: datetime | None = strawberry.field(description="When it begins.")
    end_time: datetime | None = strawberry.field(
        description="When it ends, the first moment of a day; null when it is for life."
    )
    until_time: datetime | None = strawberry.field(
        description="Until when it grants anything: its end, that of its grace, or its refund."
    )
    state: ContractState | None = strawberry.field(description="How far it is.")
    follows: strawberry.ID | None = strawberry.field(description="The contract before it, if it follows one.")
    followed_by: strawberry.ID | None = strawberry.field(
        description="The contract that follows it, if there is one."
    )
    renewal_cancelled_time: datetime | None = strawberry.field(
        description="Since when it is not to be renewed; null when it may be."
    )
    refund: ContractRefund | None = strawberry.field(description="The money back, if it was refunded.")
    satisfaction: Satisfaction | None = strawberry.field(
        description="How content the member is; null before somebody said."
    )
    pooled: bool = strawberry.field(description="Whether the member is in the renewal pool because of it.")
    tier_set: str | None = strawberry.field(
        description="Key of the tier set of the tier that it grants; null when it grants none."
    )
    tier_key: str | None = strawberry.field(description="Key of the tier that it grants.")


@strawberry.type(description="Something to buy, for months or for life.")
class ContractPlan:
    key: str = strawberry.field(description="Key, such as `gold_year`.")
    group: str = strawberry.field(description="Of the plans of a group a member has one at a time.")
    name: LocalName = strawberry.field(description="Name for people.")
    amount_minor: Long = strawberry.field(description="Price in minor units of the program's currency.")
    term_months: int | None = strawberry.field(description="How long it runs; null when it is for life.")
    tier_set: str | None = strawberry.field(
        description="Key of the tier set of the tier that it grants; null when it grants none."
    )
    tier_key: str | None = strawberry.field(description="Key of the tier that it grants.")
    benefits: list[TierBenefit] = strawberry.field(description="Benefits that it grants by itself.")
    needs: list[str] = strawberry.field(description="Plans of which a member needs one; empty for all.")
    grace_days: int = strawberry.field(
        description="How long it may be renewed after its end, and grants on meanwhile."
    )
    on_sale: bool = strawberry.field(description="Whether it may be bought now.")


@strawberry.type(description="A benefit that is offered to who has run out.")
class ContractOffer:
    key: str = strawberry.field(description="Key of the benefit.")
    kind: BenefitKind | None = strawberry.field(description="What it is about.")
    name: LocalName = strawberry.field(description="Name for people.")
    params: list[NamedNumber] = strawberry.field(description="Its numbers, if it has any.")


@strawberry.type(description="A contract that ran out, and what its member is offered.")
class PooledContract:
    contract: Contract = strawberry.field(description="The contract; its `endTime` is since when.")
    offers: list[ContractOffer] = strawberry.field(
        description="What the plan has for members who are as content; nothing before somebody said."
    )
    offered_until_time: datetime | None = strawberry.field(
        description="Until when the member has these as benefits; null before they ran out."
    )


def contract_of(contract: pb.Contract) -> Contract:
    """A contract as the graph shows it."""
    return Contract(
        id=strawberry.ID(contract.contract_id),
        member_id=strawberry.ID(contract.member_id),
        plan=contract.plan,
        group=contract.group,
        source=contract.source,
        payment_reference=contract.payment_reference,
        amount_minor=Long(contract.amount_minor),
        currency=contract.currency,
        sold_time=time_of(contract, "sold_time"),
        start_time=time_of(contract, "start_time"),
        end_time=time_of(contract, "end_time"),
        until_time=time_of(contract, "until_time"),
        state=known(ContractState, contract.state),
        follows=strawberry.ID(contract.follows) if contract.follows else None,
        followed_by=strawberry.ID(contract.followed_by) if contract.followed_by else None,
        renewal_cancelled_time=time_of(contract, "renewal_cancelled_time"),
        refund=_refund(contract.refund) if contract.HasField("refund") else None,
        satisfaction=known(Satisfaction, contract.satisfaction),
        pooled=contract.pooled,
        tier_set=contract.tier_set or None,
        tier_key=contract.tier or None,
    )


def plan_of(plan: Plan) -> ContractPlan:
    """A plan of a program document."""
    grants = plan.grants
    return ContractPlan(
        key=plan.key,
        group=plan.group,
        name=name_of(plan.name),
        amount_minor=Long(plan.amount_minor),
        term_months=plan.term_months,
        tier_set=None if grants is None else grants.tier_set,
        tier_key=None if grants is None else grants.tier,
        benefits=[grant_of(each) for each in plan.benefits],
        needs=list(plan.needs),
        grace_days=plan.grace_days,
        on_sale=plan.on_sale,
    )


def pooled_of(pooled: pb.PooledContract) -> PooledContract:
    """A contract in the pool as the graph shows it."""
    return PooledContract(
        contract=contract_of(pooled.contract),
        offers=[
            ContractOffer(
                key=each.benefit,
                kind=known(BenefitKind, each.kind),
                name=LocalName(zh=each.name_zh, en=each.name_en),
                params=numbers_of(each.params),
            )
            for each in pooled.offers
        ],
        offered_until_time=time_of(pooled, "offered_until_time"),
    )


def _refund(refund: pb.ContractRefund) -> ContractRefund:
    return ContractRefund(
        kind=known(RefundKind, refund.kind),
        refund_reference=refund.refund_reference,
        amount_minor=Long(refund.amount_minor),
        refunded_time=time_of(refund, "refunded_time"),
    )
