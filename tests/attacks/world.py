"""The platform under attack: two shops with members, and whoever knocks, with certificates and tokens."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from pydantic import BaseModel

from laurel.benefits.v1 import benefits_pb2, contracts_pb2, entitlements_pb2, rewards_pb2
from laurel.members.v1 import members_pb2
from laurel.risk.v1 import reports_pb2, risk_pb2
from libs.cli import pipeline, programs, rewards, sample, webhooks
from libs.cli.certificates import Authority
from libs.cli.clients import connected, connected_partner, signer, staff_token
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.platform import running
from libs.common import clock
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.mix_policy import Mix, Segment
from libs.common.policy import ROLES
from libs.common.program import Program, preset
from libs.common.rpc.peer import GATEWAY
from libs.common.rpc.time import timestamp
from tests.attacks import (
    badge_scene,
    coupon_scene,
    model_scene,
    point_scene,
    program_scene,
    reveal_scene,
    simulation_scene,
    tier_scene,
)
from tests.attacks.graph import Graph
from tests.attacks.rpc import Caller, Rpc
from tests.support.builders import NOON, a_purchase

TOKEN_TTL = timedelta(hours=2)
MEMBERS = 12
PURCHASES = 3
SCENE = "scene.json"
BENEFIT = "new_release_letter"
STREAMS = 100
"""Event streams that the gateway takes, 500 unless set: each takes it 150 KB, and is no leak."""
# When the clock of the program of the shops begins; what is told of earlier days is history.
SANDBOX_BEGINS = datetime(1998, 7, 1, tzinfo=UTC)


class Shop(BaseModel):
    """A program with two partners, each with a store and members of its own."""

    program_id: str
    document: bytes
    digest: str
    partner_id: str
    store_id: str
    rival_id: str
    rival_store_id: str
    members: list[str]
    rival_members: list[str]
    decisions: list[str]
    entries: list[str]
    reports: list[str]
    endpoints: list[str]
    rewards: list[str]
    redemptions: list[str]
    grants: list[str]
    deliveries: list[str]
    uses: list[str]
    coupons: list[str]
    contracts: list[str]
    adjustments: list[str]
    overrides: list[str]
    badges: list[str]
    break_glasses: list[str]
    simulations: list[str]
    versions: program_scene.Versions


class Scene(BaseModel):
    """The shop that is attacked from, and another one that its people must not know of."""

    own: Shop
    other: Shop


@dataclass
class World:
    """A running platform with its scene, and ways to call it as anybody."""

    folder: DataFolder
    run: RunFile
    scene: Scene
    graph: Graph
    rpc: Rpc
    _subjects: int = field(default=0)

    @property
    def own(self) -> Shop:
        return self.scene.own

    @property
    def other(self) -> Shop:
        return self.scene.other

    @property
    def authority(self) -> Authority:
        """The authority of the platform; an attacker has but what it issued to them."""
        return Authority(self.folder.tls)

    def token(
        self,
        kind: PrincipalKind,
        subject: str,
        roles: Sequence[str] = (),
        *,
        shop: Shop | None = None,
        stores: Sequence[str] = (),
    ) -> str:
        """A good token."""
        return signer(self.run).token(
            subject,
            kind,
            now=clock.now(),
            ttl=TOKEN_TTL,
            program_id=(shop or self.own).program_id,
            roles=roles,
            stores=stores,
        )

    def token_of(self, principal: str) -> str:
        """A good token of a principal of the policy table, in the own shop."""
        own = self.own
        match principal:
            case "member":
                return self.token("member", own.members[0])
            case "partner":
                return self.token("partner", own.partner_id)
        assert principal in ROLES
        return self.token("staff", f"a_{principal}", [principal], stores=[own.store_id])

    def stranger(self, *roles: str) -> str:
        """A token of staff who has asked nothing before, so that nobody's budget runs out."""
        self._subjects += 1
        return self.token("staff", f"stranger_{self._subjects}", roles or ("compliance_officer",))

    def caller(self, principal: str) -> Caller:
        """A principal of the policy table at a service: through the gateway, or by an own certificate."""
        if principal == GATEWAY:
            return Caller(self.authority.files("gateway"))
        if principal == "service":
            return Caller(self.authority.files("risk"))
        if principal == "partner":
            return self.partner(self.own.partner_id)
        return Caller(self.authority.files("gateway"), self.token_of(principal))

    def partner(self, partner_id: str, shop: Shop | None = None) -> Caller:
        """A partner with its certificate."""
        return Caller(self.authority.partner_files((shop or self.own).program_id, partner_id))


@asynccontextmanager
async def attacked(path: Path) -> AsyncIterator[World]:
    """A platform of its own in a folder, as `laurel up` starts it, with both shops."""
    folder = DataFolder(path)
    async with AsyncExitStack() as deployed:
        # As it is deployed, and not as in development.
        settings = {"LAUREL_DEVELOPMENT": "false", "LAUREL_WEBSOCKETS_MAX": str(STREAMS)}
        deployed.enter_context(patch.dict(os.environ, settings | reveal_scene.SETTINGS))
        run = await deployed.enter_async_context(running(folder))
        scene = Scene(own=await _shop(run, "music_store"), other=await _shop(run, "other_store"))
        (folder.path / SCENE).write_text(scene.model_dump_json())
        async with in_world(folder) as world:
            yield world


