"""Previews: what an event that did not happen would earn, counted as events that do are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from libs.common.birthdays import Birthday
from libs.common.clock import business_date
from libs.common.program import Program
from services.benefits.domain.contracts import Contract
from services.benefits.domain.earning import Earning, counted, redeemable
from services.benefits.domain.earning_caps import Earned
from services.benefits.domain.earning_situations import Situation, TriedFactor
from services.benefits.domain.event_points import active_time, expire_time
from services.benefits.domain.memberships import Membership
from services.benefits.domain.standing import tier_at


@dataclass(frozen=True, slots=True)
class PossibleEvent:
    """An event that did not happen; now, where it says no time."""

    member_id: str
    kind: str
    amount_minor: int = 0
    occurred_time: datetime | None = None
    store_id: str = ""
    source: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class Earner:
    """What earning rules read of a member at a moment: as it is before anything happens then.

    `memberships` by tier set and `contracts` are what its tiers come from.
    """

    tier: str
    tiers: Mapping[str, str]
    metrics: Mapping[str, int]
    earned: Earned
    birthday: Birthday | None = None
    memberships: Mapping[str, Membership] = field(default_factory=dict)
    contracts: Sequence[Contract] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What an event would earn, rule by rule, and which multipliers would hold."""

    tier: str
    business_date: date
    active_time: datetime
    expire_time: datetime | None
    rules: Sequence[Earning]
    multipliers: Sequence[TriedFactor]

    @property
    def points(self) -> int:
        """By all rules together that give points to redeem."""
        return redeemable(self.rules)


def earner(
    program: Program,
    memberships: Mapping[str, Membership],
    contracts: Sequence[Contract],
    earned: Earned,
    at: datetime,
    birthday: Birthday | None = None,
) -> Earner:
    """A member at a moment, given their memberships by tier set.

    Who was not decided on yet will have the first tier before anything else happens.
    """
    tiers = {}
    for tier_set in program.tier_sets:
        membership = memberships.get(tier_set.key)
        own = tier_set.tiers[0].key if membership is None else membership.tier
        tiers[tier_set.key] = tier_at(tier_set, own, contracts, at)
    first = program.tier_sets[0].key
    metrics = memberships[first].metrics if first in memberships else {}
    return Earner(tiers[first], tiers, metrics, earned, birthday, memberships, contracts)


def preview(program: Program, event: PossibleEvent, at: datetime, before: Earner) -> Preview:
    """What an event at a moment would earn who is this."""
    situation = Situation(
        program=program,
        event_kind=event.kind,
        amount_minor=event.amount_minor,
        tier=before.tier,
        tiers=before.tiers,
        occurred_time=at,
        store_id=event.store_id,
        source=event.source,
        attributes=event.attributes,
        metrics=before.metrics,
        earned=before.earned,
        birthday=before.birthday,
    )
    return Preview(
        tier=before.tier,
        business_date=business_date(at, program.time_zone),
        active_time=active_time(program.points, at),
        expire_time=expire_time(program.points, at),
        rules=counted(situation, program.points.earn),
        multipliers=situation.tried,
    )
