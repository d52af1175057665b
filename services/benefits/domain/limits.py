"""Limits of members: which of them a refusal was for, and what risk is told of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.common.errors import Refusal
from services.benefits.domain.coupon_quotes import Why
from services.benefits.domain.errors import (
    CouponNotApplicable,
    RedemptionCapReached,
    RedemptionsTooFrequent,
    RewardUnavailable,
)


class Limit(StrEnum):
    """What a member wanted more of, or more often, than they may have it."""

    DAILY_CAP = "DAILY_CAP"
    TOO_FREQUENT = "TOO_FREQUENT"
    REWARD_CAP = "REWARD_CAP"
    COUPON_CAP = "COUPON_CAP"


@dataclass(frozen=True, slots=True)
class LimitRefusal:
    """A member was refused for a limit on a business day; however often, it is told once."""

    program_id: str
    member_id: str
    limit: Limit
    business_date: str
    refused_time: datetime

    @property
    def key(self) -> str:
        """What there is one of."""
        return f"{self.program_id}/{self.member_id}/{self.limit}/{self.business_date}"


def limits_of(refusal: Refusal) -> list[Limit]:
    """The limits of the member's own for which something was refused; none where it was for other things.

    What all members share, as the stock of a reward or the budget of a campaign, is nobody's own.
    """
    match refusal:
        case RedemptionCapReached():
            return [Limit.DAILY_CAP]
        case RedemptionsTooFrequent():
            return [Limit.TOO_FREQUENT]
        case CouponNotApplicable() if refusal.facts.get("why") in {Why.MEMBER_LIMIT, Why.BIRTHDAY_USED}:
            return [Limit.COUPON_CAP]
        case RewardUnavailable():
            return sorted({Limit(each) for each in refusal.limits})
    return []
