"""What one request carries to its resolvers: who asks, and the loaders made for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import strawberry
from graphql import DocumentNode

from laurel.members.v1 import members_pb2
from libs.common.caller import Grant, Principal
from libs.common.visibility import Home, sees
from services.gateway.auth import program_of
from services.gateway.authorization import fields_granted
from services.gateway.benefits.contract_loaders import ContractsLoaders
from services.gateway.benefits.coupon_loaders import CouponsLoaders
from services.gateway.benefits.decision_loaders import DecisionsLoaders
from services.gateway.benefits.earning_loaders import EarningLoaders
from services.gateway.benefits.entitlement_loaders import EntitlementsLoaders
from services.gateway.benefits.loaders import BenefitsLoaders, NoticesLoaders
from services.gateway.benefits.point_loaders import PointsLoaders
from services.gateway.benefits.program_loaders import ProgramVersionsLoaders
from services.gateway.benefits.proof_loaders import ProofLoaders
from services.gateway.benefits.reward_loaders import RewardsLoaders
from services.gateway.benefits.simulation_loaders import SimulationsLoaders
from services.gateway.clients import Clients
from services.gateway.members.loaders import MembersLoaders
from services.gateway.risk.loaders import RiskLoaders
from services.gateway.scoring.loaders import ScoringLoaders
from services.gateway.shared.callers import Caller


@dataclass(slots=True)
class Context:
    """One request."""

    principal: Principal
    grants: Mapping[str, Grant]
    program_id: str
    request_id: str
    clients: Clients
    members: MembersLoaders
    scoring: ScoringLoaders
    benefits: BenefitsLoaders
    notices: NoticesLoaders
    decisions: DecisionsLoaders
    entitlements: EntitlementsLoaders
    earning: EarningLoaders
    contracts: ContractsLoaders
    coupons: CouponsLoaders
    rewards: RewardsLoaders
    points: PointsLoaders
    program_versions: ProgramVersionsLoaders
    simulations: SimulationsLoaders
    proofs: ProofLoaders
    risk: RiskLoaders
    operation: str = "none"
    document: DocumentNode | None = None


Info = strawberry.Info[Context, None]


def may_see(info: Info, field: str, member: members_pb2.Member) -> bool:
    """Whether the grant of this field reaches a member; services decide the same from the same token."""
    home = Home(member.store_id, member.sharing_group, next((each.source for each in member.identities), ""))
    return sees(info.context.principal, info.context.grants[field].scope, member.member_id, home)


def make_context(clients: Clients, principal: Principal, *, request_id: str) -> Context:
    """A context with loaders of its own: what is read together with others is shown to who asked for it."""
    program_id = program_of(principal)
    asks = Caller.of(principal)
    members = MembersLoaders(clients.members, clients.shared_members.by(asks), program_id)
    benefits = BenefitsLoaders(clients.shared_benefits.by(asks), program_id)
    return Context(
        principal=principal,
        grants=fields_granted(principal),
        program_id=program_id,
        request_id=request_id,
        clients=clients,
        members=members,
        scoring=ScoringLoaders(clients.shared_scoring.by(asks), members, benefits, program_id),
        benefits=benefits,
        notices=NoticesLoaders(clients.notices, program_id),
        decisions=DecisionsLoaders(clients.benefits, clients.decisions, program_id),
        entitlements=EntitlementsLoaders(clients.entitlements, program_id),
        earning=EarningLoaders(clients.earning, program_id),
        contracts=ContractsLoaders(clients.contracts, program_id),
        coupons=CouponsLoaders(clients.coupons, program_id),
        rewards=RewardsLoaders(clients.rewards, program_id),
        points=PointsLoaders(clients.points, program_id),
        program_versions=ProgramVersionsLoaders(clients.programs, program_id),
        simulations=SimulationsLoaders(clients.simulations, program_id),
        proofs=ProofLoaders(clients.proofs, program_id),
        risk=RiskLoaders(clients.risk, clients.shared_risk.by(asks), program_id),
    )
