"""What holds for every write of every service: done once, answered alike, and audited as the table says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from laurel.benefits.v1 import (
    benefits_pb2,
    contracts_pb2,
    entitlements_pb2,
    entitlements_pb2_grpc,
    notices_pb2,
)
from laurel.members.v1 import access_pb2, members_pb2
from libs.common.ids import new_id
from libs.common.mongo import Database
from libs.common.policy import policy
from libs.common.program import preset
from libs.common.rpc.errors import reason_of
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.contracts_world import a_site
from tests.benefits.coupons_world import coupons_world
from tests.benefits.test_webhook_deliveries import Log, a_log
from tests.contracts.badge_writes import BADGE_WRITES
from tests.contracts.coupon_writes import COUPON_WRITES
from tests.contracts.payloads import changed
from tests.contracts.point_writes import POINT_WRITES
from tests.contracts.program_writes import PROGRAM_WRITES
from tests.contracts.reward_writes import REWARD_WRITES
from tests.contracts.test_protos import is_read, methods
from tests.contracts.tier_writes import TIER_WRITES
from tests.members.conftest import MembersWorld
from tests.risk.conftest import RiskWorld, a_decision_on, a_report_of
from tests.scoring.models_world import ModelsWorld, a_model, a_promotion, a_registration
from tests.support.builders import PROGRAM, a_batch, a_purchase, a_registration_request


@dataclass(frozen=True)
class Write:
    """A write ready to be sent: by whom, with what, and with what else under the same request id."""

    database: Database
    stub: Any
    rpc: str
    request: Message
    other: Message

    async def send(self, request: Message | None = None) -> Message:
        answer: Message = await getattr(self.stub, self.rpc.rpartition("/")[2])(request or self.request)
        return answer

    async def audited(self) -> int:
        """How many records the act of this write has left."""
        return await self.database.audit.count_documents(
            {"act": self.rpc.rpartition("/")[2], "request_id": self.request.request_id}  # type: ignore[attr-defined]
        )

    async def kept(self) -> int:
        """How many answers are stored: this test's worlds are its own, so one more is this one's."""
        return await self.database.idempotency.count_documents({})


@dataclass(frozen=True)
class Worlds:
    """All services that write."""

    members: MembersWorld
    benefits: BenefitsWorld
    risk: RiskWorld
    models: ModelsWorld


@pytest.fixture
def worlds(members: MembersWorld, benefits: BenefitsWorld, risk: RiskWorld, models: ModelsWorld) -> Worlds:
    return Worlds(members, benefits, risk, models)


async def create_store(worlds: Worlds) -> Write:
    request = members_pb2.CreateStoreRequest(
        program_id=PROGRAM, request_id=new_id("req"), store_id=f"s{new_id('x')[-10:]}", display_name="New"
    )
    return of_members(worlds, worlds.members.staff, request, changed(request, display_name="Old"))


async def create_partner(worlds: Worlds) -> Write:
    request = members_pb2.CreatePartnerRequest(
        program_id=PROGRAM, request_id=new_id("req"), partner_id=f"p{new_id('x')[-10:]}", display_name="New"
    )
    return of_members(worlds, worlds.members.staff, request, changed(request, display_name="Old"))


async def register_members(worlds: Worlds) -> Write:
    request = a_registration_request(new_id("ext"))
    other = a_registration_request(new_id("ext"), request_id=request.request_id)
    return of_members(worlds, worlds.members.partner, request, other)


async def set_birthday(worlds: Worlds) -> Write:
    member_id = await worlds.members.a_member()
    request = members_pb2.SetBirthdayRequest(
        program_id=PROGRAM, request_id=new_id("req"), member_id=member_id, birthday="05-17"
    )
    return of_members(worlds, worlds.members.partner, request, changed(request, birthday="05-18"))


async def record_events(worlds: Worlds) -> Write:
    member_id = await worlds.members.a_member()
    request = a_batch(a_purchase(member_id))
    other = a_batch(a_purchase(member_id), request_id=request.request_id)
    return of_members(worlds, worlds.members.partner, request, other)


async def move_clock(worlds: Worlds) -> Write:
    request = members_pb2.MoveClockRequest(program_id=PROGRAM, request_id=new_id("req"), by_seconds=1)
    return of_members(worlds, worlds.members.staff, request, changed(request, by_seconds=2))


async def reveal_member(worlds: Worlds) -> Write:
    stub = worlds.members.access("staff", new_id("eve"), roles=["compliance_officer"])
    request = access_pb2.RevealMemberRequest(
        program_id=PROGRAM,
        request_id=new_id("req"),
        member_id=await worlds.members.a_member(),
        reason="ticket 4711",
    )
    return of_access(worlds, stub, request, changed(request, reason="ticket 4712"))


async def open_break_glass(worlds: Worlds) -> Write:
    stub = worlds.members.access("staff", new_id("adm"), roles=["system_administrator"])
    request = access_pb2.OpenBreakGlassRequest(
        program_id=PROGRAM, request_id=new_id("req"), reason="incident 88"
    )
    return of_access(worlds, stub, request, changed(request, reason="incident 89"))


async def end_break_glass(worlds: Worlds) -> Write:
    opening = await open_break_glass(worlds)
    opened = await opening.send()
    request = access_pb2.EndBreakGlassRequest(
        program_id=PROGRAM,
        request_id=new_id("req"),
        break_glass_id=opened.break_glass.break_glass_id,  # type: ignore[attr-defined]
    )
    return of_access(worlds, opening.stub, request, changed(request, break_glass_id=new_id("bgl")))


async def reveal_by_break_glass(worlds: Worlds) -> Write:
    opening = await open_break_glass(worlds)
    opened = await opening.send()
    request = access_pb2.RevealByBreakGlassRequest(
        program_id=PROGRAM,
        request_id=new_id("req"),
        break_glass_id=opened.break_glass.break_glass_id,  # type: ignore[attr-defined]
        member_id=await worlds.members.a_member(),
    )
    return of_access(worlds, opening.stub, request, changed(request, member_id=new_id("mem")))


def of_access(worlds: Worlds, stub: Any, request: Message, other: Message) -> Write:
    return Write(worlds.members.database, stub, rpc_of(request, "members", "Access"), request, other)


def of_members(worlds: Worlds, stub: Any, request: Message, other: Message) -> Write:
    return Write(worlds.members.database, stub, rpc_of(request, "members", "Members"), request, other)


async def publish_program(worlds: Worlds) -> Write:
    key = f"store_{new_id('x')[-12:]}"
    document = preset(PROGRAM).model_copy(update={"key": key})
    request = benefits_pb2.PublishProgramRequest(
        program_id=key, request_id=new_id("req"), document=document.canonical()
    )
    renamed = document.model_copy(update={"name": document.tier_sets[0].name})
    return Write(
        worlds.benefits.database,
        worlds.benefits.staff_of(key),
        rpc_of(request, "benefits", "Benefits"),
        request,
        changed(request, document=renamed.canonical()),
    )


async def set_notice_preferences(worlds: Worlds) -> Write:
    story = await worlds.benefits.a_member()
    request = notices_pb2.SetNoticePreferencesRequest(
        program_id=PROGRAM, request_id=new_id("req"), member_id=story.member_id, marketing=True
    )
    stub = worlds.benefits.notices("member", story.member_id)
    other = changed(request, marketing=False)
    return Write(worlds.benefits.database, stub, rpc_of(request, "benefits", "Notices"), request, other)


async def use_benefit(worlds: Worlds) -> Write:
    story = await worlds.benefits.a_member()
    request = entitlements_pb2.UseBenefitRequest(
        program_id=PROGRAM,
        request_id=new_id("req"),
        member_id=story.member_id,
        benefit="new_release_letter",
        amount=1,
        external_ref=new_id("ref"),
    )
    return of_entitlements(worlds, request, changed(request, amount=2))


async def cancel_benefit_use(worlds: Worlds) -> Write:
    used = await use_benefit(worlds)
    made = await used.send()
    request = entitlements_pb2.CancelBenefitUseRequest(
        program_id=PROGRAM,
        request_id=new_id("req"),
        use_id=made.use.use_id,  # type: ignore[attr-defined]
    )
    return of_entitlements(worlds, request, changed(request, use_id=new_id("use")))


async def record_standing(worlds: Worlds) -> Write:
    story = await worlds.benefits.a_member()
    request = entitlements_pb2.RecordStandingRequest(
        program_id=PROGRAM,
        request_id=new_id("req"),
        member_id=story.member_id,
        month="1998-06",
        standard="s",
    )
    return of_entitlements(worlds, request, changed(request, standard="a"))


def of_entitlements(worlds: Worlds, request: Message, other: Message) -> Write:
    service = entitlements_pb2.DESCRIPTOR.services_by_name["EntitlementsService"]
    stub = worlds.benefits.stub(service, entitlements_pb2_grpc.EntitlementsServiceStub, "partner", "shop")
    return Write(worlds.benefits.database, stub, rpc_of(request, "benefits", "Entitlements"), request, other)


async def sell_contract(worlds: Worlds) -> Write:
    site = await a_site(worlds.benefits)
    request = site.selling(await site.a_member())
    return of_contracts(worlds, site.partner, request, changed(request, plan="diamond_year"))


async def renew_contract(worlds: Worlds) -> Write:
    site = await a_site(worlds.benefits)
    request = site.renewing(await site.sell(await site.a_member()))
    return of_contracts(worlds, site.partner, request, changed(request, plan="diamond_year"))


async def refund_contract(worlds: Worlds) -> Write:
    site = await a_site(worlds.benefits)
    request = site.refunding(await site.sell(await site.a_member()))
    return of_contracts(worlds, site.partner, request, changed(request, reason="another one"))


async def cancel_renewal(worlds: Worlds) -> Write:
    site = await a_site(worlds.benefits)
    request = site.cancelling(await site.sell(await site.a_member()))
    return of_contracts(worlds, site.partner, request, changed(request, contract_id=new_id("ctr")))


async def set_satisfaction(worlds: Worlds) -> Write:
    site = await a_site(worlds.benefits)
    sold = await site.sell(await site.a_member())
    request = site.saying(sold, contracts_pb2.SATISFACTION_UNMET)
    other = changed(request, satisfaction=contracts_pb2.SATISFACTION_SATISFIED)
    return of_contracts(worlds, site.staff, request, other)


def of_contracts(worlds: Worlds, stub: Any, request: Message, other: Message) -> Write:
    return Write(worlds.benefits.database, stub, rpc_of(request, "benefits", "Contracts"), request, other)


async def create_webhook_endpoint(worlds: Worlds) -> Write:
    key = await worlds.benefits.a_program()
    request = notices_pb2.CreateWebhookEndpointRequest(
        program_id=key, request_id=new_id("req"), url="https://hooks.example.com/laurel"
    )
    return of_webhooks(worlds, request, changed(request, url="https://hooks.example.com/other"))


async def update_webhook_endpoint(worlds: Worlds) -> Write:
    made = await an_endpoint(worlds)
    request = notices_pb2.UpdateWebhookEndpointRequest(
        program_id=made.program_id, request_id=new_id("req"), endpoint_id=made.endpoint_id, enabled=False
    )
    return of_webhooks(worlds, request, changed(request, enabled=True))


async def rotate_webhook_secret(worlds: Worlds) -> Write:
    made = await an_endpoint(worlds)
    request = notices_pb2.RotateWebhookSecretRequest(
        program_id=made.program_id, request_id=new_id("req"), endpoint_id=made.endpoint_id
    )
    return of_webhooks(worlds, request, changed(request, endpoint_id=new_id("whk")))


async def replay_webhook_deliveries(worlds: Worlds) -> Write:
    made = await an_endpoint(worlds)
    await made.tells("mem_1")
    (delivery,) = await made.all()
    await made.ends("dead", delivery)
    request = made.a_replay()
    return of_webhooks(worlds, request, made.a_replay(delivery.delivery_id, request_id=request.request_id))


async def an_endpoint(worlds: Worlds) -> Log:
    return await a_log(worlds.benefits)


def of_webhooks(worlds: Worlds, request: Any, other: Message) -> Write:
    stub = worlds.benefits.notices("staff", "ann", request.program_id)
    return Write(worlds.benefits.database, stub, rpc_of(request, "benefits", "Notices"), request, other)


BY_PATH = {**POINT_WRITES, **PROGRAM_WRITES, **TIER_WRITES, **BADGE_WRITES}


def of_coupons(name: str) -> Callable[[Worlds], Awaitable[Write]]:
    async def write(worlds: Worlds) -> Write:
        stub, request, other = await COUPON_WRITES[name](await coupons_world(worlds.benefits))
        return Write(worlds.benefits.database, stub, rpc_of(request, "benefits", "Coupons"), request, other)

    return write


def of_rewards(name: str) -> Callable[[Worlds], Awaitable[Write]]:
    async def write(worlds: Worlds) -> Write:
        stub, request, other = await REWARD_WRITES[name](worlds.benefits)
        return Write(worlds.benefits.database, stub, rpc_of(request, "benefits", "Rewards"), request, other)

    return write


def of_path(path: str) -> Callable[[Worlds], Awaitable[Write]]:
    async def write(worlds: Worlds) -> Write:
        stub, request, other = await BY_PATH[path](worlds.benefits)
        return Write(worlds.benefits.database, stub, f"laurel.benefits.v1.{path}", request, other)

    return write


async def report_member(worlds: Worlds) -> Write:
    request = a_report_of(await worlds.risk.a_member())
    return of_risk(
        worlds, worlds.risk.caller("member", new_id("mem")), request, changed(request, note="another")
    )


async def decide_report(worlds: Worlds) -> Write:
    report = await worlds.risk.report(await worlds.risk.a_member())
    request = a_decision_on(report.report_id)
    return of_risk(worlds, worlds.risk.staff, request, changed(request, explanation="another"))


def of_risk(worlds: Worlds, stub: Any, request: Message, other: Message) -> Write:
    return Write(worlds.risk.database, stub, rpc_of(request, "risk", "Risk"), request, other)


async def register_model(worlds: Worlds) -> Write:
    request = a_registration(a_model())
    return of_models(worlds, worlds.models.analyst(), request, changed(request, document=a_model()))


async def promote_model(worlds: Worlds) -> Write:
    request = a_promotion(await worlds.models.registered())
    return of_models(worlds, worlds.models.officer(), request, changed(request, note="another"))


def of_models(worlds: Worlds, stub: Any, request: Message, other: Message) -> Write:
    return Write(worlds.models.database, stub, rpc_of(request, "scoring", "Model"), request, other)


def rpc_of(request: Message, area: str, service: str) -> str:
    return f"laurel.{area}.v1.{service}Service/{request.DESCRIPTOR.name.removesuffix('Request')}"


WRITES: dict[str, Callable[[Worlds], Awaitable[Write]]] = {
    "laurel.members.v1.MembersService/CreateStore": create_store,
    "laurel.members.v1.MembersService/CreatePartner": create_partner,
    "laurel.members.v1.MembersService/RegisterMembers": register_members,
    "laurel.members.v1.MembersService/SetBirthday": set_birthday,
    "laurel.members.v1.MembersService/RecordEvents": record_events,
    "laurel.members.v1.MembersService/MoveClock": move_clock,
    "laurel.members.v1.AccessService/RevealMember": reveal_member,
    "laurel.members.v1.AccessService/OpenBreakGlass": open_break_glass,
    "laurel.members.v1.AccessService/EndBreakGlass": end_break_glass,
    "laurel.members.v1.AccessService/RevealByBreakGlass": reveal_by_break_glass,
    "laurel.benefits.v1.BenefitsService/PublishProgram": publish_program,
    "laurel.benefits.v1.NoticesService/SetNoticePreferences": set_notice_preferences,
    "laurel.benefits.v1.EntitlementsService/UseBenefit": use_benefit,
    "laurel.benefits.v1.EntitlementsService/CancelBenefitUse": cancel_benefit_use,
    "laurel.benefits.v1.EntitlementsService/RecordStanding": record_standing,
    "laurel.benefits.v1.ContractsService/SellContract": sell_contract,
    "laurel.benefits.v1.ContractsService/RenewContract": renew_contract,
    "laurel.benefits.v1.ContractsService/RefundContract": refund_contract,
    "laurel.benefits.v1.ContractsService/CancelRenewal": cancel_renewal,
    "laurel.benefits.v1.ContractsService/SetSatisfaction": set_satisfaction,
    "laurel.benefits.v1.NoticesService/CreateWebhookEndpoint": create_webhook_endpoint,
    "laurel.benefits.v1.NoticesService/UpdateWebhookEndpoint": update_webhook_endpoint,
    "laurel.benefits.v1.NoticesService/RotateWebhookSecret": rotate_webhook_secret,
    "laurel.benefits.v1.NoticesService/ReplayWebhookDeliveries": replay_webhook_deliveries,
    "laurel.risk.v1.RiskService/ReportMember": report_member,
    "laurel.risk.v1.RiskService/DecideReport": decide_report,
    "laurel.scoring.v1.ModelService/RegisterModel": register_model,
    "laurel.scoring.v1.ModelService/PromoteModel": promote_model,
}
WRITES |= {f"laurel.benefits.v1.CouponsService/{name}": of_coupons(name) for name in COUPON_WRITES}
WRITES |= {f"laurel.benefits.v1.RewardsService/{name}": of_rewards(name) for name in REWARD_WRITES}
WRITES |= {f"laurel.benefits.v1.{path}": of_path(path) for path in BY_PATH}
# A stream of whole RecordEvents requests, each under its own request id.
STREAMED = {"laurel.members.v1.MembersService/StreamEvents"}
every_write = pytest.mark.parametrize("rpc", sorted(WRITES), ids=lambda rpc: rpc.rpartition("/")[2])


def in_bytes(answer: Message) -> bytes:
    return answer.SerializeToString(deterministic=True)


def test_every_write_of_the_contract_is_held_to_this() -> None:
    writes = {f"{each.containing_service.full_name}/{each.name}" for each in methods() if not is_read(each)}

    assert set(WRITES) | STREAMED == writes


@every_write
async def test_a_replay_gets_the_same_bytes_and_changes_nothing(worlds: Worlds, rpc: str) -> None:
    write = await WRITES[rpc](worlds)
    first = await write.send()
    kept = await write.kept()

    again = await write.send()

    assert in_bytes(again) == in_bytes(first)
    assert await write.kept() == kept
    assert await write.audited() == (policy().rpcs[rpc].audit == "act")


@every_write
async def test_the_same_write_five_times_at_once_is_done_once(worlds: Worlds, rpc: str) -> None:
    write = await WRITES[rpc](worlds)
    kept = await write.kept()

    answers = await asyncio.gather(*(write.send() for _ in range(5)))

    assert len({in_bytes(answer) for answer in answers}) == 1
    assert await write.kept() == kept + 1
    assert await write.audited() == (policy().rpcs[rpc].audit == "act")


@every_write
async def test_another_payload_under_the_same_id_is_refused_and_changes_nothing(
    worlds: Worlds, rpc: str
) -> None:
    write = await WRITES[rpc](worlds)
    first = await write.send()

    with pytest.raises(grpc.aio.AioRpcError) as error:
        await write.send(write.other)

    assert (error.value.code(), reason_of(error.value)) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "IDEMPOTENCY_KEY_REUSED",
    )
    assert in_bytes(await write.send()) == in_bytes(first)
    assert await write.audited() == (policy().rpcs[rpc].audit == "act")


@every_write
async def test_a_write_that_is_refused_leaves_neither_an_answer_nor_a_record(
    worlds: Worlds, rpc: str
) -> None:
    write = await WRITES[rpc](worlds)
    kept = await write.kept()
    write.request.ClearField("program_id")

    with pytest.raises(grpc.aio.AioRpcError) as error:
        await write.send()

    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert (await write.kept(), await write.audited()) == (kept, 0)
