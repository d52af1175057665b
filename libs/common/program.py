"""The program document: the tiers, points and scores of one program, checked as a whole."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    model_validator,
)

from libs.common import shipped
from libs.common.badge_policy import Badge, Badges
from libs.common.canonical import canonical, digest
from libs.common.charter_policy import Calibration, Kpis, LocalNames, Referral, Scope
from libs.common.contract_policy import Contracts
from libs.common.coupon_policy import Coupons
from libs.common.currencies import CURRENCIES
from libs.common.documents import (
    PROBLEM_LENGTH_MAX,
    Key,
    Moment,
    Part,
    Text,
    problems,
    refuse_at,
    unique,
)
from libs.common.earning_policy import EarningTerms
from libs.common.entry_rules import misread
from libs.common.errors import ProgramInvalid
from libs.common.fairness_policy import Fairness
from libs.common.mix_policy import Mix
from libs.common.point_policy import TYPES_MAX, Lifetime, PointsKey, PointType
from libs.common.redemption_policy import Adjustments, Redemption, Transfers
from libs.common.reward_policy import Rewards
from libs.common.score_policy import RFM, SCORE_FACTS_MAX, SCORECARDS_MAX, Rfm, Scorecard
from libs.common.tier_policy import TierSet

# Facts that other services than members know.
OF_OTHERS = ("benefits.", "risk.")


def _known_time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("no such time zone")
    return name


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("no such currency in ISO 4217")
    return code


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


NoticeDays = Annotated[int, Field(ge=1, le=365)]


class Clock(Part):
    """What time it is in the program: the machine's, or replayed from a time on."""

    replay_from: Moment | None = None


class Points(EarningTerms, Lifetime):
    """The redeemable currency. Without `expire_after_months` its points stay.

    `activate_after_days` is how long points are pending, such as the days in
    which a purchase may be returned. `arrears` says what a refund does with
    points that are spent: `owe` lets the balance fall below nothing, and what
    is earned next pays for it; `forgive` takes back what is left and no more.
    Without `transfers` members pass on no points.
    """

    currency: PointsKey = "points"
    name: Text
    types: tuple[PointType, ...] = Field(default=(), max_length=TYPES_MAX)
    expiry_notice_days: tuple[NoticeDays, ...] = Field(default=(30, 7), max_length=5)
    arrears: Literal["owe", "forgive"] = "owe"
    redemption: Redemption = Redemption()
    transfers: Transfers | None = None
    adjustments: Adjustments = Adjustments()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("types", [self.currency, *(each.key for each in self.types)])
        known = {each.key for each in self.types}
        if missing := sorted({rule.point_type for rule in self.earn if rule.point_type} - known):
            raise ValueError(f"earn names no type of points: {', '.join(missing)}")
        if list(self.expiry_notice_days) != sorted(set(self.expiry_notice_days), reverse=True):
            raise ValueError("expiry_notice_days descends")
        return self

    @property
    def currencies(self) -> tuple[str, ...]:
        """All that points are counted in: the redeemable ones first, then the types."""
        return (self.currency, *(each.key for each in self.types))

    def lifetime(self, currency: str) -> Lifetime:
        """How long points of a currency live."""
        return next((each for each in self.types if each.key == currency), self)

    def paying(self, point_type: str) -> Redemption | None:
        """How points are redeemed, of a type or the redeemable ones; None where nothing is paid with them."""
        if not point_type:
            return self.redemption
        found = next((each.pays for each in self.types if each.key == point_type), None)
        return None if found is None else self.redemption.of(found)

    @property
    def qualifying(self) -> tuple[str, ...]:
        """The types that qualify for tiers."""
        return tuple(each.key for each in self.types if each.kind == "tier")

    def name_of(self, currency: str) -> Text:
        """What points of a currency are called."""
        return next((each.name for each in self.types if each.key == currency), self.name)


class Dormancy(Part):
    """Who neither signs in nor does anything for so many full days is dormant."""

    after_days: int = Field(default=30, ge=1, le=3650)


class QuietHours(Part):
    """Hours of the program's day in which nobody is told anything; they may go over midnight."""

    from_hour: int = Field(ge=0, le=23)
    to_hour: int = Field(ge=0, le=23)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.from_hour == self.to_hour:
            raise ValueError("from_hour and to_hour differ")
        return self


NoticeKind = Literal[
    "tier_changed",
    "tier_at_risk",
    "tier_reward",
    "points_expiring",
    "wake_up",
    "near_upgrade",
    "contract_ending",
    "birthday",
]


class Notices(Part):
    """What members are told: service notices always, marketing by consent and not too often."""

    switched_off: tuple[NoticeKind, ...] = Field(default=(), max_length=8)
    marketing_consent: Literal["opt_in", "opt_out"] = "opt_out"
    marketing_per_day_max: int = Field(default=1, ge=1, le=100)
    quiet_hours: QuietHours | None = QuietHours(from_hour=22, to_hour=8)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("switched_off", list(self.switched_off))
        return self


