"""Memberships: what is known of members' events, of their tiers, and of the decisions on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from libs.common.conditions import METRICS
from libs.common.earning_policy import REGISTRATION
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


@dataclass(frozen=True, slots=True)
class Membership:
    """A member's standing in a tier set; `seq` counts decisions, `applied_seq` is the last event decided.

    `metrics` are the member's counts after that event, by their short names;
    what is 0 is not there.
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

    @property
    def membership_id(self) -> str:
        """The key under which it is stored and announced."""
        return membership_id(self.program_id, self.member_id, self.tier_set)


def membership_id(program_id: str, member_id: str, tier_set: str) -> str:
    """The key of a membership: program, member and tier set."""
    return f"{program_id}/{member_id}/{tier_set}"


def metrics_of(facts: Mapping[str, int]) -> dict[str, int]:
    """The counts that conditions read, of facts."""
    return {metric: facts[name] for metric, name in METRICS.items() if facts.get(name)}


@dataclass(frozen=True, slots=True)
class TierReceipt:
    """A tier decision as scoring took it, with its receipt as it is kept."""

    outcome: str
    from_tier: str
    to_tier: str
    as_of: datetime
    facts: tuple[tuple[str, int], ...]
    digest: str
    receipt: bytes


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

    @property
    def changed(self) -> bool:
        """Whether the tier is another than before."""
        return self.tier.from_tier != self.tier.to_tier
