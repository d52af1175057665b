"""Regions: a member is decided by the rules of the region that they belong to, and the receipt says which."""

import pytest

from libs.common.canonical import canonical
from libs.common.program import Program, preset
from services.scoring.domain.errors import TierUnknown
from services.scoring.domain.receipts import canonical_text
from services.scoring.domain.tiers import Ladder, Standing, decide, replay
from tests.scoring.builders import a_step, at_least, codes, ladder_of
from tests.scoring.domain.test_receipts import written_out

NORTH = {
    "key": "north",
    "name": {"zh": "北方", "en": "North"},
    "stores": ["harbin", "shenyang"],
    "tiers": {"gold": {"entry": at_least("spend", 300_000)}},
}


def program() -> Program:
    """Gold for 5,000 yuan, and for 3,000 in the north."""
    document = preset("ecommerce_five").document()
    document["tier_sets"][0]["variants"] = [NORTH]
    return Program.parse(document)


LADDER: Ladder = ladder_of(program())


@pytest.mark.parametrize(
    ("store", "tier"), [("harbin", "gold"), ("beijing", "silver"), ("", "silver")], ids=str
)
def test_the_region_of_the_home_store_decides(store: str, tier: str) -> None:
    variant = program().tier_sets[0].variant_of(store)

    receipt = decide(LADDER.local(variant), Standing("normal"), a_step(spend=300_000))

    assert (receipt.to_tier, receipt.variant) == (tier, "north" if store == "harbin" else "")


def test_tiers_that_a_region_says_nothing_of_are_as_everywhere() -> None:
    receipt = decide(LADDER.local("north"), Standing("normal"), a_step(spend=100_000))

    assert (receipt.to_tier, "NEXT_TIER_GAP" in codes(receipt)) == ("silver", True)
    assert {each.rule.threshold for each in receipt.rules if each.rule.tier == "gold"} == {300_000}


def test_a_receipt_of_a_region_is_replayed_by_its_rules_to_the_same_bits() -> None:
    receipt = decide(LADDER.local("north"), Standing("normal"), a_step(spend=300_000))

    assert replay(LADDER, receipt) == receipt
    assert receipt.schema_version == 2
    assert canonical_text(receipt).encode() == canonical(written_out(receipt))


def test_a_receipt_of_everywhere_is_what_it_was_before_there_were_regions() -> None:
    receipt = decide(LADDER, Standing("normal"), a_step(spend=300_000))

    assert (receipt.schema_version, "variant" in canonical_text(receipt)) == (1, False)


def test_who_moves_to_another_region_is_decided_by_its_rules_from_then_on() -> None:
    ladders = [LADDER, LADDER.local("north")]
    standing, tiers = Standing(), []

    for ladder in ladders:
        receipt = decide(ladder, standing, a_step(spend=300_000))
        standing = Standing(receipt.to_tier, receipt.as_of, receipt.term)
        tiers.append(receipt.to_tier)

    assert tiers == ["silver", "gold"]


def test_a_region_that_there_is_not_is_refused() -> None:
    with pytest.raises(TierUnknown):
        LADDER.local("south")
