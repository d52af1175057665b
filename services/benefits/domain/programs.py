"""Programs: which version a document becomes."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.errors import ProgramInvalid
from libs.common.program import Program
from services.benefits.domain.errors import ProgramFieldFixed


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a program, live since a time. `stored` is its document, where it was stored before."""

    program: Program
    digest: str
    effective_time: datetime
    stored: bytes = b""

    @property
    def document(self) -> bytes:
        """What the digest is of: fields that are younger than the version are not in it."""
        return self.stored or self.program.canonical()

    @property
    def program_id(self) -> str:
        """The key of the program, which is its id."""
        return self.program.key


def next_version(program_id: str, draft: Program, live: Version | None, *, now: datetime) -> Version:
    """The version that a document becomes, or the live one when it says the same.

    What intake and the books count in stays for ever: events are filed by
    the time zone's days, amounts and points in the currencies. So do the tiers
    that members may hold, until moving members by a new version is decided on,
    the plans that they may have contracts of, with their groups, and the types
    of points that they may have.
    """
    if draft.key != program_id:
        raise ProgramInvalid(key=f"is {draft.key}, the request says {program_id}")
    if live is None:
        return _version(draft, 1, now)
    before = live.program
    fixed = {
        "currency": (before.currency, draft.currency),
        "time_zone": (before.time_zone, draft.time_zone),
        "clock.replay_from": (before.clock.replay_from, draft.clock.replay_from),
        "tier_sets": ([each.key for each in before.tier_sets], [each.key for each in draft.tier_sets]),
        "points.currency": (before.points.currency, draft.points.currency),
    }
    changed = {name: f"{was} to {wanted}" for name, (was, wanted) in fixed.items() if was != wanted}
    if changed:
        raise ProgramFieldFixed(**changed)
    if missing := sorted(_tiers(before) - _tiers(draft)):
        raise ProgramFieldFixed("members hold these tiers", tiers=", ".join(missing))
    if missing := sorted(_plans(before) - _plans(draft)):
        raise ProgramFieldFixed("members have these plans", plans=", ".join(missing))
    if missing := sorted(set(before.points.currencies) - set(draft.points.currencies)):
        raise ProgramFieldFixed("members have these points", types=", ".join(missing))
    if draft.model_copy(update={"version": before.version}) == before:
        return live
    return _version(draft, before.version + 1, now)


def _tiers(program: Program) -> set[str]:
    return {f"{tier_set.key}.{tier.key}" for tier_set in program.tier_sets for tier in tier_set.tiers}


def _plans(program: Program) -> set[str]:
    return {f"{plan.group}.{plan.key}" for plan in program.contracts.plans}


def _version(draft: Program, number: int, now: datetime) -> Version:
    program = draft.model_copy(update={"version": number})
    return Version(program, program.digest(), now)