@asynccontextmanager
async def in_world(folder: DataFolder) -> AsyncIterator[World]:
    """The world of a platform that runs; other processes come in here, too."""
    run = folder.running()
    scene = Scene.model_validate_json((folder.path / SCENE).read_bytes())
    async with Rpc(run) as rpc:
        yield World(folder, run, scene, Graph(run.gateway_url), rpc)


async def _shop(run: RunFile, key: str) -> Shop:
    """Make a program with all that hangs on it, and wait until it has had its effect."""
    sold = preset("dating_annual").contracts
    base = preset(sample.PROGRAM)
    points = base.points.model_copy(update={"transfers": point_scene.TRANSFERS})
    mix = Mix(segments=(Segment(key="all", name=base.name, cash_bp=4_000),))
    program = base.model_copy(
        update={
            "key": key,
            "contracts": sold,
            "points": points,
            "mix": mix,
            "badges": (badge_scene.CAPTAIN, badge_scene.FOUNDER),
        }
    )
    ours = (f"{key}_till", f"{key}_online"), (f"{key}_rival", f"{key}_corner")
    await _prepare(run, program, ours)
    endpoints = await _endpoints(run, key)
    offered = await _rewards(run, key)
    members = [await _members(run, key, partner, store) for partner, store in ours]
    async with connected(run, staff_token(run, key)) as staff:
        await pipeline.drained(staff)
        published = benefits_pb2.BatchGetProgramsRequest(program_ids=[key])
        live = (await staff.benefits.BatchGetPrograms(published)).results[0].program
        asked = benefits_pb2.BatchGetMembershipsRequest(program_id=key, member_ids=members[0])
        memberships = (await staff.benefits.BatchGetMemberships(asked)).results
        listed = benefits_pb2.BatchListEntriesRequest(program_id=key, member_ids=members[0], first=1)
        entries = (await staff.benefits.BatchListEntries(listed)).results
    await point_scene.holds(run, key, partner_id=ours[0][0], member_id=members[0][0])
    await model_scene.models(run, key)
    return Shop(
        program_id=key,
        document=live.document,
        digest=live.digest,
        partner_id=ours[0][0],
        store_id=ours[0][1],
        rival_id=ours[1][0],
        rival_store_id=ours[1][1],
        members=members[0],
        rival_members=members[1],
        decisions=[each.memberships[0].decision.decision_id for each in memberships],
        entries=[each.entries[0].entry_id for each in entries],
        reports=await _reports(run, key, members[0][1:4]),
        endpoints=endpoints,
        rewards=offered,
        redemptions=await _redemptions(run, key, offered[0], partner_id=ours[0][0], member_id=members[0][0]),
        grants=await _grants(run, key, offered[2], members[0][1:6]),
        deliveries=await _deliveries(run, key, partner_id=ours[0][0], member_id=members[0][0]),
        uses=await _uses(run, key, partner_id=ours[0][0], member_id=members[0][0]),
        coupons=await coupon_scene.coupons(run, key, partner_id=ours[0][0], member_ids=members[0][:2]),
        contracts=await _contracts(run, key, partner_id=ours[0][0], member_ids=members[0][1:9]),
        adjustments=await point_scene.adjustments(run, key, members[0][9]),
        overrides=await tier_scene.overrides(run, key, members[0][9]),
        badges=await badge_scene.badges(run, key, members[0][1:9]),
        break_glasses=await reveal_scene.break_glasses(run, key),
        simulations=await simulation_scene.runs(run, Program.parse(live.document)),
        versions=await program_scene.versions(run, Program.parse(live.document)),
    )


async def _prepare(run: RunFile, program: Program, ours: Sequence[tuple[str, str]]) -> None:
    async with connected(run, staff_token(run, program.key)) as staff:
        await program_scene.history(staff, program)
        for partner_id, store_id in ours:
            await programs.create_store(staff, program.key, store_id, store_id)
            await programs.create_partner(staff, program.key, partner_id, name=partner_id, stores=[store_id])
            Authority(run.tls_folder).partner(program.key, partner_id, now=clock.now())


async def _members(run: RunFile, program_id: str, partner_id: str, store_id: str) -> list[str]:
    """Members of a partner, each with some purchases."""
    async with connected_partner(run, program_id, partner_id) as partner:
        registrations = [
            members_pb2.Registration(
                external_member_id=f"{partner_id}-{number}",
                store_id=store_id,
                registered_time=timestamp(NOON),
            )
            for number in range(MEMBERS)
        ]
        registered = await partner.members.RegisterMembers(
            members_pb2.RegisterMembersRequest(
                program_id=program_id, request_id=new_id("req"), registrations=registrations
            )
        )
        found = [each.member.member_id for each in registered.results]
        events = [a_purchase(member_id, 12_000) for member_id in found for _ in range(PURCHASES)]
        await partner.members.RecordEvents(
            members_pb2.RecordEventsRequest(program_id=program_id, request_id=new_id("req"), events=events)
        )
    return found


