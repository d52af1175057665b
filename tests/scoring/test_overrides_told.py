"""Overrides and regions on the wire: decided, replayed to the same bits, and found out when changed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import explanations_pb2 as pb
from laurel.scoring.v1 import receipts_pb2, scoring_pb2
from libs.common.program import Program, preset
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import moment, timestamp

if TYPE_CHECKING:
    from tests.scoring.conftest import AsCaller

NOON, JULY = datetime(2026, 5, 7, 12, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
SPEND = fact_pb2.Fact(name="purchase.amount_minor.lifetime", value=400_000)
GOLD = receipts_pb2.TierOrder(
    tier="gold", code="APPEAL_UPHELD", until_time=timestamp(JULY), decision_id="dec_1"
)


def shop() -> Program:
    """Gold for 5,000 yuan, and for 4,000 in the north."""
    document = preset("ecommerce_five").document()
    document["tier_sets"][0]["variants"] = [
        {
            "key": "north",
            "name": {"zh": "北", "en": "North"},
            "stores": ["harbin"],
            "tiers": {"gold": {"entry": {"metric": "spend", "op": ">=", "value": 400_000}}},
        }
    ]
    return Program.parse(document)


SHOP = shop()
NAMED: dict[str, Any] = {"program_digest": SHOP.digest(), "program_document": SHOP.canonical()}


async def decided(as_caller: "AsCaller", *steps: scoring_pb2.TierStep, **fields: Any) -> list[Any]:
    subject = scoring_pb2.TierSubject(subject_id="one", tier_set="main", tier="silver", steps=steps, **fields)
    request = scoring_pb2.DecideTiersRequest(**NAMED, subjects=[subject])
    return list((await as_caller("service", None).DecideTiers(request)).decisions[0].receipts)


def a_step(at: datetime = NOON, **fields: Any) -> scoring_pb2.TierStep:
    cause = receipts_pb2.Cause(run_id="run_1")
    return scoring_pb2.TierStep(cause=cause, occurred_time=timestamp(at), facts=[SPEND], **fields)


ORDERED = a_step(look=receipts_pb2.TIER_LOOK_OVERRIDE, given=GOLD)


async def replayed(explaining_as: Any, receipts: list[Any]) -> list[pb.Replay]:
    request = pb.ReplayReceiptsRequest(**NAMED, receipts=receipts)
    return list((await explaining_as("service", None).ReplayReceipts(request)).replays)


async def test_an_override_is_told_with_what_is_beneath_it_and_replayed(
    as_caller: "AsCaller", explaining_as: Any
) -> None:
    receipts = await decided(as_caller, ORDERED, a_step(), a_step(JULY, look=receipts_pb2.TIER_LOOK_REVIEW))

    override = receipts[0].terms.after.override
    assert (override.code, override.earned_tier, moment(override.until_time)) == (
        "APPEAL_UPHELD",
        "silver",
        JULY,
    )
    assert receipts[0].terms.given == GOLD
    assert [each.to_tier for each in receipts] == ["gold", "gold", "silver"]
    assert [each.same for each in await replayed(explaining_as, receipts)] == [True] * 3


async def test_a_decision_goes_on_from_an_override_that_is_told(as_caller: "AsCaller") -> None:
    (first,) = await decided(as_caller, ORDERED)

    (following,) = await decided(as_caller, a_step(), term=first.terms.after)

    assert following.outcome == receipts_pb2.TIER_OUTCOME_OVERRIDDEN


async def test_an_order_that_was_changed_is_found_out(as_caller: "AsCaller", explaining_as: Any) -> None:
    (receipt,) = await decided(as_caller, ORDERED)
    receipt.terms.given.tier = "diamond"

    (replay,) = await replayed(explaining_as, [receipt])

    assert not replay.same
    assert {"digest", "to_tier"} <= {each.path for each in replay.differences}


async def test_the_region_decides_and_a_receipt_that_names_another_is_found_out(
    as_caller: "AsCaller", explaining_as: Any
) -> None:
    (receipt,) = await decided(as_caller, a_step(), variant="north")
    changed = receipts_pb2.Receipt.FromString(receipt.SerializeToString())
    changed.variant = ""

    good, bad = await replayed(explaining_as, [receipt, changed])

    assert (receipt.to_tier, receipt.variant) == ("gold", "north")
    assert (good.same, bad.same) == (True, False)
    assert {"digest", "outcome"} <= {each.path for each in bad.differences}


async def test_a_region_that_there_is_not_is_refused(as_caller: "AsCaller") -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await decided(as_caller, a_step(), variant="south")

    assert reason_of(refused.value) == "TIER_UNKNOWN"


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"tier": "gold", "target_tier": "platinum"}, ["OVERRIDDEN"]),
        ({"tier": "normal", "target_tier": "gold", "variant": "north", "term": None}, []),
    ],
    ids=["staff decided on it", "as far as it is in the north"],
)
async def test_paths_know_of_overrides_and_regions(
    as_caller: "AsCaller", explaining_as: Any, fields: dict[str, Any], codes: list[str]
) -> None:
    (given,) = await decided(as_caller, ORDERED)
    asked = {
        **NAMED,
        "tier_set": "main",
        "facts": [SPEND],
        "now": timestamp(NOON),
        "by_time": timestamp(NOON),
        "term": given.terms.after,
    }

    found = await explaining_as("service", None).FindTierPaths(pb.FindTierPathsRequest(**asked | fields))

    assert [one.code for each in found.obstacles for one in each.obstacles] == codes
    assert found.met is (codes == [])
