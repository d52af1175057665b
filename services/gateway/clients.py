"""The four services behind the graph, each called as whoever asked."""

import asyncio
from types import ModuleType

from laurel.benefits.v1 import benefits_pb2, benefits_pb2_grpc
from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from laurel.scoring.v1 import scoring_pb2, scoring_pb2_grpc
from libs.common.caller import caller
from libs.common.rpc.client import channel
from libs.common.tls import certificates_of
from services.gateway.settings import GatewaySettings

READ_SECONDS = 1.0
LIST_SECONDS = 2.0
WRITE_SECONDS = 4.0


class Clients:
    """What can be asked of the services: one channel each, shared by all requests."""

    def __init__(self, settings: GatewaySettings) -> None:
        tls = certificates_of(settings)
        members, scoring, benefits, risk = self._channels = tuple(
            channel(address, *protos.DESCRIPTOR.services_by_name.values(), token=_token, tls=tls)
            for address, protos in _services(settings)
        )
        self.members = members_pb2_grpc.MembersServiceStub(members)
        self.scoring = scoring_pb2_grpc.ScoringServiceStub(scoring)
        self.benefits = benefits_pb2_grpc.BenefitsServiceStub(benefits)
        self.risk = risk_pb2_grpc.RiskServiceStub(risk)

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(*(each.close() for each in self._channels))


def _services(settings: GatewaySettings) -> tuple[tuple[str, ModuleType], ...]:
    return (
        (settings.members_address, members_pb2),
        (settings.scoring_address, scoring_pb2),
        (settings.benefits_address, benefits_pb2),
        (settings.risk_address, risk_pb2),
    )


def _token() -> str:
    return caller().token
