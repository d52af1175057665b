"""Contracts in a program document: what is sold for a time or for life, and what it grants meanwhile."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from libs.common.benefit_policy import BenefitGrant
from libs.common.documents import Key, Part, Text

Satisfaction = Literal["very_satisfied", "satisfied", "unmet"]
LeadDays = Annotated[int, Field(ge=1, le=365)]
Grants = Annotated[tuple[BenefitGrant, ...], Field(max_length=100)]
# As the most that one purchase may cost.
PRICE_MAX = 10**12


class TierGrant(Part):
    """The tier that a contract grants while it runs; a higher one that the member earned counts instead."""

    tier_set: Key
    tier: Key


class FollowUp(Part):
    """What members have whose contract ran out, by how content they were, for so many days."""

    very_satisfied: Grants = ()
    satisfied: Grants = ()
    unmet: Grants = ()
    valid_days: int = Field(default=30, ge=1, le=3650)

    def offers(self, satisfaction: Satisfaction) -> tuple[BenefitGrant, ...]:
        """What those have who were this content."""
        return {
            "very_satisfied": self.very_satisfied,
            "satisfied": self.satisfied,
            "unmet": self.unmet,
        }[satisfaction]


class Plan(Part):
    """Something to buy, for months or for life.

    Of the plans of a `group` a member has one at a time, and one follows
    another without a gap. With `needs` it is sold to who has one of these
    plans, and grants what it grants only while they have. `grace_days` is how
    long it grants beyond its end to who may still renew. `on_sale: false` ends
    its sale, and leaves what was sold.
    """

    key: Key
    group: Key
    name: Text
    amount_minor: int = Field(ge=0, le=PRICE_MAX)
    term_months: int | None = Field(default=None, ge=1, le=1200)
    lifetime: bool = False
    grants: TierGrant | None = None
    benefits: Grants = ()
    needs: tuple[Key, ...] = Field(default=(), max_length=20)
    reminder_days: tuple[LeadDays, ...] = Field(default=(30, 7, 1), max_length=10)
    grace_days: int = Field(default=0, ge=0, le=365)
    refund_rounding: Literal["down", "half_up", "up"] = "half_up"
    follow_up: FollowUp = FollowUp()
    on_sale: bool = True

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.term_months is None) is not self.lifetime:
            raise ValueError("either term_months or lifetime")
        if list(self.reminder_days) != sorted(set(self.reminder_days), reverse=True):
            raise ValueError("reminder_days descends")
        return self


class Contracts(Part):
    """The plans of a program."""

    plans: tuple[Plan, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        plans = {plan.key: plan for plan in self.plans}
        if len(plans) < len(self.plans):
            raise ValueError("plans share a key")
        for plan in self.plans:
            for needed in plan.needs:
                # One step at most, so that what an add-on grants never hangs on another add-on.
                if needed not in plans or plans[needed].needs or plans[needed].group == plan.group:
                    raise ValueError(
                        f"{plan.key} needs {needed}, which is no plan of another group that needs nothing"
                    )
        return self

    def plan(self, key: str) -> Plan | None:
        """The plan of a key."""
        return next((plan for plan in self.plans if plan.key == key), None)

    def granting_plan(self, benefit: str) -> Plan | None:
        """A plan that grants a benefit by itself."""
        return next(
            (plan for plan in self.plans if any(each.benefit == benefit for each in plan.benefits)), None
        )

    def require_tiers(self, earned: Mapping[str, Mapping[str, bool]]) -> None:
        """Check what plans grant against the tier sets: by tier, whether it is earned.

        Raises ValueError where a plan grants a tier that is not there, and
        where a tier is neither earned nor granted.
        """
        granted = {(plan.grants.tier_set, plan.grants.tier) for plan in self.plans if plan.grants is not None}
        tiers = {(tier_set, tier): by for tier_set, each in earned.items() for tier, by in each.items()}
        if missing := sorted(granted - set(tiers)):
            raise ValueError(f"a plan grants {'.'.join(missing[0])}, which is no tier")
        if nobodys := sorted(tier for tier, by in tiers.items() if not by and tier not in granted):
            raise ValueError(f"{'.'.join(nobodys[0])} has no entry, and no plan grants it")
