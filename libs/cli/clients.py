"""The services of a running platform, called by the `laurel` command."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

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
    thresholds_pb2,
    thresholds_pb2_grpc,
    tiers_pb2,
    tiers_pb2_grpc,
    tills_pb2,
    tills_pb2_grpc,
)
from laurel.common.v1 import audit_pb2, audit_pb2_grpc
from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from laurel.scoring.v1 import models_pb2, models_pb2_grpc, scoring_pb2, scoring_pb2_grpc
from libs.cli.certificates import Authority
from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError
from libs.common import clock
from libs.common.rpc.client import channel
from libs.common.tls import Certificates
from libs.common.tokens import TokenSigner

STAFF = "laurel-cli"
ROLES = ("system_administrator", "compliance_officer")
TOKEN_TTL = timedelta(hours=12)
CALL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Clients:
    """One stub per service, and one per service for its audit log."""

    members: "members_pb2_grpc.MembersServiceAsyncStub"
    benefits: "benefits_pb2_grpc.BenefitsServiceAsyncStub"
    risk: "risk_pb2_grpc.RiskServiceAsyncStub"
    notices: "notices_pb2_grpc.NoticesServiceAsyncStub"
    scoring: "scoring_pb2_grpc.ScoringServiceAsyncStub"
    models: "models_pb2_grpc.ModelServiceAsyncStub"
    entitlements: "entitlements_pb2_grpc.EntitlementsServiceAsyncStub"
    contracts: "contracts_pb2_grpc.ContractsServiceAsyncStub"
    coupons: "coupons_pb2_grpc.CouponsServiceAsyncStub"
    badges: "badges_pb2_grpc.BadgesServiceAsyncStub"
    proofs: "proofs_pb2_grpc.ProofServiceAsyncStub"
    reports: "reports_pb2_grpc.ReportsServiceAsyncStub"
    rewards: "rewards_pb2_grpc.RewardsServiceAsyncStub"
    points: "points_pb2_grpc.PointsServiceAsyncStub"
    tills: "tills_pb2_grpc.TillsServiceAsyncStub"
    programs: "programs_pb2_grpc.ProgramsServiceAsyncStub"
    decisions: "decisions_pb2_grpc.DecisionsServiceAsyncStub"
    simulations: "simulations_pb2_grpc.SimulationsServiceAsyncStub"
    thresholds: "thresholds_pb2_grpc.ThresholdsServiceAsyncStub"
    earning: "earning_pb2_grpc.EarningServiceAsyncStub"
    tiers: "tiers_pb2_grpc.TiersServiceAsyncStub"
    audit: Mapping[str, "audit_pb2_grpc.AuditServiceAsyncStub"] = field(default_factory=dict)


def signer(run: RunFile) -> TokenSigner:
    """Signs with the platform's own key, which its owner alone can read."""
    if run.token_file is not None:
        raise CommandError("Tokens of this platform come from its identity provider, not from here.")
    return TokenSigner(run.signing_key_file)


def staff_token(run: RunFile, program_id: str, roles: Sequence[str] = ROLES, *, subject: str = STAFF) -> str:
    """A token of the platform's operator in a program; one from a file is what its provider made it."""
    if run.token_file is not None:
        if subject != STAFF:
            raise CommandError(f"{run.token_file} says who you are: leave --as {subject} out.")
        return _read(run.token_file)
    return signer(run).token(
        subject, "staff", now=clock.now(), ttl=TOKEN_TTL, program_id=program_id, roles=roles
    )


def _read(token_file: Path) -> str:
    try:
        return token_file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise CommandError(f"{token_file} holds no token of staff: {error}") from error


@asynccontextmanager
async def connected(run: RunFile, token: str) -> AsyncIterator[Clients]:
    """The services, called by the operator with this token of staff."""
    operator = Certificates(Authority(run.tls_folder).files("operator"))
    async with _connected(run, operator, token=lambda: token) as clients:
        yield clients


@asynccontextmanager
async def connected_partner(run: RunFile, program_id: str, partner_id: str) -> AsyncIterator[Clients]:
    """The services, called by a partner with its certificate alone."""
    files = Authority(run.tls_folder).partner_files(program_id, partner_id)
    if not files.certificate.exists():
        raise CommandError(
            f"{program_id} has no partner {partner_id!r}: "
            f"run `laurel init partner {partner_id} --name … --store …`."
        )
    async with _connected(run, Certificates(files), token=None) as clients:
        yield clients


