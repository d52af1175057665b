"""Mutations of benefits: what a member wants to be told, and benefits in use."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import entitlements_pb2
from laurel.benefits.v1 import notices_pb2 as pb
from services.gateway.benefits.types.entitlements import (
    Allowance,
    BenefitUse,
    Unlock,
    allowance_of,
    unlock_of,
    use_of,
)
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


@strawberry.input(description="A use of a benefit that is counted.")
class UseBenefitInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(
        description="Who uses it: the global id, or the platform's own `mem_…`."
    )
    benefit: str = strawberry.field(description="Key of the benefit.")
    amount: int = strawberry.field(default=1, description="How much, in the unit of its quota.")
    external_ref: str = strawberry.field(
        description="Your own number of this use, such as a booking: the same again takes nothing more."
    )
    channel: str | None = strawberry.field(default=None, description="Where it is used, such as `app`.")


@strawberry.type(description="The benefit was used.")
class BenefitUsed:
    use: BenefitUse = strawberry.field(description="The use.")
    allowance: Allowance | None = strawberry.field(description="What is left; null where nothing is counted.")


@strawberry.input(description="A use of a benefit that is to be given back.")
class CancelBenefitUseInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    use_id: str = strawberry.field(description="The use.")


@strawberry.type(description="The use was given back.")
class BenefitUseCancelled:
    use: BenefitUse = strawberry.field(description="The use.")


@strawberry.input(description="Which standard a member had in a month.")
class RecordStandingInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(description="Whose: the global id, or `mem_…`.")
    month: str = strawberry.field(description="The month, such as `2026-11`.")
    standard: str = strawberry.field(description="Key of the standard.")


@strawberry.type(description="The standing of a month was kept.")
class StandingRecorded:
    unlocks: list[Unlock] = strawberry.field(description="How far the member is now.")


RecordStandingResult = Annotated[
    StandingRecorded | Refused,
    strawberry.union("RecordStandingResult", description="How far the member is, or a refusal."),
]
UseBenefitResult = Annotated[
    BenefitUsed | Refused, strawberry.union("UseBenefitResult", description="The use, or a refusal.")
]
CancelBenefitUseResult = Annotated[
    BenefitUseCancelled | Refused,
    strawberry.union("CancelBenefitUseResult", description="The use, or a refusal."),
]


@strawberry.type
class BenefitsMutation:
    @strawberry.mutation(description="Takes from a benefit of a member, once for its external reference.")
    async def use_benefit(
        self,
        info: Info,
        input: Annotated[UseBenefitInput, strawberry.argument(description="What is used.")],  # noqa: A002
    ) -> UseBenefitResult | None:
        request = entitlements_pb2.UseBenefitRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            benefit=input.benefit,
            amount=input.amount,
            external_ref=input.external_ref,
            channel=input.channel or "",
        )
        answer = await attempted(info.context.clients.entitlements.UseBenefit(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        left = allowance_of(answer.allowance) if answer.HasField("allowance") else None
        return BenefitUsed(use=use_of(answer.use), allowance=left)

    @strawberry.mutation(description="Says which standard a member had in a month; again, to correct it.")
    async def record_standing(
        self,
        info: Info,
        input: Annotated[RecordStandingInput, strawberry.argument(description="The standing.")],  # noqa: A002
    ) -> RecordStandingResult | None:
        request = entitlements_pb2.RecordStandingRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            month=input.month,
            standard=input.standard,
        )
        answer = await attempted(
            info.context.clients.entitlements.RecordStanding(request, timeout=WRITE_SECONDS)
        )
        if isinstance(answer, Refused):
            return answer
        return StandingRecorded(unlocks=[unlock_of(each) for each in answer.unlocks])

    @strawberry.mutation(description="Gives back what a use of a benefit took.")
    async def cancel_benefit_use(
        self,
        info: Info,
        input: Annotated[CancelBenefitUseInput, strawberry.argument(description="Which use.")],  # noqa: A002
    ) -> CancelBenefitUseResult | None:
        request = entitlements_pb2.CancelBenefitUseRequest(
            program_id=info.context.program_id, request_id=input.request_id, use_id=input.use_id
        )
        answer = await attempted(
            info.context.clients.entitlements.CancelBenefitUse(request, timeout=WRITE_SECONDS)
        )
        return answer if isinstance(answer, Refused) else BenefitUseCancelled(use=use_of(answer.use))

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
