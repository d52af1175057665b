"""The reports of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import fairness_pb2, reports_pb2, reports_pb2_grpc, tier_reports_pb2, usage_pb2
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import Context, Fake

MOVES = (("1998-05", "", "normal", 2**40), ("1998-06", "normal", "gold", 3))


def a_tier_report() -> tier_reports_pb2.TierReport:
    ladder = tier_reports_pb2.TierSetReport(
        tier_set="main",
        members_count=2**40,
        tiers=[tier_reports_pb2.TierHolders(tier="normal", members_count=2**40)],
        flows=[
            tier_reports_pb2.TierMoves(month=month, from_tier=before, to_tier=after, count=count)
            for month, before, after, count in MOVES
        ],
        margins=[
            tier_reports_pb2.TierMargin(
                tier="gold",
                rule="entry",
                path="any[0]",
                metric="spend",
                fact="purchase.amount_minor.lifetime",
                op=">=",
                threshold=2**40,
                members_count=9,
                below_count=2,
                above_count=1,
                tenths=range(21),
            )
        ],
    )
    return tier_reports_pb2.TierReport(
        program_version=1, as_of=timestamp(world.NOON), first_month="1998-05", tier_sets=[ladder]
    )


def a_fairness_report() -> fairness_pb2.FairnessReport:
    def group(name: str, finding: Any) -> fairness_pb2.GroupFairness:
        rate = fairness_pb2.TierRate(
            tier="gold",
            members_count=7,
            rate_bp=700,
            rate_low_bp=300,
            rate_high_bp=1_500,
            gap_bp=-600,
            gap_finding=finding,
            ratio_bp=5_000,
            ratio_finding=finding,
        )
        return fairness_pb2.GroupFairness(group=name, members_count=2**40, rates=[rate])

    unequal = fairness_pb2.UnequalDecisions(
        tier_set="main",
        decisions=[
            fairness_pb2.UnequalDecision(decision_id=f"dec_{number}", outcome="KEPT", to_tier=tier)
            for number, tier in enumerate(("gold", "silver"))
        ],
    )
    return fairness_pb2.FairnessReport(
        as_of=timestamp(world.NOON),
        program_version=1,
        members_min=20,
        gap_bp=500,
        ratio_bp=8_000,
        members_count=2**40,
        attributes=[
            fairness_pb2.AttributeFairness(
                tier_set="main",
                attribute="store",
                everybody=group("", fairness_pb2.FAIRNESS_FINDING_UNSPECIFIED),
                groups=[group("online", fairness_pb2.FAIRNESS_FINDING_BEYOND)],
                pooled=group("", fairness_pb2.FAIRNESS_FINDING_UNSPECIFIED),
                pooled_groups_count=2,
            )
        ],
        equal_treatment=fairness_pb2.EqualTreatment(
            decisions_count=2**40,
            compared_bp=5_000,
            situations_count=12,
            unequal_count=1,
            unequal=[unequal],
            replayed_count=200,
            same_count=199,
            different_decision_ids=["dec_2"],
            seed="1998-07-01",
        ),
        findings_count=2,
    )


USAGE_MONTHS = ("1998-06", "1998-05", "1998-04")


def a_usage_month(month: str) -> usage_pb2.UsageMonth:
    """Of April nothing may be told."""
    said: dict[str, Any] = {
        "month": month,
        "settled_time": timestamp(world.NOON),
        "program_version": 1,
        "members_min": 20,
    }
    if month == USAGE_MONTHS[-1]:
        return usage_pb2.UsageMonth(**said, currency="USD")
    group = usage_pb2.UsageGroup(
        tiers=["gold", "diamond"],
        members_count=2**40,
        users_count=30,
        uses_count=2**41,
        units_count=90,
        spent_points=2**42,
        value_minor=2**43,
    )
    return usage_pb2.UsageMonth(
        **said,
        currency="USD",
        members_count=2**40,
        tier_sets=[
            usage_pb2.UsageTierSet(
                tier_set="main",
                groups=[usage_pb2.UsageHolders(tiers=["gold", "diamond"], members_count=2**40)],
            )
        ],
        items=[
            usage_pb2.ItemUsage(
                kind=usage_pb2.USAGE_KIND_REWARD,
                key=key,
                name_zh="咖啡",
                name_en="Coffee",
                tier_set="main",
                everybody=group,
                groups=[group],
            )
            for key in ("", "coffee")
        ],
    )


class FakeReports(Fake, reports_pb2_grpc.ReportsServiceServicer):
    counting = False

    async def GetTierReport(self, request: tier_reports_pb2.GetTierReportRequest, context: Context) -> Any:
        await self.begin("GetTierReport", request)
        return tier_reports_pb2.GetTierReportResponse(report=a_tier_report())

    async def GetFairnessReport(
        self, request: fairness_pb2.GetFairnessReportRequest, context: Context
    ) -> Any:
        await self.begin("GetFairnessReport", request)
        if self.counting:
            return fairness_pb2.GetFairnessReportResponse(counted_members=5)
        return fairness_pb2.GetFairnessReportResponse(report=a_fairness_report(), counted_members=2**40)

    async def ListUsageMonths(self, request: usage_pb2.ListUsageMonthsRequest, context: Context) -> Any:
        await self.begin("ListUsageMonths", request)
        months = [each for each in USAGE_MONTHS if not request.before_month or each < request.before_month]
        return usage_pb2.ListUsageMonthsResponse(
            months=map(a_usage_month, months[: request.page_size]), more=len(months) > request.page_size
        )

    async def GetPointsReport(self, request: reports_pb2.GetPointsReportRequest, context: Context) -> Any:
        await self.begin("GetPointsReport", request)
        months = [f"1998-{month:02d}" for month in range(6, 0, -1)][: request.page_size]
        return reports_pb2.GetPointsReportResponse(
            report=reports_pb2.PointsReport(
                points_currency="points",
                issued_points=2**40,
                states=[reports_pb2.PointsState(state="active", points=2**40)],
                outstanding_points=2**40,
                currency="USD",
                value_minor=1,
                value_points=100,
                expected_redemption_bp=9_000,
                expected_redemption_months=3,
                liability_minor=98_956_047,
                as_of=timestamp(world.NOON),
                cohorts=[
                    reports_pb2.PointsCohort(
                        month=each,
                        earned_points=10,
                        active_points=10,
                        worth_bp=10_000,
                        liability_minor=2**40,
                        breakage_bp=1_250,
                    )
                    for each in months
                ],
            )
        )
