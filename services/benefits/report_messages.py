"""Reports of tiers, of fairness and of usage as messages, and receipts as what equal treatment compares."""

import hashlib
from collections.abc import Sequence

from laurel.benefits.v1 import fairness_pb2, tier_reports_pb2, usage_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.program import Program
from libs.common.rpc.time import timestamp
from services.benefits.domain.equal_treatment import UNEQUAL_TOLD_MAX, Treatment
from services.benefits.domain.fairness import Audit, Group
from services.benefits.domain.fairness_report import FairnessReport
from services.benefits.domain.rates import Finding, Rate
from services.benefits.domain.tier_report import Margin, TierReport, TierSetReport
from services.benefits.domain.usage_figures import Group as UsageGroup
from services.benefits.domain.usage_figures import ItemUsage, UsageFigures

# What a receipt says of what came out, of when it was, and of whom.
_CAME_OUT = (
    "schema_version",
    "as_of",
    "cause",
    "rules",
    "outcome",
    "to_tier",
    "reasons",
    "next",
    "digest",
)
SEASON = "SEASON"


def treatment(decision_id: str, stored: bytes) -> Treatment:
    """What became of a situation, as a stored receipt says."""
    receipt = receipts_pb2.Receipt.FromString(stored)
    return Treatment(
        situation=_situation(receipt),
        tier_set=receipt.tier_set,
        decision_id=decision_id,
        outcome=receipts_pb2.TierOutcome.Name(receipt.outcome).removeprefix("TIER_OUTCOME_"),
        to_tier=receipt.to_tier,
    )


def _situation(receipt: receipts_pb2.Receipt) -> int:
    """All that a decision read, as a number: whatever is not said here to come of it.

    Of the time, its season alone decides: when a term ends does not.
    """
    season = next((each.params["season"] for each in receipt.reasons if each.code == SEASON), "")
    read = receipts_pb2.Receipt()
    read.CopyFrom(receipt)
    for name in _CAME_OUT:
        read.ClearField(name)  # type: ignore[arg-type]  # one of them each
    # Empty for a receipt without terms, which was of an event and in no term.
    read.terms.look = receipt.terms.look or receipts_pb2.TIER_LOOK_EVENT
    read.terms.ClearField("after")
    read.terms.before.ClearField("review_time")
    read.terms.before.SetInParent()
    digest = hashlib.sha256(season.encode() + b"/" + read.SerializeToString(deterministic=True)).digest()
    return int.from_bytes(digest[:8], "big")


def tier_report_message(report: TierReport) -> tier_reports_pb2.TierReport:
    """A report of tiers."""
    return tier_reports_pb2.TierReport(
        program_version=report.program_version,
        as_of=timestamp(report.as_of),
        first_month=report.first_month,
        tier_sets=map(_tier_set, report.tier_sets),
    )


def _tier_set(report: TierSetReport) -> tier_reports_pb2.TierSetReport:
    return tier_reports_pb2.TierSetReport(
        tier_set=report.key,
        members_count=sum(report.tiers.values()),
        tiers=[
            tier_reports_pb2.TierHolders(tier=tier, members_count=count)
            for tier, count in report.tiers.items()
        ],
        flows=[
            tier_reports_pb2.TierMoves(
                month=each.month, from_tier=each.from_tier, to_tier=each.to_tier, count=each.count
            )
            for each in report.moves
        ],
        margins=map(_margin, report.margins),
    )


def _margin(margin: Margin) -> tier_reports_pb2.TierMargin:
    asked = margin.threshold
    return tier_reports_pb2.TierMargin(
        tier=asked.tier,
        rule=asked.rule,
        path=asked.path,
        metric=asked.metric,
        fact=asked.fact,
        op=asked.op,
        threshold=asked.value,
        members_count=sum(margin.tenths),
        below_count=margin.below,
        above_count=margin.above,
        tenths=margin.tenths,
    )


def fairness_message(report: FairnessReport) -> fairness_pb2.FairnessReport:
    """A report of fairness."""
    return fairness_pb2.FairnessReport(
        as_of=timestamp(report.as_of),
        program_version=report.program_version,
        members_min=report.policy.members_min,
        gap_bp=report.policy.gap_bp,
        ratio_bp=report.policy.ratio_bp,
        members_count=report.members,
        attributes=[_audit(each, report.tiers[each.tier_set]) for each in report.audits],
        equal_treatment=_equal_treatment(report),
        findings_count=report.findings,
    )


