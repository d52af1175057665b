"""Programs: which version a document becomes."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.errors import ProgramInvalid
from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.benefits.domain.errors import ProgramChangeNeedsApproval, ProgramFieldFixed, TierUnknown


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


def next_version(
    program_id: str, draft: Program, live: Version | None, *, number: int, now: datetime
) -> Version:
    """The version that a document becomes, or the live one when it says the same."""
    if draft.key != program_id:
        raise ProgramInvalid(key=f"is {draft.key}, the request says {program_id}")
    if live is None:
        return _version(draft, number, now)
    require_continuous(live.program, draft)
    if draft.model_copy(update={"version": live.program.version}) == live.program:
        return live
    if live.program.clock.replay_from is None:
        raise ProgramChangeNeedsApproval(program_id=program_id)
    return _version(draft, number, now)


def require_continuous(before: Program, draft: Program) -> None:
    """Refuse a document that forgets what intake and the books count in, and what members hold.

    Events are filed by the time zone's days, amounts and points in the
    currencies, for ever. A tier that members may hold stays, or another one
    replaces it; so do the plans that they may have contracts of, with their
    groups, the types of points that they may have, and the badges with how many
    of them there ever are.
    """
    fixed = {
        "key": (before.key, draft.key),
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
        raise ProgramFieldFixed("members hold these tiers, which none replaces", tiers=", ".join(missing))
    if missing := sorted(_plans(before) - _plans(draft)):
        raise ProgramFieldFixed("members have these plans", plans=", ".join(missing))
    if missing := sorted(set(before.points.currencies) - set(draft.points.currencies)):
        raise ProgramFieldFixed("members have these points", types=", ".join(missing))
    if missing := sorted(_badges(before) - _badges(draft)):
        raise ProgramFieldFixed(
            "these badges stay, and how many there are of them", badges=", ".join(missing)
        )


def _tiers(program: Program) -> set[str]:
    """The tiers that there are, and those that they stand for."""
    return {
        f"{tier_set.key}.{key}"
        for tier_set in program.tier_sets
        for tier in tier_set.tiers
        for key in (tier.key, *tier.replaces)
    }


def _plans(program: Program) -> set[str]:
    return {f"{plan.group}.{plan.key}" for plan in program.contracts.plans}


def _badges(program: Program) -> set[str]:
    return {f"{badge.key} of {badge.limit or 'any number'}" for badge in program.badges}


def _version(draft: Program, number: int, now: datetime) -> Version:
    program = draft.model_copy(update={"version": number})
    return Version(program, program.digest(), now)


def tier_set_of(program: Program, key: str) -> TierSet:
    """A tier set of a program, or TierUnknown."""
    for each in program.tier_sets:
        if each.key == key:
            return each
    raise TierUnknown(tier_set=key)
