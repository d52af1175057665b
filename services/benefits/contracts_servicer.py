"""The gRPC edge of contracts: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.benefits.v1 import contracts_pb2 as pb
from laurel.benefits.v1 import contracts_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.caller import caller
from libs.common.errors import PageTokenInvalid
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from libs.common.rpc.lookup import in_order
from services.benefits.contract_messages import (
    REFUND_KINDS,
    SATISFACTIONS,
    contract_message,
    pooled_message,
)
from services.benefits.domain.contracts import Contract
from services.benefits.handlers.contract_commands import (
    Payment,
    RefundContract,
    RenewContract,
    SellContract,
)
from services.benefits.handlers.contract_reads import ContractReads, Listed
from services.benefits.handlers.contracts import ContractHandlers

FIRST, PAGE_SIZE = 20, 50
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
STAFF = "staff"


@dataclass(frozen=True)
class ContractsServicer(contracts_pb2_grpc.ContractsServiceServicer):
    """ContractsService over the handlers of contracts."""

    contracts: ContractHandlers
    reads: ContractReads

    async def SellContract(self, message: pb.SellContractRequest, context: Any) -> pb.SellContractResponse:
        now = message.start == pb.CONTRACT_START_NOW
        asked = request(
            message.program_id, "SellContract", message.request_id, message, pb.SellContractResponse
        )
        return await self.contracts.sell(
            SellContract(
                program_id=message.program_id,
                member_id=message.member_id,
                plan=message.plan,
                start="now" if now else "after_running",
                payment=_payment(message),
            ),
            asked,
            lambda *sold: pb.SellContractResponse(contract=contract_message(*sold)),
        )

    async def RenewContract(self, message: pb.RenewContractRequest, context: Any) -> pb.RenewContractResponse:
        asked = request(
            message.program_id, "RenewContract", message.request_id, message, pb.RenewContractResponse
        )
        return await self.contracts.renew(
            RenewContract(message.program_id, message.contract_id, message.plan, _payment(message)),
            asked,
            lambda *sold: pb.RenewContractResponse(contract=contract_message(*sold)),
        )

    async def RefundContract(
        self, message: pb.RefundContractRequest, context: Any
    ) -> pb.RefundContractResponse:
        asked = request(
            message.program_id, "RefundContract", message.request_id, message, pb.RefundContractResponse
        )
        return await self.contracts.refund(
            RefundContract(
                program_id=message.program_id,
                contract_id=message.contract_id,
                kind=REFUND_KINDS[message.kind],
                source=_source(),
                reference=message.refund_reference,
                reason=message.reason,
            ),
            asked,
            lambda *ended: pb.RefundContractResponse(contract=contract_message(*ended)),
        )

    async def CancelRenewal(self, message: pb.CancelRenewalRequest, context: Any) -> pb.CancelRenewalResponse:
        asked = request(
            message.program_id, "CancelRenewal", message.request_id, message, pb.CancelRenewalResponse
        )
        return await self.contracts.cancel_renewal(
            message.program_id,
            message.contract_id,
            asked,
            lambda *kept: pb.CancelRenewalResponse(contract=contract_message(*kept)),
        )

    async def SetSatisfaction(
        self, message: pb.SetSatisfactionRequest, context: Any
    ) -> pb.SetSatisfactionResponse:
        asked = request(
            message.program_id, "SetSatisfaction", message.request_id, message, pb.SetSatisfactionResponse
        )
        return await self.contracts.set_satisfaction(
            message.program_id,
            message.contract_id,
            SATISFACTIONS[message.satisfaction],
            asked,
            lambda *kept: pb.SetSatisfactionResponse(pooled=pooled_message(*kept)),
        )

    async def ListContracts(self, message: pb.ListContractsRequest, context: Any) -> pb.ListContractsResponse:
        filters = (message.program_id, message.plan)
        listed = await self.reads.of_program(
            message.program_id,
            message.plan,
            after=page_after(message.page_token, *filters),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListContractsResponse(
            contracts=_contracts(listed),
            next_page_token=page_token(listed.last.contract_id, *filters) if listed.last else "",
        )

    async def BatchListContracts(
        self, message: pb.BatchListContractsRequest, context: Any
    ) -> pb.BatchListContractsResponse:
        found = await self.reads.of_members(message.program_id, message.member_ids, message.first or FIRST)
        return pb.BatchListContractsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.ContractsResult(status=FOUND, contracts=_contracts(each)),
                missing=pb.ContractsResult(status=MISSING),
            )
        )

    async def ListRenewalPool(
        self, message: pb.ListRenewalPoolRequest, context: Any
    ) -> pb.ListRenewalPoolResponse:
        satisfaction = SATISFACTIONS.get(message.satisfaction, "")
        filters = (message.program_id, satisfaction)
        after = page_after(message.page_token, *filters)
        listed = await self.reads.pool(
            message.program_id,
            satisfaction,
            after=None if after is None else _place(after),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListRenewalPoolResponse(
            pooled=[pooled_message(each, listed.currency, listed.at) for each in listed.contracts],
            next_page_token=page_token(_after(listed.last), *filters) if listed.last else "",
        )


def _payment(message: pb.SellContractRequest | pb.RenewContractRequest) -> Payment:
    paid = message.HasField("amount_minor")
    return Payment(_source(), message.payment_reference, message.amount_minor if paid else None)


def _source() -> str:
    """Whose numbers those of payments and refunds are: a partner has its own, the staff share theirs."""
    principal = caller()
    return principal.subject if principal.kind == "partner" else STAFF


def _contracts(listed: Listed) -> list[pb.Contract]:
    return [contract_message(each, listed.currency, listed.at) for each in listed.contracts]


def _after(contract: Contract) -> str:
    end_time = contract.period.end_time
    assert end_time is not None, "what has no end is in no pool"
    return f"{end_time.isoformat()} {contract.contract_id}"


def _place(after: str) -> tuple[datetime, str]:
    """The place in the pool that a page ended with; tokens are ours, or none at all."""
    end_time, _, contract_id = after.partition(" ")
    try:
        return datetime.fromisoformat(end_time), contract_id
    except ValueError as error:
        raise PageTokenInvalid from error
