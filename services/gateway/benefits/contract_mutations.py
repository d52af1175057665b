"""Mutations around contracts: sell, renew, refund, cancel a renewal, and say how content a member is."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import contracts_pb2 as pb
from services.gateway.benefits.types.contracts import (
    Contract,
    ContractStart,
    PooledContract,
    RefundKind,
    Satisfaction,
    contract_of,
    pooled_of,
)
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import AmountMinor, wire

PAYMENT = (
    "Your own number of the payment: letters, digits and `._:/-`. The same sale under it again answers the "
    "same contract, whatever the `requestId`; another one is refused, for ever."
)
PAID = "What was paid, in minor units; the price of the plan when null, and never more."


@strawberry.input(description="A plan that is sold to a member.")
class SellContractInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(
        description="To whom: the global id, or the platform's own `mem_…`."
    )
    plan: str = strawberry.field(description="Key of the plan.")
    payment_reference: str = strawberry.field(description=PAYMENT)
    amount_minor: AmountMinor | None = strawberry.field(default=None, description=PAID)
    start: ContractStart = strawberry.field(default=ContractStart.NOW, description="When it begins.")


@strawberry.input(description="A contract that is renewed.")
class RenewContractInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    contract_id: strawberry.ID = strawberry.field(description="Which one: the last of its group.")
    plan: str | None = strawberry.field(
        default=None, description="Key of another plan of the group; the same plan when null."
    )
    payment_reference: str = strawberry.field(description=PAYMENT)
    amount_minor: AmountMinor | None = strawberry.field(default=None, description=PAID)


@strawberry.input(description="A contract whose money is given back.")
class RefundContractInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    contract_id: strawberry.ID = strawberry.field(description="Which one.")
    kind: RefundKind = strawberry.field(description="How much is given back.")
    refund_reference: str = strawberry.field(
        description="Your own number of the refund, under which it happens once."
    )
    reason: str | None = strawberry.field(
        default=None, description="Why, up to 500 characters; kept for good, so without personal data."
    )


@strawberry.input(description="A contract that is not to be renewed.")
class CancelRenewalInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    contract_id: strawberry.ID = strawberry.field(description="Which one.")


@strawberry.input(description="How content a member is with a contract.")
class SetSatisfactionInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    contract_id: strawberry.ID = strawberry.field(description="Which contract.")
    satisfaction: Satisfaction = strawberry.field(description="How content they are.")


@strawberry.type(description="The contract was sold, or renewed by a new one.")
class ContractSold:
    contract: Contract = strawberry.field(description="The new contract.")


@strawberry.type(description="The contract has ended.")
class ContractRefunded:
    contract: Contract = strawberry.field(description="The contract; its refund says how much is paid out.")


@strawberry.type(description="The contract will not be renewed.")
class ContractRenewalCancelled:
    contract: Contract = strawberry.field(description="The contract.")


@strawberry.type(description="How content the member is was kept.")
class SatisfactionSet:
    pooled: PooledContract = strawberry.field(description="The contract with what follows from it.")


SellContractResult = Annotated[
    ContractSold | Refused,
    strawberry.union("SellContractResult", description="The contract, or a refusal."),
]
RenewContractResult = Annotated[
    ContractSold | Refused,
    strawberry.union("RenewContractResult", description="The new contract, or a refusal."),
]
RefundContractResult = Annotated[
    ContractRefunded | Refused,
    strawberry.union("RefundContractResult", description="The ended contract, or a refusal."),
]
CancelRenewalResult = Annotated[
    ContractRenewalCancelled | Refused,
    strawberry.union("CancelRenewalResult", description="The contract, or a refusal."),
]
SetSatisfactionResult = Annotated[
    SatisfactionSet | Refused,
    strawberry.union("SetSatisfactionResult", description="The contract with its offers, or a refusal."),
]


@strawberry.type
class ContractsMutation:
    @strawberry.mutation(description="Sells a plan to a member.")
    async def sell_contract(
        self,
        info: Info,
        input: Annotated[SellContractInput, strawberry.argument(description="The sale.")],  # noqa: A002
    ) -> SellContractResult | None:
        request = pb.SellContractRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            plan=input.plan,
            payment_reference=input.payment_reference,
            amount_minor=input.amount_minor,
            start=wire(input.start),
        )
        answer = await attempted(info.context.clients.contracts.SellContract(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else ContractSold(contract=contract_of(answer.contract))

    @strawberry.mutation(description="Renews a contract, once: a new one begins as it ends.")
    async def renew_contract(
        self,
        info: Info,
        input: Annotated[RenewContractInput, strawberry.argument(description="The renewal.")],  # noqa: A002
    ) -> RenewContractResult | None:
        request = pb.RenewContractRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            contract_id=input.contract_id,
            plan=input.plan or "",
            payment_reference=input.payment_reference,
            amount_minor=input.amount_minor,
        )
        answer = await attempted(info.context.clients.contracts.RenewContract(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else ContractSold(contract=contract_of(answer.contract))

    @strawberry.mutation(description="Gives money back for a contract, which ends at once.")
    async def refund_contract(
        self,
        info: Info,
        input: Annotated[RefundContractInput, strawberry.argument(description="The refund.")],  # noqa: A002
    ) -> RefundContractResult | None:
        request = pb.RefundContractRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            contract_id=input.contract_id,
            kind=wire(input.kind),
            refund_reference=input.refund_reference,
            reason=input.reason or "",
        )
        answer = await attempted(
            info.context.clients.contracts.RefundContract(request, timeout=WRITE_SECONDS)
        )
        if isinstance(answer, Refused):
            return answer
        return ContractRefunded(contract=contract_of(answer.contract))

    @strawberry.mutation(description="Says that a contract is not to be renewed; members say it themselves.")
    async def cancel_renewal(
        self,
        info: Info,
        input: Annotated[CancelRenewalInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> CancelRenewalResult | None:
        request = pb.CancelRenewalRequest(
            program_id=info.context.program_id, request_id=input.request_id, contract_id=input.contract_id
        )
        answer = await attempted(info.context.clients.contracts.CancelRenewal(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return ContractRenewalCancelled(contract=contract_of(answer.contract))

    @strawberry.mutation(description="Keeps how content a member is; who has run out is offered something.")
    async def set_satisfaction(
        self,
        info: Info,
        input: Annotated[SetSatisfactionInput, strawberry.argument(description="What they say.")],  # noqa: A002
    ) -> SetSatisfactionResult | None:
        request = pb.SetSatisfactionRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            contract_id=input.contract_id,
            satisfaction=wire(input.satisfaction),
        )
        answer = await attempted(
            info.context.clients.contracts.SetSatisfaction(request, timeout=WRITE_SECONDS)
        )
        return answer if isinstance(answer, Refused) else SatisfactionSet(pooled=pooled_of(answer.pooled))
