"""GetTierReport: who holds which tier, who moved by month, who is near to what tiers ask for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import grpc
import pytest
from pymongo.errors import ExecutionTimeout

from laurel.benefits.v1 import reports_pb2, reports_pb2_grpc
from laurel.benefits.v1 import tier_reports_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.errors import Overloaded
from libs.common.ids import new_id
from libs.common.program import Program, preset
from services.benefits.repository import tier_reports
from tests.benefits.changing import a_desk, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.support.builders import DAY, NOON, PROGRAM

SERVICE = reports_pb2.DESCRIPTOR.services_by_name["ReportsService"]
SILVER, GOLD = 10_000, 25_000


def reports(
    benefits: BenefitsWorld,
    program_id: str,
    kind: PrincipalKind = "staff",
    subject: str = "ann",
    **claims: Any,
) -> Any:
    stub = reports_pb2_grpc.ReportsServiceStub
    return benefits.stub(SERVICE, stub, kind, subject, program_id, **claims)


async def the_ladder(benefits: BenefitsWorld, program_id: str, **fields: Any) -> pb.TierSetReport:
    request = pb.GetTierReportRequest(program_id=program_id, **fields)
    answer = await reports(benefits, program_id).GetTierReport(request)
    (ladder,) = answer.report.tier_sets
    return ladder  # type: ignore[no-any-return]


def flows(ladder: pb.TierSetReport) -> list[tuple[str, str, str, int]]:
    return [(each.month, each.from_tier, each.to_tier, each.count) for each in ladder.flows]


async def test_members_are_counted_by_the_tier_that_they_have_earned(benefits: BenefitsWorld) -> None:
    program_id = await benefits.a_program()
    for amounts in ([], [100], [SILVER], [GOLD], [GOLD + 1]):
        await benefits.a_member(*amounts, program_id=program_id)

    ladder = await the_ladder(benefits, program_id)

    counts = {each.tier: each.members_count for each in ladder.tiers}
    assert (ladder.tier_set, ladder.members_count) == ("main", 5)
    assert counts == {"normal": 2, "silver": 1, "gold": 2, "platinum": 0, "diamond": 0}


async def test_moves_are_counted_by_month_and_way_where_the_program_does_its_business(
    benefits: BenefitsWorld,
) -> None:
    program_id = await benefits.a_program()
    # New York is still in June when the last one buys.
    midnight = datetime(1998, 7, 1, 2, tzinfo=UTC)
    benefits.members.times[program_id] = midnight + 10 * DAY
    for at in (midnight - DAY, midnight, midnight + DAY):
        story = await benefits.a_member(program_id=program_id)
        await benefits.apply(story.partition, story.buys(SILVER, at=at).told())

    ladder = await the_ladder(benefits, program_id, months=60)

    moved = [each for each in flows(ladder) if each[1]]
    assert moved == [("1998-06", "normal", "silver", 2), ("1998-07", "normal", "silver", 1)]
    assert sum(each[3] for each in flows(ladder) if not each[1]) == 3


async def test_months_before_the_first_one_are_left_out(benefits: BenefitsWorld) -> None:
    program_id = await benefits.a_program()
    benefits.members.times[program_id] = NOON + 40 * DAY
    await benefits.a_member(SILVER, program_id=program_id)

    request = pb.GetTierReportRequest(program_id=program_id, months=1)
    report = (await reports(benefits, program_id).GetTierReport(request)).report

    assert report.first_month == f"{NOON + 40 * DAY:%Y-%m}"
    assert not report.tier_sets[0].flows


async def test_who_moved_by_a_new_version_is_among_the_moves_and_holds_what_replaces_the_old(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_desk(benefits)
    for amount in (GOLD, GOLD + 10_000):
        await benefits.a_member(amount, program_id=desk.key)
    await benefits.publish(desk.with_gold_at(GOLD + 5_000, name="crown"))
    before = await the_ladder(benefits, desk.key, months=60)
    await recalculated(benefits, desk.key)

    ladder = await the_ladder(benefits, desk.key, months=60)

    assert {each.tier: each.members_count for each in before.tiers}["crown"] == 2
    assert {each.tier: each.members_count for each in ladder.tiers}["crown"] == 1
    assert ("gold", "silver", 1) in [each[1:] for each in flows(ladder)]


async def test_margins_say_who_is_just_below_and_just_above_a_threshold(benefits: BenefitsWorld) -> None:
    program_id = await benefits.a_program()
    # The edges: a tenth below is near, less is not; a tenth above no more.
    for spent in (8_999, 9_000, 9_999, 10_000, 10_999, 11_000, 20_000, 1_000_000):
        await benefits.a_member(spent, program_id=program_id)
    await benefits.a_member(program_id=program_id)

    ladder = await the_ladder(benefits, program_id)

    silver = ladder.margins[0]
    assert (silver.tier, silver.rule, silver.path, silver.metric) == ("silver", "entry", "entry", "spend")
    assert (silver.fact, silver.op, silver.threshold) == ("purchase.amount_minor.lifetime", ">=", SILVER)
    assert (silver.below_count, silver.above_count, silver.members_count) == (2, 2, 9)
    assert {place: count for place, count in enumerate(silver.tenths) if count} == {
        0: 1,
        8: 1,
        9: 2,
        10: 2,
        11: 1,
        20: 2,
    }
    assert [each.tier for each in ladder.margins] == ["silver", "gold", "platinum", "diamond"]


async def test_margins_are_of_each_comparison_with_its_own_window(benefits: BenefitsWorld) -> None:
    document = preset("ecommerce_five").document() | {"key": f"store_{new_id('x')[-12:]}"}
    (ladder,) = document["tier_sets"]
    ladder["tiers"][1]["keep"] = {"metric": "spend", "op": ">=", "value": 50, "window": "365d"}
    program = Program.parse(document)
    await benefits.publish(program)

    found = await the_ladder(benefits, program.key)

    assert [(each.rule, each.path, each.fact) for each in found.margins[:3]] == [
        ("entry", "any[0]", "purchase.amount_minor.lifetime"),
        ("entry", "any[1]", "invite.count.lifetime"),
        ("keep", "keep", "purchase.amount_minor.365d"),
    ]
    assert {sum(each.tenths) for each in found.margins} == {0}


async def test_an_empty_program_has_empty_tiers(benefits: BenefitsWorld) -> None:
    ladder = await the_ladder(benefits, await benefits.a_program())

    assert (ladder.members_count, len(ladder.tiers), list(ladder.flows)) == (0, 5, [])


async def test_a_report_that_takes_too_long_says_so() -> None:
    slow = Slow()

    with pytest.raises(Overloaded):
        await tier_reports._counted(cast(Any, slow), [{"$match": {}}])

    assert 0 < slow.within_ms <= tier_reports.COUNTING_SECONDS * 1_000


class Slow:
    """A collection whose database ends what takes too long."""

    within_ms = 0

    async def aggregate(self, stages: Any, *, maxTimeMS: int) -> AsyncIterator[Any]:  # noqa: N803 - as pymongo has it
        self.within_ms = maxTimeMS
        if maxTimeMS:
            raise ExecutionTimeout("operation exceeded time limit", 50)
        yield


@pytest.mark.parametrize(
    ("kind", "claims", "may"),
    [
        ("staff", {"roles": ["analyst"]}, True),
        ("staff", {"roles": ["store_manager"], "stores": ["online"]}, False),
        ("member", {}, False),
        ("partner", {}, False),
    ],
    ids=["an analyst", "a manager of a store", "a member", "a partner"],
)
async def test_tiers_as_a_whole_are_for_who_answers_for_the_program(
    benefits: BenefitsWorld, kind: PrincipalKind, claims: dict[str, Any], may: bool
) -> None:
    asked = reports(benefits, PROGRAM, kind, **claims).GetTierReport(
        pb.GetTierReportRequest(program_id=PROGRAM)
    )

    if may:
        assert (await asked).report.tier_sets
    else:
        assert (await refusal(asked))[:2] == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


async def test_a_foreign_program_is_as_if_it_were_not_there(benefits: BenefitsWorld) -> None:
    found = [
        await refusal(reports(benefits, PROGRAM).GetTierReport(pb.GetTierReportRequest(program_id=each)))
        for each in ("other_store", "no_such_store")
    ]

    assert [each[:2] for each in found] == [(grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")] * 2
