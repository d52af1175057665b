"""What the graph shows of fairness: groups beside each other, and equal members decided alike."""

from datetime import datetime
from enum import Enum

import strawberry

from laurel.benefits.v1 import fairness_pb2 as pb
from services.gateway.values import Long, known, time_of


@strawberry.enum(description="What a rate says of a group.")
class FairnessFinding(Enum):
    WITHIN = strawberry.enum_value(pb.FAIRNESS_FINDING_WITHIN, description="Within the bound.")
    CHANCE = strawberry.enum_value(
        pb.FAIRNESS_FINDING_CHANCE, description="Beyond it, and as likely by chance."
    )
    BEYOND = strawberry.enum_value(
        pb.FAIRNESS_FINDING_BEYOND, description="Beyond it, and hardly by chance: somebody should look."
    )


@strawberry.type(description="How many of a group hold a tier or a higher one.")
class TierRate:
    tier: str = strawberry.field(description="The tier's key.")
    members: Long = strawberry.field(description="Members who hold it or a higher one.")
    rate_bp: int = strawberry.field(description="Their share of the group, of 10000.")
    rate_low_bp: int = strawberry.field(
        description="Where it may lie in truth: Wilson's interval, 95 % for all comparisons of the attribute."
    )
    rate_high_bp: int = strawberry.field(description="Its upper end.")
    gap_bp: int | None = strawberry.field(description="Less the rate of all members; null if not compared.")
    gap_finding: FairnessFinding | None = strawberry.field(description="The gap against the bound.")
    ratio_bp: int | None = strawberry.field(description="Share of the highest group's rate.")
    ratio_finding: FairnessFinding | None = strawberry.field(description="The ratio against the bound.")


@strawberry.type(description="A group of members.")
class GroupFairness:
    group: str | None = strawberry.field(
        description="Its value of the attribute; null for those who have none, and for several groups."
    )
    members: Long = strawberry.field(description="Members in it.")
    rates: list[TierRate] = strawberry.field(description="Per tier above the first, in ascending rank.")


@strawberry.type(description="The groups of one attribute in a tier set.")
class AttributeFairness:
    tier_set: str = strawberry.field(description="The tier set's key.")
    attribute: str = strawberry.field(description="The attribute, such as `store`.")
    everybody: GroupFairness = strawberry.field(description="All members.")
    groups: list[GroupFairness] = strawberry.field(
        description="Groups that are large enough, by name; the 50 largest."
    )
    pooled: GroupFairness | None = strawberry.field(description="The others, all in one.")
    pooled_groups_count: int = strawberry.field(description="How many groups are in it.")
    suppressed: bool = strawberry.field(description="There are groups, but none may be told apart.")


@strawberry.type(description="A decision that differs from another one of the same situation.")
class UnequalDecision:
    decision_id: strawberry.ID = strawberry.field(description="Its id.")
    outcome: str = strawberry.field(description="What came out, such as `UPGRADED`.")
    to_tier: str = strawberry.field(description="Key of the tier after it.")


@strawberry.type(description="Two decisions of one situation that differ.")
class UnequalDecisions:
    tier_set: str = strawberry.field(description="The tier set's key.")
    decisions: list[UnequalDecision] = strawberry.field(description="Two of them.")


@strawberry.type(description="Members with equal facts and equal standing have equal decisions.")
class EqualTreatment:
    decisions_count: Long = strawberry.field(description="Latest decisions that were read.")
    compared_bp: int = strawberry.field(
        description="Share of all situations that was compared; less than 10000 where there are too many."
    )
    situations_count: Long = strawberry.field(description="Situations that several members were in.")
    unequal_count: Long = strawberry.field(description="Of these, those that were decided differently.")
    unequal: list[UnequalDecisions] = strawberry.field(description="Some of them, 20 at most.")
    replayed_count: int = strawberry.field(description="Decisions of a sample that were decided again.")
    same_count: int = strawberry.field(description="Of these, those that came out as the same bits.")
    different_decision_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of the others, 20 at most."
    )
    seed: str = strawberry.field(description="What the sample was drawn by.")


