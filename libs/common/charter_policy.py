"""The charter of a program: where it holds, what it calls its groups, what it is held to, who brings whom."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from libs.common.documents import WHOLE_BP, Key, Part, StoreKey, Text, unique

# Beyond friends and their friends, those who bring members begin to look like a pyramid.
REFERRAL_DEPTH_FREE = 2
Stage = Literal["potential", "new", "active", "loyal", "dormant", "at_risk", "lost"]
ValueGroup = Literal["high_value", "potential", "general", "lost"]

Places = Annotated[tuple[Key, ...], Field(max_length=1_000)]


class Scope(Part):
    """Where the program holds: its brands, stores and regions. What is empty is no bound."""

    brands: Places = ()
    stores: Annotated[tuple[StoreKey, ...], Field(max_length=1_000)] = ()
    regions: Places = ()


class LocalNames(Part):
    """What the program calls the stages of a membership, and the groups of members by their value."""

    lifecycle: dict[Stage, Text] = Field(default_factory=dict)
    segments: dict[ValueGroup, Text] = Field(default_factory=dict)


class Kpi(Part):
    """A figure that the program is held to, of all members or of a tier; `op` and `value_bp` are the aim.

    What is not reached is told: `alert` to who runs the program, `report` in its reports alone.
    """

    key: Key
    name: Text
    metric: Literal[
        "repurchase_rate", "retention_rate", "churn_rate", "activity_rate", "renewal_rate", "redemption_rate"
    ]
    tier_set: Key | None = None
    tier: Key | None = None
    op: Literal[">=", "<="] = ">="
    value_bp: int = Field(ge=0, le=WHOLE_BP)
    action: Literal["alert", "report"] = "report"

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.tier is None) != (self.tier_set is None):
            raise ValueError("a tier is named with its tier set")
        return self


def _each_once(kpis: tuple[Kpi, ...]) -> tuple[Kpi, ...]:
    unique("kpis", [each.key for each in kpis])
    return kpis


Kpis = Annotated[tuple[Kpi, ...], Field(max_length=50), AfterValidator(_each_once)]


class Referral(Part):
    """What who invites has of the points of those that they bring, and of those that these bring, by level.

    More than two levels need somebody in compliance who approved them, by name.
    """

    rates_bp: tuple[Annotated[int, Field(ge=1, le=10 * WHOLE_BP)], ...] = Field(min_length=1, max_length=5)
    approved_by: str = Field(default="", max_length=200)

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return len(self.rates_bp)


class Calibration(Part):
    """How often cut-offs are looked at again, and by what. What comes of it is a proposal to approve."""

    cadence: Literal["monthly", "quarterly", "yearly"] = "quarterly"
    optimiser: Literal["marginal_benefit"] = "marginal_benefit"
