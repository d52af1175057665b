"""ExplanationService: for services alone, by programs that they name, and with clear words for bad input."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import explanations_pb2 as pb
from laurel.scoring.v1 import receipts_pb2, scoring_pb2
from libs.common.program import preset
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import timestamp

if TYPE_CHECKING:
    from tests.scoring.conftest import AsCaller

SHOP = preset("ecommerce_five")
NOON = datetime(2026, 5, 7, 12, tzinfo=UTC)
NAMED: dict[str, Any] = {"program_digest": SHOP.digest(), "program_document": SHOP.canonical()}
SPEND = fact_pb2.Fact(name="purchase.amount_minor.lifetime", value=400_000)


def paths(**fields: Any) -> pb.FindTierPathsRequest:
    asked = {**NAMED, "tier_set": "main", "tier": "silver", "facts": [SPEND]}
    return pb.FindTierPathsRequest(**{**asked, "now": timestamp(NOON), "by_time": timestamp(NOON), **fields})


@pytest.fixture
async def explaining(explaining_as: Any) -> Any:
    """ExplanationService as another service calls it."""
    return explaining_as("service", None)


async def test_paths_are_weighed_by_the_actions_of_the_program(explaining: Any) -> None:
    found = await explaining.FindTierPaths(paths())

    told = [{step.metric: step.amount for step in path.steps} for path in found.paths]
    assert found.target_tier == "gold"
    assert told[:2] == [{"orders": 1, "spend": 100_000}, {"invites": 10}]
    assert [path.cost for path in found.paths[:2]] == [100_000, 200_000]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"target_tier": "ruby"}, "TIER_UNKNOWN"),
        ({"tier": "diamond"}, "TIER_UNKNOWN"),
        ({"tier_set": "side"}, "TIER_UNKNOWN"),
        ({"by_time": timestamp(NOON.replace(year=2025))}, "INVALID_REQUEST"),
        ({"facts": [SPEND, SPEND]}, "INVALID_REQUEST"),
        ({"program_document": b""}, "PROGRAM_UNKNOWN"),
    ],
)
async def test_what_cannot_be_searched_for_is_refused(
    explaining: Any, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await explaining.FindTierPaths(paths(**fields))

    assert reason_of(refusal.value) == reason


async def test_what_decided_is_replayed_to_the_same_bits(as_caller: "AsCaller", explaining: Any) -> None:
    step = scoring_pb2.TierStep(
        cause=receipts_pb2.Cause(run_id="run_1"), occurred_time=timestamp(NOON), facts=[SPEND]
    )
    subject = scoring_pb2.TierSubject(subject_id="one", tier_set="main", tier="normal", steps=[step])
    decided = await as_caller("service", None).DecideTiers(
        scoring_pb2.DecideTiersRequest(**NAMED, subjects=[subject])
    )

    answer = await explaining.ReplayReceipts(
        pb.ReplayReceiptsRequest(**NAMED, receipts=decided.decisions[0].receipts)
    )

    (replay,) = answer.replays
    assert replay.same
    assert replay.receipt == decided.decisions[0].receipts[0]


async def test_by_another_program_it_is_said_what_differs(explaining: Any) -> None:
    other = SHOP.model_copy(update={"version": 7})
    receipt = receipts_pb2.Receipt(
        tier_set="main",
        from_tier="normal",
        as_of=timestamp(NOON),
        cause=receipts_pb2.Cause(run_id="run_1"),
        program_id=SHOP.key,
        program_version=6,
    )

    (replay,) = (
        await explaining.ReplayReceipts(
            pb.ReplayReceiptsRequest(
                program_digest=other.digest(), program_document=other.canonical(), receipts=[receipt]
            )
        )
    ).replays

    told = {each.path: (each.was, getattr(each, "is")) for each in replay.differences}
    assert not replay.same
    assert told["program_version"] == ("6", "7")


@pytest.mark.parametrize("number", [-1, 99, 2**31 - 1])
@pytest.mark.parametrize("field", ["outcome", "look"])
async def test_a_receipt_with_a_number_that_no_enum_has_is_refused(
    explaining: Any, field: str, number: Any
) -> None:
    receipt = receipts_pb2.Receipt(
        tier_set="main", as_of=timestamp(NOON), cause=receipts_pb2.Cause(run_id="run_1")
    )
    setattr(receipt.terms if field == "look" else receipt, field, number)

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await explaining.ReplayReceipts(pb.ReplayReceiptsRequest(**NAMED, receipts=[receipt]))

    assert reason_of(refusal.value) == "INVALID_REQUEST"


@pytest.mark.parametrize("kind", ["member", "partner", "staff"])
async def test_nobody_but_services_asks(explaining_as: Any, kind: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await explaining_as(kind, SHOP.key).FindTierPaths(paths())

    assert reason_of(refusal.value) == "FORBIDDEN"
