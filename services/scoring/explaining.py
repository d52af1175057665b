"""Use cases that explain: decide receipts again, and find paths to tiers. Nothing is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.caller import Principal
from libs.common.clock import business_date
from libs.common.errors import InvalidRequest
from services.scoring.domain.errors import TierUnknown
from services.scoring.domain.path_search import Found, Goal, find_paths
from services.scoring.domain.receipts import Receipt
from services.scoring.domain.tiers import Standing, Step, decide
from services.scoring.programs import HeldPrograms, NamedProgram


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as a receipt tells it: of which tier set, from which standing, on what."""

    tier_set: str
    standing: Standing
    step: Step
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tier to reach by a time, or to keep then; the next one above, or the held one, when it is empty."""

    tier_set: str
    standing: Standing
    target: str
    keep: bool
    now: datetime
    by: datetime
    facts: Mapping[str, int]
    variant: str = ""


@dataclass(frozen=True, slots=True)
class ExplainingHandlers:
    """What explains decisions, for the facts in the request and nothing else."""

    programs: HeldPrograms

    def replay(self, principal: Principal, named: NamedProgram, told: Sequence[Told]) -> list[Receipt]:
        """What a program decides of each."""
        program = self.programs.find(named, principal)
        return [
            decide(program.ladder(each.tier_set).local(each.variant), each.standing, each.step)
            for each in told
        ]

    def find_paths(self, principal: Principal, named: NamedProgram, wanted: Wanted) -> tuple[str, Found]:
        """The tier that is looked for, and the paths to it."""
        if wanted.by < wanted.now:
            raise InvalidRequest(by_time="is before now")
        compiled = self.programs.find(named, principal)
        ladder = compiled.ladder(wanted.tier_set).local(wanted.variant)
        tier_set = next(each for each in compiled.program.tier_sets if each.key == wanted.tier_set)
        held = ladder.rank(wanted.standing.tier)
        rank = ladder.rank(wanted.target) if wanted.target else max(0, held + (0 if wanted.keep else 1))
        if not 0 <= rank < len(ladder.tiers):
            raise TierUnknown("there is no tier above", tier_set=wanted.tier_set, tier=wanted.standing.tier)
        zone = compiled.program.time_zone
        goal = Goal(
            tier=ladder.tiers[rank].key,
            standing=wanted.standing,
            facts=wanted.facts,
            today=business_date(wanted.now, zone),
            by=business_date(wanted.by, zone),
            as_of=wanted.by,
            keep=wanted.keep,
        )
        return goal.tier, find_paths(ladder, {each.metric: each for each in tier_set.actions}, goal)
