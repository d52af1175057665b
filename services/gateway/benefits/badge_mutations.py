"""Mutations of badges: staff give one, and take it back."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import badges_pb2 as pb
from services.gateway.benefits.types.badges import Badge, badge_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID, Refused, attempted


@strawberry.input(description="A badge for a member.")
class GrantBadgeInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(description="Who gets it: the global id, or `mem_…`.")
    key: str = strawberry.field(description="Key of the badge in the program.")
    explanation: str = strawberry.field(description="Why, without personal data.")


@strawberry.input(description="A badge that is to be taken back.")
class RevokeBadgeInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    badge_id: strawberry.ID = strawberry.field(description="The badge: its own `bdg_…`.")
    explanation: str = strawberry.field(description="Why, without personal data.")


@strawberry.type(description="The member has the badge.")
class BadgeGranted:
    badge: Badge = strawberry.field(description="The badge, with its number.")


@strawberry.type(description="The member has the badge no more.")
class BadgeRevoked:
    badge: Badge = strawberry.field(description="The badge; nobody gets its number again.")


GrantBadgeResult = Annotated[
    BadgeGranted | Refused, strawberry.union("GrantBadgeResult", description="The badge, or a refusal.")
]
RevokeBadgeResult = Annotated[
    BadgeRevoked | Refused, strawberry.union("RevokeBadgeResult", description="The badge, or a refusal.")
]


@strawberry.type
class BadgesMutation:
    @strawberry.mutation(description="Gives a member the next badge of a key; one of each at most.")
    async def grant_badge(
        self,
        info: Info,
        input: Annotated[GrantBadgeInput, strawberry.argument(description="Which, and to whom.")],  # noqa: A002
    ) -> GrantBadgeResult | None:
        request = pb.GrantBadgeRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            key=input.key,
            explanation=input.explanation,
        )
        answer = await attempted(info.context.clients.badges.GrantBadge(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else BadgeGranted(badge=badge_of(answer.badge))

    @strawberry.mutation(
        description="Takes a badge back; its record stays, and nobody gets its number again."
    )
    async def revoke_badge(
        self,
        info: Info,
        input: Annotated[RevokeBadgeInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> RevokeBadgeResult | None:
        request = pb.RevokeBadgeRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            badge_id=input.badge_id,
            explanation=input.explanation,
        )
        answer = await attempted(info.context.clients.badges.RevokeBadge(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else BadgeRevoked(badge=badge_of(answer.badge))
