"""Telling: what is an occasion for a notice becomes one, in the transaction of its cause."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.common.outbox import Announcement
from libs.common.program import Program
from services.benefits.domain.effects import Effect
from services.benefits.domain.memberships import Decision
from services.benefits.domain.notices import (
    MARKETING,
    Notice,
    NoticeStatus,
    Occasion,
    fresh,
    notices,
    told_day,
)
from services.benefits.domain.occasions import Explained, tier_occasions
from services.benefits.messages import explained
from services.benefits.outbox import notice_created
from services.benefits.repository import notices as kept
from services.benefits.repository.store import BenefitsStore

NewId = Callable[[str], str]


async def tell(
    benefits: BenefitsStore,
    program: Program,
    occasions: Sequence[Occasion],
    *,
    time: datetime,
    now: datetime,
    new_id: NewId,
    announcements: Sequence[Announcement] = (),
) -> list[Notice]:
    """Make the notices of occasions that have none yet, and announce those that members will be told.

    They are announced behind `announcements`, with which they take their
    places. `time` is the program's. Two transactions that tell one member take
    the same place among the member's changes, so that one of them is done
    again: this is what keeps the caps exact.
    """
    fresh_ones = await kept.without_notice(benefits, occasions)
    if not fresh_ones:
        await benefits.announce(announcements, now)
        return []
    counted = {each.member_id for each in fresh_ones if each.code in MARKETING}
    made = notices(
        program,
        fresh_ones,
        preferences=await kept.preferences(benefits, {each.member_id for each in fresh_ones}),
        told=await kept.told(benefits, counted, told_day(program, time)) if counted else {},
        time=time,
        now=now,
        new_id=new_id,
    )
    made = await _announced(benefits, announcements, made, now)
    await kept.add(benefits, made, program.time_zone)
    return made


async def _announced(
    benefits: BenefitsStore, before: Sequence[Announcement], made: Sequence[Notice], now: datetime
) -> list[Notice]:
    """The notices, those that members will be told with their places among the members' changes."""
    told = [each for each in made if each.status is NoticeStatus.SCHEDULED and not each.staff_role]
    places = await benefits.announce([*before, *map(notice_created, told)], now)
    seqs = {each.notice_id: seq for each, seq in zip(told, places[len(before) :], strict=True)}
    return [replace(each, seq=seqs.get(each.notice_id, 0)) for each in made]


@dataclass(frozen=True, slots=True)
class TierNews:
    """What there is to tell of decisions, and who is in another tier now, by member and tier set."""

    occasions: Sequence[Occasion]
    moved: Sequence[tuple[str, str]]
    announcements: Sequence[Announcement]


def tier_news(
    program: Program,
    effects: Iterable[Effect],
    *,
    time: datetime,
    announcements: Sequence[Announcement],
    told_since: datetime | None = None,
) -> TierNews:
    """The news of effects: of events, what is not history yet; of reviews, what was due after a time."""
    occasions: list[Occasion] = []
    moved: set[tuple[str, str]] = set()
    for effect in effects:
        history = {event.seq for event in effect.events if not fresh(event.occurred_time, time)}
        for membership in effect.after:
            decided = [each for each in effect.decisions if each.membership_id == membership.membership_id]
            moved |= {(each.member_id, membership.tier_set) for each in decided if each.changed}
            news = [
                each
                for each in decided
                if each.event_seq not in history and (told_since is None or each.tier.as_of >= told_since)
            ]
            occasions += tier_occasions(program, explained_of(program, membership.tier_set, news))
    return TierNews(occasions, sorted(moved), announcements)


async def tell_of_tiers(
    benefits: BenefitsStore,
    program: Program,
    news: TierNews,
    *,
    time: datetime,
    now: datetime,
    new_id: NewId,
) -> None:
    """Announce what was decided, and tell members of their tiers, in the transaction that stores it.

    Who has another tier now is no longer near the one before.
    """
    await kept.overtake_near_upgrades(benefits, news.moved)
    await tell(
        benefits,
        program,
        news.occasions,
        time=time,
        now=now,
        new_id=new_id,
        announcements=news.announcements,
    )


def explained_of(program: Program, tier_set: str, decisions: Sequence[Decision]) -> list[Explained]:
    """What the receipts say of the decisions that may be told: each change, and the last one.

    Most of the last ones say nothing to tell, and are not read.
    """
    return [
        explained(each, program) if each.changed or each.tier.news else Explained(each, tier_set)
        for each in decisions
        if each.changed or each is decisions[-1]
    ]
