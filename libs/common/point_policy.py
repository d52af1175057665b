"""Points in a program document: how long they live, and their types beside those that members redeem."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from libs.common.documents import Key, Part, Text
from libs.common.redemption_policy import Payment

MONTH_DAYS_MIN = 28
TYPES_MAX = 10
# Ids of accounts end with these where they are not the ones that members spend from.
RESERVED = frozenset({"pending", "held"})


def _free(key: str) -> str:
    if key in RESERVED:
        raise ValueError(f"{', '.join(sorted(RESERVED))} are no names of points")
    return key


PointsKey = Annotated[Key, AfterValidator(_free)]


class Lifetime(Part):
    """How long points live: pending for so many days first, and for ever where it names no months."""

    activate_after_days: int = Field(default=0, ge=0, le=365)
    expire_after_months: int | None = Field(default=None, ge=1, le=1200)

    @model_validator(mode="after")
    def _active_first(self) -> Self:
        months = self.expire_after_months
        if months is not None and self.activate_after_days >= months * MONTH_DAYS_MIN:
            raise ValueError("points would expire before they are active")
        return self


class PointType(Lifetime):
    """Points beside the redeemable ones, in accounts of their own: `tier` ones qualify, or `exclusive` ones.

    They are earned, reversed and expire like these. Nothing is paid with them, unless `pays` says what
    exclusive ones are worth: then rewards and tills may ask for them, within the limits of all redeeming.
    """

    key: PointsKey
    name: Text
    kind: Literal["tier", "exclusive"]
    pays: Payment | None = None

    @model_validator(mode="after")
    def _qualifying(self) -> Self:
        if self.kind == "tier" and self.pays is not None:
            raise ValueError("points that qualify for tiers pay nothing")
        return self