class Program(Part):
    """A program. `version` is 0 until benefits publishes it as 1, 2, 3, …"""

    schema_version: Literal[1] = 1
    key: Key
    version: int = Field(default=0, ge=0, lt=2**31)
    name: Text
    industry: Key
    currency: Annotated[str, AfterValidator(_known_currency), Field(description="ISO 4217, such as `CNY`.")]
    time_zone: Annotated[
        str, AfterValidator(_known_time_zone), Field(description="IANA, such as `Asia/Shanghai`.")
    ]
    clock: Clock = Clock()
    tier_sets: tuple[TierSet, ...] = Field(min_length=1, max_length=20)
    points: Points
    dormancy: Dormancy = Dormancy()
    notices: Notices = Field(default_factory=Notices)
    contracts: Contracts = Contracts()
    coupons: Coupons = Coupons()
    rewards: Rewards = Rewards()
    badges: Badges = ()
    mix: Mix | None = None
    rfm: Rfm | None = None
    scorecards: tuple[Scorecard, ...] = Field(default=(), max_length=SCORECARDS_MAX)
    scope: Scope = Scope()
    labels: LocalNames = Field(default_factory=LocalNames)
    kpis: Kpis = ()
    referral: Referral | None = None
    calibration: Calibration | None = None
    fairness: Fairness = Fairness()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("tier sets", [tier_set.key for tier_set in self.tier_sets])
        unique("badges", [badge.key for badge in self.badges])
        refuse_at(list(self._misled()))
        self.contracts.require_tiers(
            {
                each.key: {
                    tier.key: place == 0 or tier.entry is not None or tier.staff_assigned
                    for place, tier in enumerate(each.tiers)
                }
                for each in self.tier_sets
            }
        )
        highest_bp = max(tier.multiplier_bp for tier in self.tier_sets[0].tiers)
        self.points.require_bounded(highest_bp)
        unique("scorecards", [card.key for card in self.scorecards])
        refuse_at(misread(self.tier_sets, self.score_policies, self.points.types))
        if len(self.score_facts) > SCORE_FACTS_MAX:
            raise ValueError(f"the scores read {len(self.score_facts)} facts, {SCORE_FACTS_MAX} at most")
        return self

    def _misled(self) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """Growth paths that are for tiers that there are not, or that are the main ladder itself."""
        main = {tier.key for tier in self.tier_sets[0].tiers}
        for place, tier_set in enumerate(self.tier_sets):
            if tier_set.path is not None and place == 0:
                yield ("tier_sets", place, "path"), "a path stands beside the first tier set"
            elif tier_set.path is not None and not main.issuperset(tier_set.path.for_tiers):
                yield ("tier_sets", place, "path", "for_tiers"), f"are some of {', '.join(sorted(main))}"

    def badge(self, key: str) -> Badge | None:
        """The badge of a key."""
        return next((badge for badge in self.badges if badge.key == key), None)

    @property
    def score_facts(self) -> tuple[str, ...]:
        """The facts that the scores read, each once and sorted; none where nothing is scored."""
        return tuple(sorted({fact for policy in self.score_policies.values() for fact in policy.facts}))

    @property
    def member_facts(self) -> frozenset[str]:
        """The facts of what members did that tiers ask for, by their rules and by the scores in these."""
        read: set[str] = set()
        for tier_set in self.tier_sets:
            read |= tier_set.fact_names
            asked = {name.split(".")[1] for name in tier_set.score_names}
            read |= {fact for name in asked for fact in self.score_policies[name].facts}
        return frozenset(name for name in read if not name.startswith(OF_OTHERS))

    @property
    def score_policies(self) -> Mapping[str, Rfm | Scorecard]:
        """What members are scored by, by the name of the score: RFM first, then the scorecards."""
        rfm: dict[str, Rfm | Scorecard] = {} if self.rfm is None else {RFM: self.rfm}
        return rfm | {card.key: card for card in self.scorecards}

    @property
    def birthday_counts(self) -> bool:
        """Whether a condition may ask for the member's birthday."""
        segments = () if self.mix is None else self.mix.segments
        return self.points.birthday_counts or any("birthday" in each.condition for each in segments)

    @property
    def reads_points(self) -> bool:
        """Whether tiers ask for points that qualify."""
        return any(each.reads_points for each in self.tier_sets)

    @property
    def pools(self) -> frozenset[str]:
        """The benefits of which all members share what there is."""
        of_tiers = (grant for each in self.tier_sets for tier in each.tiers for grant in tier.benefits)
        of_plans = (grant for plan in self.contracts.plans for grant in plan.benefits)
        return frozenset(each.benefit for each in (*of_tiers, *of_plans) if each.pool is not None)

    @classmethod
    def parse(cls, document: bytes | Mapping[str, object]) -> Self:
        """The program of a JSON document, or ProgramInvalid with what is wrong by path."""
        try:
            text = document if isinstance(document, bytes) else json.dumps(dict(document))
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ProgramInvalid(**problems(error)) from None
        except (TypeError, ValueError) as error:
            raise ProgramInvalid(document=str(error)[:PROBLEM_LENGTH_MAX]) from None

    def document(self) -> dict[str, Any]:
        """As JSON values, all defaults written out: a version keeps its meaning when a default changes."""
        return self.model_dump(mode="json")

    def canonical(self) -> bytes:
        """The document as canonical JSON."""
        return canonical(self.document())

    def digest(self) -> str:
        """SHA-256 of the canonical document, in hex."""
        return digest(self.document())


def preset_names() -> list[str]:
    """The programs that are shipped."""
    return shipped.names("programs")


def preset(name: str) -> Program:
    """A shipped program, ready to be published."""
    return Program.parse(shipped.document("programs", name))
