"""The services of a running platform, called by the `laurel` command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from laurel.benefits.v1 import benefits_pb2, benefits_pb2_grpc
from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from libs.cli.data_folder import RunFile
from libs.common import clock
from libs.common.rpc.client import channel
from libs.common.tokens import TokenSigner

STAFF = "laurel-cli"
ROLE = "system_administrator"
TOKEN_TTL = timedelta(hours=12)
CALL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Clients:
    """One stub per service."""

    members: "members_pb2_grpc.MembersServiceAsyncStub"
    benefits: "benefits_pb2_grpc.BenefitsServiceAsyncStub"
    risk: "risk_pb2_grpc.RiskServiceAsyncStub"


def signer(run: RunFile) -> TokenSigner:
    """Signs with the platform's own key, which its owner alone can read."""
    return TokenSigner(run.signing_key_file, run.key_set_file)


def staff_token(run: RunFile, program_id: str) -> str:
    """A token of the platform's operator in a program."""
    return signer(run).token(
        STAFF, "staff", now=clock.now(), ttl=TOKEN_TTL, program_id=program_id, roles=[ROLE]
    )


def partner_token(run: RunFile, program_id: str, partner_id: str) -> str:
    """A token of a partner of a program."""
    return signer(run).token(partner_id, "partner", now=clock.now(), ttl=TOKEN_TTL, program_id=program_id)


@asynccontextmanager
async def connected(run: RunFile, token: str) -> AsyncIterator[Clients]:
    """The services, called with this token."""

    def identity() -> str:
        return token

    members = members_pb2.DESCRIPTOR.services_by_name["MembersService"]
    benefits = benefits_pb2.DESCRIPTOR.services_by_name["BenefitsService"]
    risk = risk_pb2.DESCRIPTOR.services_by_name["RiskService"]
    async with (
        channel(run.address("members"), members, token=identity, timeout=CALL_SECONDS) as to_members,
        channel(run.address("benefits"), benefits, token=identity, timeout=CALL_SECONDS) as to_benefits,
        channel(run.address("risk"), risk, token=identity, timeout=CALL_SECONDS) as to_risk,
    ):
        yield Clients(
            members_pb2_grpc.MembersServiceStub(to_members),
            benefits_pb2_grpc.BenefitsServiceStub(to_benefits),
            risk_pb2_grpc.RiskServiceStub(to_risk),
        )
