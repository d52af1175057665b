"""The other services, in memory and behind real gRPC servers, counting the calls that they get."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laurel.benefits.v1 import (
    badges_pb2_grpc,
    benefits_pb2,
    benefits_pb2_grpc,
    contracts_pb2_grpc,
    coupons_pb2_grpc,
    decisions_pb2_grpc,
    earning_pb2_grpc,
    entitlements_pb2_grpc,
    notices_pb2_grpc,
    points_pb2_grpc,
    programs_pb2_grpc,
    proofs_pb2_grpc,
    reports_pb2_grpc,
    rewards_pb2_grpc,
    simulations_pb2_grpc,
    tiers_pb2_grpc,
)
from laurel.common.v1 import error_reason_pb2
from laurel.members.v1 import access_pb2_grpc, members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2_grpc
from laurel.scoring.v1 import models_pb2, models_pb2_grpc, scoring_pb2, scoring_pb2_grpc
from libs.common.caller import caller
from libs.common.errors import Kind, Refusal
from libs.common.paging import page_after, page_token
from libs.common.rpc.server import RpcServer
from libs.common.rpc.time import moment
from libs.common.settings import ServiceSettings
from services.benefits import shared_reads as benefits_reads
from services.members import shared_reads as members_reads
from services.scoring import shared_reads as scoring_reads
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Asked, Context, Fake
from tests.gateway.fake_access import FakeAccess
from tests.gateway.fake_badges import FakeBadges
from tests.gateway.fake_contracts import FakeContracts
from tests.gateway.fake_coupons import FakeCoupons
from tests.gateway.fake_decisions import FakeDecisions
from tests.gateway.fake_earning import FakeEarning
from tests.gateway.fake_entitlements import FakeEntitlements
from tests.gateway.fake_notices import FakeNotices
from tests.gateway.fake_points import FakePoints
from tests.gateway.fake_programs import FakePrograms
from tests.gateway.fake_proofs import FakeProofs
from tests.gateway.fake_rewards import FakeRewards
from tests.gateway.fake_risk import FakeRisk
from tests.gateway.fake_shared import batch_read
from tests.gateway.fake_simulations import FakeSimulations
from tests.gateway.fake_tiers import FakeTiers
from tests.gateway.world import World


class ProgramNotLoaded(Refusal):
    reason, kind, text = "PROGRAM_UNKNOWN", Kind.PRECONDITION, "this replica does not hold the program"


class ModelNotLoaded(Refusal):
    reason, kind, text = "MODEL_UNKNOWN", Kind.PRECONDITION, "the program has no model of this digest"


class FakeMembers(FakeAccess, members_pb2_grpc.MembersServiceServicer):
    async def BatchGetMembers(self, request: members_pb2.BatchGetMembersRequest, context: Context) -> Any:
        await self.begin("BatchGetMembers", request)
        results = self.per_member(
            lambda owner: members_pb2.MemberResult(status=FOUND, member=self.world.members[owner]),
            members_pb2.MemberResult(status=MISSING),
            request.member_ids,
        )
        return members_pb2.BatchGetMembersResponse(results=results)

    async def ListMembers(self, request: members_pb2.ListMembersRequest, context: Context) -> Any:
        await self.begin("ListMembers", request)
        tier = request.tier
        after = page_after(request.page_token, tier.tier_set, tier.tier)
        listed = [
            member
            for key, member in sorted(self.world.members.items())
            if (after is None or key > after)
            and (not tier.tier_set or member.tiers[tier.tier_set] == tier.tier)
        ]
        page = listed[: request.page_size]
        more = page_token(page[-1].member_id, tier.tier_set, tier.tier) if len(listed) > len(page) else ""
        return members_pb2.ListMembersResponse(members=page, next_page_token=more)

    async def BatchGetFacts(self, request: members_pb2.BatchGetFactsRequest, context: Context) -> Any:
        await self.begin("BatchGetFacts", request)
        results = []
        for key in request.keys:
            as_of = moment(key.as_of) if key.HasField("as_of") else world.NOON
            result = world.facts_of(as_of, *request.names)
            result.status = FOUND if self.knows(key.member_id) else MISSING
            results.append(result)
        return members_pb2.BatchGetFactsResponse(results=results)

    async def BatchRead(self, request: members_pb2.BatchReadRequest, context: Context) -> Any:
        return await batch_read(self, members_reads.READS, request, context)

    async def SetBirthday(self, request: members_pb2.SetBirthdayRequest, context: Context) -> Any:
        await self.begin("SetBirthday", request)
        return members_pb2.SetBirthdayResponse(changed=True)

    async def RegisterMembers(self, request: members_pb2.RegisterMembersRequest, context: Context) -> Any:
        """Registers all but those of stores."""
        await self.begin("RegisterMembers", request)
        results = [
            members_pb2.RegisterMemberResult(reason=error_reason_pb2.ERROR_REASON_STORE_UNKNOWN)
            if each.store_id
            else members_pb2.RegisterMemberResult(member=self.world.members[world.member_id(1)], created=True)
            for each in request.registrations
        ]
        return members_pb2.RegisterMembersResponse(results=results)

    async def RecordEvents(self, request: members_pb2.RecordEventsRequest, context: Context) -> Any:
        """Records all but those of stores."""
        await self.begin("RecordEvents", request)
        rejected = members_pb2.EventResult(
            outcome=members_pb2.EVENT_OUTCOME_REJECTED,
            reason=error_reason_pb2.ERROR_REASON_EVENT_INVALID,
            detail="store_id: no",
        )
        accepted = members_pb2.EventResult(
            outcome=members_pb2.EVENT_OUTCOME_ACCEPTED, event_id="evt_1", seq=1
        )
        results = [rejected if event.store_id else accepted for event in request.events]
        return members_pb2.RecordEventsResponse(results=results)


class FakeScoring(Fake, scoring_pb2_grpc.ScoringServiceServicer, models_pb2_grpc.ModelServiceServicer):
    """A replica that holds no program until one is sent; models that it has no score by it does not know."""

    def __init__(self, everything: World, asked: Asked) -> None:
        super().__init__(everything, asked)
        self.held: set[str] = set()
        self.serving: list[models_pb2.ServingModel] = []
        self.unknown: set[str] = set()
        self.serving_told = 0

    async def ListServingModels(self, request: models_pb2.ListServingModelsRequest, context: Context) -> Any:
        self.serving_told += (
            1  # and not among what is asked: it is asked every few seconds, and not by a query
        )
        return models_pb2.ListServingModelsResponse(models=self.serving)

    async def ListModels(self, request: models_pb2.ListModelsRequest, context: Context) -> Any:
        await self.begin("ListModels", request)
        filters = (request.program_id, request.kind)
        before = int(page_after(request.page_token, *filters) or world.MODELS + 1)
        numbers = list(range(before - 1, 0, -1))
        page = numbers[: request.page_size]
        return models_pb2.ListModelsResponse(
            models=map(world.a_model, page),
            next_page_token=page_token(str(page[-1]), *filters) if len(numbers) > len(page) else "",
        )

    async def BatchScore(self, request: scoring_pb2.BatchScoreRequest, context: Context) -> Any:
        await self.begin("BatchScore", request)
        if request.program_document:
            self.held.add(request.program_digest)
        if request.program_digest not in self.held:
            raise ProgramNotLoaded
        if self.unknown & set(request.model_digests):
            raise ModelNotLoaded
        by_model = [world.a_model_score(digest) for digest in request.model_digests]
        results = [
            scoring_pb2.SubjectScores(subject_id=subject.subject_id, scores=[world.a_score(), *by_model])
            for subject in request.subjects
        ]
        return scoring_pb2.BatchScoreResponse(results=results)

    async def BatchRead(self, request: scoring_pb2.BatchReadRequest, context: Context) -> Any:
        return await batch_read(self, scoring_reads.READS, request, context)


class FakeBenefits(
    FakeNotices,
    FakePrograms,
    FakeSimulations,
    FakeProofs,
    FakeRewards,
    FakeBadges,
    FakeContracts,
    FakeCoupons,
    FakeEntitlements,
    FakeDecisions,
    FakeEarning,
    FakePoints,
    FakeTiers,
    benefits_pb2_grpc.BenefitsServiceServicer,
):
    async def BatchGetPrograms(self, request: benefits_pb2.BatchGetProgramsRequest, context: Context) -> Any:
        await self.begin("BatchGetPrograms", request)
        live = self.world.live_program()
        found = benefits_pb2.ProgramResult(status=FOUND, program=live)
        missing = benefits_pb2.ProgramResult(status=MISSING)
        known = {live.program_id} & {caller().program_id}
        results = [found if key in known else missing for key in request.program_ids]
        return benefits_pb2.BatchGetProgramsResponse(results=results)

    async def BatchGetMemberships(
        self, request: benefits_pb2.BatchGetMembershipsRequest, context: Context
    ) -> Any:
        await self.begin("BatchGetMemberships", request)
        results = self.per_member(
            lambda owner: benefits_pb2.MembershipsResult(
                status=FOUND, memberships=[world.a_membership(owner, self.world.program)]
            ),
            benefits_pb2.MembershipsResult(status=MISSING),
            request.member_ids,
        )
        return benefits_pb2.BatchGetMembershipsResponse(results=results)

    async def BatchListTierChanges(
        self, request: benefits_pb2.BatchListTierChangesRequest, context: Context
    ) -> Any:
        await self.begin("BatchListTierChanges", request)
        changes = world.tier_changes()[: request.first]
        results = self.per_member(
            lambda _: benefits_pb2.TierChangesResult(status=FOUND, changes=changes),
            benefits_pb2.TierChangesResult(status=MISSING),
            [key.member_id for key in request.keys],
        )
        return benefits_pb2.BatchListTierChangesResponse(results=results)

    async def BatchGetPointsAccounts(
        self, request: benefits_pb2.BatchGetPointsAccountsRequest, context: Context
    ) -> Any:
        await self.begin("BatchGetPointsAccounts", request)
        results = self.per_member(
            lambda owner: benefits_pb2.PointsAccountResult(status=FOUND, account=world.an_account(owner)),
            benefits_pb2.PointsAccountResult(status=MISSING),
            request.member_ids,
        )
        return benefits_pb2.BatchGetPointsAccountsResponse(results=results)

    async def BatchListEntries(self, request: benefits_pb2.BatchListEntriesRequest, context: Context) -> Any:
        await self.begin("BatchListEntries", request)
        results = self.per_member(
            lambda _: benefits_pb2.EntriesResult(
                status=FOUND, entries=[world.an_entry(), world.a_reversal()]
            ),
            benefits_pb2.EntriesResult(status=MISSING),
            request.member_ids,
        )
        return benefits_pb2.BatchListEntriesResponse(results=results)

    async def BatchListEntitlements(
        self, request: benefits_pb2.BatchListEntitlementsRequest, context: Context
    ) -> Any:
        await self.begin("BatchListEntitlements", request)
        results = self.per_member(
            lambda _: benefits_pb2.EntitlementsResult(status=FOUND, entitlements=[world.an_entitlement()]),
            benefits_pb2.EntitlementsResult(status=MISSING),
            request.member_ids,
        )
        return benefits_pb2.BatchListEntitlementsResponse(results=results)

    async def BatchRead(self, request: benefits_pb2.BatchReadRequest, context: Context) -> Any:
        return await batch_read(self, benefits_reads.READS, request, context)


def add_members(served: Any, server: Any) -> None:
    """Members serves who they are, and reveals them."""
    members_pb2_grpc.add_MembersServiceServicer_to_server(served, server)
    access_pb2_grpc.add_AccessServiceServicer_to_server(served, server)


def add_scoring(served: Any, server: Any) -> None:
    """Scoring serves scores, and says by which models."""
    scoring_pb2_grpc.add_ScoringServiceServicer_to_server(served, server)
    models_pb2_grpc.add_ModelServiceServicer_to_server(served, server)


def add_benefits(served: Any, server: Any) -> None:
    """Benefits serves what members hold, and what they are told."""
    benefits_pb2_grpc.add_BenefitsServiceServicer_to_server(served, server)
    notices_pb2_grpc.add_NoticesServiceServicer_to_server(served, server)
    points_pb2_grpc.add_PointsServiceServicer_to_server(served, server)
    programs_pb2_grpc.add_ProgramsServiceServicer_to_server(served, server)
    simulations_pb2_grpc.add_SimulationsServiceServicer_to_server(served, server)
    proofs_pb2_grpc.add_ProofServiceServicer_to_server(served, server)
    reports_pb2_grpc.add_ReportsServiceServicer_to_server(served, server)
    rewards_pb2_grpc.add_RewardsServiceServicer_to_server(served, server)
    entitlements_pb2_grpc.add_EntitlementsServiceServicer_to_server(served, server)
    badges_pb2_grpc.add_BadgesServiceServicer_to_server(served, server)
    contracts_pb2_grpc.add_ContractsServiceServicer_to_server(served, server)
    coupons_pb2_grpc.add_CouponsServiceServicer_to_server(served, server)
    earning_pb2_grpc.add_EarningServiceServicer_to_server(served, server)
    decisions_pb2_grpc.add_DecisionsServiceServicer_to_server(served, server)
    tiers_pb2_grpc.add_TiersServiceServicer_to_server(served, server)


Register = Callable[[Any, Any], None]
# Partly implemented on purpose: what the gateway does not call is answered UNIMPLEMENTED.
KINDS: tuple[tuple[Callable[[World, Asked], Fake], Register], ...] = (
    (FakeMembers, add_members),
    (FakeScoring, add_scoring),
    (FakeBenefits, add_benefits),
    (FakeRisk, risk_pb2_grpc.add_RiskServiceServicer_to_server),
)


class Running:
    """A fake behind a server of its own, which can be killed."""

    def __init__(self, fake: Fake, register: Register, keys: Path) -> None:
        settings = ServiceSettings(
            key_set_file=keys / "keys.json",
            development=True,
            port=0,
            metrics_port=0,
            drain_seconds=0,
        )
        self.fake, self.address = fake, ""
        self._server = RpcServer(settings)
        self._server.add(register, fake)

    async def start(self) -> None:
        self.address = f"127.0.0.1:{await self._server.start()}"

    async def kill(self) -> None:
        await self._server.drain()


@dataclass
class Services:
    """All four of them."""

    asked: Asked
    members: Running
    scoring: Running
    benefits: Running
    risk: Running

    @classmethod
    async def start(cls, everything: World, keys: Path) -> "Services":
        asked = Asked()
        running = [Running(kind(everything, asked), register, keys) for kind, register in KINDS]
        for each in running:
            await each.start()
        return cls(asked, *running)

    async def kill(self) -> None:
        for each in (self.members, self.scoring, self.benefits, self.risk):
            await each.kill()
