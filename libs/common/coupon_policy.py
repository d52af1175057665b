"""The part of a program that says how coupons go together on one check, and how long they are kept for it."""

from pydantic import Field

from libs.common.documents import WHOLE_BP, Part

CHECK_COUPONS_MAX = 20
DAY_MINUTES = 24 * 60


class Coupons(Part):
    """Bounds of a check, over all campaigns.

    So many coupons count at once, and discounts and cashback take `off_max_bp`
    of the goods at most, that of the tier included. What is reserved for a
    check is given back after `reserve_minutes`. So many wrong codes are answered
    in ten minutes for a member, and at all tills of a partner together.
    """

    stacked_max: int = Field(default=5, ge=1, le=CHECK_COUPONS_MAX)
    off_max_bp: int = Field(default=WHOLE_BP, ge=0, le=WHOLE_BP)
    reserve_minutes: int = Field(default=15, ge=1, le=31 * DAY_MINUTES)
    wrong_codes_max: int = Field(default=20, ge=1, le=1_000)
    wrong_codes_per_partner_max: int = Field(default=1_000, ge=1, le=100_000)
