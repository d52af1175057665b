"""The program document: the tiers, points and scores of one program, checked as a whole."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

import yaml
from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    model_validator,
)

from libs.common.benefit_policy import BenefitGrant
from libs.common.canonical import canonical, digest
from libs.common.conditions import METRICS, Condition, comparisons, depth
from libs.common.contract_policy import Contracts
from libs.common.coupon_policy import Coupons
from libs.common.currencies import CURRENCIES
from libs.common.documents import (
    PROBLEM_LENGTH_MAX,
    WHOLE_BP,
    Count,
    Key,
    Moment,
    Part,
    Text,
    problems,
    unique,
)
from libs.common.earning_policy import EarningTerms
from libs.common.errors import ProgramInvalid, ProgramUnknown
from libs.common.mix_policy import Mix
from libs.common.point_policy import TYPES_MAX, Lifetime, PointsKey, PointType
from libs.common.redemption_policy import Adjustments, Redemption, Transfers
from libs.common.reward_policy import Rewards

CONDITION_DEPTH_MAX = 8
# A receipt carries every condition of its tier set, and an answer five hundred receipts.
TIER_SET_CONDITIONS_MAX = 50
RFM_TOTAL_MAX_BP = 5 * WHOLE_BP

_PRESETS = Path(__file__).parent / "presets"


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


FactName = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=96)]
Share = Annotated[int, Field(ge=0, le=WHOLE_BP)]
Cuts = Annotated[tuple[Count, ...], Field(min_length=4, max_length=4)]
NoticeDays = Annotated[int, Field(ge=1, le=365)]


class Clock(Part):
    """What time it is in the program: the machine's, or replayed from a time on."""

    replay_from: Moment | None = None


class Tier(Part):
    """One step of the ladder. Without `entry` the first is held from registration on, others by contract."""

    key: Key
    name: Text
    entry: Condition | None = None
    multiplier_bp: int = Field(default=WHOLE_BP, ge=0, le=100 * WHOLE_BP)
    discount_bp: Share = WHOLE_BP
    benefits: tuple[BenefitGrant, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.entry is None:
            return self
        if depth(self.entry) > CONDITION_DEPTH_MAX:
            raise ValueError(f"entry is nested deeper than {CONDITION_DEPTH_MAX}")
        compared = list(comparisons(self.entry))
        if len(compared) > TIER_SET_CONDITIONS_MAX:
            raise ValueError(f"entry has more than {TIER_SET_CONDITIONS_MAX} comparisons")
        for path, comparison in compared:
            if comparison.metric not in METRICS:
                raise ValueError(f"{path}: metric is none of {', '.join(METRICS)}")
        return self


class Movement(Part):
    """When tiers change, and from where on a member counts as near the next one."""

    upgrade: Literal["realtime"] = "realtime"
    downgrade: Literal["never"] = "never"
    near_upgrade_bp: int = Field(default=8000, ge=1, le=WHOLE_BP)


class TierSet(Part):
    """One ladder. Tiers stand in ascending rank; each inherits the benefits of those below."""

    key: Key
    name: Text
    window: Literal["lifetime"] = "lifetime"
    tiers: tuple[Tier, ...] = Field(min_length=1, max_length=100)
    movement: Movement = Movement()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("tiers", [tier.key for tier in self.tiers])
        grants = [grant.benefit for tier in self.tiers for grant in tier.benefits]
        unique("benefits, which higher tiers inherit,", grants)
        entered = [tier.entry is not None for tier in self.tiers]
        if entered[0] or entered[1:] != sorted(entered[1:], reverse=True):
            raise ValueError(
                "the first tier is without entry, as are the highest if only contracts grant them"
            )
        count = sum(1 for tier in self.tiers if tier.entry for _ in comparisons(tier.entry))
        if count > TIER_SET_CONDITIONS_MAX:
            raise ValueError(f"the tiers have more than {TIER_SET_CONDITIONS_MAX} comparisons")
        return self


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
    "tier_changed", "points_expiring", "wake_up", "near_upgrade", "contract_ending", "birthday"
]


