"""Numbered badges: the records of who was given one and who lost it, and what their chain covers of these.

A record has three parts, each with a digest of its own, so that one may be
shown and proved without the others: which badge it is, whose, and who did it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.common.badge_policy import Badge
from libs.common.canonical import digest
from libs.common.chains.chain import instant
from services.benefits.domain.errors import BadgeRevoked

BADGES = "badges"
"""The name of the chain."""


class BadgeAct(StrEnum):
    """What happened to a badge."""

    ISSUED = "issued"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class BadgeRecord:
    """A badge was issued, or revoked; never changed. `limit` is 0 where there is no end of it.

    The salts keep who knows a digest from trying out what it is of.
    """

    record_id: str
    act: BadgeAct
    program_id: str
    badge_id: str
    key: str
    serial: int
    limit: int
    recorded_time: datetime
    member_id: str
    owner_salt: str
    by: str
    explanation: str
    by_salt: str

    def badge_part(self) -> Mapping[str, object]:
        """Which badge it is, and what happened: for everybody."""
        return {
            "record_id": self.record_id,
            "act": str(self.act),
            "program_id": self.program_id,
            "badge_id": self.badge_id,
            "key": self.key,
            "serial": self.serial,
            "limit": self.limit,
            "recorded_time": instant(self.recorded_time),
        }

    def owner_part(self) -> Mapping[str, object]:
        """Whose it is: for who may see the member."""
        return {"record_id": self.record_id, "member_id": self.member_id, "salt": self.owner_salt}

    def act_part(self) -> Mapping[str, object]:
        """Who did it and why: for the staff."""
        return {
            "record_id": self.record_id,
            "by": self.by,
            "explanation": self.explanation,
            "salt": self.by_salt,
        }

    def leaf(self) -> str:
        """What the chain covers of it."""
        return leaf(
            badge=digest(self.badge_part()), owner=digest(self.owner_part()), act=digest(self.act_part())
        )


@dataclass(frozen=True, slots=True)
class HeldBadge:
    """A badge that was issued, and the record of its end if it was revoked."""

    issued: BadgeRecord
    revoked: BadgeRecord | None = None


@dataclass(frozen=True, slots=True)
class BadgeContent:
    """The parts of a record as canonical JSON, and its place in the chain."""

    record_id: str
    badge: str
    owner: str
    act: str
    leaf: str
    recorded_time: datetime
    position: int = 0
    chain_hash: str = ""


def leaf(*, badge: str, owner: str, act: str) -> str:
    """One digest over those of the three parts."""
    return digest({"badge": badge, "owner": owner, "act": act})


@dataclass(frozen=True, slots=True)
class Deed:
    """Somebody's act as its record will have it: its id and time, who, why, and two new salts."""

    record_id: str
    recorded_time: datetime
    by: str
    explanation: str
    owner_salt: str
    by_salt: str


def issued(
    deed: Deed, terms: Badge, serial: int, *, program_id: str, badge_id: str, member_id: str
) -> BadgeRecord:
    """The record of a new badge."""
    return BadgeRecord(
        record_id=deed.record_id,
        act=BadgeAct.ISSUED,
        program_id=program_id,
        badge_id=badge_id,
        key=terms.key,
        serial=serial,
        limit=terms.limit or 0,
        recorded_time=deed.recorded_time,
        member_id=member_id,
        owner_salt=deed.owner_salt,
        by=deed.by,
        explanation=deed.explanation,
        by_salt=deed.by_salt,
    )


def revoked(deed: Deed, badge: HeldBadge) -> BadgeRecord:
    """The record of its end, or BadgeRevoked where there is one: its serial is never given again."""
    if badge.revoked is not None:
        raise BadgeRevoked(badge_id=badge.issued.badge_id)
    return replace(
        badge.issued,
        record_id=deed.record_id,
        act=BadgeAct.REVOKED,
        recorded_time=deed.recorded_time,
        owner_salt=deed.owner_salt,
        by=deed.by,
        explanation=deed.explanation,
        by_salt=deed.by_salt,
    )
