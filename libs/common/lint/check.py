"""Lint of a whole program: what would surprise who wrote it, or whoever it is for."""

from collections.abc import Iterator
from datetime import datetime

from libs.common.boxes import Budget, Reading, Unsettled
from libs.common.lint import earning, grants, promises
from libs.common.lint.findings import SEVERITIES, Finding
from libs.common.lint.ladders import Ladder
from libs.common.program import Program
from libs.common.tier_policy import TierSet

# All ladders together: seconds, for conditions that are made to be entangled.
BRANCHES_MAX = 100_000


def lint(program: Program, now: datetime) -> list[Finding]:
    """All findings, the gravest first. `now` is the program's time, before which seasons are over.

    Facts count as independent of each other, and as never below zero.
    """
    found = list(_ladders(program))
    for place, tier_set in enumerate(program.tier_sets):
        found += grants.findings(tier_set, f"tier_sets[{place}]")
    found += [*earning.findings(program), *promises.findings(program, now)]
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity))


def _ladders(program: Program) -> Iterator[Finding]:
    budget = Budget(BRANCHES_MAX)
    for place, tier_set in enumerate(program.tier_sets):
        path = f"tier_sets[{place}]"
        try:
            for ladder in _versions(program, tier_set, path, budget):
                yield from ladder.findings()
        except Unsettled:
            yield Finding("UNSETTLED", path, {"tier_set": tier_set.key})


def _versions(program: Program, tier_set: TierSet, path: str, budget: Budget) -> Iterator[Ladder]:
    """The ladder as it is everywhere, and in each region that has its own."""
    reading = Reading(tier_set.window, program.score_policies)
    yield Ladder(tier_set, lambda rank, _: f"{path}.tiers[{rank}]", reading, budget)
    for place, variant in enumerate(tier_set.variants):
        local = f"{path}.variants[{place}].tiers"
        yield Ladder(
            tier_set.in_variant(variant.key),
            lambda _, tier, local=local: f"{local}.{tier.key}",  # type: ignore[misc]
            reading,
            budget,
        )
