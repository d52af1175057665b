"""What partners send of members: registrations and events."""

from datetime import datetime
from enum import Enum

import strawberry

from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.time import timestamp
from services.gateway.errors import InvalidInput
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID
from services.gateway.values import AmountMinor, Long, Verification, checked_time, wire, zoned


@strawberry.enum(description="What a member did.")
class EventKind(Enum):
    PURCHASE = strawberry.enum_value(
        events_pb2.EVENT_KIND_PURCHASE, description="Bought something, for an amount."
    )
    REFUND = strawberry.enum_value(
        events_pb2.EVENT_KIND_REFUND, description="Got money back for an earlier purchase, the original."
    )
    LOGIN = strawberry.enum_value(events_pb2.EVENT_KIND_LOGIN, description="Signed in on some channel.")
    VIEW = strawberry.enum_value(events_pb2.EVENT_KIND_VIEW, description="Looked at something.")
    INTERACTION = strawberry.enum_value(
        events_pb2.EVENT_KIND_INTERACTION, description="Liked, saved or commented."
    )
    MESSAGE = strawberry.enum_value(events_pb2.EVENT_KIND_MESSAGE, description="Sent a message.")
    SHARE = strawberry.enum_value(events_pb2.EVENT_KIND_SHARE, description="Shared something outside.")
    REVIEW = strawberry.enum_value(events_pb2.EVENT_KIND_REVIEW, description="Wrote a review.")
    CHECK_IN = strawberry.enum_value(events_pb2.EVENT_KIND_CHECK_IN, description="Checked in.")
    INVITE = strawberry.enum_value(
        events_pb2.EVENT_KIND_INVITE,
        description="A friend whom they invited registered; `externalRef` names the friend.",
    )
    CUSTOM = strawberry.enum_value(
        events_pb2.EVENT_KIND_CUSTOM, description="Anything else; `attributes` say what."
    )


@strawberry.input(description="One who joins.")
class RegistrationInput:
    external_member_id: str = strawberry.field(
        description="The partner's own id of the member; no name, phone or mail."
    )
    store_id: str | None = strawberry.field(default=None, description="Home store, if any.")
    registered_time: datetime | None = strawberry.field(
        default=None, description="When they joined, with its zone; now when null."
    )
    verification: Verification | None = strawberry.field(
        default=None, description="What the partner knows of their identity; UNVERIFIED when null."
    )

    def message(self) -> pb.Registration:
        """The registration as members takes it."""
        registered = checked_time(self.registered_time)
        return pb.Registration(
            external_member_id=self.external_member_id,
            store_id=self.store_id or "",
            registered_time=None if registered is None else timestamp(registered),
            verification=wire(self.verification),
        )


@strawberry.input(description="Members to register. Up to 100.")
class RegisterMembersInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    registrations: list[RegistrationInput] = strawberry.field(description="Who joins.")


@strawberry.input(description="A member's birthday, of no year.")
class SetBirthdayInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(description="Whose: the global id, or `mem_…`.")
    birthday: str | None = strawberry.field(
        default=None, description="Month and day, such as `05-17`; null takes it out."
    )


@strawberry.input(one_of=True, description="A member by one of their ids.")
class MemberReference:
    member_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The global id, or the platform's own `mem_…`."
    )
    external_member_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="The id that the partner itself gave at registration."
    )


@strawberry.input(description="An earlier event of the same partner.")
class EventReferenceInput:
    external_ref: str = strawberry.field(description="Its `externalRef`.")
    line: int = strawberry.field(default=0, description="Its `line`.")


@strawberry.input(description="A text with its name.")
class NamedTextInput:
    name: str = strawberry.field(description="What it is: small letters, digits and `_`.")
    value: str = strawberry.field(description="The text.")


@strawberry.input(
    description=(
        "One thing that a member did. The partner, `externalRef`, `line` and `kind` make it the same event "
        "for ever: sent again it is a duplicate, and refused with other contents."
    )
)
class EventInput:
    kind: EventKind = strawberry.field(description="What happened.")
    member: MemberReference = strawberry.field(description="Whom it is about.")
    external_ref: str = strawberry.field(
        description="The partner's own number of the thing: a receipt, an order, a session."
    )
    line: int = strawberry.field(default=0, description="Line of it, 0 when it has none.")
    occurred_time: datetime = strawberry.field(description="When it happened, with its zone.")
    store_id: str | None = strawberry.field(
        default=None, description="Store of the program where it happened, if any."
    )
    amount_minor: AmountMinor | None = strawberry.field(
        default=None, description="Minor units of `currency`; of purchases and refunds only."
    )
    currency: str | None = strawberry.field(
        default=None, description="ISO 4217, the program's; of purchases and refunds only."
    )
    quantity: Long | None = strawberry.field(default=None, description="Pieces bought or returned.")
    original: EventReferenceInput | None = strawberry.field(
        default=None, description="The purchase that a refund is for; of refunds only."
    )
    attributes: list[NamedTextInput] | None = strawberry.field(
        default=None, description="Anything else worth keeping, up to 20; no personal data."
    )

    def message(self) -> events_pb2.Event:
        """The event as members takes it."""
        event = events_pb2.Event(
            kind=wire(self.kind),
            external_ref=self.external_ref,
            line=self.line,
            occurred_time=timestamp(zoned(self.occurred_time)),
            store_id=self.store_id or "",
            amount_minor=self.amount_minor or 0,
            currency=self.currency or "",
            quantity=self.quantity or 0,
            attributes=by_name(self.attributes or []),
        )
        _refer(event, self.member)
        if self.original is not None:
            event.original.external_ref, event.original.line = self.original.external_ref, self.original.line
        return event


@strawberry.input(description="Events to record. Up to 100.")
class RecordEventsInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    events: list[EventInput] = strawberry.field(description="What happened.")


def _refer(event: events_pb2.Event, member: MemberReference) -> None:
    if member.external_member_id:
        event.external_member_id = member.external_member_id
    elif member.member_id:
        event.member_id = member_key(member.member_id)


def by_name(texts: list[NamedTextInput]) -> dict[str, str]:
    """Attributes of an event, of which no two have one name."""
    named = {text.name: text.value for text in texts}
    if len(named) < len(texts):
        raise InvalidInput("two attributes of an event have the same name")
    return named
