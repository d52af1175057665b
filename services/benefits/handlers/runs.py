"""Runs: memberships that are decided on without an event, each by one step, and kept together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from libs.common.program import Program
from services.benefits.clients import Subject
from services.benefits.domain.effects import Effect, review_effect
from services.benefits.domain.memberships import Membership, Step
from services.benefits.domain.programs import Version
from services.benefits.domain.reached import newly_reached
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.telling import TierNews, tell_of_tiers, tier_news
from services.benefits.handlers.unmoved import require_unmoved
from services.benefits.outbox import membership_changed
from services.benefits.repository import reached
from services.benefits.repository.documents import EffectDocuments, effect_documents
from services.benefits.repository.store import BenefitsStore


async def decided_alone(
    deciding: Deciding,
    version: Version,
    steps: Sequence[tuple[Membership, Step]],
    new_id: Callable[[str], str],
) -> list[Effect]:
    """What a step of each membership comes to; those of a member follow one another and are one effect."""
    receipts = await deciding.decide(version, [Subject(membership, [step]) for membership, step in steps])
    pairs = [(membership, taken[0]) for (membership, _), taken in zip(steps, receipts, strict=True)]
    return [
        review_effect(list(group), new_id) for _, group in groupby(pairs, key=lambda pair: pair[0].member_id)
    ]


@dataclass(frozen=True, slots=True)
class Run:
    """Effects of a run at a time of its program, with what stores and tells them.

    Made before the transaction, which so takes no longer than the database does.
    """

    program: Program
    effects: Sequence[Effect]
    documents: EffectDocuments
    news: TierNews
    time: datetime
    now: datetime


def run_of(
    program: Program,
    effects: Sequence[Effect],
    *,
    announced: Sequence[Effect],
    time: datetime,
    now: datetime,
    told_since: datetime,
) -> Run:
    """A run of which some effects are news, and are announced and told."""
    announcements = [each for effect in announced for each in membership_changed(effect, [])]
    news = tier_news(program, announced, time=time, announcements=announcements, told_since=told_since)
    return Run(program, effects, effect_documents(effects, now), news, time, now)


async def keep_run(benefits: BenefitsStore, run: Run, *, new_id: Callable[[str], str]) -> None:
    """Keep a run, unless a member has moved, and announce and tell what is news."""
    await require_unmoved(benefits, run.effects)
    await benefits.keep_effects(run.documents)
    await reached.add(benefits, newly_reached(run.program, run.effects))
    await tell_of_tiers(benefits, run.program, run.news, time=run.time, now=run.now, new_id=new_id)
