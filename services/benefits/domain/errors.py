"""The reasons that the benefits service refuses for."""

from collections.abc import Iterable

from libs.common.errors import Kind, Refusal


class ProgramVersionUnknown(Refusal):
    reason, kind = "PROGRAM_VERSION_UNKNOWN", Kind.NOT_FOUND
    text = "the program has no such version"


class ProgramVersionState(Refusal):
    reason, kind = "PROGRAM_VERSION_STATE", Kind.PRECONDITION
    text = "the version is too far on its way for that, or not far enough"


class ProgramVersionOfOwn(Refusal):
    reason, kind = "PROGRAM_VERSION_OF_OWN", Kind.PRECONDITION
    text = "who proposed a version does not approve it"


class ProgramVersionOther(Refusal):
    reason, kind = "PROGRAM_VERSION_OTHER", Kind.PRECONDITION
    text = "the version has another digest: look at its document again"


class ProgramMoved(Refusal):
    reason, kind = "PROGRAM_MOVED", Kind.PRECONDITION
    text = "another version took effect since this one was proposed"


class ProgramNotSimulated(Refusal):
    reason, kind = "PROGRAM_NOT_SIMULATED", Kind.PRECONDITION
    text = "no finished simulation shows what the version would do"


class SimulationUnknown(Refusal):
    reason, kind, text = "SIMULATION_UNKNOWN", Kind.NOT_FOUND, "the program has no such simulation"


class SimulationsWaiting(Refusal):
    reason, kind = "SIMULATIONS_WAITING", Kind.EXHAUSTED
    text = "as many simulations of the program wait as may"


class ProgramUnchanged(Refusal):
    reason, kind = "PROGRAM_UNCHANGED", Kind.PRECONDITION
    text = "the document says what the live version says"


class ProgramChangeNeedsApproval(Refusal):
    reason, kind = "PROGRAM_CHANGE_NEEDS_APPROVAL", Kind.PRECONDITION
    text = "a program with a live clock is changed by proposal and approval"


class TierUnknown(Refusal):
    reason, kind, text = "TIER_UNKNOWN", Kind.INVALID, "the program has no such tier set or tier"


class TierOverrideUnknown(Refusal):
    reason, kind, text = "TIER_OVERRIDE_UNKNOWN", Kind.NOT_FOUND, "no such override in the program"


class TierOverrideEnded(Refusal):
    reason, kind = "TIER_OVERRIDE_ENDED", Kind.PRECONDITION
    text = "the override was rejected or ended before, or its time is past"


class TierOverrideOfOwn(Refusal):
    reason, kind = "TIER_OVERRIDE_OF_OWN", Kind.PRECONDITION
    text = "who asked for an override does not approve it"


class ProgramFieldFixed(Refusal):
    reason, kind = "PROGRAM_FIELD_FIXED", Kind.PRECONDITION
    text = "a program keeps its currencies, its time zone, its clock, its tiers and its plans"


class EndpointUnknown(Refusal):
    reason, kind, text = "ENDPOINT_UNKNOWN", Kind.NOT_FOUND, "no such webhook endpoint in the program"


class EndpointRefused(Refusal):
    reason, kind, text = "ENDPOINT_REFUSED", Kind.INVALID, "webhooks are not sent to such an address"


class EndpointsTooMany(Refusal):
    reason, kind = "ENDPOINTS_TOO_MANY", Kind.PRECONDITION
    text = "the program has as many endpoints as it may have"


class DeliveryUnknown(Refusal):
    reason, kind = "DELIVERY_UNKNOWN", Kind.NOT_FOUND
    text = "no such delivery at the endpoint, or one that still waits"


class MemberUnknown(Refusal):
    reason, kind, text = "MEMBER_UNKNOWN", Kind.NOT_FOUND, "no such member in the program"


class PointsPayNothing(Refusal):
    reason, kind = "POINTS_PAY_NOTHING", Kind.INVALID
    text = "nothing is paid with points of this type, or the program has none"


class PointsInsufficient(Refusal):
    reason, kind, text = "POINTS_INSUFFICIENT", Kind.PRECONDITION, "the member has fewer points"


class RedemptionCapReached(Refusal):
    reason, kind = "REDEMPTION_CAP_REACHED", Kind.PRECONDITION
    text = "the member redeems no more in money on this day"


class RedemptionTooSmall(Refusal):
    reason, kind = "REDEMPTION_TOO_SMALL", Kind.PRECONDITION
    text = "fewer points than the program redeems at a time"


class RedemptionsTooFrequent(Refusal):
    reason, kind = "REDEMPTIONS_TOO_FREQUENT", Kind.PRECONDITION
    text = "the member has redeemed as often as may be on this day"


