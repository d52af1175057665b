"""The program document: what it holds, what it refuses, and the programs that are shipped."""

import json
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from libs.common.errors import ProgramInvalid, ProgramUnknown
from libs.common.program import Program, preset, preset_names
from libs.common.tier_policy import Tier

Document = dict[str, Any]


def changed(change: Callable[[Document], object]) -> Document:
    document = deepcopy(preset("ecommerce_five").document())
    change(document)
    return document


def tiers(document: Document) -> list[Document]:
    listed: list[Document] = document["tier_sets"][0]["tiers"]
    return listed


def problems(document: Document | bytes) -> dict[str, object]:
    with pytest.raises(ProgramInvalid) as refusal:
        Program.parse(document)
    return refusal.value.facts


def nested(depth: int) -> Document:
    condition: Document = {"metric": "spend", "op": ">=", "value": 1}
    for _ in range(depth - 1):
        condition = {"any": [condition]}
    return condition


def entry_of(tier: Tier) -> object:
    return tier.entry.model_dump(exclude_none=True) if tier.entry else None


@pytest.mark.parametrize("name", preset_names())
def test_a_program_reads_its_own_canonical_form_back(name: str) -> None:
    program = preset(name)

    again = Program.parse(program.canonical())

    assert again == program
    assert again.canonical() == program.canonical()
    assert again.digest() == program.digest()


def test_the_shop_programme_has_the_thresholds_of_its_model() -> None:
    (ladder,) = preset("ecommerce_five").tier_sets

    assert [tier.key for tier in ladder.tiers] == ["normal", "silver", "gold", "platinum", "diamond"]
    assert [tier.name.zh for tier in ladder.tiers] == [
        "普通会员",
        "银卡会员",
        "金卡会员",
        "白金会员",
        "钻石会员",
    ]
    assert [entry_of(tier) for tier in ladder.tiers] == [None] + [
        {
            "any": (
                {"metric": "spend", "op": ">=", "value": yuan * 100},
                {"metric": "invites", "op": ">=", "value": invites},
            )
        }
        for yuan, invites in [(1000, 3), (5000, 10), (10_000, 30), (30_000, 100)]
    ]


def test_the_shop_programme_has_the_benefits_of_its_model() -> None:
    (ladder,) = preset("ecommerce_five").tier_sets

    assert {tier.key: [grant.benefit for grant in tier.benefits] for tier in ladder.tiers} == {
        "normal": ["member_discount", "birthday_day_extra_discount", "event_priority"],
        "silver": ["silver_discount", "points_x2", "free_shipping"],
        "gold": ["gold_discount", "one_to_one_service"],
        "platinum": ["platinum_discount", "exclusive_gift"],
        "diamond": ["diamond_discount", "dedicated_account_manager"],
    }
    assert [tier.multiplier_bp for tier in ladder.tiers] == [10_000, 20_000, 20_000, 20_000, 20_000]
    assert [tier.discount_bp for tier in ladder.tiers] == [9800, 9500, 9200, 9000, 8800]


def test_the_music_store_is_a_replayed_dollar_program_whose_points_stay() -> None:
    program = preset("music_store")
    (ladder,) = program.tier_sets

    assert (program.currency, program.time_zone) == ("USD", "America/New_York")
    assert program.document()["clock"] == {"replay_from": "1998-07-01T00:00:00Z"}
    assert [entry_of(tier) for tier in ladder.tiers] == [None] + [
        {"metric": "spend", "op": ">=", "value": dollars * 100} for dollars in (100, 250, 500, 1000)
    ]
    assert [tier.multiplier_bp for tier in ladder.tiers] == [10_000, 20_000, 20_000, 20_000, 20_000]
    assert [(rule.unit_minor, rule.points_per_unit) for rule in program.points.earn] == [(100, 1)]
    assert program.points.expire_after_months is None


