"""The higher one of an earned and a granted tier is held; each benefit says which contract it comes from."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.contract_policy import Plan
from libs.common.program import Program, preset
from libs.common.tier_policy import TierSet
from services.benefits.domain.contracts import Contract
from services.benefits.domain.memberships import Membership
from services.benefits.domain.standing import entitlements_at, in_force, standing, tier_at
from tests.benefits.domain.contract_book import Book

BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)
JOINED = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def a_program() -> Program:
    """The dating site, where silver is earned between normal and what is sold."""
    document = preset("dating_annual").document()
    spend = {"metric": "spend", "op": ">=", "value": 100_000}
    silver = {**document["tier_sets"][0]["tiers"][0], "key": "silver", "entry": spend, "benefits": []}
    badge = {"benefit": "badge", "kind": "identity", "name": {"zh": "徽章", "en": "Badge"}}
    document["tier_sets"][0]["tiers"].insert(1, silver | {"benefits": [badge]})
    return Program.parse(document)


PROGRAM = a_program()


def the_plan(key: str) -> Plan:
    plan = PROGRAM.contracts.plan(key)
    assert plan is not None
    return plan


def a_member(tier: str) -> list[Membership]:
    return [Membership("dating_annual", "mem_1", "main", tier=tier, since_time=JOINED)]


def a_contract(key: str) -> Contract:
    return Book(BEGIN).sell(the_plan(key))


def ladder() -> TierSet:
    return PROGRAM.tier_sets[0]


@pytest.mark.parametrize(
    ("earned", "plan", "held", "granted"),
    [
        ("normal", "gold_year", "gold", True),
        ("silver", "gold_year", "gold", True),
        ("gold", "gold_year", "gold", False),
        ("diamond", "gold_year", "diamond", False),
        ("", "gold_year", "gold", True),
        ("silver", "ai_deep_matching", "silver", False),
    ],
    ids=["above", "above what is earned", "as high", "below", "before they joined", "no tier"],
)
def test_the_higher_tier_counts(earned: str, plan: str, held: str, granted: bool) -> None:
    contract = a_contract(plan)

    (found,) = standing(PROGRAM, a_member(earned), [contract]).values()

    assert (found.tier, found.earned_tier, found.contract) == (held, earned, contract if granted else None)
    assert found.since_time == (BEGIN if granted else JOINED)


def test_of_several_contracts_the_highest_tier_counts() -> None:
    contracts = [a_contract(key) for key in ("gold_year", "diamond_year", "gold_year")]

    assert standing(PROGRAM, a_member("normal"), contracts)["main"].contract == contracts[1]


def test_who_has_neither_holds_nothing() -> None:
    assert standing(PROGRAM, [], []) == {}


@pytest.mark.parametrize(
    ("after", "tier"),
    [(timedelta(seconds=-1), "normal"), (timedelta(0), "gold"), (365 * DAY, "gold"), (367 * DAY, "normal")],
    ids=["before it begins", "as it begins", "on its last day", "over"],
)
def test_a_tier_is_held_from_the_contract_on_until_it_ends(after: timedelta, tier: str) -> None:
    assert tier_at(ladder(), "normal", [a_contract("gold_year")], BEGIN + after) == tier


def test_an_add_on_grants_while_what_it_needs_does() -> None:
    book = Book(BEGIN)
    needed = book.sell(the_plan("gold_year"))
    add_on = book.sell(the_plan("ai_boost"))
    book.move(BEGIN + DAY)
    before = in_force(book.contracts.values(), book.at)

    book.refund(needed)

    assert [each.contract_id for each in before] == [needed.contract_id, add_on.contract_id]
    assert in_force(book.contracts.values(), book.at) == []


def origins(tier: str, *contracts: Contract, at: datetime = BEGIN) -> dict[str, tuple[str, str]]:
    """By benefit, the tier in whose list it stands and the plan without which it would not be had."""
    found = entitlements_at(PROGRAM, a_member(tier), contracts, at)
    return {each.grant.benefit: (each.granted_by_tier, each.plan) for each in found}


def test_benefits_say_which_contract_they_come_from() -> None:
    assert origins("silver", a_contract("gold_year"), a_contract("ai_deep_matching")) == {
        "advanced_search": ("gold", "gold_year"),
        "anonymous_visit_records": ("gold", "gold_year"),
        "offline_event_priority_signup": ("gold", "gold_year"),
        "badge": ("silver", ""),
        "basic_matching": ("normal", ""),
        "profile_browse": ("normal", ""),
        "emotion_prediction": ("", "ai_deep_matching"),
        "weekly_match_advice": ("", "ai_deep_matching"),
    }


def test_a_higher_tier_by_contract_brings_those_between_too() -> None:
    assert origins("normal", a_contract("gold_year"))["badge"] == ("silver", "gold_year")


def test_when_a_contract_is_over_only_what_was_earned_is_left() -> None:
    assert origins("silver", a_contract("diamond_year"), at=BEGIN + 400 * DAY) == origins("silver")


def test_who_was_very_satisfied_has_the_private_class_for_a_while_after_the_end() -> None:
    book = Book(BEGIN)
    sold = book.sell(the_plan("gold_year"))
    book.move(sold.period.bounds[1])
    said = book.satisfy(sold, "very_satisfied")

    had = [
        "matchmaker_private_class" in origins("normal", said, at=book.at + days * DAY)
        for days in (-1, 0, 29, 30)
    ]

    assert had == [False, True, True, False]
    assert origins("normal", said, at=book.at)["matchmaker_private_class"] == ("", "gold_year")