class Notices(Part):
    """What members are told: service notices always, marketing by consent and not too often."""

    switched_off: tuple[NoticeKind, ...] = Field(default=(), max_length=6)
    marketing_consent: Literal["opt_in", "opt_out"] = "opt_out"
    marketing_per_day_max: int = Field(default=1, ge=1, le=100)
    quiet_hours: QuietHours | None = QuietHours(from_hour=22, to_hour=8)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("switched_off", list(self.switched_off))
        return self


class RfmWeights(Part):
    """What each factor weighs; 10,000 in all."""

    recency: Share
    frequency: Share
    monetary: Share

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.recency + self.frequency + self.monetary != WHOLE_BP:
            raise ValueError(f"the weights do not add up to {WHOLE_BP}")
        return self


class Label(Part):
    """A name for totals from a threshold on, up to the label before."""

    key: Key
    name: Text
    min_total_bp: int = Field(ge=0, le=RFM_TOTAL_MAX_BP)


class Rfm(Part):
    """Recency, frequency and monetary scores of 1 to 5 by fixed cuts, weighed and labelled."""

    cuts_version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    recency_fact: FactName = "purchase.days_since_last"
    frequency_fact: FactName = "purchase.count.lifetime"
    monetary_fact: FactName = "purchase.amount_minor.lifetime"
    recency_cuts: Cuts
    frequency_cuts: Cuts
    monetary_cuts: Cuts
    weights_bp: RfmWeights
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for cuts in (self.recency_cuts, self.frequency_cuts, self.monetary_cuts):
            if list(cuts) != sorted(cuts):
                raise ValueError("the cuts of each factor ascend")
        unique("labels", [label.key for label in self.labels])
        thresholds = [label.min_total_bp for label in self.labels]
        if thresholds != sorted(set(thresholds), reverse=True) or thresholds[-1] != 0:
            raise ValueError("min_total_bp of the labels descends, down to 0")
        return self


class Program(Part):
    """A program. `version` is 0 until benefits publishes it as 1, 2, 3, …"""

    schema_version: Literal[1] = 1
    key: Key
    version: int = Field(default=0, ge=0, lt=2**31)
    name: Text
    industry: Key
    currency: Annotated[str, AfterValidator(_known_currency)]
    time_zone: Annotated[str, AfterValidator(_known_time_zone)]
    clock: Clock = Clock()
    tier_sets: tuple[TierSet, ...] = Field(min_length=1, max_length=20)
    points: Points
    dormancy: Dormancy = Dormancy()
    notices: Notices = Field(default_factory=Notices)
    contracts: Contracts = Contracts()
    coupons: Coupons = Coupons()
    rewards: Rewards = Rewards()
    mix: Mix | None = None
    rfm: Rfm | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("tier sets", [tier_set.key for tier_set in self.tier_sets])
        self.contracts.require_tiers(
            {
                each.key: {
                    tier.key: place == 0 or tier.entry is not None for place, tier in enumerate(each.tiers)
                }
                for each in self.tier_sets
            }
        )
        highest_bp = max(tier.multiplier_bp for tier in self.tier_sets[0].tiers)
        self.points.require_bounded(highest_bp)
        return self

    @property
    def birthday_counts(self) -> bool:
        """Whether a condition may ask for the member's birthday."""
        segments = () if self.mix is None else self.mix.segments
        return self.points.birthday_counts or any("birthday" in each.condition for each in segments)

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
    return sorted(file.stem for file in _PRESETS.glob("*.yaml"))


def preset(name: str) -> Program:
    """A shipped program, ready to be published."""
    if name not in preset_names():
        raise ProgramUnknown(preset=name)
    return Program.parse(yaml.safe_load((_PRESETS / f"{name}.yaml").read_text(encoding="utf-8")))
