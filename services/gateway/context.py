"""What one request carries to its resolvers: who asks, and the loaders made for it."""

from collections.abc import Mapping

import strawberry
from graphql import DocumentNode

from laurel.members.v1 import members_pb2
from libs.common.caller import Grant, Principal
from libs.common.visibility import PROGRAM_WIDE, Home, sees
from services.gateway.auth import program_of
from services.gateway.authorization import fields_granted
from services.gateway.benefits.badge_loaders import BadgesLoaders
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
from services.gateway.loading import made_once
from services.gateway.members.loaders import MembersLoaders
from services.gateway.risk.loaders import RiskLoaders
from services.gateway.scoring.loaders import ScoringLoaders
from services.gateway.shared.callers import Caller


class Context:
    """One request: who asks, and loaders of its own: what is read together is shown to who asked for it.

    Loaders are made when something asks for them: no request needs more than a few.
    """

    def __init__(self, clients: Clients, principal: Principal, *, request_id: str) -> None:
        self.clients, self.principal, self.request_id = clients, principal, request_id
        self.grants: Mapping[str, Grant] = fields_granted(principal)
        self.program_id = program_of(principal)
        self._asks = Caller.of(principal)
        self.operation = "none"
        self.document: DocumentNode | None = None

    @made_once
    def members(self) -> MembersLoaders:
        return MembersLoaders(
            self.clients.members, self.clients.shared_members.by(self._asks), self.program_id
        )

    @made_once
    def scoring(self) -> ScoringLoaders:
        shared = self.clients.shared_scoring.by(self._asks)
        return ScoringLoaders(shared, self.clients.serving, self.members, self.benefits, self.program_id)

    @made_once
    def benefits(self) -> BenefitsLoaders:
        return BenefitsLoaders(self.clients.shared_benefits.by(self._asks))

    @made_once
    def notices(self) -> NoticesLoaders:
        return NoticesLoaders(self.clients.notices, self.program_id)

    @made_once
    def decisions(self) -> DecisionsLoaders:
        return DecisionsLoaders(self.clients.benefits, self.clients.decisions, self.program_id)

    @made_once
    def entitlements(self) -> EntitlementsLoaders:
        return EntitlementsLoaders(self.clients.entitlements, self.program_id)

    @made_once
    def earning(self) -> EarningLoaders:
        return EarningLoaders(self.clients.earning, self.program_id)

    @made_once
    def badges(self) -> BadgesLoaders:
        return BadgesLoaders(self.clients.badges, self.program_id)

    @made_once
    def contracts(self) -> ContractsLoaders:
        return ContractsLoaders(self.clients.contracts, self.program_id)

    @made_once
    def coupons(self) -> CouponsLoaders:
        return CouponsLoaders(self.clients.coupons, self.program_id)

    @made_once
    def rewards(self) -> RewardsLoaders:
        return RewardsLoaders(self.clients.rewards, self.program_id)

    @made_once
    def points(self) -> PointsLoaders:
        return PointsLoaders(self.clients.points, self.program_id)

    @made_once
    def program_versions(self) -> ProgramVersionsLoaders:
        return ProgramVersionsLoaders(self.clients.programs, self.program_id)

    @made_once
    def simulations(self) -> SimulationsLoaders:
        return SimulationsLoaders(self.clients.simulations, self.program_id)

    @made_once
    def proofs(self) -> ProofLoaders:
        return ProofLoaders(self.clients.proofs, self.program_id)

    @made_once
    def risk(self) -> RiskLoaders:
        return RiskLoaders(self.clients.risk, self.clients.shared_risk.by(self._asks), self.program_id)


Info = strawberry.Info[Context, None]


def may_see(context: Context, field: str, member: members_pb2.Member) -> bool:
    """Whether the grant of this field reaches a member; services decide the same from the same token."""
    scope = context.grants[field].scope
    if scope in PROGRAM_WIDE:
        return True  # as `sees` says, without looking where each of them is at home
    home = Home(member.store_id, member.sharing_group, next((each.source for each in member.identities), ""))
    return sees(context.principal, scope, member.member_id, home)
