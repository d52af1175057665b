"""Tiers in a program document: modes, sub-tiers, scores and labels as thresholds, regions, inheritance."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from libs.common.conditions import Comparison, SegmentIs, comparisons, fact_of
from libs.common.errors import ProgramInvalid
from libs.common.program import Program, preset

Document = dict[str, Any]
GROWTH = {"segment": "stage", "is": "growth"}
SPENT = {"metric": "spend", "op": ">=", "value": 1}
SCORED = {"metric": "stage", "op": ">=", "value": 4_500}


def changed(change: Callable[[Document], object]) -> Document:
    """The programme by stage, whose second tier has been changed."""
    document = deepcopy(preset("generic_stage_four").document())
    document["tier_sets"][0]["mode"] = None
    change(document)
    return document


def ladder(document: Document) -> Document:
    found: Document = document["tier_sets"][0]
    return found


def tier(document: Document, place: int = 1) -> Document:
    found: Document = ladder(document)["tiers"][place]
    return found


def problems(document: Document) -> dict[str, object]:
    with pytest.raises(ProgramInvalid) as refusal:
        Program.parse(document)
    return refusal.value.facts


def region(**more: Any) -> Document:
    return {
        "key": "north",
        "name": {"zh": "北方", "en": "North"},
        "stores": ["harbin"],
        "tiers": {"middle": {"entry": SPENT}},
        **more,
    }


KINDS: dict[str, tuple[Document, str]] = {
    "money": ({"entry": SPENT}, "thresholds"),
    "money or a score": ({"entry": {"any": [SPENT, SCORED]}}, "thresholds"),
    "a score": ({"entry": SCORED}, "score"),
    "a score and a label": ({"entry": {"all": [SCORED, GROWTH]}}, "score"),
    "a label": ({"entry": GROWTH}, "segment"),
    "staff": ({"entry": None, "staff_assigned": True}, "invite_only"),
}


@pytest.mark.parametrize(("terms", "kind"), KINDS.values(), ids=list(KINDS))
def test_a_tier_is_of_the_kind_that_its_terms_make_it(terms: Document, kind: str) -> None:
    document = changed(lambda document: ladder(document).update(tiers=ladder(document)["tiers"][:2]))
    tier(document).update(terms)

    (found,) = Program.parse(document).tier_sets

    assert found.tiers[1].kind == kind


@pytest.mark.parametrize(
    ("meant", "terms"),
    [
        ("score", {"entry": SPENT}),
        ("score", {"entry": {"any": [SPENT, SCORED]}}),
        ("segment", {"entry": SCORED}),
        ("thresholds", {"entry": SCORED}),
        ("fee", {"entry": SPENT}),
        ("invite_only", {"entry": SPENT}),
        ("fee", {"entry": None, "staff_assigned": True}),
    ],
)
@pytest.mark.parametrize("of_the_tier", [True, False], ids=["the tier says so", "its tier set says so"])
def test_a_tier_that_is_meant_to_be_of_another_kind_is_refused(
    meant: str, terms: Document, *, of_the_tier: bool
) -> None:
    document = changed(lambda document: ladder(document).update(tiers=ladder(document)["tiers"][:2]))
    tier(document).update(terms)
    (tier if of_the_tier else ladder)(document)["mode"] = meant

    found = problems(document)

    assert list(found) == ["tier_sets[0].tiers[1].mode"]


def test_a_label_is_a_way_to_be_in_mode_score() -> None:
    document = changed(lambda document: ladder(document).update(mode="score"))

    assert Program.parse(document).tier_sets[0].mode == "score"


def test_a_tier_may_be_of_another_mode_than_its_set() -> None:
    (found,) = preset("xiaohongshu_four").tier_sets

    assert [found.mode, found.tiers[-1].mode, found.tiers[-1].kind] == ["score", "invite_only", "invite_only"]


def test_a_tier_that_nobody_gives_is_refused() -> None:
    document = changed(lambda document: tier(document, 3).update(entry=None))

    assert "no plan grants it" in str(problems(document))


REFUSED: dict[str, tuple[Callable[[Document], object], str]] = {
    "staff give what has an entry": (
        lambda d: tier(d).update(staff_assigned=True),
        "tier_sets[0].tiers[1]",
    ),
    "a tier for so many members, which there is not": (
        lambda d: tier(d).update(cap_members=100),
        "tier_sets[0].tiers[1].cap_members",
    ),
    "a score that is none": (
        lambda d: tier(d).update(entry={"metric": "vci", "op": ">=", "value": 1}),
        "tier_sets[0].tiers[1].entry.metric",
    ),
    "rfm where there is none": (
        lambda d: tier(d).update(keep={"any": [SPENT, {"metric": "rfm", "op": ">=", "value": 1}]}),
        "tier_sets[0].tiers[1].keep.any[1].metric",
    ),
    "a window of a score": (
        lambda d: tier(d).update(entry=SCORED | {"window": "365d"}),
        "tier_sets[0].tiers[1].entry.window",
    ),
    "a segment of no score": (
        lambda d: tier(d).update(entry={"segment": "vci", "is": "growth"}),
        "tier_sets[0].tiers[1].entry.segment",
    ),
    "a label that is none": (
        lambda d: tier(d).update(entry={"all": [SPENT, {"segment": "stage", "is": "old"}]}),
        "tier_sets[0].tiers[1].entry.all[1].is",
    ),
    "a segment and a metric at once": (
        lambda d: tier(d).update(entry=GROWTH | {"metric": "spend"}),
        "tier_sets[0].tiers[1].entry.metric",
    ),
    "a main tier that is none": (lambda d: tier(d).update(parent="silver"), "tier_sets[0].tiers[1].parent"),
    "a main tier that stands above": (
        lambda d: tier(d).update(parent="vip"),
        "tier_sets[0].tiers[1].parent",
    ),
    "a main tier with another one between": (
        lambda d: tier(d, 3).update(parent="middle"),
        "tier_sets[0].tiers[3].parent",
    ),
    "a first tier with a parent": (
        lambda d: tier(d, 0).update(parent="middle"),
        "tier_sets[0].tiers[0].parent",
    ),
    "a store of two regions": (
        lambda d: ladder(d).update(variants=[region(), region(key="south")]),
        "tier_sets[0]",
    ),
    "a region of no stores": (
        lambda d: ladder(d).update(variants=[region(stores=[])]),
        "tier_sets[0].variants[0].stores",
    ),
    "a region with a tier that has no entry": (
        lambda d: ladder(d).update(variants=[region(tiers={"junior": {"entry": SPENT}})]),
        "tier_sets[0]",
    ),
    "a region that says nothing of a tier": (
        lambda d: ladder(d).update(variants=[region(tiers={"middle": {}})]),
        "tier_sets[0].variants[0].tiers.middle",
    ),
    "a region that asks for a score that is none": (
        lambda d: ladder(d).update(
            variants=[region(tiers={"middle": {"keep": {"metric": "vci", "op": ">=", "value": 1}}})]
        ),
        "tier_sets[0].variants[0].tiers.middle.keep.metric",
    ),
    "a region of 51 comparisons": (
        lambda d: ladder(d).update(variants=[region(tiers={"middle": {"entry": {"any": [SPENT] * 48}}})]),
        "tier_sets[0]",
    ),
    "two KPIs of one key": (
        lambda d: d.update(
            kpis=[
                {"key": "k", "name": {"zh": "k", "en": "k"}, "metric": "churn_rate", "value_bp": 1}
                for _ in range(2)
            ]
        ),
        "kpis",
    ),
    "a KPI of a tier without its set": (
        lambda d: d.update(
            kpis=[
                {
                    "key": "k",
                    "name": {"zh": "k", "en": "k"},
                    "metric": "churn_rate",
                    "value_bp": 1,
                    "tier": "vip",
                }
            ]
        ),
        "kpis[0]",
    ),
    "a referral of no level": (lambda d: d.update(referral={"rates_bp": []}), "referral.rates_bp"),
    "a stage that is none": (
        lambda d: d.update(labels={"lifecycle": {"ancient": {"zh": "老", "en": "Old"}}}),
        "labels.lifecycle.ancient.[key]",
    ),
}


@pytest.mark.parametrize(("change", "path"), REFUSED.values(), ids=list(REFUSED))
def test_a_document_that_breaks_a_rule_is_refused_with_the_place(
    change: Callable[[Document], object], path: str
) -> None:
    assert list(problems(changed(change))) == [path]


def test_a_score_is_a_fact_of_its_own_without_a_window() -> None:
    (found,) = preset("xiaohongshu_four").tier_sets

    assert sorted(found.score_names) == ["score.composite"]
    assert not found.fact_names


def test_a_label_is_a_fact_that_is_one_for_who_has_it() -> None:
    (found,) = preset("generic_stage_four").tier_sets
    (_, asked), *_ = comparisons(found.tiers[3].entry or Comparison(metric="spend", op=">=", value=1))

    assert isinstance(asked, SegmentIs)
    assert fact_of(asked.metric, "lifetime") == "score.stage.loyal"
    assert (asked.op, asked.value, asked.window) == ("==", 1, None)
    assert found.score_names == {f"score.stage.{label}" for label in ("growth", "mature", "loyal")}


def test_sub_tiers_follow_their_main_tier() -> None:
    document = changed(lambda d: [tier(d, place).update(parent="middle") for place in (2, 3)])

    (found,) = Program.parse(document).tier_sets

    assert [each.parent for each in found.tiers] == [None, None, "middle", "middle"]


def test_a_region_asks_for_what_it_says_and_else_for_what_is_asked_everywhere() -> None:
    document = changed(lambda d: ladder(d).update(variants=[region()]))
    (found,) = Program.parse(document).tier_sets

    north = found.in_variant("north")

    assert north.tiers[1].entry == Comparison(metric="spend", op=">=", value=1)
    assert north.tiers[2:] == found.tiers[2:]
    assert found.fact_names == {"purchase.amount_minor.lifetime"}


def test_a_tier_that_inherits_nothing_may_grant_the_same_otherwise() -> None:
    document = changed(lambda d: tier(d, 2).update(inherits=False, benefits=tier(d, 1)["benefits"]))

    (found,) = Program.parse(document).tier_sets

    assert [[each.key for each in found.granting(place)] for place in range(4)] == [
        ["junior"],
        ["junior", "middle"],
        ["senior"],
        ["senior", "vip"],
    ]


def a_path(**more: Any) -> Document:
    """A growth path of one task, to stand beside the ladder."""
    name = {"zh": "节点", "en": "Node"}
    tiers = [{"key": "start", "name": name}, {"key": "done", "name": name, "entry": SPENT}]
    return {"key": "growth", "name": name, "path": {}, "tiers": tiers, **more}


WRONG_PATHS: dict[str, tuple[Callable[[Document], object], str]] = {
    "the main ladder as a path": (lambda d: ladder(d).update(path={}), "tier_sets[0].path"),
    "for a tier that is none": (
        lambda d: d["tier_sets"].append(a_path(path={"for_tiers": ["start"]})),
        "tier_sets[1].path.for_tiers",
    ),
    "for a tier twice": (
        lambda d: d["tier_sets"].append(a_path(path={"for_tiers": ["junior", "junior"]})),
        "tier_sets[1].path",
    ),
    "nodes that are lost again": (
        lambda d: d["tier_sets"].append(
            a_path(movement={"downgrade": "period_end", "period": {"kind": "year"}})
        ),
        "tier_sets[1]",
    ),
    "points for what everybody has": (lambda d: tier(d, 0).update(reward_points=1), "tier_sets[0].tiers[0]"),
}


@pytest.mark.parametrize(("change", "path"), WRONG_PATHS.values(), ids=list(WRONG_PATHS))
def test_a_path_or_a_reward_that_makes_no_sense_is_refused(
    change: Callable[[Document], object], path: str
) -> None:
    assert list(problems(changed(change))) == [path]


def test_a_path_stands_beside_the_first_ladder_and_says_whom_it_is_for() -> None:
    path = a_path(path={"for_tiers": ["junior"]})

    program = Program.parse(changed(lambda d: d["tier_sets"].append(path)))

    assert program.tier_sets[1].path is not None
    assert program.tier_sets[1].path.for_tiers == ("junior",)
