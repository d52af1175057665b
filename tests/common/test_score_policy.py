"""Scorecards as documents: what a policy may say, and what is refused with its place."""

import hashlib
import json
import re
from typing import Any

import pytest

from libs.common.errors import ProgramInvalid
from libs.common.program import Program, preset
from libs.common.score_policy import SCORE_FACTS_MAX, SCORECARDS_MAX

NAME = {"zh": "名", "en": "Name"}
LINEAR = {"kind": "linear", "low": 0, "high": 10}


def a_dimension(key: str, **fields: Any) -> dict[str, Any]:
    return {"key": key, "name": NAME, "fact": "login.count.30d", "scale": LINEAR} | fields


def a_card(**fields: Any) -> dict[str, Any]:
    card = {
        "key": "activity",
        "version": "v1",
        "name": NAME,
        "dimensions": [a_dimension("logins", weight_bp=6_000), a_dimension("orders", weight_bp=4_000)],
        "bands": [
            {"key": "high", "name": NAME, "min_total_bp": 5_000},
            {"key": "low", "name": NAME, "min_total_bp": 0},
        ],
    }
    return card | fields


def judged(*rows: list[str | int], **fields: Any) -> dict[str, Any]:
    return a_card(
        dimensions=[a_dimension(key) for key in ("logins", "orders", "shares")[: len(rows)]],
        judgements=list(rows),
        **fields,
    )


def parsed(*cards: dict[str, Any]) -> Program:
    document = preset("music_store").document()
    document["scorecards"] = list(cards)
    return Program.parse(document)


def refused(*cards: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ProgramInvalid) as refusal:
        parsed(*cards)
    return {path: str(text) for path, text in refusal.value.facts.items()}


def test_equal_judgements_give_equal_weights() -> None:
    (card,) = parsed(judged([1, 1], ["1", "1"])).scorecards

    assert card.weights_bp == (5_000, 5_000)


def test_judgements_are_kept_as_they_were_made() -> None:
    program = parsed(judged([1, 3, 5], ["1/3", 1, 3], ["1/5", "1/3", 1]))

    again = Program.parse(program.canonical())

    assert again == program
    assert again.scorecards[0].judgements == (("1", "3", "5"), ("1/3", "1", "3"), ("1/5", "1/3", "1"))
    assert again.scorecards[0].weights_bp == (6_370, 2_583, 1_047)


def test_judgements_that_contradict_are_refused_with_the_worst_of_them() -> None:
    told = refused(judged([1, 9, "1/9"], ["1/9", 1, 9], [9, "1/9", 1]))

    (text,) = told.values()
    assert list(told) == ["scorecards[0]"]
    assert text.startswith("judgements contradict: consistency ratio ")
    assert re.search("worst: [a-z]+ over [a-z]+ is 9, by the others 1.00$", text)


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "weights of 9,999": (
        a_card(dimensions=[a_dimension("logins", weight_bp=9_999)]),
        "scorecards[0]",
        "the weights do not add up to 10000",
    ),
    "no weights": (a_card(dimensions=[a_dimension("logins")]), "scorecards[0]", "the weights do not add up"),
    "weights and judgements": (
        a_card(judgements=[["1", "1"], ["1", "1"]]),
        "scorecards[0]",
        "weights are either given by weight_bp or follow from judgements",
    ),
    "a row of judgements less": (judged(["1", "1"]), "scorecards[0]", "judgements are 1 rows of 1"),
    "a judgement less": (judged(["1", "2"], ["1/2"]), "scorecards[0]", "judgements are 2 rows of 2"),
    "a row of a thousand judgements": (
        judged(["1"] * 1_000, ["1", "1"]),
        "scorecards[0].judgements[0]",
        "at most 10",
    ),
    "no judgements": (
        a_card(judgements=[], dimensions=[a_dimension("logins")]),
        "scorecards[0]",
        "judgements are 1 rows of 1",
    ),
    "both more than the other": (
        judged(["1", "3"], ["3", "1"]),
        "scorecards[0]",
        "judgements: orders over logins is 3, which is not logins over orders turned over, 1/3",
    ),
    "more than itself": (judged(["2", "1"], ["1", "1"]), "scorecards[0]", "logins over logins is 2"),
    "a judgement of 0": (judged(["1", "0"], ["1", "1"]), "scorecards[0].judgements[0][1]", "pattern"),
    "a judgement of 10": (judged(["1", 10], ["1", "1"]), "scorecards[0].judgements[0][1]", "pattern"),
    "a judgement of true": (judged([True, "1"], ["1", "1"]), "scorecards[0].judgements[0][0]", "string"),
    "a judgement by nothing": (
        judged(["1", "1/0"], ["1", "1"]),
        "scorecards[0].judgements[0][1]",
        "pattern",
    ),
    "eleven dimensions": (
        a_card(dimensions=[a_dimension(f"d{n}", weight_bp=0) for n in range(11)]),
        "scorecards[0].dimensions",
        "at most 10",
    ),
    "no dimensions": (a_card(dimensions=[]), "scorecards[0].dimensions", "at least 1"),
    "a dimension twice": (
        a_card(dimensions=[a_dimension("logins", weight_bp=5_000)] * 2),
        "scorecards[0]",
        "dimensions share a key: logins",
    ),
    "a dimension called total": (
        a_card(dimensions=[a_dimension("total_bp", weight_bp=10_000)]),
        "scorecards[0]",
        "keys that every score has: total_bp",
    ),
    "the key of RFM": (a_card(key="rfm"), "scorecards[0]", "rfm is the key of RFM itself"),
    "cuts that descend": (
        a_card(
            dimensions=[a_dimension("a", weight_bp=10_000, scale={"kind": "cuts", "cuts": [2, 1]})],
        ),
        "scorecards[0].dimensions[0].scale",
        "the cuts ascend",
    ),
    "a line that stands": (
        a_card(
            dimensions=[a_dimension("a", weight_bp=10_000, scale={"kind": "linear", "low": 5, "high": 5})],
        ),
        "scorecards[0].dimensions[0].scale",
        "low is below high",
    ),
    "an S without a slope": (
        a_card(
            dimensions=[
                a_dimension("a", weight_bp=10_000, scale={"kind": "logistic", "midpoint": 5, "spread": 0})
            ],
        ),
        "scorecards[0].dimensions[0].scale.spread",
        "greater than or equal to 1",
    ),
    "another scale": (
        a_card(dimensions=[a_dimension("a", weight_bp=10_000, scale={"kind": "step"})]),
        "scorecards[0].dimensions[0].scale",
        "none of cuts, linear and logistic",
    ),
    "a number that is none": (
        a_card(
            dimensions=[a_dimension("a", weight_bp=10_000, scale={"kind": "linear", "high": float("inf")})],
        ),
        "scorecards[0].dimensions[0].scale.high",
        "",
    ),
    "a number beyond what is exact": (
        a_card(dimensions=[a_dimension("a", weight_bp=10_000, scale={"kind": "linear", "high": 10**15 + 1})]),
        "scorecards[0].dimensions[0].scale.high",
        "less than or equal to",
    ),
    "an age that is no age": (
        a_card(
            dimensions=[
                a_dimension(
                    "a", weight_bp=10_000, decay={"age_fact": "login.count.30d", "half_life_days": 30}
                )
            ],
        ),
        "scorecards[0].dimensions[0].decay.age_fact",
        "is none of the facts",
    ),
    "a half-life of nothing": (
        a_card(
            dimensions=[
                a_dimension(
                    "a", weight_bp=10_000, decay={"age_fact": "login.days_since_last", "half_life_days": 0}
                )
            ],
        ),
        "scorecards[0].dimensions[0].decay.half_life_days",
        "greater than or equal to 1",
    ),
    "bands that leave a gap below": (
        a_card(bands=[{"key": "high", "name": NAME, "min_total_bp": 1}]),
        "scorecards[0]",
        "min_total_bp of the bands descends, down to 0",
    ),
    "a band that nobody reaches": (
        a_card(industry_bp=4_999),
        "scorecards[0]",
        "the highest band begins above all totals",
    ),
}


