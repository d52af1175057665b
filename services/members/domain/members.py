"""Members, the programs and partners they belong to, and how they register."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple

from libs.common.clock import ProgramClock
from services.members.domain.activity import Activity, joined
from services.members.domain.facts import Tally

FUTURE_TOLERANCE = timedelta(minutes=5)

Verification = Literal["unverified", "verified", "suspect"]


@dataclass(frozen=True, slots=True)
class ProgramCalendar:
    """What members needs to know of a program.

    Currency and time zone never change once the program is live. The clock
    may be moved, and each version may have other days of `dormancy`.
    """

    program_id: str
    currency: str
    time_zone: str
    clock: ProgramClock
    dormancy: timedelta

    def latest(self, now: datetime) -> datetime:
        """The latest time that is believed: of the machine, or of a sandbox that is ahead of it."""
        return max(now, self.clock.time(now)) + FUTURE_TOLERANCE


@dataclass(frozen=True, slots=True)
class Store:
    """A shop of a program."""

    program_id: str
    store_id: str
    display_name: str
    sharing_group: str = ""


@dataclass(frozen=True, slots=True)
class Partner:
    """A client that sends members and events of some stores."""

    program_id: str
    partner_id: str
    display_name: str
    store_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """The id of a member at a partner."""

    source: str
    external_id: str


class Member(NamedTuple):
    """A member as stored; the birthday, month and day such as `05-17`, is all that is personal.

    `seq` counts their events, `change_seq` all that was announced of them.
    `birthday_used_time` is when they got something for it last.
    """

    member_id: str
    program_id: str
    store_id: str
    identities: tuple[Identity, ...]
    registered_time: datetime
    activity: Activity
    verification: Verification = "unverified"
    seq: int = 0
    lifetime: Tally = MappingProxyType({})
    last_login_time: datetime | None = None
    last_activity_time: datetime | None = None
    tiers: Mapping[str, str] = MappingProxyType({})
    sharing_group: str = ""
    birthday: str = ""
    birthday_used_time: datetime | None = None
    change_seq: int = 1
    version: int = 1

    @property
    def last_seen_time(self) -> datetime:
        """When they did something last, logins and their registration included."""
        return max(self.registered_time, self.last_activity_time or self.registered_time)

    @property
    def registered_by(self) -> str:
        """The partner whose member they were first."""
        return self.identities[0].source


@dataclass(frozen=True, slots=True)
class Registration:
    """One who joins, as a partner says."""

    external_id: str
    store_id: str
    registered_time: datetime | None
    verification: Verification


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of one registration."""

    member: Member | None
    created: bool = False
    reason: str = ""


def register(
    registrations: Sequence[Registration],
    known: Mapping[str, Member],
    *,
    program: ProgramCalendar,
    source: str,
    stores: Mapping[str, str],
    now: datetime,
    new_id: Callable[[str], str],
) -> list[Registered]:
    """Decide each registration.

    `known` are the members that the source has registered, by external id;
    `stores` are those it speaks for, with their sharing groups.
    """
    members = dict(known)
    results = []
    for registration in registrations:
        if (member := members.get(registration.external_id)) is not None:
            results.append(Registered(member))
        elif registration.store_id and registration.store_id not in stores:
            results.append(Registered(None, reason="STORE_UNKNOWN"))
        elif registration.registered_time and registration.registered_time > program.latest(now):
            results.append(Registered(None, reason="OCCURRED_IN_FUTURE"))
        else:
            registered_time = registration.registered_time or program.clock.time(now)
            member = Member(
                member_id=new_id("mem"),
                program_id=program.program_id,
                store_id=registration.store_id,
                sharing_group=stores.get(registration.store_id, ""),
                identities=(Identity(source, registration.external_id),),
                registered_time=registered_time,
                activity=joined(registered_time),
                verification=registration.verification,
            )
            members[registration.external_id] = member
            results.append(Registered(member, created=True))
    return results
