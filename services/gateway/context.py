"""What one request carries to its resolvers: who asks, and the loaders made for it."""

from dataclasses import dataclass

import strawberry

from services.gateway.benefits.loaders import BenefitsLoaders
from services.gateway.clients import Clients
from services.gateway.members.loaders import MembersLoaders
from services.gateway.risk.loaders import RiskLoaders
from services.gateway.scoring.loaders import ScoringLoaders


@dataclass(slots=True)
class Context:
    """One request."""

    program_id: str
    request_id: str
    members: MembersLoaders
    scoring: ScoringLoaders
    benefits: BenefitsLoaders
    risk: RiskLoaders
    operation: str = "none"


Info = strawberry.Info[Context, None]


def make_context(clients: Clients, *, program_id: str, request_id: str) -> Context:
    """A context with loaders of its own, so that nothing read for one request is shown to another."""
    members = MembersLoaders(clients.members, program_id)
    benefits = BenefitsLoaders(clients.benefits, program_id)
    return Context(
        program_id=program_id,
        request_id=request_id,
        members=members,
        scoring=ScoringLoaders(clients.scoring, members, benefits, program_id),
        benefits=benefits,
        risk=RiskLoaders(clients.risk, program_id),
    )
