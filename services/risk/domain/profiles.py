"""Risk profiles: what is known of a member's standing, and what an announcement changes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.risk.domain.integrity import Integrity, Verification, integrity
from services.risk.domain.restrictions import Restriction

CauseKind = Literal["registered", "verification_changed", "reported", "report_decided", "report_expired"]


@dataclass(frozen=True, slots=True)
class Announced:
    """What members announced of a member: the identity as known, and the last sequence that it covers."""

    program_id: str
    member_id: str
    verification: Verification
    seq: int


@dataclass(frozen=True, slots=True)
class Cause:
    """What changed a profile; a report is named by its id."""

    kind: CauseKind
    report_id: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A member's standing. `seq` counts its changes, `applied_seq` is the last announced sequence.

    `next_change_time` is when the next report ends, and with it perhaps more.
    """

    program_id: str
    member_id: str
    verification: Verification
    reporters: int
    integrity: Integrity
    seq: int
    applied_seq: int
    changed_time: datetime
    cause: Cause
    restrictions: tuple[Restriction, ...] = ()
    next_change_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a profile; the first has nothing before it."""

    before: Integrity | None
    after: Profile


def changed(before: Profile, after: Profile, cause: Cause, *, now: datetime) -> Profile:
    """The profile after, with its next sequence when it says something else than before.

    Never told as earlier than the change before it: clocks differ, and reports end in the past.
    """
    if (after.integrity, after.restrictions) == (before.integrity, before.restrictions):
        return after
    return replace(after, seq=before.seq + 1, changed_time=max(now, before.changed_time), cause=cause)


def after(profile: Profile | None, announced: Announced, *, now: datetime) -> Profile:
    """The profile after an announcement; an older one than what was applied changes nothing."""
    if profile is None:
        return Profile(
            program_id=announced.program_id,
            member_id=announced.member_id,
            verification=announced.verification,
            reporters=0,
            integrity=integrity(announced.verification, 0),
            seq=1,
            applied_seq=announced.seq,
            changed_time=now,
            cause=Cause("registered"),
        )
    if announced.seq <= profile.applied_seq:
        return profile
    applied = replace(
        profile,
        verification=announced.verification,
        integrity=integrity(announced.verification, profile.reporters),
        applied_seq=announced.seq,
    )
    return changed(profile, applied, Cause("verification_changed"), now=now)


def apply_all(
    profiles: Mapping[str, Profile], announcements: Sequence[Announced], *, now: datetime
) -> tuple[dict[str, Profile], list[Change]]:
    """The profiles of the members that announcements concern, after all of them, and each change made."""
    results: dict[str, Profile] = {}
    changes: list[Change] = []
    for announced in sorted(announcements, key=lambda each: each.seq):
        before = results.get(announced.member_id) or profiles.get(announced.member_id)
        result = results[announced.member_id] = after(before, announced, now=now)
        if before is None or result.seq != before.seq:
            changes.append(Change(before.integrity if before else None, result))
    return results, changes