@pytest.mark.parametrize(("card", "path", "text"), REFUSED.values(), ids=list(REFUSED))
def test_a_scorecard_that_breaks_a_rule_is_refused_with_the_place(
    card: dict[str, Any], path: str, text: str
) -> None:
    told = refused(card)

    assert list(told) == [path]
    assert text in told[path]


def test_scorecards_have_keys_of_their_own_and_there_are_not_too_many() -> None:
    assert "scorecards share a key: activity" in refused(a_card(), a_card())["document"]
    assert list(refused(*(a_card(key=f"c{n}") for n in range(SCORECARDS_MAX + 1)))) == ["scorecards"]


def test_all_scores_together_read_no_more_facts_than_a_frame_has_columns() -> None:
    cards = [
        a_card(
            key=f"c{card}",
            dimensions=[
                a_dimension(f"d{n}", fact=f"login.count.{card * 10 + n}d", weight_bp=1_000) for n in range(10)
            ],
        )
        for card in range(5)
    ]

    told = refused(*cards)["document"]

    assert told == f"the scores read 53 facts, {SCORE_FACTS_MAX} at most"


def test_the_facts_of_all_scores_are_known_once_each() -> None:
    decay = {"age_fact": "login.days_since_last", "half_life_days": 30}
    dimension = a_dimension("a", weight_bp=10_000, per={"fact": "view.count.30d"}, decay=decay)

    program = parsed(a_card(dimensions=[dimension], requires="purchase.count.lifetime"), a_card(key="other"))

    assert program.score_facts == (
        "login.count.30d",
        "login.days_since_last",
        "purchase.amount_minor.lifetime",
        "purchase.count.lifetime",
        "purchase.days_since_last",
        "view.count.30d",
    )


def test_a_version_that_was_stored_before_there_were_scorecards_keeps_its_bytes_and_scores_as_it_did() -> (
    None
):
    document = preset("music_store").document()
    del document["scorecards"]
    stored = json.dumps(document).encode()

    program = Program.parse(stored)

    assert program == preset("music_store")
    assert hashlib.sha256(stored).hexdigest() != program.digest()
    assert list(program.score_policies) == ["rfm"]


def test_the_shop_is_scored_by_rfm_and_six_scorecards() -> None:
    cards = {card.key: card for card in preset("ecommerce_points").scorecards}

    assert list(preset("ecommerce_points").score_policies) == [
        "rfm",
        "activity",
        "vci",
        "potential",
        "stage",
        "health",
        "composite",
    ]
    assert cards["health"].bands[-1].name.zh == "需干预"
    assert cards["vci"].bands[0].min_total_bp == 8_000
    assert [band.name.zh for band in cards["stage"].bands] == ["成熟期", "成长期", "导入期", "衰退期"]
    assert cards["composite"].judgements is not None
    assert cards["composite"].weights_bp == (4_185, 2_625, 1_599, 973, 618)