def test_a_preset_that_is_not_shipped_is_unknown() -> None:
    with pytest.raises(ProgramUnknown):
        preset("../program")


def test_a_moment_of_another_offset_is_the_same_document() -> None:
    here = preset("music_store").document() | {"clock": {"replay_from": "1998-07-01T08:00:00+08:00"}}

    assert Program.parse(here).digest() == preset("music_store").digest()


def test_a_default_left_out_is_the_same_document() -> None:
    document = changed(lambda document: document["tier_sets"][0].pop("movement"))

    assert Program.parse(document).digest() == preset("ecommerce_five").digest()


def test_a_program_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        preset("music_store").version = 2  # type: ignore[misc]


REFUSED: dict[str, tuple[Callable[[Document], object], str]] = {
    "a field that nobody knows": (lambda d: d.update(self=1), "self"),
    "a number as text": (
        lambda d: tiers(d)[1].update(multiplier_bp="2"),
        "tier_sets[0].tiers[1].multiplier_bp",
    ),
    "a broken number": (lambda d: d["points"]["earn"][0].update(unit_minor=1.5), "points.earn[0].unit_minor"),
    "an infinite number": (
        lambda d: d["points"]["earn"][0].update(unit_minor=float("inf")),
        "points.earn[0].unit_minor",
    ),
    "a number beyond what JSON holds": (
        lambda d: tiers(d)[1].update(entry={"metric": "spend", "op": ">=", "value": 2**53}),
        "tier_sets[0].tiers[1].entry.value",
    ),
    "a currency that is none": (lambda d: d.update(currency="RMB"), "currency"),
    "a time zone that is none": (lambda d: d.update(time_zone="../Asia/Shanghai"), "time_zone"),
    "a time without a zone": (
        lambda d: d.update(clock={"replay_from": "1998-07-01T00:00:00"}),
        "clock.replay_from",
    ),
    "a time before the calendar": (
        lambda d: d.update(clock={"replay_from": "0001-01-01T00:00:00+08:00"}),
        "clock.replay_from",
    ),
    "downgrades without a period": (
        lambda d: d["tier_sets"][0]["movement"].update(downgrade="period_end"),
        "tier_sets[0].movement",
    ),
    "no tier set": (lambda d: d.update(tier_sets=[]), "tier_sets"),
    "two tier sets of one key": (lambda d: d["tier_sets"].append(d["tier_sets"][0]), "document"),
    "two tiers of one key": (lambda d: tiers(d)[1].update(key="gold"), "tier_sets[0]"),
    "a benefit that a lower tier grants": (
        lambda d: tiers(d)[2]["benefits"].append(tiers(d)[1]["benefits"][0]),
        "tier_sets[0]",
    ),
    "a first tier with an entry": (lambda d: tiers(d).pop(0), "tier_sets[0]"),
    "a second tier without entry": (lambda d: tiers(d)[1].update(entry=None), "tier_sets[0]"),
    "a metric that is none": (
        lambda d: tiers(d)[1].update(entry={"any": [{"metric": "karma", "op": ">=", "value": 1}]}),
        "tier_sets[0].tiers[1].entry.any[0].metric",
    ),
    "an operator that is none": (
        lambda d: tiers(d)[1].update(entry={"all": [{"metric": "spend", "op": "!=", "value": 1}]}),
        "tier_sets[0].tiers[1].entry.all[0].op",
    ),
    "any of nothing": (lambda d: tiers(d)[1].update(entry={"any": []}), "tier_sets[0].tiers[1].entry.any"),
    "any and all at once": (
        lambda d: tiers(d)[1].update(entry={"any": [nested(1)], "all": [nested(1)]}),
        "tier_sets[0].tiers[1].entry.all",
    ),
    "nine levels": (lambda d: tiers(d)[1].update(entry=nested(9)), "tier_sets[0].tiers[1]"),
    "51 comparisons": (
        lambda d: tiers(d)[1].update(entry={"any": [nested(1)] * 51}),
        "tier_sets[0].tiers[1]",
    ),
    "52 comparisons in all": (
        lambda d: [tier.update(entry={"any": [nested(1)] * 13}) for tier in tiers(d)[1:]],
        "tier_sets[0]",
    ),
    "two earning rules of one key": (lambda d: d["points"]["earn"].append(d["points"]["earn"][0]), "points"),
    "points that expire before they are active": (
        lambda d: d["points"].update(activate_after_days=56, expire_after_months=2),
        "points",
    ),
}


