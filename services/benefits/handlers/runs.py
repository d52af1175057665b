"""Runs: memberships that are decided on without an event, each by one step, and kept together."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby

from libs.common.program import Program
from services.benefits.clients import Subject
from services.benefits.domain.effects import Effect, review_effect
from services.benefits.domain.memberships import Membership, Step
from services.benefits.domain.programs import Version
from services.benefits.domain.reached import newly_reached
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.telling import tell_of_tiers
from services.benefits.handlers.unmoved import require_unmoved
from services.benefits.outbox import membership_changed
from services.benefits.repository import reached
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


async def keep_run(
    benefits: BenefitsStore,
    program: Program,
    effects: Sequence[Effect],
    *,
    announced: Sequence[Effect],
    time: datetime,
    now: datetime,
    new_id: Callable[[str], str],
    told_since: datetime,
) -> None:
    """Keep effects of a run, unless a member has moved, and announce and tell those that are news."""
    await require_unmoved(benefits, effects)
    await benefits.keep_effects(effects, now)
    await reached.add(benefits, newly_reached(program, effects))
    await tell_of_tiers(
        benefits,
        program,
        announced,
        time=time,
        now=now,
        new_id=new_id,
        announcements=[each for effect in announced for each in membership_changed(effect, [])],
        told_since=told_since,
    )
