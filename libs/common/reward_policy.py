"""The part of a program that says how rewards may be given away."""

from libs.common.documents import Count, Part


class Rewards(Part):
    """Who gives one member more than `grant_limit_minor` on a day, without points, needs a second person."""

    grant_limit_minor: Count = 20_000
