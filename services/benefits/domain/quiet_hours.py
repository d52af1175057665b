"""Quiet hours: hours of a program's day in which nobody is told anything."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from libs.common.program import QuietHours


def after_quiet_hours(moment: datetime, quiet: QuietHours | None, time_zone: str) -> datetime:
    """The moment itself, or the end of the quiet hours that it falls into, in UTC.

    Hours are those of the clock on the wall. An end that a change of the
    clocks leaves out is when they are changed; one that comes twice is the first.
    """
    if quiet is None:
        return moment
    local = moment.astimezone(ZoneInfo(time_zone))
    if not _is_quiet(local.hour, quiet):
        return moment
    day = local.date() + timedelta(days=local.hour >= quiet.to_hour)
    end = datetime.combine(day, time(quiet.to_hour), ZoneInfo(time_zone)).astimezone(UTC)
    # The hour that follows may have been left out, so that quiet hours begin again at once.
    return after_quiet_hours(end, quiet, time_zone)


def _is_quiet(hour: int, quiet: QuietHours) -> bool:
    if quiet.from_hour < quiet.to_hour:
        return quiet.from_hour <= hour < quiet.to_hour
    return hour >= quiet.from_hour or hour < quiet.to_hour
