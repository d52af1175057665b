"""The other services, in memory and behind real gRPC servers, counting the calls that they get."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from laurel.benefits.v1 import benefits_pb2, benefits_pb2_grpc
from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from laurel.scoring.v1 import scoring_pb2, scoring_pb2_grpc
from libs.common.caller import caller
from libs.common.clock import now
from libs.common.errors import Kind, Refusal
from libs.common.paging import page_after, page_token
from libs.common.rpc.server import RpcServer
from libs.common.rpc.time import moment
from libs.common.settings import ServiceSettings
from libs.common.tokens import TokenVerifier
from tests.gateway import world
from tests.gateway.world import World

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
Context = Any
R = TypeVar("R")


class ProgramNotLoaded(Refusal):
    reason, kind, text = "PROGRAM_UNKNOWN", Kind.PRECONDITION, "this replica does not hold the program"


@dataclass
class Asked:
    """The calls that the services got, and the tokens that came with them."""

    calls: Counter[str] = field(default_factory=Counter)
    tokens: set[str] = field(default_factory=set)
    requests: dict[str, Any] = field(default_factory=dict)

    def note(self, method: str, request: Any) -> None:
        self.calls[method] += 1
        self.tokens.add(caller().token)
        self.requests[method] = request


class Fake:
    """A service of a world."""

    def __init__(self, everything: World, asked: Asked) -> None:
        self.world, self.asked = everything, asked
        self.breaks: Callable[[], Awaitable[None]] | None = None

    async def begin(self, method: str, request: Any) -> None:
        self.asked.note(method, request)
        if self.breaks is not None:
            await self.breaks()
        if hasattr(request, "program_id"):
            caller().require_program(request.program_id)

    def knows(self, owner: str) -> bool:
        return owner in self.world.members and caller().program_id == self.world.program.key

    def per_member(self, result: Callable[[str], R], missing: R, owners: Any) -> list[R]:
        return [result(owner) if self.knows(owner) else missing for owner in owners]


class FakeMembers(Fake, members_pb2_grpc.MembersServiceServicer):
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


class FakeScoring(Fake, scoring_pb2_grpc.ScoringServiceServicer):
    """A replica that holds no program until one is sent."""

    def __init__(self, everything: World, asked: Asked) -> None:
        super().__init__(everything, asked)
        self.held: set[str] = set()

    async def BatchScore(self, request: scoring_pb2.BatchScoreRequest, context: Context) -> Any:
        await self.begin("BatchScore", request)
        if request.program_document:
            self.held.add(request.program_digest)
        if request.program_digest not in self.held:
            raise ProgramNotLoaded
        results = [
            scoring_pb2.SubjectScores(subject_id=subject.subject_id, scores=[world.a_score()])
            for subject in request.subjects
        ]
        return scoring_pb2.BatchScoreResponse(results=results)


class FakeBenefits(Fake, benefits_pb2_grpc.BenefitsServiceServicer):
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
            lambda _: benefits_pb2.EntriesResult(status=FOUND, entries=[world.an_entry()]),
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


class FakeRisk(Fake, risk_pb2_grpc.RiskServiceServicer):
    async def BatchGetRiskProfiles(
        self, request: risk_pb2.BatchGetRiskProfilesRequest, context: Context
    ) -> Any:
        await self.begin("BatchGetRiskProfiles", request)
        results = self.per_member(
            lambda owner: risk_pb2.RiskProfileResult(status=FOUND, profile=world.a_risk_profile(owner)),
            risk_pb2.RiskProfileResult(status=MISSING),
            request.member_ids,
        )
        return risk_pb2.BatchGetRiskProfilesResponse(results=results)


Register = Callable[[Any, Any], None]
# Partly implemented on purpose: what the gateway does not call is answered UNIMPLEMENTED.
KINDS: tuple[tuple[Callable[[World, Asked], Fake], Register], ...] = (
    (FakeMembers, members_pb2_grpc.add_MembersServiceServicer_to_server),
    (FakeScoring, scoring_pb2_grpc.add_ScoringServiceServicer_to_server),
    (FakeBenefits, benefits_pb2_grpc.add_BenefitsServiceServicer_to_server),
    (FakeRisk, risk_pb2_grpc.add_RiskServiceServicer_to_server),
)


class Running:
    """A fake behind a server of its own, which can be killed."""

    def __init__(self, fake: Fake, register: Register, keys: Path) -> None:
        settings = ServiceSettings(
            key_set_file=keys / "keys.json",
            port=0,
            metrics_port=0,
            drain_seconds=0,
        )
        verifier = TokenVerifier(settings.key_set_file, ttl_max=settings.token_ttl_max, now=now)
        self.fake, self.address = fake, ""
        self._server = RpcServer(settings, verifier)
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
