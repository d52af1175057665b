"""Tiers of a program: what reaches one, what keeps it, and what it grants."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from libs.common.benefit_policy import BenefitGrant
from libs.common.conditions import (
    POINT_FACTS,
    SCORE_FACTS,
    TIER_METRICS,
    Condition,
    SegmentIs,
    comparisons,
    depth,
    fact_of,
)
from libs.common.documents import WHOLE_BP, Key, Part, Text, refuse_at, unique
from libs.common.movement_policy import Movement, Season
from libs.common.variant_policy import Variant
from libs.common.windows import LIFETIME, Window

CONDITION_DEPTH_MAX = 8
# A receipt carries every condition of its tier set, and an answer five hundred receipts.
TIER_SET_CONDITIONS_MAX = 50
SEASONS_MAX = 20
VARIANTS_MAX = 50
REWARD_POINTS_MAX = 10**9

Mode = Literal["thresholds", "score", "segment", "fee", "invite_only"]
Share = Annotated[int, Field(ge=0, le=WHOLE_BP)]


class Tier(Part):
    """One step of the ladder. Without `entry` the first is held from registration on, others by contract.

    One with `staff_assigned` is given by staff instead. `keep` is what holds a
    tier at the end of a period, and `entry` where there is none. `replaces` are
    tiers of versions before: who held one holds this one. A sub-tier names its
    main tier as `parent`. A tier has the benefits of those below, down to the
    first that does not `inherits`. `mode` says what kind of tier it is meant to be.
    `reward_points` are given to who reaches it by its entry, once for ever.
    """

    key: Key
    name: Text
    mode: Mode | None = None
    parent: Key | None = None
    staff_assigned: bool = False
    inherits: bool = True
    entry: Condition | None = None
    keep: Condition | None = None
    replaces: tuple[Key, ...] = Field(default=(), max_length=100)
    multiplier_bp: int = Field(default=WHOLE_BP, ge=0, le=100 * WHOLE_BP)
    discount_bp: Share = WHOLE_BP
    benefits: tuple[BenefitGrant, ...] = Field(default=(), max_length=100)
    reward_points: int = Field(default=0, ge=0, le=REWARD_POINTS_MAX)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.keep is not None and self.entry is None:
            raise ValueError("a tier without entry has no keep: nothing but a contract gives and takes it")
        if self.staff_assigned and self.entry is not None:
            raise ValueError("a tier that staff give has no entry")
        if self.reward_points and self.entry is None:
            raise ValueError("a tier without entry has no reward_points: nobody reaches it by what they do")
        for name, condition in (("entry", self.entry), ("keep", self.keep)):
            if condition is not None:
                _require_bounded(name, condition)
        return self

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What it asks for: its entry and its keep rule, where it has them."""
        return tuple(each for each in (self.entry, self.keep) if each is not None)

    @property
    def kind(self) -> Mode:
        """What kind of tier it is, if it is not the first: by what its entry reads, or who gives it."""
        if self.entry is None:
            return "invite_only" if self.staff_assigned else "fee"
        asked = [each for _, each in comparisons(self.entry)]
        if all(isinstance(each, SegmentIs) for each in asked):
            return "segment"
        counted = any(each.metric in TIER_METRICS or each.metric.startswith(POINT_FACTS) for each in asked)
        return "thresholds" if counted else "score"


def _require_bounded(name: str, condition: Condition) -> None:
    if depth(condition) > CONDITION_DEPTH_MAX:
        raise ValueError(f"{name} is nested deeper than {CONDITION_DEPTH_MAX}")
    if sum(1 for _ in comparisons(condition)) > TIER_SET_CONDITIONS_MAX:
        raise ValueError(f"{name} has more than {TIER_SET_CONDITIONS_MAX} comparisons")


class Action(Part):
    """What a member may do more of, and what that costs them, so that paths to a tier can be compared.

    `cost` is of one of it, of money for one minor unit; the scale is the
    program's own. `smallest` is the least amount of an order.
    """

    metric: Key
    cost: int = Field(ge=0, le=10**9)
    per_day_max: int | None = Field(default=None, ge=1, le=10**6)
    smallest: int = Field(default=1, ge=1, le=10**12)


# Proposed: money as it is, and what takes effort as what a shop would pay for it.
ACTIONS = (
    Action(metric="spend", cost=1),
    Action(metric="orders", cost=0),
    Action(metric="invites", cost=20_000),
    Action(metric="reviews", cost=1_000, per_day_max=5),
    Action(metric="shares", cost=500, per_day_max=5),
    Action(metric="check_ins", cost=100, per_day_max=1),
    Action(metric="logins", cost=10, per_day_max=1),
    Action(metric="interactions", cost=50, per_day_max=20),
    Action(metric="messages", cost=50, per_day_max=20),
)