def _audit(audit: Audit, tiers: Sequence[str]) -> fairness_pb2.AttributeFairness:
    return fairness_pb2.AttributeFairness(
        tier_set=audit.tier_set,
        attribute=audit.attribute,
        everybody=_group(audit.everybody, tiers),
        groups=[_group(each, tiers) for each in audit.groups],
        pooled=None if audit.pooled is None else _group(audit.pooled, tiers),
        pooled_groups_count=audit.pooled_groups,
        suppressed=audit.suppressed,
    )


def _group(group: Group, tiers: Sequence[str]) -> fairness_pb2.GroupFairness:
    return fairness_pb2.GroupFairness(
        group=group.value,
        members_count=group.members,
        rates=[_rate(tier, each) for tier, each in zip(tiers, group.rates, strict=True)],
    )


def _rate(tier: str, rate: Rate) -> fairness_pb2.TierRate:
    return fairness_pb2.TierRate(
        tier=tier,
        members_count=rate.count,
        rate_bp=rate.rate_bp,
        rate_low_bp=rate.low_bp,
        rate_high_bp=rate.high_bp,
        gap_bp=rate.gap_bp,
        gap_finding=_finding(rate.gap),
        ratio_bp=rate.ratio_bp,
        ratio_finding=_finding(rate.ratio),
    )


def _finding(finding: Finding | None) -> fairness_pb2.FairnessFinding.ValueType:
    return fairness_pb2.FairnessFinding.Value(f"FAIRNESS_FINDING_{finding or 'UNSPECIFIED'}")


def _equal_treatment(report: FairnessReport) -> fairness_pb2.EqualTreatment:
    equality, unequal = report.equality, report.equality.unequal
    different = [decision_id for decision_id, same in report.replayed.items() if not same]
    return fairness_pb2.EqualTreatment(
        decisions_count=equality.decisions,
        compared_bp=equality.compared_bp,
        situations_count=equality.situations,
        unequal_count=len(unequal),
        unequal=[_unequal(pair) for pair in unequal[:UNEQUAL_TOLD_MAX]],
        replayed_count=len(report.replayed),
        same_count=len(report.replayed) - len(different),
        different_decision_ids=different[:UNEQUAL_TOLD_MAX],
        seed=report.seed,
    )


def _unequal(pair: tuple[Treatment, Treatment]) -> fairness_pb2.UnequalDecisions:
    return fairness_pb2.UnequalDecisions(
        tier_set=pair[0].tier_set,
        decisions=[
            fairness_pb2.UnequalDecision(
                decision_id=each.decision_id, outcome=each.outcome, to_tier=each.to_tier
            )
            for each in pair
        ],
    )


def usage_message(figures: UsageFigures, program: Program) -> usage_pb2.UsageMonth:
    """The usage figures of a month."""
    return usage_pb2.UsageMonth(
        month=figures.month.key,
        settled_time=timestamp(figures.month.settled_time(program.time_zone)),
        program_version=figures.program_version,
        members_min=figures.members_min,
        members_count=figures.members,
        currency=program.currency,
        tier_sets=[
            usage_pb2.UsageTierSet(
                tier_set=tier_set,
                groups=[
                    usage_pb2.UsageHolders(tiers=each.tiers, members_count=each.members) for each in groups
                ],
            )
            for tier_set, groups in figures.tier_sets.items()
        ],
        items=map(_item_usage, figures.items),
    )


def _item_usage(item: ItemUsage) -> usage_pb2.ItemUsage:
    return usage_pb2.ItemUsage(
        kind=usage_pb2.UsageKind.Value(f"USAGE_KIND_{item.kind.upper()}"),
        key=item.key,
        name_zh=item.name[0],
        name_en=item.name[1],
        tier_set=item.tier_set,
        everybody=_usage_group(item.everybody),
        groups=map(_usage_group, item.groups),
    )


def _usage_group(group: UsageGroup) -> usage_pb2.UsageGroup:
    return usage_pb2.UsageGroup(
        tiers=group.tiers,
        members_count=group.members,
        users_count=group.used.users,
        uses_count=group.used.uses,
        units_count=group.used.units,
        spent_points=group.used.points,
        value_minor=group.used.value_minor,
    )
