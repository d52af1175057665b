"""The use case of growth paths: how far members are on those that are for them, and what comes next."""

from collections.abc import Sequence

from libs.common.homes import visible
from libs.common.program import Program
from services.benefits.domain.growth import PathProgress, is_shown, progress
from services.benefits.domain.memberships import Decision, Membership
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.standing import MemberStanding, standing_now
from services.benefits.handlers.times import ProgramTimes
from services.benefits.messages import explained, receipt_of
from services.benefits.repository import reached
from services.benefits.repository.store import BenefitsStore


class GrowthHandlers:
    """Answers where members stand on growth paths, without changing anything."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def paths(self, program_id: str, member_ids: Sequence[str]) -> dict[str, list[PathProgress]]:
        """The paths of each member who has a standing and whom the caller may see, in the program's order."""
        version = await self._programs.find(program_id)
        if version is None:
            return {}
        program = version.program
        seen = await visible(self._store.database, program_id, member_ids)
        found = await standing_now(self._store, program, seen, self._times)
        shown = {member_id: _shown(program, each) for member_id, each in found.items()}
        memberships = [one for each in shown.values() for one in each]
        decisions = await self._store.decisions(one.decision_id for one in memberships)
        walking = {one.member_id for one in memberships}
        written = await reached.of_members(self._store, program_id, walking) if walking else {}
        sets = {each.key: each for each in program.tier_sets}
        return {
            member_id: [
                progress(
                    sets[one.tier_set],
                    one,
                    written,
                    next_node=receipt_of(decision).next.tier,
                    gaps=explained(decision, program).gaps,
                )
                for one in each
                for decision in _latest(one, decisions)
            ]
            for member_id, each in shown.items()
        }


def _shown(program: Program, standing: MemberStanding) -> list[Membership]:
    """The memberships on paths that are for who holds their tier of the first tier set."""
    main = standing.tiers.get(program.tier_sets[0].key)
    own = {each.tier_set: each for each in standing.memberships}
    return [
        own[tier_set.key]
        for tier_set in program.tier_sets
        if tier_set.key in own and is_shown(tier_set, "" if main is None else main.tier)
    ]


def _latest(membership: Membership, decisions: dict[str, Decision]) -> list[Decision]:
    """The decision that a membership rests on; it was stored with it."""
    return [decisions[membership.decision_id]] if membership.decision_id in decisions else []
