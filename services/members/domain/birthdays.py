"""Birthdays of members: whether one may be changed, which is not as long as it was used lately."""

from datetime import UTC, datetime

from libs.common.clock import months_later
from services.members.domain.errors import BirthdayLocked
from services.members.domain.members import Member

LOCKED_MONTHS = 12


def with_birthday(member: Member, birthday: str, *, time: datetime) -> Member:
    """The member with another birthday at a time of the program, or without one.

    What was given for one locks it for twelve months: nobody has two birthdays
    in a year. It may be taken out at any time, and then no other is recorded
    as long.
    """
    if birthday == member.birthday:
        return member
    used = member.birthday_used_time
    if birthday and used is not None and time < (until := months_later(used, LOCKED_MONTHS)):
        raise BirthdayLocked(until_time=until.astimezone(UTC).isoformat(timespec="seconds"))
    return member._replace(birthday=birthday, change_seq=member.change_seq + 1)
