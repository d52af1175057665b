"""How programs change: a version is proposed, simulated, approved by another, scheduled, live and retired."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.benefits.domain.errors import (
    ProgramMoved,
    ProgramNotSimulated,
    ProgramUnchanged,
    ProgramVersionOfOwn,
    ProgramVersionOther,
    ProgramVersionState,
)
from services.benefits.domain.programs import Version, require_continuous


class State(StrEnum):
    """Where a version is in its life; live, retired and rejected ones never go back."""

    DRAFT = "draft"
    SIMULATED = "simulated"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    LIVE = "live"
    RETIRED = "retired"
    REJECTED = "rejected"


@lru_cache(maxsize=8)
def _parsed(document: bytes) -> Program:
    """A run asks for its program at each batch, and to parse one takes as long as to decide on many."""
    return Program.parse(document)


@dataclass(frozen=True, slots=True)
class Recalculation:
    """All members decided on again by a version, as of a time.

    `after` is the membership that was last, `memberships` how many there were when it began.
    """

    run_id: str
    as_of: datetime
    start_time: datetime
    after: str = ""
    memberships: int = 0
    decided: int = 0
    upgraded: int = 0
    downgraded: int = 0
    end_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A version on its way. `document` is its canonical JSON, of which `digest` is."""

    program_id: str
    number: int
    document: bytes
    digest: str
    state: State
    note: str = ""
    proposed_by: str = ""
    proposed_time: datetime | None = None
    based_on: int = 0
    decided_by: str = ""
    decided_time: datetime | None = None
    reason: str = ""
    effective_time: datetime | None = None
    recalculation: Recalculation | None = None
    simulation_id: str = ""

    @property
    def program(self) -> Program:
        """The program that it is."""
        return _parsed(self.document)

    def require(self, *states: State) -> None:
        """Refuse what this version is too early or too late for."""
        if self.state not in states:
            raise ProgramVersionState(version=self.number, state=self.state)


def change_of(version: Version) -> Change:
    """A version that was published without a proposal."""
    return Change(
        program_id=version.program_id,
        number=version.program.version,
        document=version.document,
        digest=version.digest,
        state=State.LIVE,
        effective_time=version.effective_time,
    )


def proposed(live: Version, draft: Program, *, number: int, by: str, note: str, now: datetime) -> Change:
    """A draft of the next version, which says something else than the live one."""
    require_continuous(live.program, draft)
    if draft.model_copy(update={"version": live.program.version}) == live.program:
        raise ProgramUnchanged(version=live.program.version)
    program = draft.model_copy(update={"version": number})
    return Change(
        program_id=live.program_id,
        number=number,
        document=program.canonical(),
        digest=program.digest(),
        state=State.DRAFT,
        note=note,
        proposed_by=by,
        proposed_time=now,
        based_on=live.program.version,
    )


def approved(change: Change, *, digest: str, by: str, now: datetime) -> Change:
    """The version, approved by somebody who has seen this very document and has not proposed it."""
    change.require(State.DRAFT, State.SIMULATED)
    if change.proposed_by == by:
        raise ProgramVersionOfOwn
    if change.digest != digest:
        raise ProgramVersionOther(digest=change.digest)
    require_simulated(change)
    return replace(change, state=State.APPROVED, decided_by=by, decided_time=now)


def require_simulated(change: Change) -> None:
    """Refuse a version of which nobody has seen what it would do.

    A run is of one document, against the version that it was proposed against, so one is enough.
    """
    if not change.simulation_id:
        raise ProgramNotSimulated(version=change.number)


def simulated(change: Change, simulation_id: str) -> Change:
    """The version, of which a finished run shows what it would do."""
    state = State.SIMULATED if change.state is State.DRAFT else change.state
    return replace(change, state=state, simulation_id=simulation_id)


def rejected(change: Change, *, reason: str, by: str, now: datetime) -> Change:
    """The version, which will not take effect."""
    change.require(State.DRAFT, State.SIMULATED, State.APPROVED, State.SCHEDULED)
    return replace(change, state=State.REJECTED, decided_by=by, decided_time=now, reason=reason)


def scheduled(change: Change, live: Version, *, at: datetime) -> Change:
    """The version, which takes effect at a time, unless another one has since it was proposed."""
    change.require(State.APPROVED)
    require_simulated(change)
    require_current(change, live)
    return replace(change, state=State.SCHEDULED, effective_time=at)


def require_current(change: Change, live: Version) -> None:
    """Refuse what was proposed against another version than the live one: it would undo what came between."""
    if change.based_on != live.program.version:
        raise ProgramMoved(based_on=change.based_on, live=live.program.version)


def in_effect(change: Change, *, run_id: str, time: datetime, now: datetime) -> Change:
    """The version in effect, with the run that decides all members again."""
    run = Recalculation(run_id, as_of=time, start_time=now)
    return replace(change, state=State.LIVE, effective_time=time, recalculation=run)


def rolled_back(
    live: Version, earlier: Change, *, number: int, by: str, reason: str, now: datetime
) -> Change:
    """The rules of an earlier version as the next one; its tiers stand for those that it does not have."""
    earlier.require(State.RETIRED)
    sets = {each.key: each for each in live.program.tier_sets}
    tier_sets = tuple(_standing_for(each, sets.get(each.key, each)) for each in earlier.program.tier_sets)
    program = earlier.program.model_copy(update={"tier_sets": tier_sets})
    change = proposed(live, program, number=number, by=by, note=f"back to version {earlier.number}", now=now)
    return replace(change, state=State.APPROVED, reason=reason)


def _standing_for(tier_set: TierSet, live: TierSet) -> TierSet:
    """The tiers of a set, the highest that is not above a missing one standing for it."""
    known = {key for tier in tier_set.tiers for key in (tier.key, *tier.replaces)}
    own = {tier.key for tier in tier_set.tiers}
    missing: dict[str, list[str]] = {}
    below = tier_set.tiers[0].key
    for tier in live.tiers:
        below = tier.key if tier.key in own else below
        missing.setdefault(below, []).extend(key for key in (tier.key, *tier.replaces) if key not in known)
    tiers = tuple(
        tier.model_copy(update={"replaces": (*tier.replaces, *missing.get(tier.key, ()))})
        for tier in tier_set.tiers
    )
    return tier_set.model_copy(update={"tiers": tiers})


def of_change(change: Change | None) -> Mapping[str, object] | None:
    """What an audit record says of a version; the document is found by its digest."""
    if change is None:
        return None
    return {"version": change.number, "digest": change.digest, "state": str(change.state)}