@pytest.mark.parametrize(("change", "path"), REFUSED.values(), ids=list(REFUSED))
def test_a_document_that_breaks_a_rule_is_refused_with_the_place(
    change: Callable[[Document], object], path: str
) -> None:
    assert list(problems(changed(change))) == [path]


RFM_REFUSED: dict[str, tuple[Document, str]] = {
    "weights of 9,999": (
        {"weights_bp": {"recency": 3333, "frequency": 3333, "monetary": 3333}},
        "rfm.weights_bp",
    ),
    "cuts that descend": ({"recency_cuts": [4, 3, 2, 1]}, "rfm"),
    "two cuts the same": ({"recency_cuts": [1, 2, 2, 3]}, "rfm"),
    "three cuts": ({"recency_cuts": [1, 2, 3]}, "rfm.recency_cuts"),
    "labels that leave a gap below": (
        {"labels": [{"key": "a", "name": {"zh": "甲", "en": "a"}, "min_total_bp": 1}]},
        "rfm",
    ),
    "labels that overlap": (
        {"labels": [{"key": key, "name": {"zh": "甲", "en": "a"}, "min_total_bp": 0} for key in "ab"]},
        "rfm",
    ),
}


@pytest.mark.parametrize(("change", "path"), RFM_REFUSED.values(), ids=list(RFM_REFUSED))
def test_an_rfm_policy_that_breaks_a_rule_is_refused(change: Document, path: str) -> None:
    document = preset("music_store").document()
    document["rfm"] |= change

    assert list(problems(document)) == [path]


def test_a_rule_by_which_one_purchase_earns_beyond_what_json_holds_is_refused() -> None:
    document = preset("music_store").document()
    document["points"]["earn"][0] |= {"unit_minor": 1, "points_per_unit": 1_000_000}

    with pytest.raises(ProgramInvalid) as refusal:
        Program.parse(document)

    assert "one purchase could earn more" in refusal.value.facts["document"]  # type: ignore[operator]


def test_points_may_be_active_until_the_eve_of_their_expiry() -> None:
    Program.parse(
        changed(lambda document: document["points"].update(activate_after_days=55, expire_after_months=2))
    )


def test_eight_levels_are_accepted() -> None:
    Program.parse(changed(lambda document: tiers(document)[1].update(entry=nested(8))))


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"[]", b"\xff", b'{"key":"\\ud800"}', b'{"any":[' * 50_000],
    ids=["nothing", "cut off", "a list", "no text", "half a character", "very deep"],
)
def test_bytes_that_are_no_document_are_refused(document: bytes) -> None:
    assert problems(document)


def test_no_more_than_twenty_problems_are_told_and_none_at_length() -> None:
    document = preset("music_store").document() | {
        f"unknown_{number}_{'x' * 5000}": 1 for number in range(50)
    }

    told = problems(json.dumps(document).encode())

    assert len(told) == 20
    assert max(len(path) for path in told) <= 200


def test_a_document_of_thousands_of_faults_is_refused_in_no_time() -> None:
    document = preset("music_store").model_dump(mode="json") | {"tier_sets": [{}] * 5_000}
    started = time.process_time()

    with pytest.raises(ProgramInvalid) as refusal:
        Program.parse(document)

    assert len(refusal.value.facts) == 20
    assert time.process_time() - started < 1
