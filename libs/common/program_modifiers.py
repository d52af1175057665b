"""Modifiers: documents that change any program: other thresholds, or a path of tasks beside its tiers."""

import json
from itertools import chain, repeat
from typing import Self

from pydantic import Field, TypeAdapter, model_validator

from libs.common import shipped
from libs.common.conditions import TIER_METRICS, AllOf, Comparison, Condition
from libs.common.documents import Count, Key, Part, Text, unique
from libs.common.earning_policy import EarningRule
from libs.common.errors import ProgramInvalid
from libs.common.point_policy import PointType
from libs.common.program import Program
from libs.common.tier_policy import GrowthPath, Tier, TierSet
from libs.common.windows import Window


class Group(Part):
    """So many tiers, from the highest that is left, and what they ask for beside their entry."""

    key: Key
    name: Text
    value: Count
    tiers: int | None = Field(default=None, ge=1, le=100)


class ElasticThresholds(Part):
    """A threshold beside the entry of each tier, by its group; the last group has what is left."""

    key: Key
    name: Text
    metric: Key
    window: Window
    groups: tuple[Group, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("groups", [each.key for each in self.groups])
        if self.metric not in TIER_METRICS:
            raise ValueError(f"metric is none of {', '.join(TIER_METRICS)}")
        *others, last = self.groups
        if last.tiers is not None or any(each.tiers is None for each in others):
            raise ValueError(
                "each group says how many tiers it has but the last, which takes all that are left"
            )
        return self

    def applied(self, program: Program, tier_set: str) -> Program:
        """The program with these thresholds in a tier set; ProgramInvalid where it has no room for them."""
        sets = [self._elastic(each) if each.key == tier_set else each for each in program.tier_sets]
        return Program.parse(program.model_copy(update={"tier_sets": tuple(sets)}).document())

    def _elastic(self, tier_set: TierSet) -> TierSet:
        last = self.groups[-1]
        groups = chain(*(repeat(each, each.tiers or 0) for each in self.groups[:-1]), repeat(last))
        raised: list[Tier] = []
        for tier in reversed(tier_set.tiers):
            if tier.entry is None:
                raised.append(tier)
            else:
                raised.append(tier.model_copy(update={"entry": self._both(tier.entry, next(groups))}))
        return tier_set.model_copy(update={"tiers": tuple(reversed(raised))})

    def _both(self, entry: Condition, group: Group) -> AllOf:
        asked = Comparison(metric=self.metric, op=">=", value=group.value, window=self.window)
        return AllOf(all=(*(entry.all if isinstance(entry, AllOf) else (entry,)), asked))


class AddedPath(Part):
    """A growth path beside the ladders, for the lowest tiers of the first one, with points that it counts."""

    key: Key
    name: Text
    lowest_tiers: int = Field(ge=1, le=100)
    types: tuple[PointType, ...] = ()
    earn: tuple[EarningRule, ...] = ()
    tier_set: TierSet

    def applied(self, program: Program, tier_set: str) -> Program:
        """The program with the path; ProgramInvalid where it has one, or for any ladder but the first."""
        first = program.tier_sets[0]
        if tier_set != first.key:
            raise ProgramInvalid(tier_set=f"is {tier_set}, and a path is for tiers of {first.key}")
        tiers = tuple(tier.key for tier in first.tiers[: self.lowest_tiers])
        path = self.tier_set.model_copy(update={"path": GrowthPath(for_tiers=tiers)})
        points = program.points.model_copy(
            update={
                "types": (*program.points.types, *self.types),
                "earn": (*program.points.earn, *self.earn),
            }
        )
        changed = {"tier_sets": (*program.tier_sets, path), "points": points}
        return Program.parse(program.model_copy(update=changed).document())


Modifier = ElasticThresholds | AddedPath
_MODIFIER: TypeAdapter[Modifier] = TypeAdapter(Modifier)


def modifier_names() -> list[str]:
    """The modifiers that are shipped."""
    return shipped.names("modifiers")


def modifier(name: str) -> Modifier:
    """A shipped modifier."""
    return _MODIFIER.validate_json(json.dumps(shipped.document("modifiers", name)))
