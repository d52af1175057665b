"""Helpers for tests of reviews: a ladder of the calendar's year, and a calendar that looks at it."""

from datetime import datetime
from typing import Any

from libs.common.calendar import Due
from libs.common.clock import now
from libs.common.clocks import Clocks
from libs.common.ids import new_id
from libs.common.program import Program, preset
from services.benefits.handlers.decisions import DecisionHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.review_calendar import ReviewCalendar
from services.benefits.handlers.reviews import TierReviews
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.support.builders import PROGRAM

YEARLY = {"downgrade": "period_end", "period": {"kind": "year"}}


async def a_yearly_program(benefits: BenefitsWorld, **movement: Any) -> str:
    """Silver and gold for 100 and 250 dollars in a year, kept by as much in the next; days as in UTC."""
    document = preset(PROGRAM).document()
    document |= {"key": f"store_{new_id('x')[-12:]}", "time_zone": "UTC"}
    document["notices"] |= {"quiet_hours": None, "marketing_per_day_max": 100}
    (tier_set,) = document["tier_sets"]
    tier_set |= {"window": "year", "movement": YEARLY | movement}
    await benefits.publish(Program.parse(document))
    return str(document["key"])


def review_calendar(benefits: BenefitsWorld) -> ReviewCalendar:
    """The kind of the calendar, in a replica of its own."""
    store = BenefitsStore(benefits.database)
    deciding, members = benefits.deciding(), benefits.members_client()
    programs = ProgramHandlers(store, now)
    times = ProgramTimes(store, programs, Clocks(members.clocks), now)
    reviews = TierReviews(store, deciding, members, times, now=now, new_id=new_id)
    decisions = DecisionHandlers(store, programs, deciding, members, times, reviews, now=now, new_id=new_id)
    return ReviewCalendar(store, programs, members, decisions, reviews)


async def reviewed(
    benefits: BenefitsWorld, program_id: str, until: datetime, *, fresh_since: datetime | None = None
) -> int:
    """Have happen what is due until a time, in order; gives how much that was."""
    kind, happened = review_calendar(benefits), 0
    while items := await kind.due(program_id, until, 200):
        first = [each for each in items if each.due_time == items[0].due_time]
        happened += await kind.happen(program_id, first, fresh_since or items[0].due_time)
    return happened


async def due_of(benefits: BenefitsWorld, program_id: str, until: datetime) -> list[Due]:
    return await review_calendar(benefits).due(program_id, until, 200)
