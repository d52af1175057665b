"""The four services as canned answers, to measure gateways on: `python -m tests.bench.stubs`."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import uvloop
from google.protobuf.message import Message

from laurel.benefits.v1 import benefits_pb2 as benefits
from laurel.common.v1 import lookup_pb2, pipeline_pb2
from laurel.members.v1 import members_pb2 as members
from laurel.risk.v1 import risk_pb2 as risk
from laurel.scoring.v1 import models_pb2 as models
from laurel.scoring.v1 import scoring_pb2 as scoring
from libs.cli.ports import HOST
from libs.common.rpc.shared.asks import runs_of, wanted
from libs.common.rpc.shared.reads import SharedRead
from services.benefits import shared_reads as benefits_reads
from services.members import shared_reads as members_reads
from services.risk import shared_reads as risk_reads
from services.scoring import shared_reads as scoring_reads
from tests.bench.servers import SERVER_CORE
from tests.gateway import world

FOUND = lookup_pb2.LOOKUP_STATUS_FOUND
MEMBERS = 500
WORLD = world.World.of(MEMBERS)
ALL = sorted(WORLD.members.values(), key=lambda each: each.member_id)
OWNER = world.member_id(1)

MEMBERSHIPS = benefits.MembershipsResult(status=FOUND, memberships=[world.a_membership(OWNER, WORLD.program)])
ACCOUNT = benefits.PointsAccountResult(status=FOUND, account=world.an_account(OWNER))
ENTITLEMENTS = benefits.EntitlementsResult(status=FOUND, entitlements=[world.an_entitlement()])
PROFILE = risk.RiskProfileResult(status=FOUND, profile=world.a_risk_profile(OWNER))
SERVING = models.ListServingModelsResponse()
SCORES = scoring.SubjectScores(scores=[world.a_score()])
FACTS = world.facts_of(world.NOON)
FACTS.status = FOUND
PROGRAM = benefits.ProgramResult(status=FOUND, program=WORLD.live_program())

calls = 0


def _page(request: members.ListMembersRequest) -> Message:
    return members.ListMembersResponse(members=ALL[: request.page_size], next_page_token="more")


def _counted(_: Message) -> Message:
    status = pipeline_pb2.PipelineStatus(service="stubs", outbox_unsent=calls)
    return members.GetPipelineStatusResponse(status=status)


def _members(request: members.BatchGetMembersRequest) -> Message:
    found = [WORLD.members[key] for key in request.member_ids]
    return members.BatchGetMembersResponse(
        results=[members.MemberResult(status=FOUND, member=each) for each in found]
    )


def _per_member(response: Any, result: Message) -> Callable[[Any], Message]:
    return lambda request: response(results=[result] * len(request.member_ids))


# Neither is asked by a query.
UNCOUNTED = {"GetPipelineStatus", "ListServingModels"}
ANSWERS: dict[str, dict[str, tuple[Any, Callable[[Any], Message]]]] = {
    "laurel.members.v1.MembersService": {
        "BatchGetMembers": (members.BatchGetMembersRequest, _members),
        "ListMembers": (members.ListMembersRequest, _page),
        "BatchGetFacts": (
            members.BatchGetFactsRequest,
            lambda request: members.BatchGetFactsResponse(results=[FACTS] * len(request.keys)),
        ),
        "GetPipelineStatus": (members.GetPipelineStatusRequest, _counted),
    },
    "laurel.scoring.v1.ScoringService": {
        "BatchScore": (
            scoring.BatchScoreRequest,
            lambda request: scoring.BatchScoreResponse(results=[SCORES] * len(request.subjects)),
        ),
    },
    "laurel.scoring.v1.ModelService": {
        "ListServingModels": (models.ListServingModelsRequest, lambda request: SERVING),
    },
    "laurel.benefits.v1.BenefitsService": {
        "BatchGetMemberships": (
            benefits.BatchGetMembershipsRequest,
            _per_member(benefits.BatchGetMembershipsResponse, MEMBERSHIPS),
        ),
        "BatchGetPointsAccounts": (
            benefits.BatchGetPointsAccountsRequest,
            _per_member(benefits.BatchGetPointsAccountsResponse, ACCOUNT),
        ),
        "BatchListEntitlements": (
            benefits.BatchListEntitlementsRequest,
            _per_member(benefits.BatchListEntitlementsResponse, ENTITLEMENTS),
        ),
        "BatchGetPrograms": (
            benefits.BatchGetProgramsRequest,
            lambda request: benefits.BatchGetProgramsResponse(results=[PROGRAM] * len(request.program_ids)),
        ),
    },
    "laurel.risk.v1.RiskService": {
        "BatchGetRiskProfiles": (
            risk.BatchGetRiskProfilesRequest,
            _per_member(risk.BatchGetRiskProfilesResponse, PROFILE),
        ),
    },
}


def _batch_read(service: str, reads: Sequence[SharedRead]) -> Callable[[Any], Any]:
    """What the canned BatchGets answer, for the keys of all runs that ask for it, in order."""
    protos: Any = {"members": members, "scoring": scoring, "benefits": benefits, "risk": risk}[
        service.split(".")[1]
    ]
    answer = protos.BatchReadResponse
    bits = [(wanted(answer, each.field), each, ANSWERS[service].get(each.method)) for each in reads]
    nothing = getattr(protos, "ReadArguments", lambda: None)()

    def read(request: Any) -> Any:
        runs, response = runs_of(request), answer()
        for bit, each, canned in bits:
            keys = [key for run in runs if run.want & bit for key in run.keys]
            if keys and canned is not None:
                results: Any = canned[1](each.request(world.PROGRAM, keys, nothing))
                getattr(response, each.field).items.extend(results.results)
        return response

    return read


for _service, _protos, _reads in (
    ("laurel.members.v1.MembersService", members, members_reads.READS),
    ("laurel.scoring.v1.ScoringService", scoring, scoring_reads.READS),
    ("laurel.benefits.v1.BenefitsService", benefits, benefits_reads.READS),
    ("laurel.risk.v1.RiskService", risk, risk_reads.READS),
):
    ANSWERS[_service]["BatchRead"] = (_protos.BatchReadRequest, _batch_read(_service, _reads))


def _handler(method: str, request: Any, answer: Callable[[Any], Message]) -> Any:
    async def answered(message: Message, _: Any) -> Message:
        global calls  # noqa: PLW0603 - the process is one counter
        calls += method not in UNCOUNTED
        return answer(message)

    return grpc.unary_unary_rpc_method_handler(
        answered, request.FromString, lambda message: message.SerializeToString()
    )


async def main() -> None:
    """Serve until ended."""
    server = grpc.aio.server()
    for service, methods in ANSWERS.items():
        handlers = {method: _handler(method, *answer) for method, answer in methods.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    print(port, flush=True)  # noqa: T201 - for the process that asked
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.sched_setaffinity(0, {(SERVER_CORE + 1) % (os.cpu_count() or 1)})
    uvloop.run(main())
