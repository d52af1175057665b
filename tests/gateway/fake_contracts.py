"""The contracts of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import contracts_pb2 as pb
from laurel.benefits.v1 import contracts_pb2_grpc
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake

POOLED, SOLD = 3, 3
UNSEEN = "of_another_store"
# Most of what is sold of this plan is not the caller's: these are.
SPARSE, MANY, EVERY = "of_many_stores", 240, (3, 4, 9, 10, 11, 140, 141, 239)


def contract_id(number: int) -> str:
    """The id of the n-th contract."""
    return f"ctr_{number:032x}"


def a_contract(owner: str, number: int = 1, **fields: Any) -> pb.Contract:
    """Gold for a year, that was refunded and could show everything a contract may."""
    given: dict[str, Any] = {
        "plan": "gold_year",
        "group": "membership",
        "source": "shop",
        "payment_reference": f"pay-{number}",
        "amount_minor": 128_800,
        "currency": "USD",
        "sold_time": timestamp(world.NOON),
        "start_time": timestamp(world.NOON),
        "end_time": timestamp(world.NOON),
        "until_time": timestamp(world.NOON),
        "state": pb.CONTRACT_STATE_REFUNDED,
        "refund": pb.ContractRefund(
            kind=pb.REFUND_KIND_WHOLE,
            refund_reference="back-1",
            amount_minor=128_800,
            refunded_time=timestamp(world.NOON),
        ),
        "tier_set": "main",
        "tier": "gold",
        **fields,
    }
    return pb.Contract(contract_id=contract_id(number), member_id=owner, **given)


def a_pooled_contract(number: int = 1) -> pb.PooledContract:
    """One that ran out, of a member who was very satisfied."""
    offer = pb.ContractOffer(
        benefit="matchmaker_private_class",
        kind="service",
        name_zh="红娘私教课",
        name_en="Private class",
        params={"hours": 1},
    )
    contract = a_contract(
        world.member_id(1),
        number,
        state=pb.CONTRACT_STATE_ENDED,
        refund=None,
        pooled=True,
        satisfaction=pb.SATISFACTION_VERY_SATISFIED,
    )
    return pb.PooledContract(contract=contract, offers=[offer], offered_until_time=timestamp(world.NOON))


class FakeContracts(Fake, contracts_pb2_grpc.ContractsServiceServicer):
    async def BatchListContracts(self, request: pb.BatchListContractsRequest, context: Context) -> Any:
        await self.begin("BatchListContracts", request)
        results = self.per_member(
            lambda owner: pb.ContractsResult(status=FOUND, contracts=[a_contract(owner)]),
            pb.ContractsResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListContractsResponse(results=results)

    async def ListContracts(self, request: pb.ListContractsRequest, context: Context) -> Any:
        """Three that were sold; of one plan the caller sees but the last. Of another, every third of many."""
        await self.begin("ListContracts", request)
        begin = int(page_after(request.page_token, request.plan) or 0)
        every = tuple(range(1, SOLD + 1))
        sold, seen = {UNSEEN: (SOLD, (SOLD,)), SPARSE: (MANY, EVERY)}.get(request.plan, (SOLD, every))
        end = min(sold, begin + request.page_size)
        return pb.ListContractsResponse(
            contracts=[
                a_contract(world.member_id(1), number)
                for number in range(begin + 1, end + 1)
                if number in seen
            ],
            next_page_token=page_token(str(end), request.plan) if end < sold else "",
        )

    async def ListRenewalPool(self, request: pb.ListRenewalPoolRequest, context: Context) -> Any:
        """Three who have run out."""
        await self.begin("ListRenewalPool", request)
        begin = int(page_after(request.page_token, "pool") or 0)
        end = min(POOLED, begin + request.page_size)
        return pb.ListRenewalPoolResponse(
            pooled=[a_pooled_contract(number) for number in range(begin + 1, end + 1)],
            next_page_token=page_token(str(end), "pool") if end < POOLED else "",
        )

    async def SellContract(self, request: pb.SellContractRequest, context: Context) -> Any:
        await self.begin("SellContract", request)
        return pb.SellContractResponse(contract=a_contract(request.member_id))

    async def RenewContract(self, request: pb.RenewContractRequest, context: Context) -> Any:
        await self.begin("RenewContract", request)
        return pb.RenewContractResponse(contract=a_contract(world.member_id(1), 2))

    async def RefundContract(self, request: pb.RefundContractRequest, context: Context) -> Any:
        await self.begin("RefundContract", request)
        return pb.RefundContractResponse(contract=a_contract(world.member_id(1)))

    async def CancelRenewal(self, request: pb.CancelRenewalRequest, context: Context) -> Any:
        await self.begin("CancelRenewal", request)
        return pb.CancelRenewalResponse(contract=a_contract(world.member_id(1)))

    async def SetSatisfaction(self, request: pb.SetSatisfactionRequest, context: Context) -> Any:
        await self.begin("SetSatisfaction", request)
        return pb.SetSatisfactionResponse(pooled=a_pooled_contract())
