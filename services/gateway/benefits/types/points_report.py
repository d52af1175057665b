"""What the graph shows of a program's points as a whole, to its staff."""

from datetime import datetime

import strawberry

from laurel.benefits.v1 import reports_pb2 as pb
from services.gateway.values import Long, NamedNumber, time_of


@strawberry.type(
    description=(
        "The points that were earned in a month, or came to it: earned + received = "
        "pending + active + held + spent + expired + reversed + moved."
    )
)
class PointsCohort:
    month: str = strawberry.field(description="The month, such as 2026-11.")
    earned: Long = strawberry.field(description="Earned, or given by staff.")
    received: Long = strawberry.field(description="Passed on by others, or come back after their own end.")
    pending: Long = strawberry.field(description="Not active yet.")
    active: Long = strawberry.field(description="May be spent.")
    held: Long = strawberry.field(description="Held for something that is not settled.")
    spent: Long = strawberry.field(description="Spent.")
    expired: Long = strawberry.field(description="Not spent in time.")
    reversed: Long = strawberry.field(description="Taken back.")
    moved: Long = strawberry.field(description="Counted as received in a later month.")
    worth_bp: int = strawberry.field(
        description="What a point of it is worth now, of the full value of 10000."
    )
    liability_minor: Long = strawberry.field(description="What its outstanding points may cost.")
    breakage_bp: int = strawberry.field(
        description="The share that expired of what was spent or expired; 0 as long as nothing was."
    )


@strawberry.type(description="Where a program's points are, and what the outstanding ones may cost.")
class PointsReport:
    points_currency: str = strawberry.field(description="Which points, as the program calls them.")
    issued: Long = strawberry.field(description="All that were ever issued.")
    states: list[NamedNumber] = strawberry.field(
        description="Where they are: `pending`, `active`, `held`, `spent`, `expired`, `reversed`."
    )
    difference: Long = strawberry.field(
        description="What was issued and is in no state: 0, or books are wrong."
    )
    arrears: Long = strawberry.field(description="What members owe, as refunds took more than they had.")
    outstanding: Long = strawberry.field(description="Pending, active and held.")
    currency: str = strawberry.field(description="Currency of the money, such as USD.")
    value_minor: Long = strawberry.field(description="The program's value of points: so many minor units …")
    value_points: Long = strawberry.field(description="… for so many points.")
    expected_redemption_bp: int = strawberry.field(
        description="The share of points that is expected to be redeemed, by closed months; else 10000."
    )
    expected_redemption_months: int = strawberry.field(
        description="How many closed months that rests on; 0 when it is assumed."
    )
    liability_minor: Long = strawberry.field(
        description="Outstanding × value × expected redemption, rounded up."
    )
    as_of: datetime | None = strawberry.field(description="The program's time of it.")
    cohorts_behind_seconds: Long = strawberry.field(
        description="How old the oldest entry is that cohorts do not count yet."
    )
    cohorts: list[PointsCohort] = strawberry.field(description="By month, latest first.")


def report_of(report: pb.PointsReport) -> PointsReport:
    """A report as the graph shows it."""
    return PointsReport(
        points_currency=report.points_currency,
        issued=Long(report.issued_points),
        states=[NamedNumber(name=each.state, value=Long(each.points)) for each in report.states],
        difference=Long(report.difference_points),
        arrears=Long(report.arrears_points),
        outstanding=Long(report.outstanding_points),
        currency=report.currency,
        value_minor=Long(report.value_minor),
        value_points=Long(report.value_points),
        expected_redemption_bp=report.expected_redemption_bp,
        expected_redemption_months=report.expected_redemption_months,
        liability_minor=Long(report.liability_minor),
        as_of=time_of(report, "as_of"),
        cohorts_behind_seconds=Long(report.cohorts_behind_seconds),
        cohorts=[_cohort(each) for each in report.cohorts],
    )


def _cohort(cohort: pb.PointsCohort) -> PointsCohort:
    return PointsCohort(
        month=cohort.month,
        earned=Long(cohort.earned_points),
        received=Long(cohort.received_points),
        pending=Long(cohort.pending_points),
        active=Long(cohort.active_points),
        held=Long(cohort.held_points),
        spent=Long(cohort.spent_points),
        expired=Long(cohort.expired_points),
        reversed=Long(cohort.reversed_points),
        moved=Long(cohort.moved_points),
        worth_bp=cohort.worth_bp,
        liability_minor=Long(cohort.liability_minor),
        breakage_bp=cohort.breakage_bp,
    )
