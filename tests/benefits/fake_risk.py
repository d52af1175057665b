"""The risk service, as far as benefits asks it: how far members can be trusted."""

from collections.abc import Iterable
from typing import Any

import grpc

from laurel.common.v1 import lookup_pb2
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from libs.common.ids import new_id
from libs.common.redis import StreamMessage
from tests.benefits.stories import Story


class FakeRisk(risk_pb2_grpc.RiskServiceServicer):
    """Says of members what a test says of them; of others it knows nothing."""

    def __init__(self) -> None:
        self.integrity: dict[str, int] = {}
        self.asked: list[list[str]] = []
        self.down = False

    async def BatchGetRiskProfiles(
        self, request: risk_pb2.BatchGetRiskProfilesRequest, context: Any
    ) -> risk_pb2.BatchGetRiskProfilesResponse:
        if self.down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        self.asked.append(list(request.member_ids))
        return risk_pb2.BatchGetRiskProfilesResponse(results=self._results(request.member_ids))

    def _results(self, member_ids: Iterable[str]) -> list[risk_pb2.RiskProfileResult]:
        return [
            risk_pb2.RiskProfileResult(
                status=lookup_pb2.LOOKUP_STATUS_FOUND,
                profile=risk_pb2.RiskProfile(member_id=each, integrity=self.integrity[each]),
            )
            if each in self.integrity
            else risk_pb2.RiskProfileResult(status=lookup_pb2.LOOKUP_STATUS_MISSING)
            for each in member_ids
        ]

    def says(self, story: Story, integrity: int) -> StreamMessage:
        """Say something else of a member from now on; gives what is announced of it."""
        self.integrity[story.member_id] = integrity
        changed = risk_pb2.RiskProfileChanged(program_id=story.program_id, member_id=story.member_id)
        return StreamMessage(
            new_id("evt"), "RiskProfileChanged", changed.SerializeToString(), story.member_id
        )
