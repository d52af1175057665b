"""WalkTiers through a real channel: several versions at once, as by DecideTiers, and what ends a stream."""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import receipts_pb2, scoring_pb2
from laurel.scoring.v1 import walks_pb2 as pb
from libs.common.program import Program, preset
from libs.common.rpc.errors import error_info, reason_of
from libs.common.rpc.time import timestamp

if TYPE_CHECKING:
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub

SPENT = "purchase.amount_minor.lifetime"
SHOP = preset("ecommerce_five")
TIERS = ["normal", "silver", "gold", "platinum", "diamond"]
DATES = [datetime(2026, month, 28, 12, tzinfo=UTC) for month in (1, 2, 3)]


def with_gold_at(spend: int) -> Program:
    document = SHOP.document()
    document["tier_sets"][0]["tiers"][2]["entry"] = {"metric": "spend", "op": ">=", "value": spend}
    return Program.parse(document)


def a_header(*programs: Program, **fields: Any) -> pb.WalkTiersRequest:
    named = [
        pb.WalkProgram(program_digest=each.digest(), program_document=each.canonical()) for each in programs
    ]
    told = {"facts": [SPENT], "dates": map(timestamp, DATES), **fields}
    return pb.WalkTiersRequest(header=pb.WalkHeader(programs=named, **told))


def a_frame(*dates: Sequence[float], frame_id: int = 1, **fields: Any) -> pb.WalkTiersRequest:
    """Members by what each had spent at each date."""
    columns = [struct.pack(f"<{len(each)}d", *each) for each in dates]
    rows = fields.pop("rows_count", len(dates[0]))
    frame = pb.WalkFrame(
        frame_id=frame_id, rows_count=rows, dates=[pb.WalkFacts(columns=[each]) for each in columns], **fields
    )
    return pb.WalkTiersRequest(frame=frame)


async def answers(stub: Any, *requests: pb.WalkTiersRequest) -> list[pb.WalkTiersResponse]:
    return [answer async for answer in stub.WalkTiers(iter(requests))]


