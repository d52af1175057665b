"""Mutations of benefits: what a member wants to be told."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import notices_pb2 as pb
from services.gateway.benefits.types.notices import NoticeCode, NoticePreferences, preferences_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import wire


@strawberry.input(description="What a member wants to be told, instead of what they wanted before.")
class SetNoticePreferencesInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(
        description="The member, who is the caller: the global id, or the platform's own `mem_…`."
    )
    marketing: bool | None = strawberry.field(
        default=None, description="Whether marketing may come; null leaves it to the program's rule."
    )
    muted: list[NoticeCode] = strawberry.field(
        default_factory=list, description="What they do not want to be told, each once."
    )


@strawberry.type(description="What the member wants to be told is kept.")
class NoticePreferencesSet:
    preferences: NoticePreferences = strawberry.field(description="As they stand.")


SetNoticePreferencesResult = Annotated[
    NoticePreferencesSet | Refused,
    strawberry.union("SetNoticePreferencesResult", description="The preferences, or a refusal."),
]


@strawberry.type
class BenefitsMutation:
    @strawberry.mutation(description="Says what a member wants to be told; they say it themselves.")
    async def set_notice_preferences(
        self,
        info: Info,
        input: Annotated[SetNoticePreferencesInput, strawberry.argument(description="What they want.")],  # noqa: A002
    ) -> SetNoticePreferencesResult | None:
        request = pb.SetNoticePreferencesRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            marketing=input.marketing,
            muted=[wire(code) for code in input.muted],
        )
        answer = await attempted(
            info.context.clients.notices.SetNoticePreferences(request, timeout=WRITE_SECONDS)
        )
        if isinstance(answer, Refused):
            return answer
        return NoticePreferencesSet(preferences=preferences_of(answer.preferences))
