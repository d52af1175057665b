"""Risk profiles: what is known of a member's standing, and what an announcement changes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.risk.domain.integrity import Integrity, Verification, integrity


@dataclass(frozen=True, slots=True)
class Announced:
    """What members announced of a member: the identity as known, and the last sequence that it covers."""

    program_id: str
    member_id: str
    verification: Verification
    seq: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A member's standing. `seq` counts its changes, `applied_seq` is the last announced sequence."""

    program_id: str
    member_id: str
    verification: Verification
    reporters: int
    integrity: Integrity
    seq: int
    applied_seq: int
    changed_time: datetime


def after(profile: Profile | None, announced: Announced, *, now: datetime) -> Profile:
    """The profile after an announcement; an older one than what was applied changes nothing."""
    if profile is None:
        assessed = integrity(announced.verification, 0)
        return Profile(
            announced.program_id,
            announced.member_id,
            announced.verification,
            0,
            assessed,
            1,
            announced.seq,
            now,
        )
    if announced.seq <= profile.applied_seq:
        return profile
    assessed = integrity(announced.verification, profile.reporters)
    applied = replace(profile, verification=announced.verification, applied_seq=announced.seq)
    if assessed == profile.integrity:
        return applied
    return replace(applied, integrity=assessed, seq=profile.seq + 1, changed_time=now)


def apply_all(
    profiles: Mapping[str, Profile], announcements: Sequence[Announced], *, now: datetime
) -> dict[str, Profile]:
    """The profiles of the members that announcements concern, after all of them."""
    results: dict[str, Profile] = {}
    for announced in sorted(announcements, key=lambda each: each.seq):
        known = results.get(announced.member_id) or profiles.get(announced.member_id)
        results[announced.member_id] = after(known, announced, now=now)
    return results
