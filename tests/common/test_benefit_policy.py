"""Benefits and mixes in a program document: what contradicts itself is refused, with its path."""

from copy import deepcopy
from typing import Any

import pytest

from libs.common.errors import ProgramInvalid
from libs.common.program import Program, preset
from tests.support.builders import PROGRAM

NAME = {"zh": "礼", "en": "Gift"}
YEARLY = {"amount": 1, "unit": "uses", "period": "year"}
EVER = {"amount": 5, "unit": "uses", "period": "ever"}
SEGMENT = {"key": "all", "name": NAME, "cash_bp": 6_000}
OTHER = {"key": "high", "name": NAME, "cash_bp": 4_000, "condition": "tier == 'gold'"}


def program(*, grant: dict[str, Any] | None = None, mix: dict[str, Any] | None = None) -> Program:
    document = deepcopy(preset(PROGRAM).document())
    if grant is not None:
        gift = {"benefit": "gift", "kind": "consumption", "name": NAME, **grant}
        document["tier_sets"][0]["tiers"][0]["benefits"] = [gift]
    return Program.parse(document | {"mix": mix})


@pytest.mark.parametrize(
    ("grant", "problem"),
    [
        ({"pool": EVER}, "how much of it one member may have"),
        ({"pool": EVER, "quota": YEARLY | {"unit": "seats"}}, "in the same unit"),
        ({"pool": {**EVER, "period": "day", "carry_over": 1}, "quota": YEARLY}, "carries nothing over"),
        ({"birthday": "day"}, "has a quota of a year"),
        ({"birthday": "month", "quota": EVER}, "has a quota of a year"),
        ({"birthday": "day", "quota": YEARLY | {"carry_over": 1}}, "has a quota of a year"),
        (
            {"schedule": {"from_time": "2026-11-11T00:00:00Z", "until_time": "2026-11-11T00:00:00Z"}},
            "it ends before it begins",
        ),
        ({"schedule": {"from_time": "2026-11-11T00:00:00"}}, "timezone"),
    ],
    ids=["no quota", "another unit", "carried", "uncounted", "for ever", "two a year", "empty", "no zone"],
)
def test_a_benefit_that_contradicts_itself_is_refused(grant: dict[str, Any], problem: str) -> None:
    with pytest.raises(ProgramInvalid) as refusal:
        program(grant=grant)

    ((path, told),) = refusal.value.facts.items()
    assert path.startswith("tier_sets[0].tiers[0].benefits[0]")
    assert problem in str(told)


@pytest.mark.parametrize(
    ("segments", "problem"),
    [
        ([], "at least 1"),
        ([OTHER], "takes everybody else"),
        ([SEGMENT, OTHER], "takes everybody else"),
        ([OTHER, OTHER, SEGMENT], "share a key"),
        ([SEGMENT | {"cash_bp": 10_001}], "10000"),
        ([OTHER | {"condition": "wealth > 3"}, SEGMENT], "undeclared reference to 'wealth'"),
    ],
    ids=["none", "nobody else", "others first", "twice", "more than all", "unknown name"],
)
def test_a_mix_that_leaves_somebody_out_is_refused(segments: list[Any], problem: str) -> None:
    with pytest.raises(ProgramInvalid) as refusal:
        program(mix={"segments": segments})

    ((path, told),) = refusal.value.facts.items()
    assert path.startswith("mix")
    assert problem in str(told)


def test_what_all_members_share_is_known_by_its_benefit() -> None:
    shared = program(grant={"pool": EVER, "quota": YEARLY})

    assert shared.pools == {"gift"}
    assert Program.parse(shared.canonical()) == shared
