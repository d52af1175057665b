"""Hand-written fan-out on raw ASGI, to measure gateways by: `python -m tests.bench.raw ADDRESS PORT`.

One call per read, the caller's token in metadata, and nothing else: no
schema, no policy, no limits, no traces.
"""

import asyncio
import os
import sys
from typing import Any

import grpc
import orjson
import uvicorn

from laurel.benefits.v1 import benefits_pb2 as benefits
from laurel.benefits.v1 import benefits_pb2_grpc
from laurel.members.v1 import members_pb2 as members
from laurel.members.v1 import members_pb2_grpc
from laurel.risk.v1 import risk_pb2 as risk
from laurel.risk.v1 import risk_pb2_grpc
from laurel.scoring.v1 import scoring_pb2 as scoring
from laurel.scoring.v1 import scoring_pb2_grpc
from libs.cli.ports import HOST
from tests.bench.servers import SERVER_CORE
from tests.bench.stubs import PROGRAM

HEADERS = [(b"content-type", b"application/json")]
KEY = PROGRAM.program.program_id
DIGEST = PROGRAM.program.digest


class Raw:
    """The application."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        body = (await receive())["body"]
        token = next(value for name, value in scope["headers"] if name == b"authorization").decode()
        variables = orjson.loads(body)["variables"]
        if "first" in variables:
            data: Any = await self._list(variables["first"], (("authorization", token),))
        else:
            data = {"member": (await self._read([variables["id"]], (("authorization", token),)))[0]}
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": orjson.dumps({"data": data})})

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        self._channel = grpc.aio.insecure_channel(self._address)
        self._members = members_pb2_grpc.MembersServiceStub(self._channel)
        self._benefits = benefits_pb2_grpc.BenefitsServiceStub(self._channel)
        self._risk = risk_pb2_grpc.RiskServiceStub(self._channel)
        self._scoring = scoring_pb2_grpc.ScoringServiceStub(self._channel)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _list(self, first: int, metadata: Any) -> dict[str, Any]:
        request = members.ListMembersRequest(program_id=KEY, page_size=first)
        page = await self._members.ListMembers(request, metadata=metadata)
        nodes = await self._read([each.member_id for each in page.members], metadata)
        return {"members": {"edges": [{"node": node} for node in nodes]}}

    async def _read(self, ids: list[str], metadata: Any) -> list[dict[str, Any]]:
        keys: Any = {"program_id": KEY, "member_ids": ids}
        found, memberships, accounts, entitlements, profiles, scores = await asyncio.gather(
            self._members.BatchGetMembers(members.BatchGetMembersRequest(**keys), metadata=metadata),
            self._benefits.BatchGetMemberships(
                benefits.BatchGetMembershipsRequest(**keys), metadata=metadata
            ),
            self._benefits.BatchGetPointsAccounts(
                benefits.BatchGetPointsAccountsRequest(**keys), metadata=metadata
            ),
            self._benefits.BatchListEntitlements(
                benefits.BatchListEntitlementsRequest(**keys), metadata=metadata
            ),
            self._risk.BatchGetRiskProfiles(risk.BatchGetRiskProfilesRequest(**keys), metadata=metadata),
            self._scores(ids, metadata),
        )
        together = zip(
            found.results,
            memberships.results,
            accounts.results,
            entitlements.results,
            profiles.results,
            scores,
            strict=True,
        )
        return [_node(*each) for each in together]

    async def _scores(self, ids: list[str], metadata: Any) -> Any:
        facts = await self._members.BatchGetFacts(
            members.BatchGetFactsRequest(
                program_id=KEY, keys=[members.FactsKey(member_id=each) for each in ids]
            ),
            metadata=metadata,
        )
        subjects = [
            scoring.ScoreSubject(subject_id=each, as_of=result.as_of, facts=result.facts)
            for each, result in zip(ids, facts.results, strict=True)
        ]
        request = scoring.BatchScoreRequest(program_digest=DIGEST, subjects=subjects)
        return (await self._scoring.BatchScore(request, metadata=metadata)).results


def _node(found: Any, held: Any, account: Any, entitled: Any, standing: Any, scored: Any) -> dict[str, Any]:
    return {
        "memberId": found.member.member_id,
        "memberships": [{"tierSet": each.tier_set, "tierKey": each.tier} for each in held.memberships],
        "scores": [
            {"name": each.name, "valueBp": each.value_bp, "label": each.label} for each in scored.scores
        ],
        "points": {"available": account.account.available_points},
        "benefits": [{"key": each.benefit} for each in entitled.entitlements],
        "risk": {"integrity": standing.profile.integrity},
    }


if __name__ == "__main__":
    os.sched_setaffinity(0, {SERVER_CORE})
    uvicorn.run(
        Raw(sys.argv[1]), host=HOST, port=int(sys.argv[2]), log_level="error", http="httptools", loop="uvloop"
    )
