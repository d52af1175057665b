"""Deciding: memberships are decided on by scoring, each in the surroundings of its member."""

from collections.abc import Sequence
from dataclasses import replace

from services.benefits.clients import ScoringClient, Subject
from services.benefits.domain.memberships import TierReceipt
from services.benefits.domain.programs import Version
from services.benefits.handlers.surroundings import Surroundings


class Deciding:
    """The one way to a decision, for events, reviews, new versions and orders of staff alike."""

    def __init__(self, scoring: ScoringClient, surroundings: Surroundings) -> None:
        self._scoring, self._surroundings = scoring, surroundings

    async def decide(self, version: Version, subjects: Sequence[Subject]) -> list[list[TierReceipt]]:
        """A receipt per step of each subject."""
        members = [each.membership.member_id for each in subjects]
        surroundings = await self._surroundings.of(version.program, members)
        tier_sets = {each.key: each for each in version.program.tier_sets}
        placed = []
        for subject in subjects:
            membership, around = subject.membership, surroundings[subject.membership.member_id]
            steps = subject.steps
            if around.facts:
                steps = [replace(each, facts={**each.facts, **around.facts}) for each in steps]
            placed.append(Subject(membership, steps, around.variant(tier_sets[membership.tier_set])))
        return await self._scoring.decide(version, placed)
