"""Notices: what is told to whom and when, and why it is not told."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from enum import StrEnum

from libs.common.clock import business_date
from libs.common.program import Program
from services.benefits.domain.quiet_hours import after_quiet_hours

# What is older when it is recorded is history, and nobody is told history.
FRESH = timedelta(days=7)


class NoticeCode(StrEnum):
    """What a notice is about."""

    TIER_CHANGED = "TIER_CHANGED"
    TIER_AT_RISK = "TIER_AT_RISK"
    TIER_REWARD = "TIER_REWARD"
    POINTS_EXPIRING = "POINTS_EXPIRING"
    WAKE_UP = "WAKE_UP"
    NEAR_UPGRADE = "NEAR_UPGRADE"
    WEBHOOK_FAILING = "WEBHOOK_FAILING"
    CONTRACT_ENDING = "CONTRACT_ENDING"
    BIRTHDAY = "BIRTHDAY"
    BREAK_GLASS_OPENED = "BREAK_GLASS_OPENED"


MARKETING = frozenset({NoticeCode.WAKE_UP, NoticeCode.NEAR_UPGRADE})
# What is over before quiet hours are.
URGENT = frozenset({NoticeCode.BREAK_GLASS_OPENED})


class NoticeStatus(StrEnum):
    """What became of a notice."""

    SCHEDULED = "SCHEDULED"
    SENT = "SENT"
    WITHHELD = "WITHHELD"


class WithheldReason(StrEnum):
    """Why a notice is not sent."""

    SWITCHED_OFF = "SWITCHED_OFF"  # by the program
    MUTED = "MUTED"  # by the member
    NO_CONSENT = "NO_CONSENT"  # to marketing
    DAILY_CAP = "DAILY_CAP"  # enough marketing for a day
    OVERTAKEN = "OVERTAKEN"  # no longer true when it was to be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Something to tell a member, or a group of the staff; once for its cause, whatever comes twice.

    `member_id` is whom it is about, and whom to tell when `staff_role` is empty.
    `params` are numbers and keys for the texts.
    """

    program_id: str
    member_id: str = ""
    staff_role: str = ""
    code: NoticeCode
    cause: str
    params: Mapping[str, str]
    occurred_time: datetime

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is told once in the program."""
        return self.member_id, self.staff_role, self.code, self.cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Occasion):
    """An occasion with what becomes of it; `due_time` is by the program's clock.

    `seq` is the place of its announcement among the member's changes, in
    which notices that are due at once are sent. It is 0 where nothing was
    announced: for withheld notices, and for those about no member.
    """

    notice_id: str
    created_time: datetime
    due_time: datetime
    status: NoticeStatus
    withheld_reason: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a member wants to be told; `marketing` is None where they never said."""

    member_id: str
    marketing: bool | None = None
    muted: frozenset[str] = field(default_factory=frozenset)


def fresh(occurred_time: datetime, time: datetime) -> bool:
    """Whether what happened is still to be told at a time of the program."""
    return time - occurred_time <= FRESH


def withheld(program: Program, code: str, preferences: Preferences) -> WithheldReason | None:
    """Why a member is not told, whatever they were told before; the staff are always told."""
    if code.lower() in program.notices.switched_off:
        return WithheldReason.SWITCHED_OFF
    if code in preferences.muted:
        return WithheldReason.MUTED
    if code not in MARKETING:
        return None
    consented = preferences.marketing
    if consented is None:
        consented = program.notices.marketing_consent == "opt_out"
    return None if consented else WithheldReason.NO_CONSENT


def marketing_day(notice: Notice, time_zone: str) -> date | None:
    """The day whose cap a notice counts for."""
    if notice.code not in MARKETING or notice.status is NoticeStatus.WITHHELD:
        return None
    return business_date(notice.due_time, time_zone)


def told_day(program: Program, time: datetime) -> date:
    """The day on which what is made at a time of the program is told."""
    return business_date(_due(program, time), program.time_zone)


def notices(
    program: Program,
    occasions: Sequence[Occasion],
    *,
    preferences: Mapping[str, Preferences],
    told: Mapping[str, int],
    time: datetime,
    now: datetime,
    new_id: Callable[[str], str],
) -> list[Notice]:
    """The notices of occasions that have none yet, in order; the withheld ones, too.

    `told` is how much marketing each member gets on the day anyway, `time`
    the program's and `now` the machine's.
    """
    quiet_until, counted, made = _due(program, time), Counter(told), []
    for occasion in occasions:
        wanted = preferences.get(occasion.member_id, Preferences(occasion.member_id))
        reason = _reason(program, occasion, wanted, counted[occasion.member_id])
        if reason is None and occasion.code in MARKETING:
            counted[occasion.member_id] += 1
        made.append(
            Notice(
                notice_id=new_id("ntc"),
                **{each.name: getattr(occasion, each.name) for each in fields(occasion)},
                created_time=now,
                due_time=time if occasion.code in URGENT else quiet_until,
                status=NoticeStatus.WITHHELD if reason else NoticeStatus.SCHEDULED,
                withheld_reason=reason or "",
            )
        )
    return made


def _reason(program: Program, occasion: Occasion, wanted: Preferences, counted: int) -> WithheldReason | None:
    """Why something is not told to whom it is for, who is told so much marketing on the day anyway."""
    if occasion.staff_role:
        return None
    reason = withheld(program, occasion.code, wanted)
    full = counted >= program.notices.marketing_per_day_max
    if reason is None and occasion.code in MARKETING and full:
        return WithheldReason.DAILY_CAP
    return reason


def _due(program: Program, time: datetime) -> datetime:
    return after_quiet_hours(time, program.notices.quiet_hours, program.time_zone)
