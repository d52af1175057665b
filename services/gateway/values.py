"""Values that several areas of the graph show."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any, NewType, TypeVar, cast

import strawberry
from google.protobuf.message import Message
from graphql import GraphQLError

from laurel.common.v1 import fact_pb2
from laurel.members.v1 import events_pb2
from libs.common.rpc.time import moment
from services.gateway.errors import InvalidInput

Long = NewType("Long", int)
"""A whole number beyond the 32 bits of GraphQL's Int; below 2^53, so that JSON numbers hold it."""

LONG_MAX = 2**53 - 1

AmountMinor = NewType("AmountMinor", int)
"""An amount as it is sent to us: never below 0, since what is given back is an event of its own."""

AMOUNT_MINOR_MAX = 10**12


def _whole(value: object, *, least: int, most: int) -> int:
    """A whole number as JSON and GraphQL write it: no text, no truth value, nothing after a point."""
    if type(value) is not int or not least <= value <= most:
        raise GraphQLError(f"a whole number from {least} to {most} is needed")
    return value


LONG = strawberry.scalar(
    name="Long",
    description=(
        "A whole number such as minor units of a currency, points or a count. "
        "Beyond the 32 bits of Int, and below 2^53, so that a JSON number holds it exactly."
    ),
    serialize=int,
    parse_value=partial(_whole, least=-LONG_MAX, most=LONG_MAX),
)
AMOUNT_MINOR = strawberry.scalar(
    name="AmountMinor",
    description="An amount in minor units of its currency, from 0 to 1,000,000,000,000. A whole number.",
    serialize=int,
    parse_value=partial(_whole, least=0, most=AMOUNT_MINOR_MAX),
)
FIRST_MAX = 100

E = TypeVar("E", bound=Enum)


@strawberry.enum(description="A language of texts for people.")
class Locale(Enum):
    ZH = strawberry.enum_value("zh", description="Chinese, as written on the mainland.")
    EN = strawberry.enum_value("en", description="English.")


@strawberry.enum(description="What is known of a member's identity.")
class Verification(Enum):
    UNVERIFIED = strawberry.enum_value(events_pb2.VERIFICATION_UNVERIFIED, description="Nothing was checked.")
    VERIFIED = strawberry.enum_value(
        events_pb2.VERIFICATION_VERIFIED, description="Real name and liveness were checked and agree."
    )
    SUSPECT = strawberry.enum_value(
        events_pb2.VERIFICATION_SUSPECT, description="A check failed, or data disagree."
    )


@strawberry.enum(description="Whether a member is about.")
class ActivityState(Enum):
    ACTIVE = strawberry.enum_value(
        events_pb2.ACTIVITY_STATE_ACTIVE, description="Did something within the program's days of dormancy."
    )
    DORMANT = strawberry.enum_value(
        events_pb2.ACTIVITY_STATE_DORMANT, description="Neither signed in nor did anything for that long."
    )


@strawberry.type(description="A name for people, in each language.")
class LocalName:
    zh: str = strawberry.field(description="In Chinese.")
    en: str = strawberry.field(description="In English.")


@strawberry.type(description="One counted thing about a member.")
class Fact:
    name: str = strawberry.field(
        description="`<kind>.<measure>[_<unit>].<window>`, such as `purchase.amount_minor.lifetime`."
    )
    value: Long = strawberry.field(description="A count, a number of days, or minor units, as the name says.")


@strawberry.type(description="A whole number with its name.")
class NamedNumber:
    name: str = strawberry.field(description="What it is, such as `discount_bp`.")
    value: Long = strawberry.field(description="How much.")


@strawberry.type(description="A text with its name.")
class NamedText:
    name: str = strawberry.field(description="What it is, such as `threshold`.")
    value: str = strawberry.field(description="The text.")


def facts_of(facts: Iterable[fact_pb2.Fact]) -> list[Fact]:
    """Facts as the graph shows them."""
    return [Fact(name=fact.name, value=Long(fact.value)) for fact in facts]


def texts_of(texts: Mapping[str, str]) -> list[NamedText]:
    """Texts as the graph shows them, sorted by name."""
    return [NamedText(name=name, value=value) for name, value in sorted(texts.items())]


def known(kind: type[E], value: int | str) -> E | None:
    """The enum value of what is on the wire; None for one that a newer service has and we do not."""
    found: Any = kind._value2member_map_.get(value)
    return cast("E | None", found)


def wire(value: Enum | None) -> Any:
    """What an enum value is on the wire; None for none."""
    return None if value is None else value.value


def time_of(message: Message, field: str) -> datetime | None:
    """A time of a message, None when it says none."""
    return moment(getattr(message, field)) if message.HasField(field) else None


def checked_first(first: int) -> int:
    """How many to list, if that is between 1 and 100."""
    if not 1 <= first <= FIRST_MAX:
        raise InvalidInput(f"first must be between 1 and {FIRST_MAX}", first=first)
    return first


def checked_time(time: datetime | None) -> datetime | None:
    """A time that says its zone."""
    return None if time is None else zoned(time)


def zoned(time: datetime) -> datetime:
    """A time that says its zone."""
    if time.tzinfo is None:
        raise InvalidInput("a time needs its zone, such as 1998-07-01T00:00:00Z")
    return time
