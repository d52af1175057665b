"""What the graph shows of a program's tiers as a whole, to its staff."""

from datetime import datetime

import strawberry

from laurel.benefits.v1 import tier_reports_pb2 as pb
from services.gateway.values import Long, time_of


@strawberry.type(description="How many earned a tier.")
class TierHolders:
    tier: str = strawberry.field(description="The tier's key.")
    members: Long = strawberry.field(description="Members who hold it by their last decision.")


@strawberry.type(description="Moves of a month, one way.")
class TierMoves:
    month: str = strawberry.field(description="The month, such as 2026-11.")
    from_tier: str | None = strawberry.field(description="Key of the tier before; null for who joined.")
    to_tier: str = strawberry.field(description="Key of the tier after.")
    count: Long = strawberry.field(description="How many moves.")


@strawberry.type(description="Members around what a comparison of a tier's rule asks for.")
class TierMargin:
    tier: str = strawberry.field(description="The tier's key.")
    rule: str = strawberry.field(description="`entry` or `keep`.")
    path: str = strawberry.field(description="Where in the rule, such as `any[1]`.")
    metric: str = strawberry.field(description="Short name of what is measured, such as `spend`.")
    fact: str = strawberry.field(description="The fact that it reads.")
    op: str = strawberry.field(description="`>=`, `>`, `<=`, `<` or `==`.")
    threshold: Long = strawberry.field(description="What is asked, everywhere and outside of seasons.")
    members: Long = strawberry.field(description="Members whose last decision read the fact.")
    below: Long = strawberry.field(description="Who have less, by 10 % of what is asked at most.")
    above: Long = strawberry.field(description="Who have as much, or up to 10 % more.")
    tenths: list[Long] = strawberry.field(
        description="Members by tenths of what is asked: below 10 % first, from 200 % on last. 21 numbers."
    )


@strawberry.type(description="One ladder: who is where, who moved, who is near.")
class TierSetReport:
    tier_set: str = strawberry.field(description="The tier set's key.")
    members: Long = strawberry.field(description="Members who have a standing in it.")
    tiers: list[TierHolders] = strawberry.field(
        description="In ascending rank, by what members have earned: contracts lift nobody here."
    )
    moves: list[TierMoves] = strawberry.field(description="By month and way, the earliest first.")
    margins: list[TierMargin] = strawberry.field(description="In the order of the rules.")


@strawberry.type(description="The tiers of a program as a whole.")
class TierReport:
    program_version: int = strawberry.field(description="The version that is live.")
    as_of: datetime | None = strawberry.field(description="The program's time of it.")
    first_month: str = strawberry.field(description="The first month of moves.")
    tier_sets: list[TierSetReport] = strawberry.field(description="In the order of the program.")


def tier_report_of(report: pb.TierReport) -> TierReport:
    """A report as the graph shows it."""
    return TierReport(
        program_version=report.program_version,
        as_of=time_of(report, "as_of"),
        first_month=report.first_month,
        tier_sets=[_tier_set(each) for each in report.tier_sets],
    )


def _tier_set(report: pb.TierSetReport) -> TierSetReport:
    return TierSetReport(
        tier_set=report.tier_set,
        members=Long(report.members_count),
        tiers=[TierHolders(tier=each.tier, members=Long(each.members_count)) for each in report.tiers],
        moves=[
            TierMoves(
                month=each.month,
                from_tier=each.from_tier or None,
                to_tier=each.to_tier,
                count=Long(each.count),
            )
            for each in report.flows
        ],
        margins=[_margin(each) for each in report.margins],
    )


def _margin(margin: pb.TierMargin) -> TierMargin:
    return TierMargin(
        tier=margin.tier,
        rule=margin.rule,
        path=margin.path,
        metric=margin.metric,
        fact=margin.fact,
        op=margin.op,
        threshold=Long(margin.threshold),
        members=Long(margin.members_count),
        below=Long(margin.below_count),
        above=Long(margin.above_count),
        tenths=[Long(each) for each in margin.tenths],
    )
