"""What tiers ask for, held against the scores that the program has."""

from collections.abc import Iterator, Mapping, Sequence

from libs.common.conditions import POINT_FACTS, TIER_METRICS, Asked, Condition, SegmentIs, fact_of, parts
from libs.common.point_policy import PointType
from libs.common.score_policy import Rfm, Scorecard
from libs.common.tier_policy import TierSet
from libs.common.windows import LIFETIME

FACT_LENGTH_MAX = 96
Place = tuple[int | str, ...]
Scores = Mapping[str, Rfm | Scorecard]


def misread(
    tier_sets: Sequence[TierSet], scores: Scores, types: Sequence[PointType] = ()
) -> list[tuple[Place, str]]:
    """What conditions ask that nobody can answer, with these scores and points: by place, what is wrong."""
    points = [POINT_FACTS + each.key for each in types if each.kind == "tier"]
    return [
        (place, problem)
        for place, condition in _conditions(tier_sets)
        for further, asked in _leaves(condition, place)
        for place, problem in _problems(asked, further, scores, points)
    ]


def labels_of(policy: Rfm | Scorecard) -> tuple[str, ...]:
    """The labels of a score, the highest first."""
    return tuple(each.key for each in (policy.labels if isinstance(policy, Rfm) else policy.bands))


def _conditions(tier_sets: Sequence[TierSet]) -> Iterator[tuple[Place, Condition]]:
    for set_place, tier_set in enumerate(tier_sets):
        here: Place = ("tier_sets", set_place)
        for place, tier in enumerate(tier_set.tiers):
            for name, condition in (("entry", tier.entry), ("keep", tier.keep)):
                if condition is not None:
                    yield (*here, "tiers", place, name), condition
        for place, variant in enumerate(tier_set.variants):
            for key, terms in variant.tiers.items():
                for name, condition in terms.said():
                    yield (*here, "variants", place, "tiers", key, name), condition


def _leaves(condition: Condition, place: Place) -> Iterator[tuple[Place, Asked]]:
    joined, children = parts(condition)
    if not joined:
        yield place, condition  # type: ignore[misc]  # what joins nothing is a comparison or a segment
    for index, child in enumerate(children):
        yield from _leaves(child, (*place, joined, index))


def _problems(
    asked: Asked, place: Place, scores: Scores, points: Sequence[str]
) -> Iterator[tuple[Place, str]]:
    if isinstance(asked, SegmentIs):
        yield from _unlabelled(asked, place, scores)
    elif asked.metric in points:
        if asked.window not in {None, LIFETIME}:
            yield (*place, "window"), "points count for a lifetime"
    elif asked.metric not in TIER_METRICS and asked.metric not in scores:
        yield (*place, "metric"), f"is none of {', '.join([*TIER_METRICS, *scores, *points])}"
    elif asked.metric not in TIER_METRICS and asked.window is not None:
        yield (*place, "window"), "a score has no window"


def _unlabelled(asked: SegmentIs, place: Place, scores: Scores) -> Iterator[tuple[Place, str]]:
    if asked.segment not in scores:
        yield (*place, "segment"), f"is no score of the program: {', '.join(scores) or 'it has none'}"
    elif asked.label not in labels_of(scores[asked.segment]):
        yield (*place, "is"), f"is none of {', '.join(labels_of(scores[asked.segment]))}"
    elif len(fact_of(asked.metric, "")) > FACT_LENGTH_MAX:
        yield (*place, "is"), f"score and label have more than {FACT_LENGTH_MAX} letters together"
