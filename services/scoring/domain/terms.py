"""Terms: until when a tier is held before it is looked at again."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from libs.common.movement_policy import Period

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Term:
    """When a held tier is looked at next, never when None, and whether it is held by grace until then."""

    review_time: datetime | None = None
    in_grace: bool = False
    override: "Override | None" = None


NO_TERM = Term()


@dataclass(frozen=True, slots=True)
class Override:
    """What staff decided of a tier by hand: why, until when, None for ever, and what rules give beneath it.

    Rules go on deciding beneath: that tier, in its own term, is held when the override is over.
    """

    code: str
    until_time: datetime | None
    earned_tier: str
    earned_term: Term

    @property
    def term(self) -> Term:
        """The term of a tier that is held by it: looked at when it is over, or what is beneath it is due."""
        times = [each for each in (self.until_time, self.earned_term.review_time) if each is not None]
        return Term(min(times, default=None), override=self)


@dataclass(frozen=True, slots=True)
class Given:
    """What staff order: a tier, why and until when; or, without one, that rules decide again.

    `decision_id` is the decision that it is about, if it is about one, such as in an appeal.
    """

    tier: str = ""
    code: str = ""
    until_time: datetime | None = None
    decision_id: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """How long tiers are held in a program: its period, its days of grace and its time zone."""

    period: Period
    grace_days: int
    time_zone: ZoneInfo

    def term(self, given: datetime) -> Term:
        """The term of a tier that is given, or kept, at a time: to the end of the period that this is in."""
        day = given.astimezone(self.time_zone)
        if self.period.kind == "rolling":
            months = self.period.months or 0
            return Term(self._months_on(day, months))
        length = _MONTHS[self.period.kind]
        begun = day.replace(day=1, month=day.month - (day.month - 1) % length)
        return Term(self._months_on(begun, length * (1 + self.period.more)))

    def grace(self, review_time: datetime) -> Term:
        """The term after a review that went badly: so many days more, each at the hour of the review."""
        over = review_time.astimezone(self.time_zone).replace(tzinfo=None) + timedelta(days=self.grace_days)
        return Term(over.replace(tzinfo=self.time_zone).astimezone(UTC), in_grace=True)

    def _months_on(self, day: datetime, months: int) -> datetime:
        """The start of the day so many months later; of a shorter month, the day after its last."""
        month = day.month - 1 + months
        first = datetime(day.year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001 - local, the zone follows
        later = first + timedelta(days=day.day - 1)
        if later.month != first.month:
            later = (first + timedelta(days=31)).replace(day=1)
        return later.replace(tzinfo=self.time_zone).astimezone(UTC)
