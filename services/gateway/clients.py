"""The four services behind the graph, each called as whoever asked."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from laurel.benefits.v1 import (
    badges_pb2,
    badges_pb2_grpc,
    benefits_pb2,
    benefits_pb2_grpc,
    contracts_pb2,
    contracts_pb2_grpc,
    coupons_pb2,
    coupons_pb2_grpc,
    decisions_pb2,
    decisions_pb2_grpc,
    earning_pb2,
    earning_pb2_grpc,
    entitlements_pb2,
    entitlements_pb2_grpc,
    notices_pb2,
    notices_pb2_grpc,
    points_pb2,
    points_pb2_grpc,
    programs_pb2,
    programs_pb2_grpc,
    proofs_pb2,
    proofs_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    rewards_pb2,
    rewards_pb2_grpc,
    simulations_pb2,
    simulations_pb2_grpc,
    tiers_pb2,
    tiers_pb2_grpc,
)
from laurel.members.v1 import access_pb2, access_pb2_grpc, members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from laurel.scoring.v1 import models_pb2, models_pb2_grpc, scoring_pb2, scoring_pb2_grpc
from libs.common.caller import caller
from libs.common.rpc.breaker import Breaker
from libs.common.rpc.client import Direct, channel
from libs.common.rpc.transport import area
from libs.common.tls import certificates_of
from services.gateway.channels import WatchChannels
from services.gateway.serving import ServingModels
from services.gateway.settings import GatewaySettings
from services.gateway.shared.sharer import Sharer

READ_SECONDS = 1.0
LIST_SECONDS = 2.0
WRITE_SECONDS = 4.0

_BESIDE: Mapping[ModuleType, tuple[ModuleType, ...]] = {
    members_pb2: (access_pb2,),
    scoring_pb2: (models_pb2,),
    benefits_pb2: (
        badges_pb2,
        notices_pb2,
        entitlements_pb2,
        earning_pb2,
        contracts_pb2,
        coupons_pb2,
        decisions_pb2,
        rewards_pb2,
        points_pb2,
        programs_pb2,
        proofs_pb2,
        reports_pb2,
        simulations_pb2,
        tiers_pb2,
    ),
}

# Those whose reads are shared, and their stubs; in the order of `_services`.
_SHARED = (
    members_pb2.DESCRIPTOR.services_by_name["MembersService"],
    scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"],
    benefits_pb2.DESCRIPTOR.services_by_name["BenefitsService"],
    risk_pb2.DESCRIPTOR.services_by_name["RiskService"],
)
_STUBS: tuple[Callable[[Any], Any], ...] = (
    members_pb2_grpc.MembersServiceStub,
    scoring_pb2_grpc.ScoringServiceStub,
    benefits_pb2_grpc.BenefitsServiceStub,
    risk_pb2_grpc.RiskServiceStub,
)

Watch = Callable[[str, int | None], AsyncGenerator[Any, None]]


class Clients:
    """What can be asked of the services: one channel each, shared by all requests; watches have their own."""

    def __init__(self, settings: GatewaySettings) -> None:
        tls = certificates_of(settings)
        breakers = [Breaker(area(service)) for service in _SHARED]
        members, scoring, benefits, risk = self._channels = tuple(
            channel(address, *_asked(protos), token=_token, tls=tls, breaker=breaker)
            for (address, protos), breaker in zip(_services(settings), breakers, strict=True)
        )
        # Without a token: a shared call is made in nobody's name, and carries those for whom it reads.
        shared = [
            channel(address, service, tls=tls, intercepted=False)
            for address, service in zip(_addresses(settings), _SHARED, strict=True)
        ]
        self._channels += tuple(shared)
        self.shared_members, self.shared_scoring, self.shared_benefits, self.shared_risk = self._sharers = [
            Sharer(
                service,
                Direct(stub(each).BatchRead, f"{service.full_name}/BatchRead", breaker),
                calls_max=settings.shared_calls_max,
            )
            for each, service, stub, breaker in zip(shared, _SHARED, _STUBS, breakers, strict=True)
        ]
        self.members = members_pb2_grpc.MembersServiceStub(members)
        self.access = access_pb2_grpc.AccessServiceStub(members)
        self.benefits = benefits_pb2_grpc.BenefitsServiceStub(benefits)
        self.badges = badges_pb2_grpc.BadgesServiceStub(benefits)
        self.entitlements = entitlements_pb2_grpc.EntitlementsServiceStub(benefits)
        self.contracts = contracts_pb2_grpc.ContractsServiceStub(benefits)
        self.coupons = coupons_pb2_grpc.CouponsServiceStub(benefits)
        self.decisions = decisions_pb2_grpc.DecisionsServiceStub(benefits)
        self.earning = earning_pb2_grpc.EarningServiceStub(benefits)
        self.notices = notices_pb2_grpc.NoticesServiceStub(benefits)
        self.points = points_pb2_grpc.PointsServiceStub(benefits)
        self.programs = programs_pb2_grpc.ProgramsServiceStub(benefits)
        self.proofs = proofs_pb2_grpc.ProofServiceStub(benefits)
        self.reports = reports_pb2_grpc.ReportsServiceStub(benefits)
        self.rewards = rewards_pb2_grpc.RewardsServiceStub(benefits)
        self.simulations = simulations_pb2_grpc.SimulationsServiceStub(benefits)
        self.tiers = tiers_pb2_grpc.TiersServiceStub(benefits)
        self.models = models_pb2_grpc.ModelServiceStub(scoring)
        self.serving = ServingModels(self.models)
        self.risk = risk_pb2_grpc.RiskServiceStub(risk)
        self._watch_channels = {
            protos: WatchChannels(
                partial(
                    channel,
                    address,
                    *protos.DESCRIPTOR.services_by_name.values(),
                    token=_token,
                    tls=tls,
                    apart=True,
                )
            )
            for address, protos in _services(settings)
        }

    def watches(self, program_id: str) -> Mapping[str, Watch]:
        """How a member of a program is watched, by the service that tells."""
        return {
            "members": partial(self._watch, members_pb2, members_pb2_grpc.MembersServiceStub, program_id),
            "benefits": partial(self._watch, benefits_pb2, benefits_pb2_grpc.BenefitsServiceStub, program_id),
            "risk": partial(self._watch, risk_pb2, risk_pb2_grpc.RiskServiceStub, program_id),
        }

    async def _watch(
        self, protos: Any, stub: Any, program_id: str, member_id: str, after_seq: int | None
    ) -> AsyncGenerator[Any, None]:
        request = protos.WatchMemberRequest(program_id=program_id, member_id=member_id, after_seq=after_seq)
        with self._watch_channels[protos].one() as channel:
            call = stub(channel).WatchMember(request)
            try:
                async for answer in call:
                    yield answer
            finally:
                call.cancel()

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(*(each.close() for each in self._sharers))
        await asyncio.gather(*(each.close() for each in self._channels))
        await asyncio.gather(*(each.close() for each in self._watch_channels.values()))


def _addresses(settings: GatewaySettings) -> list[str]:
    return [address for address, _ in _services(settings)]


def _services(settings: GatewaySettings) -> tuple[tuple[str, ModuleType], ...]:
    return (
        (settings.members_address, members_pb2),
        (settings.scoring_address, scoring_pb2),
        (settings.benefits_address, benefits_pb2),
        (settings.risk_address, risk_pb2),
    )


def _asked(protos: ModuleType) -> list[ServiceDescriptor]:
    """What a service serves and the graph asks; some say things in files of their own."""
    beside = _BESIDE.get(protos, ())
    return [each for file in (protos, *beside) for each in file.DESCRIPTOR.services_by_name.values()]


def _token() -> str:
    return caller().token
