"""What programs are asked for in examples with numbers, as far as a decision alone shows it."""

from typing import Any

import pytest

from libs.common.errors import ProgramInvalid
from libs.common.program import Program, preset
from services.scoring.domain.cards import cards_of
from services.scoring.domain.receipts import RunCause
from services.scoring.domain.scores import score
from services.scoring.domain.tiers import Standing, Step, decide
from tests.scoring.builders import NOON, ladder_of

ORDERS, LOGINS, AGE = "purchase.count.365d", "login.distinct_days.30d", "login.days_since_last"
FACTS = {ORDERS: 10, LOGINS: 10, AGE: 0}
EQUAL = [["1", "1"], ["1", "1"]]
# The first is three times the second, the second three times the third, and the third three times the first.
CONTRADICTING = [["1", "3", "1/3"], ["1/3", "1", "3"], ["3", "1/3", "1"]]


def _dimension(key: str, fact: str, **more: Any) -> dict[str, Any]:
    scale = {"kind": "linear", "low": 0, "high": 10}
    return {"key": key, "name": {"zh": "项", "en": "Item"}, "fact": fact, "scale": scale, **more}


def a_program(judgements: list[list[str]], *dimensions: dict[str, Any]) -> Program:
    """Friends have eight tenths of a score whose weights are judged in pairs."""
    document = preset("ecommerce_five").document()
    document["scorecards"] = [
        {
            "key": "value",
            "version": "1",
            "name": {"zh": "价值", "en": "Value"},
            "dimensions": list(dimensions),
            "judgements": judgements,
            "bands": [{"key": "all", "name": {"zh": "全部", "en": "All"}, "min_total_bp": 0}],
        }
    ]
    document["tier_sets"][0]["tiers"] = [
        {"key": "guest", "name": {"zh": "客人", "en": "Guest"}},
        {
            "key": "friend",
            "name": {"zh": "朋友", "en": "Friend"},
            "entry": {"metric": "value", "op": ">=", "value": 8_000},
        },
    ]
    return Program.parse(document)


class TestExample17:
    def test_equal_judgements_are_equal_weights(self) -> None:
        program = a_program(EQUAL, _dimension("orders", ORDERS), _dimension("logins", LOGINS))

        scored = score(cards_of(program)["value"], FACTS)

        assert {each.contribution_bp for each in scored.contributions} == {5_000}

    def test_judgements_that_contradict_each_other_are_refused(self) -> None:
        dimensions = [_dimension("a", ORDERS), _dimension("b", LOGINS), _dimension("c", "login.count.365d")]

        with pytest.raises(ProgramInvalid) as refused:
            a_program(CONTRADICTING, *dimensions)

        assert any("contradict" in str(each) for each in refused.value.facts.values())

    @pytest.mark.parametrize(("age", "tier"), [(0, "friend"), (14, "guest")], ids=["today", "two weeks ago"])
    def test_older_behaviour_weighs_less_and_decides_so(self, age: int, tier: str) -> None:
        decay = {"age_fact": AGE, "half_life_days": 14}
        program = a_program(EQUAL, _dimension("orders", ORDERS), _dimension("logins", LOGINS, decay=decay))

        receipt = decide(
            ladder_of(program), Standing("guest"), Step(RunCause("run"), NOON, FACTS | {AGE: age})
        )

        assert receipt.to_tier == tier