async def _rewards(run: RunFile, program_id: str) -> list[str]:
    """Two rewards for every member, and one of which it takes two to give it away."""
    async with connected(run, staff_token(run, program_id)) as staff:
        made = [
            await rewards.add(staff, program_id, f"{program_id}_{name}", _reward(value_minor), 100_000)
            for name, value_minor in (("coffee", 1), ("tea", 1), ("watch", 100_000))
        ]
    return [each.reward_id for each in made]


def _reward(value_minor: int) -> rewards_pb2.RewardTerms:
    return rewards_pb2.RewardTerms(
        kind=rewards_pb2.REWARD_KIND_GOODS,
        name_zh="杯",
        name_en="Cup",
        price_points=1,
        value_minor=value_minor,
        reserve_minutes=60,
    )


async def _redemptions(
    run: RunFile, program_id: str, reward_id: str, *, partner_id: str, member_id: str
) -> list[str]:
    """What a member has reserved."""
    requests = [
        rewards_pb2.RedeemRewardRequest(
            program_id=program_id, request_id=new_id("req"), member_id=member_id, reward_id=reward_id
        )
        for _ in range(5)
    ]
    async with connected_partner(run, program_id, partner_id) as partner:
        answers = [await partner.rewards.RedeemReward(each) for each in requests]
    return [each.redemption.redemption_id for each in answers]


async def _grants(run: RunFile, program_id: str, reward_id: str, member_ids: Sequence[str]) -> list[str]:
    """What somebody wants to give these members, and a second person is to decide."""
    requests = [
        rewards_pb2.GrantRewardRequest(
            program_id=program_id,
            request_id=new_id("req"),
            member_id=member_id,
            reward_id=reward_id,
            explanation="an apology",
        )
        for member_id in member_ids
    ]
    async with connected(run, staff_token(run, program_id, ["operations_manager"])) as staff:
        answers = [await staff.rewards.GrantReward(each) for each in requests]
    return [each.redemption.redemption_id for each in answers]


async def _endpoints(run: RunFile, program_id: str) -> list[str]:
    """An endpoint that is sent notices, at a host that there is not."""
    async with connected(run, staff_token(run, program_id)) as staff:
        made = await webhooks.add(staff, program_id, "https://hooks.example.com/laurel", [])
    return [made.endpoint.endpoint_id]


async def _deliveries(run: RunFile, program_id: str, *, partner_id: str, member_id: str) -> list[str]:
    """Deliveries of what a member is told whose tier has just changed."""
    event = a_purchase(member_id, 1_000_000, at=SANDBOX_BEGINS)
    request = members_pb2.RecordEventsRequest(program_id=program_id, request_id=new_id("req"), events=[event])
    async with connected_partner(run, program_id, partner_id) as partner:
        await partner.members.RecordEvents(request)
    async with connected(run, staff_token(run, program_id)) as staff, asyncio.timeout(60):
        while not (found := await webhooks.deliveries(staff, program_id, "", dead=False, limit=10)):
            await asyncio.sleep(0.1)
    return [each.delivery_id for each in found]


async def _uses(run: RunFile, program_id: str, *, partner_id: str, member_id: str) -> list[str]:
    """A use of a benefit that every member has."""
    request = entitlements_pb2.UseBenefitRequest(
        program_id=program_id,
        request_id=new_id("req"),
        member_id=member_id,
        benefit=BENEFIT,
        amount=1,
        external_ref=new_id("ref"),
    )
    async with connected_partner(run, program_id, partner_id) as partner:
        return [(await partner.entitlements.UseBenefit(request)).use.use_id]


async def _contracts(
    run: RunFile, program_id: str, *, partner_id: str, member_ids: Sequence[str]
) -> list[str]:
    """A contract of each of these members."""
    requests = [
        contracts_pb2.SellContractRequest(
            program_id=program_id,
            request_id=new_id("req"),
            member_id=member_id,
            plan="gold_year",
            payment_reference=new_id("pay"),
            start=contracts_pb2.CONTRACT_START_NOW,
        )
        for member_id in member_ids
    ]
    async with connected_partner(run, program_id, partner_id) as partner:
        answers = await asyncio.gather(*(partner.contracts.SellContract(each) for each in requests))
    return [each.contract.contract_id for each in answers]


async def _reports(run: RunFile, program_id: str, reported: Sequence[str]) -> list[str]:
    """Open reports of these members."""
    async with connected(run, staff_token(run, program_id)) as staff:
        requests = [
            risk_pb2.ReportMemberRequest(
                program_id=program_id,
                request_id=new_id("req"),
                member_id=member_id,
                reason=reports_pb2.REPORT_REASON_FRAUD,
            )
            for member_id in reported
        ]
        answers = await asyncio.gather(*(staff.risk.ReportMember(each) for each in requests))
    return [each.report.report_id for each in answers]