@strawberry.type(description="Whether groups of members reach tiers alike, and equal ones are treated alike.")
class FairnessReport:
    as_of: datetime | None = strawberry.field(description="The program's time at which counting began.")
    program_version: int = strawberry.field(description="The version that was live.")
    members_min: int = strawberry.field(description="Groups with fewer members are told together.")
    gap_bp: int = strawberry.field(description="How far a group may be from all members.")
    ratio_bp: int = strawberry.field(description="How small a share of the highest group's rate may be.")
    members: Long = strawberry.field(description="Members who were counted.")
    attributes: list[AttributeFairness] = strawberry.field(
        description="By tier set and attribute; none where the program permits none."
    )
    equal_treatment: EqualTreatment = strawberry.field(
        description="Whether equal members were decided alike."
    )
    findings_count: int = strawberry.field(description="Rates beyond a bound, and not by chance.")


@strawberry.type(description="The fairness of a program, or how far it has been counted.")
class FairnessCount:
    counted_members: Long = strawberry.field(description="Members that were counted so far.")
    report: FairnessReport | None = strawberry.field(
        description="Ten minutes old at most; null while it is being counted: ask again in a moment."
    )


def fairness_of(answer: pb.GetFairnessReportResponse) -> FairnessCount:
    """A report as the graph shows it, or that there is none yet."""
    return FairnessCount(
        counted_members=Long(answer.counted_members),
        report=_report(answer.report) if answer.HasField("report") else None,
    )


def _report(report: pb.FairnessReport) -> FairnessReport:
    return FairnessReport(
        as_of=time_of(report, "as_of"),
        program_version=report.program_version,
        members_min=report.members_min,
        gap_bp=report.gap_bp,
        ratio_bp=report.ratio_bp,
        members=Long(report.members_count),
        attributes=[_attribute(each) for each in report.attributes],
        equal_treatment=_equal_treatment(report.equal_treatment),
        findings_count=report.findings_count,
    )


def _attribute(audit: pb.AttributeFairness) -> AttributeFairness:
    return AttributeFairness(
        tier_set=audit.tier_set,
        attribute=audit.attribute,
        everybody=_group(audit.everybody),
        groups=[_group(each) for each in audit.groups],
        pooled=_group(audit.pooled) if audit.HasField("pooled") else None,
        pooled_groups_count=audit.pooled_groups_count,
        suppressed=audit.suppressed,
    )


def _group(group: pb.GroupFairness) -> GroupFairness:
    return GroupFairness(
        group=group.group or None,
        members=Long(group.members_count),
        rates=[_rate(each) for each in group.rates],
    )


def _rate(rate: pb.TierRate) -> TierRate:
    compared = rate.gap_finding != pb.FAIRNESS_FINDING_UNSPECIFIED
    return TierRate(
        tier=rate.tier,
        members=Long(rate.members_count),
        rate_bp=rate.rate_bp,
        rate_low_bp=rate.rate_low_bp,
        rate_high_bp=rate.rate_high_bp,
        gap_bp=rate.gap_bp if compared else None,
        gap_finding=known(FairnessFinding, rate.gap_finding),
        ratio_bp=rate.ratio_bp if compared else None,
        ratio_finding=known(FairnessFinding, rate.ratio_finding),
    )


def _equal_treatment(found: pb.EqualTreatment) -> EqualTreatment:
    return EqualTreatment(
        decisions_count=Long(found.decisions_count),
        compared_bp=found.compared_bp,
        situations_count=Long(found.situations_count),
        unequal_count=Long(found.unequal_count),
        unequal=[
            UnequalDecisions(tier_set=each.tier_set, decisions=[_unequal(one) for one in each.decisions])
            for each in found.unequal
        ],
        replayed_count=found.replayed_count,
        same_count=found.same_count,
        different_decision_ids=[strawberry.ID(each) for each in found.different_decision_ids],
        seed=found.seed,
    )


def _unequal(decision: pb.UnequalDecision) -> UnequalDecision:
    return UnequalDecision(
        decision_id=strawberry.ID(decision.decision_id), outcome=decision.outcome, to_tier=decision.to_tier
    )