class GrowthPath(Part):
    """Makes a ladder a path of tasks: its tiers are nodes, each is reached from the one below.

    It is shown to who holds one of these tiers of the program's first tier set; to all without any.
    """

    for_tiers: tuple[Key, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("for_tiers", list(self.for_tiers))
        return self


class TierSet(Part):
    """One ladder. Tiers stand in ascending rank; each inherits the benefits of those below.

    `mode` says what its tiers are meant to be, those with a mode of their own
    excepted; without it they are what they are.
    """

    key: Key
    name: Text
    mode: Mode | None = None
    window: Window = LIFETIME
    tiers: tuple[Tier, ...] = Field(min_length=1, max_length=100)
    movement: Movement = Movement()
    seasons: tuple[Season, ...] = Field(default=(), max_length=SEASONS_MAX)
    actions: tuple[Action, ...] = Field(default=ACTIONS, max_length=50)
    variants: tuple[Variant, ...] = Field(default=(), max_length=VARIANTS_MAX)
    path: GrowthPath | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("tiers", [tier.key for tier in self.tiers])
        unique("actions", [action.metric for action in self.actions])
        stood_for = [key for tier in self.tiers for key in (tier.key, *tier.replaces)]
        unique("tiers and those that they replace", stood_for)
        for place in range(len(self.tiers)):
            having = self.granting(place)
            grants = [grant.benefit for tier in having for grant in tier.benefits]
            unique("benefits, which higher tiers inherit,", grants)
        entered = [tier.entry is not None for tier in self.tiers]
        if entered[0] or entered[1:] != sorted(entered[1:], reverse=True):
            raise ValueError(
                "the first tier is without entry, as are the highest if only contracts grant them"
            )
        moves = (self.movement.upgrade, self.movement.downgrade)
        if self.path is not None and (not all(entered[1:]) or moves != ("realtime", "never")):
            raise ValueError(
                "on a path each node but the first has an entry, is reached at once, and is never lost"
            )
        refuse_at([*self._other_modes(), *self._strayed()])
        self._require_variants()
        self._require_few()
        self._require_seasons_apart()
        return self

    def granting(self, place: int) -> tuple[Tier, ...]:
        """The tiers whose benefits one has who holds the tier at a place: that one, and those it inherits."""
        lowest = next((each for each in range(place, 0, -1) if not self.tiers[each].inherits), 0)
        return self.tiers[lowest : place + 1]

    def in_variant(self, key: str) -> "TierSet":
        """The ladder as it is in a region."""
        local = next(each.tiers for each in self.variants if each.key == key)
        tiers = tuple(
            tier.model_copy(update=dict(local[tier.key].said())) if tier.key in local else tier
            for tier in self.tiers
        )
        return self.model_copy(update={"tiers": tiers, "variants": ()})

    def variant_of(self, store_id: str) -> str:
        """The region that a store is in, by whose rules its members are decided; empty for none."""
        return next((each.key for each in self.variants if store_id in each.stores), "")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What its tiers ask for, in regions too."""
        local = [
            each for variant in self.variants for terms in variant.tiers.values() for _, each in terms.said()
        ]
        return (*(each for tier in self.tiers for each in tier.conditions), *local)

    @property
    def fact_names(self) -> frozenset[str]:
        """The facts of members that its rules read."""
        return frozenset(each for each in self._read() if not each.startswith((SCORE_FACTS, POINT_FACTS)))

    @property
    def reads_points(self) -> bool:
        """Whether its rules ask for points that qualify."""
        return any(each.startswith(POINT_FACTS) for each in self._read())

    @property
    def average_parts(self) -> frozenset[str]:
        """The facts that the averages are made of which its rules read."""
        return frozenset(
            fact_of(part, asked.window or self.window)
            for condition in self.conditions
            for _, asked in comparisons(condition)
            if asked.metric == "average_order"
            for part in ("spend", "orders")
        )

    @property
    def score_names(self) -> frozenset[str]:
        """The scores and labels that its rules read, as facts."""
        return frozenset(each for each in self._read() if each.startswith(SCORE_FACTS))

    def _read(self) -> Iterator[str]:
        for condition in self.conditions:
            for _, asked in comparisons(condition):
                yield fact_of(asked.metric, asked.window or self.window)

    def _other_modes(self) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """The tiers that are of another kind than they are meant to be."""
        for place, tier in enumerate(self.tiers[1:], start=1):
            meant, kind = tier.mode or self.mode, tier.kind
            if meant is not None and meant != kind and (meant, kind) != ("score", "segment"):
                yield ("tiers", place, "mode"), f"{meant} is what it is meant to be, and {kind} what it is"

    def _strayed(self) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """The sub-tiers that do not stand behind their main tier, or others of it."""
        for place, tier in enumerate(self.tiers):
            before = self.tiers[place - 1] if place else None
            if tier.parent is not None and (before is None or tier.parent != (before.parent or before.key)):
                yield (
                    ("tiers", place, "parent"),
                    "a sub-tier follows its main tier, or another of its sub-tiers",
                )

    def _require_few(self) -> None:
        for each in (self, *(self.in_variant(variant.key) for variant in self.variants)):
            conditions = [condition for tier in each.tiers for condition in tier.conditions]
            if sum(1 for condition in conditions for _ in comparisons(condition)) > TIER_SET_CONDITIONS_MAX:
                raise ValueError(f"the tiers have more than {TIER_SET_CONDITIONS_MAX} comparisons")

    def _require_variants(self) -> None:
        unique("variants", [each.key for each in self.variants])
        unique("variants", [store for each in self.variants for store in each.stores])
        entered = {tier.key for tier in self.tiers if tier.entry is not None}
        for variant in self.variants:
            if missing := sorted(set(variant.tiers) - entered):
                raise ValueError(f"variant {variant.key} is about tiers without entry: {', '.join(missing)}")

    def _require_seasons_apart(self) -> None:
        unique("seasons", [season.key for season in self.seasons])
        ordered = sorted(self.seasons, key=lambda season: season.from_time)
        for before, after in pairwise(ordered):
            if after.from_time < before.to_time:
                raise ValueError(f"the seasons {before.key} and {after.key} overlap")
