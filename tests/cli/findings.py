"""What was found of a program, for tests of its page: all parts, and a name that is hostile."""

from datetime import UTC, datetime
from typing import Any

from laurel.benefits.v1 import fairness_pb2, reports_pb2, simulations_pb2, tier_reports_pb2, usage_pb2
from libs.cli.report_page.reading import Findings, Part
from libs.common.program import preset

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script>&\'"'
TIERS = ("normal", "silver", "gold", "platinum", "diamond")
BEYOND, WITHIN = fairness_pb2.FAIRNESS_FINDING_BEYOND, fairness_pb2.FAIRNESS_FINDING_WITHIN


def the_tiers() -> tier_reports_pb2.TierReport:
    moves = [
        ("2026-10", "", "normal", 40),
        ("2026-10", "normal", "silver", 9),
        ("2026-11", "gold", "normal", 2),
    ]
    ladder = tier_reports_pb2.TierSetReport(
        tier_set="main",
        members_count=2_357,
        tiers=[
            tier_reports_pb2.TierHolders(tier=tier, members_count=count)
            for tier, count in zip(TIERS, (1_742, 391, 148, 56, 20), strict=True)
        ],
        flows=[
            tier_reports_pb2.TierMoves(month=month, from_tier=before, to_tier=after, count=count)
            for month, before, after, count in moves
        ],
        margins=[
            tier_reports_pb2.TierMargin(
                tier="gold",
                rule="entry",
                path="entry",
                metric="spend",
                fact="purchase.amount_minor.lifetime",
                op=">=",
                threshold=25_000,
                members_count=2_357,
                below_count=37,
                above_count=31,
                tenths=[*range(9), 37, 31, *range(10)],
            )
        ],
    )
    return tier_reports_pb2.TierReport(program_version=1, first_month="2025-12", tier_sets=[ladder])


def the_points(**fields: Any) -> reports_pb2.PointsReport:
    cohorts = [
        reports_pb2.PointsCohort(month="2026-11", earned_points=500, active_points=500),
        reports_pb2.PointsCohort(month="2026-10", earned_points=400, spent_points=300, expired_points=100),
    ]
    said: dict[str, Any] = {
        "issued_points": 900,
        "states": [reports_pb2.PointsState(state="active", points=500)],
        "outstanding_points": 500,
        "currency": "USD",
        "value_minor": 1,
        "value_points": 1,
        "expected_redemption_bp": 7_500,
        "expected_redemption_months": 1,
        "liability_minor": 375,
        "cohorts": cohorts,
    }
    return reports_pb2.PointsReport(**(said | fields))


def a_group(name: str, count: int, finding: Any = fairness_pb2.FAIRNESS_FINDING_UNSPECIFIED) -> Any:
    rates = [
        fairness_pb2.TierRate(
            tier=tier,
            members_count=count,
            rate_bp=count * 100,
            rate_low_bp=count * 90,
            rate_high_bp=count * 110,
            gap_bp=-700,
            gap_finding=finding,
            ratio_bp=6_000,
            ratio_finding=finding,
        )
        for tier in TIERS[1:]
    ]
    return fairness_pb2.GroupFairness(group=name, members_count=100, rates=rates)


def the_fairness(**fields: Any) -> fairness_pb2.FairnessReport:
    audit = fairness_pb2.AttributeFairness(
        tier_set="main",
        attribute="store",
        everybody=a_group("", 30),
        groups=[a_group("east", 33, WITHIN), a_group(HOSTILE, 20, BEYOND)],
        pooled=a_group("", 25),
        pooled_groups_count=3,
    )
    said: dict[str, Any] = {
        "members_min": 20,
        "gap_bp": 500,
        "ratio_bp": 8_000,
        "members_count": 300,
        "attributes": [audit],
        "findings_count": 4,
        "equal_treatment": fairness_pb2.EqualTreatment(
            decisions_count=300,
            compared_bp=5_000,
            situations_count=20,
            unequal_count=1,
            unequal=[
                fairness_pb2.UnequalDecisions(
                    tier_set="main",
                    decisions=[
                        fairness_pb2.UnequalDecision(decision_id="dec_1", outcome="KEPT", to_tier="gold"),
                        fairness_pb2.UnequalDecision(decision_id="dec_2", outcome="HELD", to_tier="silver"),
                    ],
                )
            ],
            replayed_count=200,
            same_count=199,
            different_decision_ids=["dec_9"],
        ),
    }
    return fairness_pb2.FairnessReport(**(said | fields))


