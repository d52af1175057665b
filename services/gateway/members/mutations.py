"""Mutations of members: registering them, and recording what they did."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from enum import Enum
from typing import Annotated

import strawberry

from laurel.common.v1 import error_reason_pb2
from laurel.members.v1 import members_pb2 as pb
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.members.inputs import RecordEventsInput, RegisterMembersInput, SetBirthdayInput
from services.gateway.members.types import Member, member_of
from services.gateway.refused import Refused, attempted
from services.gateway.values import Long, known


@strawberry.type(description="What became of one registration.")
class RegistrationResult:
    member: Member | None = strawberry.field(description="The member, new or known; null when rejected.")
    created: bool = strawberry.field(description="Whether this registration made them.")
    reason: str | None = strawberry.field(description="Why it was rejected, if it was.")


@strawberry.type(description="The registrations were looked at, each by itself.")
class RegisteredMembers:
    results: list[RegistrationResult] = strawberry.field(description="One per registration, in order.")


@strawberry.enum(description="What became of an event.")
class EventOutcome(Enum):
    ACCEPTED = strawberry.enum_value(pb.EVENT_OUTCOME_ACCEPTED, description="It is stored.")
    DUPLICATE = strawberry.enum_value(
        pb.EVENT_OUTCOME_DUPLICATE, description="It was stored before, with the same contents."
    )
    REJECTED = strawberry.enum_value(
        pb.EVENT_OUTCOME_REJECTED, description="It is not stored; `reason` says why."
    )


@strawberry.type(description="What became of one event.")
class EventResult:
    outcome: EventOutcome | None = strawberry.field(description="Stored, known or rejected.")
    event_id: strawberry.ID | None = strawberry.field(description="Id of the stored event.")
    seq: Long | None = strawberry.field(description="Its place in the member's own sequence.")
    reason: str | None = strawberry.field(description="Why it was rejected, if it was.")
    detail: str | None = strawberry.field(
        description="For people: the rule that it breaks, or the digest of the first contents."
    )


@strawberry.type(description="The events were looked at, each by itself.")
class RecordedEvents:
    results: list[EventResult] = strawberry.field(description="One per event, in order.")


@strawberry.type(description="The birthday was recorded, or taken out.")
class BirthdaySet:
    changed: bool = strawberry.field(description="Whether it is another one than before.")


SetBirthdayResult = Annotated[
    BirthdaySet | Refused,
    strawberry.union("SetBirthdayResult", description="Whether it changed, or a refusal."),
]
RegisterMembersResult = Annotated[
    RegisteredMembers | Refused,
    strawberry.union("RegisterMembersResult", description="Results of each registration, or a refusal."),
]
RecordEventsResult = Annotated[
    RecordedEvents | Refused,
    strawberry.union("RecordEventsResult", description="Results of each event, or a refusal."),
]


@strawberry.type
class MembersMutation:
    @strawberry.mutation(
        description="Registers members under the ids that the calling partner gives them; known ones stay."
    )
    async def register_members(
        self,
        info: Info,
        input: Annotated[RegisterMembersInput, strawberry.argument(description="Who joins.")],  # noqa: A002
    ) -> RegisterMembersResult | None:
        request = pb.RegisterMembersRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            registrations=[each.message() for each in input.registrations],
        )
        answer = await attempted(info.context.clients.members.RegisterMembers(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return RegisteredMembers(results=[_registration(result) for result in answer.results])

    @strawberry.mutation(
        description="Records a member's birthday, or takes it out; what was given for it locks it for a year."
    )
    async def set_birthday(
        self,
        info: Info,
        input: Annotated[SetBirthdayInput, strawberry.argument(description="The birthday.")],  # noqa: A002
    ) -> SetBirthdayResult | None:
        request = pb.SetBirthdayRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            birthday=input.birthday or "",
        )
        answer = await attempted(info.context.clients.members.SetBirthday(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else BirthdaySet(changed=answer.changed)

    @strawberry.mutation(description="Records what members did, all accepted events at once.")
    async def record_events(
        self,
        info: Info,
        input: Annotated[RecordEventsInput, strawberry.argument(description="What happened.")],  # noqa: A002
    ) -> RecordEventsResult | None:
        request = pb.RecordEventsRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            events=[each.message() for each in input.events],
        )
        answer = await attempted(info.context.clients.members.RecordEvents(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return RecordedEvents(results=[_event(result) for result in answer.results])


def _registration(result: pb.RegisterMemberResult) -> RegistrationResult:
    return RegistrationResult(
        member=member_of(result.member) if result.HasField("member") else None,
        created=result.created,
        reason=_reason(result.reason),
    )


def _event(result: pb.EventResult) -> EventResult:
    stored = bool(result.event_id)
    return EventResult(
        outcome=known(EventOutcome, result.outcome),
        event_id=strawberry.ID(result.event_id) if stored else None,
        seq=Long(result.seq) if stored else None,
        reason=_reason(result.reason),
        detail=result.detail or None,
    )


def _reason(reason: int) -> str | None:
    """The name of a reason as everywhere in the graph; of one that is new to us, its number."""
    if not reason:
        return None
    names = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_number
    return names[reason].name.removeprefix("ERROR_REASON_") if reason in names else str(reason)
