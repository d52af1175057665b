"""Memberships: what is known of members' events, of their tiers, and of the decisions on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from libs.common.conditions import METRICS, POINT_FACTS, fact_of
from libs.common.earning_policy import REGISTRATION
from libs.common.windows import LIFETIME
from services.benefits.domain.ledger import EventKey

REGISTRATION_SEQ = 0


@dataclass(frozen=True, slots=True)
class MemberEvent:
    """An event of a member as announced, with the facts after it; sequence 0 is the registration.

    `original` is the purchase that a refund is for.
    """

    event_id: str
    seq: int
    kind: str
    source: str
    external_ref: str
    line: int
    occurred_time: datetime
    amount_minor: int
    facts: Mapping[str, int]
    original: EventKey | None = None
    store_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Inbound:
    """What has been announced of one member and may not have taken effect yet."""

    program_id: str
    member_id: str
    registered_time: datetime
    events: dict[int, MemberEvent] = field(default_factory=dict)

    def registration(self) -> MemberEvent:
        """The place before the first event; named by the member, as no partner numbers it."""
        return MemberEvent(
            event_id="",
            seq=REGISTRATION_SEQ,
            kind=REGISTRATION,
            source="",
            external_ref=self.member_id,
            line=0,
            occurred_time=self.registered_time,
            amount_minor=0,
            facts={},
        )


class Look(StrEnum):
    """What calls for a decision: an event, the end of a tier's term, a new version, or an order of staff."""

    EVENT = "EVENT"
    REVIEW = "REVIEW"
    NEW_VERSION = "NEW_VERSION"
    OVERRIDE = "OVERRIDE"


@dataclass(frozen=True, slots=True)
class Order:
    """What staff order: a tier, why and until when; or, without one, that rules decide again.

    `decision_id` is the decision that it is about, where it is about one.
    """

    tier: str = ""
    code: str = ""
    until_time: datetime | None = None
    decision_id: str = ""


@dataclass(frozen=True, slots=True)
class InForce:
    """What staff decided of a tier while that is in force, and what rules give beneath it."""

    code: str
    until_time: datetime | None
    earned_tier: str
    earned_review_time: datetime | None = None
    earned_in_grace: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be decided as of a time, with the facts for it; of an event, of a run, or by an order."""

    look: Look
    time: datetime
    facts: Mapping[str, int]
    event_id: str = ""
    seq: int = 0
    run_id: str = ""
    given: Order | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A member's standing in a tier set; `seq` counts decisions, `applied_seq` is the last event decided.

    `metrics` are the member's counts after that event, by their short names;
    what is 0 is not there. At `review_time` the tier is looked at again, never
    where there is none; `in_grace` it was not met at the review before.
    `tier_points` are those that qualify, by type: all that were earned, less what
    refunds took back. That they expire takes none away. `override` is what staff
    decided by hand, and `held` that a higher tier waits for risk.
    """

    program_id: str
    member_id: str
    tier_set: str
    tier: str = ""
    since_time: datetime | None = None
    seq: int = 0
    applied_seq: int = REGISTRATION_SEQ - 1
    as_of: datetime | None = None
    decision_id: str = ""
    qualifying: tuple[tuple[str, int], ...] = ()
    metrics: Mapping[str, int] = field(default_factory=dict)
    version: int = 0
    review_time: datetime | None = None
    in_grace: bool = False
    tier_points: Mapping[str, int] = field(default_factory=dict)
    override: InForce | None = None
    held: bool = False

    @property
    def membership_id(self) -> str:
        """The key under which it is stored and announced."""
        return membership_id(self.program_id, self.member_id, self.tier_set)


def point_facts(points: Mapping[str, int]) -> dict[str, int]:
    """Points that qualify, by type, as the facts that rules of tiers read."""
    return {fact_of(POINT_FACTS + key, LIFETIME): count for key, count in points.items()}


def event_step(event: MemberEvent, more: Mapping[str, int]) -> Step:
    """An event with the facts that it tells, and those that were asked for besides."""
    return Step(Look.EVENT, event.occurred_time, {**event.facts, **more}, event.event_id, event.seq)


def decided(membership: Membership, decision: "Decision", event: MemberEvent | None = None) -> Membership:
    """The membership after a decision, on an event or without one."""
    tier = decision.tier
    return replace(
        membership,
        tier=tier.to_tier,
        since_time=tier.as_of if decision.changed else membership.since_time,
        seq=decision.seq,
        as_of=tier.as_of,
        decision_id=decision.decision_id,
        qualifying=tier.facts,
        applied_seq=membership.applied_seq if event is None else event.seq,
        metrics=membership.metrics if event is None else metrics_of(event.facts),
        version=membership.version + 1,
        review_time=tier.review_time,
        in_grace=tier.in_grace,
        override=tier.override,
        held=tier.held,
    )


def membership_id(program_id: str, member_id: str, tier_set: str) -> str:
    """The key of a membership: program, member and tier set."""
    return f"{program_id}/{member_id}/{tier_set}"


def metrics_of(facts: Mapping[str, int]) -> dict[str, int]:
    """The counts that conditions read, of facts."""
    return {metric: facts[name] for metric, name in METRICS.items() if facts.get(name)}


@dataclass(frozen=True, slots=True)
class TierReceipt:
    """A tier decision as scoring took it, with its receipt as it is kept.

    `held` and `news` are known where it was taken: that a higher tier waits for
    risk, and that there is something to tell, though the tier is the same.
    """

    outcome: str
    from_tier: str
    to_tier: str
    as_of: datetime
    facts: tuple[tuple[str, int], ...]
    digest: str
    receipt: bytes
    review_time: datetime | None = None
    in_grace: bool = False
    override: InForce | None = None
    held: bool = False
    news: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """A stored decision of a membership."""

    decision_id: str
    membership_id: str
    program_id: str
    member_id: str
    seq: int
    event_seq: int
    tier: TierReceipt

    @classmethod
    def next(cls, membership: Membership, tier: TierReceipt, *, event_seq: int, decision_id: str) -> Self:
        """The decision that follows the last one of a membership."""
        return cls(
            decision_id=decision_id,
            membership_id=membership.membership_id,
            program_id=membership.program_id,
            member_id=membership.member_id,
            seq=membership.seq + 1,
            event_seq=event_seq,
            tier=tier,
        )

    @property
    def changed(self) -> bool:
        """Whether the tier is another than before."""
        return self.tier.from_tier != self.tier.to_tier