def the_simulation() -> simulations_pb2.Simulation:
    def stand(*counts: int) -> simulations_pb2.SimulatedStand:
        return simulations_pb2.SimulatedStand(
            tiers=[
                simulations_pb2.TierCount(tier=tier, count=count)
                for tier, count in zip(TIERS, counts, strict=True)
            ]
        )

    flows = [
        simulations_pb2.TierFlow(from_tier="gold", to_tier="silver", count=51),
        simulations_pb2.TierFlow(from_tier="gold", to_tier="gold", count=97),
    ]
    money = simulations_pb2.SimulatedMoney(
        currency="USD",
        live=simulations_pb2.SimulatedCost(points=900, liability_minor=900),
        draft=simulations_pb2.SimulatedCost(points=800, liability_minor=800),
        revenue_at_stake_minor=1_402_300,
        days_count=365,
        low=simulations_pb2.SimulatedReturn(net_minor=-10_000),
        high=simulations_pb2.SimulatedReturn(net_minor=20_000),
    )
    return simulations_pb2.Simulation(
        simulation_id="sim_" + "0" * 32,
        version=2,
        live_version=1,
        state=simulations_pb2.SIMULATION_STATE_DONE,
        assumptions=simulations_pb2.SimulationAssumptions(loss_low_bp=500, loss_high_bp=2_000),
        assumed=["loss_low_bp"],
        result=simulations_pb2.SimulationResult(
            remarks=[simulations_pb2.SimulationRemark(code="BENEFITS_WITHOUT_COST", keys=["gold_badge"])],
            impacts=[
                simulations_pb2.SimulatedImpact(
                    tier_set="main", tiers=TIERS, flows=flows, downgraded_count=51, stayed_count=2_306
                )
            ],
            histories=[
                simulations_pb2.SimulatedHistory(
                    tier_set="main",
                    tiers=TIERS,
                    losing_count=51,
                    dates=[
                        simulations_pb2.SimulatedDate(
                            live=stand(1_742, 391, 148, 56, 20), draft=stand(1_742, 442, 97, 56, 20)
                        )
                    ],
                )
            ],
            money=money,
        ),
    )


def a_usage_month(month: str = "1998-06", **fields: Any) -> usage_pb2.UsageMonth:
    """What members of a ladder used: a letter by tier, coffee and coupons as a whole."""

    def group(*tiers: str, users: int, **more: int) -> usage_pb2.UsageGroup:
        return usage_pb2.UsageGroup(
            tiers=tiers, members_count=1_000, users_count=users, uses_count=2 * users, **more
        )

    def item(kind: Any, key: str, zh: str, en: str, *groups: usage_pb2.UsageGroup) -> usage_pb2.ItemUsage:
        return usage_pb2.ItemUsage(
            kind=kind,
            key=key,
            name_zh=zh,
            name_en=en,
            tier_set="main",
            everybody=groups[0],
            groups=groups[1:] or groups,
        )

    said: dict[str, Any] = {
        "month": month,
        "members_min": 20,
        "members_count": 2_357,
        "currency": "USD",
        "items": [
            item(
                usage_pb2.USAGE_KIND_BENEFIT,
                "letter",
                "新碟速递",
                "Letter",
                group("normal", "gold", users=300, units_count=90),
                group("normal", users=250),
                group("gold", "diamond", users=50),
            ),
            item(
                usage_pb2.USAGE_KIND_REWARD,
                "r1",
                "咖啡",
                "Coffee",
                group("gold", users=40, spent_points=4_000),
            ),
            item(
                usage_pb2.USAGE_KIND_COUPON_CAMPAIGN,
                "c1",
                "满减券",
                "Ten off",
                group("gold", users=30, value_minor=123_450),
            ),
        ],
    }
    return usage_pb2.UsageMonth(**(said | fields))


def all_found(**parts: Any) -> Findings:
    said: dict[str, Any] = {
        "tiers": Part(the_tiers()),
        "points": Part(the_points()),
        "fairness": Part(the_fairness()),
        "simulation": Part(the_simulation()),
        "usage": Part([a_usage_month(), a_usage_month("1998-05")]),
    }
    return Findings(preset("music_store"), NOON, **(said | parts))