class HoldUnknown(Refusal):
    reason, kind, text = "HOLD_UNKNOWN", Kind.NOT_FOUND, "no such hold in the program"


class HoldStateWrong(Refusal):
    reason, kind = "HOLD_STATE_WRONG", Kind.PRECONDITION
    text = "the hold is not in the state that this needs"


class HoldExceeded(Refusal):
    reason, kind, text = "HOLD_EXCEEDED", Kind.PRECONDITION, "more points than the hold has left"


class BusinessKeyConflict(Refusal):
    reason, kind = "BUSINESS_KEY_CONFLICT", Kind.ALREADY_EXISTS
    text = "the same business key came before with other contents"


class TransfersNotAllowed(Refusal):
    reason, kind = "TRANSFERS_NOT_ALLOWED", Kind.PRECONDITION
    text = "members of this program pass on no points, and nobody any to themselves"


class TransferLimit(Refusal):
    reason, kind = "TRANSFER_LIMIT", Kind.PRECONDITION
    text = "fewer points than may be passed on at a time, or more than may be on a day"


class AdjustmentUnknown(Refusal):
    reason, kind, text = "ADJUSTMENT_UNKNOWN", Kind.NOT_FOUND, "no such adjustment in the program"


class AdjustmentDecided(Refusal):
    reason, kind = "ADJUSTMENT_DECIDED", Kind.PRECONDITION
    text = "the adjustment was approved or rejected before"


class AdjustmentOfOwn(Refusal):
    reason, kind = "ADJUSTMENT_OF_OWN", Kind.PRECONDITION
    text = "who asked for an adjustment does not approve it"


class BenefitUnknown(Refusal):
    reason, kind, text = "BENEFIT_UNKNOWN", Kind.NOT_FOUND, "no tier of the program grants such a benefit"


class BenefitNotHeld(Refusal):
    reason, kind = "BENEFIT_NOT_HELD", Kind.PRECONDITION
    text = "the member's tiers do not grant this benefit"


class BenefitNotOnChannel(Refusal):
    reason, kind = "BENEFIT_NOT_ON_CHANNEL", Kind.PRECONDITION
    text = "the benefit is not good on this channel"


class QuotaUsedUp(Refusal):
    reason, kind = "QUOTA_USED_UP", Kind.PRECONDITION
    text = "not so much of the benefit is left in this period"


class BenefitNotOpen(Refusal):
    reason, kind, text = "BENEFIT_NOT_OPEN", Kind.PRECONDITION, "the benefit is not to be used at this time"


class BenefitPoolEmpty(Refusal):
    reason, kind = "BENEFIT_POOL_EMPTY", Kind.PRECONDITION
    text = "what all members share of the benefit is gone"


class MixUnknown(Refusal):
    reason, kind = "MIX_UNKNOWN", Kind.PRECONDITION
    text = "the program does not divide values between cash and service"


class BenefitLocked(Refusal):
    reason, kind = "BENEFIT_LOCKED", Kind.PRECONDITION
    text = "the benefit opens after more months in a row of its standard"


class MonthNotBegun(Refusal):
    reason, kind, text = "MONTH_NOT_BEGUN", Kind.OUT_OF_RANGE, "the month has not begun in the program"


class BenefitUseUnknown(Refusal):
    reason, kind, text = "BENEFIT_USE_UNKNOWN", Kind.NOT_FOUND, "no such use of a benefit in the program"


class RewardUnknown(Refusal):
    reason, kind, text = "REWARD_UNKNOWN", Kind.NOT_FOUND, "no such reward in the program"


class RewardInvalid(Refusal):
    reason, kind = "REWARD_INVALID", Kind.INVALID
    text = "the terms of the reward contradict themselves or the program"


class RewardExists(Refusal):
    reason, kind, text = "REWARD_EXISTS", Kind.ALREADY_EXISTS, "the program has a reward of this id"


class RewardChanged(Refusal):
    reason, kind, text = "REWARD_CHANGED", Kind.PRECONDITION, "the reward has another version by now"


class StockTooLow(Refusal):
    reason, kind, text = "STOCK_TOO_LOW", Kind.PRECONDITION, "fewer are left than are taken off the stock"


class RewardUnavailable(Refusal):
    reason, kind = "REWARD_UNAVAILABLE", Kind.PRECONDITION
    text = "the member may not have the reward now"

    def __init__(self, limits: Iterable[str] = (), /, **facts: object) -> None:
        """`limits` are those of the member's own among what stands against it."""
        super().__init__(**facts)
        self.limits = tuple(limits)


class RedemptionUnknown(Refusal):
    reason, kind, text = "REDEMPTION_UNKNOWN", Kind.NOT_FOUND, "no such redemption in the program"


