"""Lint of what members are promised and told: notices, consent, referral, regions, seasons, KPIs."""

from collections.abc import Iterator
from datetime import datetime

from libs.common.charter_policy import REFERRAL_DEPTH_FREE
from libs.common.conditions import MONEY_METRICS, POINT_FACTS, comparisons
from libs.common.lint.findings import Finding
from libs.common.program import Program
from libs.common.tier_policy import TierSet


def findings(program: Program, now: datetime) -> Iterator[Finding]:
    """What members would hear too late or never, and what the program says of things that are not there."""
    yield from _untold(program)
    yield from _points_untold(program)
    for place, each in enumerate(program.tier_sets):
        yield from _points_alone(each, f"tier_sets[{place}]")
        yield from _seasons(each, f"tier_sets[{place}]", now)
        yield from _out_of_scope(program, each, f"tier_sets[{place}]")
    yield from _kpis(program)
    referral = program.referral
    if referral is not None and referral.depth > REFERRAL_DEPTH_FREE and not referral.approved_by:
        params = {"depth": str(referral.depth), "free": str(REFERRAL_DEPTH_FREE)}
        yield Finding("REFERRAL_DEPTH", "referral.rates_bp", params)


def _untold(program: Program) -> Iterator[Finding]:
    off, path = program.notices.switched_off, "notices.switched_off"
    if "tier_changed" in off:
        loses = any(each.movement.downgrade != "never" for each in program.tier_sets)
        yield Finding("TIER_LOSS_UNTOLD" if loses else "TIER_RISE_UNTOLD", path)
    ends = any(not plan.lifetime and plan.on_sale for plan in program.contracts.plans)
    if "contract_ending" in off and ends:
        yield Finding("CONTRACT_END_UNTOLD", path)
    if program.notices.marketing_consent == "opt_out":
        yield Finding("MARKETING_OPT_OUT", "notices.marketing_consent")


def _points_untold(program: Program) -> Iterator[Finding]:
    points = program.points
    if not points.earn:
        return
    expire = any(each.expire_after_months is not None for each in (points, *points.types))
    if expire and ("points_expiring" in program.notices.switched_off or not points.expiry_notice_days):
        yield Finding("EXPIRY_UNTOLD", "points.expiry_notice_days")
    yield Finding("ARREARS_OWED" if points.arrears == "owe" else "ARREARS_FORGIVEN", "points.arrears")


def _points_alone(tier_set: TierSet, path: str) -> Iterator[Finding]:
    """Tiers that are for those who collect points, and for nobody else."""
    entries = [tier.entry for tier in tier_set.tiers if tier.entry is not None]
    asked = [each.metric for entry in entries for _, each in comparisons(entry)]
    if asked and all(metric.startswith(POINT_FACTS) for metric in asked):
        yield Finding("POINTS_ALONE", f"{path}.tiers", {"tier_set": tier_set.key})


def _seasons(tier_set: TierSet, path: str, now: datetime) -> Iterator[Finding]:
    money = any(
        asked.metric in MONEY_METRICS
        for condition in tier_set.conditions
        for _, asked in comparisons(condition)
    )
    for place, season in enumerate(tier_set.seasons):
        here, params = f"{path}.seasons[{place}]", {"season": season.key}
        if season.to_time <= now:
            yield Finding("SEASON_PAST", here, params)
        elif not money:
            yield Finding("SEASON_WITHOUT_EFFECT", here, params)


def _out_of_scope(program: Program, tier_set: TierSet, path: str) -> Iterator[Finding]:
    for place, variant in enumerate(tier_set.variants):
        outside = sorted(set(variant.stores) - set(program.scope.stores))
        if program.scope.stores and outside:
            params = {"variant": variant.key, "stores": ", ".join(outside)}
            yield Finding("VARIANT_OUT_OF_SCOPE", f"{path}.variants[{place}].stores", params)


def _kpis(program: Program) -> Iterator[Finding]:
    tiers = {(each.key, tier.key) for each in program.tier_sets for tier in each.tiers}
    for place, kpi in enumerate(program.kpis):
        if kpi.tier is not None and (kpi.tier_set, kpi.tier) not in tiers:
            params = {"key": kpi.key, "tier": f"{kpi.tier_set}.{kpi.tier}"}
            yield Finding("KPI_TIER_UNKNOWN", f"kpis[{place}].tier", params)