async def refused(stub: Any, *requests: pb.WalkTiersRequest) -> tuple[str, str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await answers(stub, *requests)
    told = error_info(raised.value)
    facts = {} if told is None else dict(told.metadata)
    return raised.value.code().name, reason_of(raised.value) or "", facts.get("problem", "")


@pytest.fixture
async def walks(walking_as: Callable[..., Any]) -> Any:
    """WalkService as another service calls it."""
    return walking_as("service", None)


async def test_each_version_says_where_members_stand_at_each_date(walks: Any) -> None:
    live, draft = SHOP, with_gold_at(700_000)
    first, second = await answers(
        walks,
        a_header(live, draft),
        a_frame([100_000, 0], [500_000, 0], [700_000, 100_000]),
        a_frame([0], [0], [0], frame_id=2),
    )

    by_live, by_draft = first.ladders
    assert (by_live.program, by_draft.program, by_live.tier_set, list(by_live.tiers)) == (0, 1, "main", TIERS)
    assert [list(each) for each in by_live.places] == [[1, 0], [2, 0], [2, 1]]
    assert [list(each) for each in by_draft.places] == [[1, 0], [1, 0], [2, 1]]
    kept, up = receipts_pb2.TIER_OUTCOME_KEPT, receipts_pb2.TIER_OUTCOME_UPGRADED
    assert [list(each) for each in by_live.outcomes][1:] == [[up, kept], [kept, up]]
    assert (second.frame_id, list(second.ladders[0].tiers)) == (2, [])


async def test_at_one_date_it_is_what_decide_tiers_says_of_the_same_standing(
    walks: Any, scoring: "ScoringServiceAsyncStub"
) -> None:
    spent = [0, 99_999, 100_000, 500_000, 10_000_000]
    standings = pb.WalkStandings(tier_set="main", tiers=["gold"], places=struct.pack("5b", -1, 0, 0, 0, 0))
    header = a_header(SHOP, dates=[timestamp(DATES[0])], look=receipts_pb2.TIER_LOOK_NEW_VERSION)

    (answer,) = await answers(walks, header, a_frame(spent, standings=[standings]))

    request = scoring_pb2.DecideTiersRequest(program_digest=SHOP.digest(), program_document=SHOP.canonical())
    for row, amount in enumerate(spent):
        step = scoring_pb2.TierStep(
            cause=receipts_pb2.Cause(run_id="run"),
            occurred_time=timestamp(DATES[0]),
            facts=[fact_pb2.Fact(name=SPENT, value=amount)],
            look=receipts_pb2.TIER_LOOK_NEW_VERSION,
        )
        tier = "gold" if row else ""
        request.subjects.add(subject_id=str(row), tier_set="main", tier=tier, steps=[step])
    receipts = [each.receipts[0] for each in (await scoring.DecideTiers(request)).decisions]
    (ladder,) = answer.ladders
    assert [TIERS[place] for place in ladder.places[0]] == [each.to_tier for each in receipts]
    assert list(ladder.outcomes[0]) == [each.outcome for each in receipts]


async def test_a_term_that_a_member_begins_with_is_reviewed_when_it_is_over(walks: Any) -> None:
    document = SHOP.document()
    document["tier_sets"][0] |= {
        "window": "year",
        "movement": {"downgrade": "period_end", "period": {"kind": "month"}},
    }
    program = Program.parse(document)
    held = pb.WalkStandings(
        tier_set="main",
        tiers=["gold"],
        places=bytes([0, 0]),
        review_times=struct.pack("<2q", int(DATES[0].timestamp() * 1000) - 1, -1),
        in_grace=bytes([0, 0]),
    )
    header = a_header(program, facts=["purchase.amount_minor.year"])

    (answer,) = await answers(walks, header, a_frame([0, 0], [0, 0], [0, 0], standings=[held]))

    # Who begins without a term is given one at the first date, which is over by the second.
    assert [list(each) for each in answer.ladders[0].places] == [[0, 2], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("requests", "problem"),
    [
        ([a_frame([0])], "the header is missing"),
        ([a_header(SHOP), a_header(SHOP)], "the header comes twice"),
        ([a_header(SHOP, dates=map(timestamp, DATES[::-1]))], "the dates do not ascend"),
        ([a_header(SHOP), a_frame([0])], "has 1 dates, the header names 3"),
        ([a_header(SHOP), a_frame([0], [0], [0], rows_count=2)], "has 8 bytes, 2 rows take 16"),
        (
            [
                a_header(SHOP),
                a_frame([0], [0], [0], standings=[pb.WalkStandings(tier_set="main", places=b"")]),
            ],
            "places are not of 1 rows",
        ),
        (
            [
                a_header(SHOP),
                a_frame([0], [0], [0], standings=[pb.WalkStandings(tier_set="main", places=b"\x01")]),
            ],
            "a place is none of those",
        ),
    ],
    ids=[
        "no header",
        "two headers",
        "descending dates",
        "dates",
        "rows",
        "no places",
        "a place too far",
    ],
)
async def test_what_is_not_as_announced_ends_the_stream(
    walks: Any, requests: list[pb.WalkTiersRequest], problem: str
) -> None:
    code, reason, told = await refused(walks, *requests)

    assert (code, reason) == ("INVALID_ARGUMENT", "FRAME_INVALID")
    assert told.startswith(problem)


async def test_sixteen_versions_are_walked_by_at_once(walks: Any) -> None:
    many = [with_gold_at(100_000 * each) for each in range(2, 18)]

    (answer,) = await answers(walks, a_header(*many), a_frame([900_000], [900_000], [900_000]))

    assert [each.places[0][0] for each in answer.ladders] == [2] * 8 + [1] * 8


async def test_a_program_that_is_not_held_is_asked_for(walks: Any) -> None:
    header = a_header(SHOP)
    header.header.programs[0].program_document = b""

    assert (await refused(walks, header))[:2] == ("FAILED_PRECONDITION", "PROGRAM_UNKNOWN")


async def test_a_tier_or_a_region_that_no_version_has_is_refused(walks: Any) -> None:
    tier = pb.WalkStandings(tier_set="main", tiers=["lead"], places=bytes(1))
    region = pb.WalkRegions(program=0, tier_set="main", variants=["north"], places=bytes(1))

    by_tier = await refused(walks, a_header(SHOP), a_frame([0], [0], [0], standings=[tier]))
    by_region = await refused(walks, a_header(SHOP), a_frame([0], [0], [0], regions=[region]))

    assert by_tier[:2] == by_region[:2] == ("INVALID_ARGUMENT", "TIER_UNKNOWN")


async def test_services_alone_walk_members(walking_as: Callable[..., Any]) -> None:
    staff = walking_as("staff", SHOP.key)

    assert (await refused(staff, a_header(SHOP)))[1] == "FORBIDDEN"