class RedemptionEnded(Refusal):
    reason, kind, text = "REDEMPTION_ENDED", Kind.PRECONDITION, "the redemption is in another state by now"


class RedemptionCouponTaken(Refusal):
    reason, kind = "REDEMPTION_COUPON_TAKEN", Kind.PRECONDITION
    text = "the coupon of the redemption is reserved or used"


class GrantOfOwn(Refusal):
    reason, kind = "GRANT_OF_OWN", Kind.PRECONDITION
    text = "who asked for a grant does not decide it"


class PlanUnknown(Refusal):
    reason, kind, text = "PLAN_UNKNOWN", Kind.NOT_FOUND, "no such plan is on sale, or it is of another group"


class PlanNeedsAnother(Refusal):
    reason, kind = "PLAN_NEEDS_ANOTHER", Kind.PRECONDITION
    text = "the plan is for members who have another one"


class AmountAbovePrice(Refusal):
    reason, kind, text = "AMOUNT_ABOVE_PRICE", Kind.INVALID, "more was paid than the plan costs"


class ContractUnknown(Refusal):
    reason, kind, text = "CONTRACT_UNKNOWN", Kind.NOT_FOUND, "no such contract in the program"


class ContractRunning(Refusal):
    reason, kind = "CONTRACT_RUNNING", Kind.PRECONDITION
    text = "the member has a contract of this group: renew it, or sell one that begins after it"


class ContractRenewed(Refusal):
    reason, kind, text = "CONTRACT_RENEWED", Kind.PRECONDITION, "another contract follows this one already"


class ContractEnded(Refusal):
    reason, kind, text = "CONTRACT_ENDED", Kind.PRECONDITION, "the contract is over"


class ContractForLife(Refusal):
    reason, kind, text = "CONTRACT_FOR_LIFE", Kind.PRECONDITION, "the contract has no end"


class ContractTooFarAhead(Refusal):
    reason, kind = "CONTRACT_TOO_FAR_AHEAD", Kind.PRECONDITION
    text = "the member has paid as far ahead as may be"


class RenewalCancelled(Refusal):
    reason, kind = "RENEWAL_CANCELLED", Kind.PRECONDITION
    text = "the member does not want the contract renewed; a new sale may follow it"


class CurrencyMismatch(Refusal):
    reason, kind, text = "CURRENCY_MISMATCH", Kind.INVALID, "the currency is not the program's"


class CouponCampaignUnknown(Refusal):
    reason, kind = "COUPON_CAMPAIGN_UNKNOWN", Kind.NOT_FOUND
    text = "no such coupon campaign in the program"


class CouponCampaignInvalid(Refusal):
    reason, kind = "COUPON_CAMPAIGN_INVALID", Kind.INVALID
    text = "the terms of the campaign contradict themselves or the program"


class CouponCampaignExists(Refusal):
    reason, kind = "COUPON_CAMPAIGN_EXISTS", Kind.ALREADY_EXISTS
    text = "a campaign of this key exists with other contents"


class CouponsTooMany(Refusal):
    reason, kind, text = "COUPONS_TOO_MANY", Kind.PRECONDITION, "more coupons than a campaign may have"


class CouponUnknown(Refusal):
    reason, kind, text = "COUPON_UNKNOWN", Kind.NOT_FOUND, "no such coupon in the program"


class CouponNotApplicable(Refusal):
    reason, kind = "COUPON_NOT_APPLICABLE", Kind.PRECONDITION
    text = "a coupon cannot be reserved for the check"


class CouponGuessesTooMany(Refusal):
    reason, kind, text = "COUPON_GUESSES_TOO_MANY", Kind.EXHAUSTED, "too many wrong codes; try again later"

    def __init__(self, seconds: float = 600.0) -> None:
        super().__init__()
        self.retry_after_seconds = seconds


class CouponReservationUnknown(Refusal):
    reason, kind = "COUPON_RESERVATION_UNKNOWN", Kind.NOT_FOUND
    text = "no coupons are reserved for a check of this name"


class CouponReservationEnded(Refusal):
    reason, kind = "COUPON_RESERVATION_ENDED", Kind.PRECONDITION
    text = "the coupons of the check were used or given back before"


class BadgeUnknown(Refusal):
    reason, kind, text = "BADGE_UNKNOWN", Kind.NOT_FOUND, "no such badge in the program"


class BadgeSoldOut(Refusal):
    reason, kind, text = "BADGE_SOLD_OUT", Kind.PRECONDITION, "as many badges were issued as there ever are"


class BadgeHeld(Refusal):
    reason, kind, text = "BADGE_HELD", Kind.PRECONDITION, "the member has this badge already"


class BadgeRevoked(Refusal):
    reason, kind, text = "BADGE_REVOKED", Kind.PRECONDITION, "the badge was revoked before"
