"""Between the proto messages about contracts and their domain."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from laurel.benefits.v1 import contracts_pb2 as pb
from laurel.benefits.v1 import events_pb2
from libs.common.contract_policy import Satisfaction
from libs.common.outbox import Announcement
from libs.common.rpc.time import timestamp
from services.benefits.domain.contracts import Contract, ContractChange, RefundKind

SATISFACTIONS: Mapping[pb.Satisfaction.ValueType, Satisfaction] = MappingProxyType(
    {
        pb.SATISFACTION_VERY_SATISFIED: "very_satisfied",
        pb.SATISFACTION_SATISFIED: "satisfied",
        pb.SATISFACTION_UNMET: "unmet",
    }
)
_SATISFIED = {name: number for number, name in SATISFACTIONS.items()}
REFUND_KINDS: Mapping[pb.RefundKind.ValueType, RefundKind] = MappingProxyType(
    {pb.REFUND_KIND_WHOLE: "whole", pb.REFUND_KIND_PRO_RATA: "pro_rata"}
)


def contract_message(contract: Contract, currency: str, at: datetime) -> pb.Contract:
    """A contract as it is at a time of its program."""
    period, sale, grant = contract.period, contract.sale, contract.terms.grants
    cancelled, said = contract.renewal_cancelled_time, contract.follow_up
    return pb.Contract(
        contract_id=contract.contract_id,
        member_id=contract.member_id,
        plan=contract.terms.key,
        group=contract.terms.group,
        source=sale.source,
        payment_reference=sale.payment_reference,
        amount_minor=sale.amount_minor,
        currency=currency,
        sold_time=timestamp(sale.sold_time),
        start_time=timestamp(period.start_time),
        end_time=None if period.end_time is None else timestamp(period.end_time),
        until_time=None if contract.until_time is None else timestamp(contract.until_time),
        state=_state(contract, at),
        follows=contract.follows,
        followed_by=contract.followed_by,
        renewal_cancelled_time=None if cancelled is None else timestamp(cancelled),
        refund=_refund(contract),
        satisfaction=pb.SATISFACTION_UNSPECIFIED if said is None else _SATISFIED[said.satisfaction],
        pooled=contract.pooled,
        tier_set="" if grant is None else grant.tier_set,
        tier="" if grant is None else grant.tier,
    )


def pooled_message(contract: Contract, currency: str, at: datetime) -> pb.PooledContract:
    """A contract as staff see it who care for renewals."""
    said = contract.follow_up
    offers = () if said is None else contract.terms.follow_up.offers(said.satisfaction)
    until_time = None if said is None else said.until_time
    return pb.PooledContract(
        contract=contract_message(contract, currency, at),
        offers=[
            pb.ContractOffer(
                benefit=each.benefit,
                kind=each.kind,
                name_zh=each.name.zh,
                name_en=each.name.en,
                params=dict(each.params),
            )
            for each in offers
        ],
        offered_until_time=None if until_time is None else timestamp(until_time),
    )


def contract_changed(contract: Contract, change: ContractChange, currency: str, at: datetime) -> Announcement:
    """What announces a change of a contract at a time of its program."""
    message = events_pb2.ContractChanged(
        program_id=contract.program_id,
        member_id=contract.member_id,
        change=pb.ContractChange.Value(f"CONTRACT_CHANGE_{change}"),
        contract=contract_message(contract, currency, at),
    )
    return Announcement(contract.member_id, message)


def _state(contract: Contract, at: datetime) -> pb.ContractState.ValueType:
    end_time = contract.period.end_time
    if contract.refund is not None:
        return pb.CONTRACT_STATE_REFUNDED
    if at < contract.period.start_time:
        return pb.CONTRACT_STATE_UPCOMING
    if end_time is None or at < end_time:
        return pb.CONTRACT_STATE_RUNNING
    return pb.CONTRACT_STATE_IN_GRACE if contract.stands(at) else pb.CONTRACT_STATE_ENDED


def _refund(contract: Contract) -> pb.ContractRefund | None:
    refund = contract.refund
    if refund is None:
        return None
    return pb.ContractRefund(
        kind=pb.RefundKind.Value(f"REFUND_KIND_{refund.kind.upper()}"),
        refund_reference=refund.reference,
        amount_minor=refund.amount_minor,
        refunded_time=timestamp(refund.time),
    )