@asynccontextmanager
async def _connected(
    run: RunFile, tls: Certificates, *, token: Callable[[], str] | None
) -> AsyncIterator[Clients]:
    members = members_pb2.DESCRIPTOR.services_by_name["MembersService"]
    benefits = benefits_pb2.DESCRIPTOR.services_by_name["BenefitsService"]
    notices = notices_pb2.DESCRIPTOR.services_by_name["NoticesService"]
    entitlements = entitlements_pb2.DESCRIPTOR.services_by_name["EntitlementsService"]
    contracts = contracts_pb2.DESCRIPTOR.services_by_name["ContractsService"]
    coupons = coupons_pb2.DESCRIPTOR.services_by_name["CouponsService"]
    badges = badges_pb2.DESCRIPTOR.services_by_name["BadgesService"]
    proofs = proofs_pb2.DESCRIPTOR.services_by_name["ProofService"]
    reports = reports_pb2.DESCRIPTOR.services_by_name["ReportsService"]
    rewards = rewards_pb2.DESCRIPTOR.services_by_name["RewardsService"]
    points = points_pb2.DESCRIPTOR.services_by_name["PointsService"]
    tills = tills_pb2.DESCRIPTOR.services_by_name["TillsService"]
    programs = programs_pb2.DESCRIPTOR.services_by_name["ProgramsService"]
    decisions = decisions_pb2.DESCRIPTOR.services_by_name["DecisionsService"]
    simulations = simulations_pb2.DESCRIPTOR.services_by_name["SimulationsService"]
    thresholds = thresholds_pb2.DESCRIPTOR.services_by_name["ThresholdsService"]
    earning = earning_pb2.DESCRIPTOR.services_by_name["EarningService"]
    tiers = tiers_pb2.DESCRIPTOR.services_by_name["TiersService"]
    risk = risk_pb2.DESCRIPTOR.services_by_name["RiskService"]
    scoring = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]
    models = models_pb2.DESCRIPTOR.services_by_name["ModelService"]
    audit = audit_pb2.DESCRIPTOR.services_by_name["AuditService"]
    of_benefits = (
        benefits,
        notices,
        entitlements,
        contracts,
        coupons,
        badges,
        proofs,
        reports,
        rewards,
        points,
        tills,
        programs,
        decisions,
        simulations,
        thresholds,
        earning,
        tiers,
        audit,
    )
    how: Any = {"token": token, "tls": tls, "timeout": CALL_SECONDS}
    async with (
        channel(run.address("members"), members, audit, **how) as to_members,
        channel(run.address("benefits"), *of_benefits, **how) as to_benefits,
        channel(run.address("risk"), risk, audit, **how) as to_risk,
        channel(run.address("scoring"), scoring, models, audit, **how) as to_scoring,
    ):
        channels = {
            "members": to_members,
            "benefits": to_benefits,
            "risk": to_risk,
            "scoring": to_scoring,
        }
        yield Clients(
            members_pb2_grpc.MembersServiceStub(to_members),
            benefits_pb2_grpc.BenefitsServiceStub(to_benefits),
            risk_pb2_grpc.RiskServiceStub(to_risk),
            notices_pb2_grpc.NoticesServiceStub(to_benefits),
            scoring_pb2_grpc.ScoringServiceStub(to_scoring),
            models_pb2_grpc.ModelServiceStub(to_scoring),
            entitlements_pb2_grpc.EntitlementsServiceStub(to_benefits),
            contracts_pb2_grpc.ContractsServiceStub(to_benefits),
            coupons_pb2_grpc.CouponsServiceStub(to_benefits),
            badges_pb2_grpc.BadgesServiceStub(to_benefits),
            proofs_pb2_grpc.ProofServiceStub(to_benefits),
            reports_pb2_grpc.ReportsServiceStub(to_benefits),
            rewards_pb2_grpc.RewardsServiceStub(to_benefits),
            points_pb2_grpc.PointsServiceStub(to_benefits),
            tills_pb2_grpc.TillsServiceStub(to_benefits),
            programs_pb2_grpc.ProgramsServiceStub(to_benefits),
            decisions_pb2_grpc.DecisionsServiceStub(to_benefits),
            simulations_pb2_grpc.SimulationsServiceStub(to_benefits),
            thresholds_pb2_grpc.ThresholdsServiceStub(to_benefits),
            earning_pb2_grpc.EarningServiceStub(to_benefits),
            tiers_pb2_grpc.TiersServiceStub(to_benefits),
            {name: audit_pb2_grpc.AuditServiceStub(each) for name, each in channels.items()},
        )
