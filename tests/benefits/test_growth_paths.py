"""Growth paths: nodes in order, a reward at each, once whatever comes twice; and what the member is shown."""

import asyncio
from datetime import datetime
from typing import Any

from laurel.benefits.v1 import benefits_pb2, entitlements_pb2_grpc
from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import events_pb2
from libs.common.calendar import Due
from libs.common.clock import now
from libs.common.clocks import Clocks
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.program_modifiers import modifier
from libs.common.rpc.time import moment
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.tier_rewards import TierRewards
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.store import BenefitsStore
from tests.benefits.changing import recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import a_calendar_day, matured, points_of
from tests.benefits.reviewing import YEARLY, reviewed
from tests.benefits.stories import JOINED, Story
from tests.benefits.telling import codes
from tests.benefits.telling import told as notices_of
from tests.benefits.tier_desk import tier_desks
from tests.support.builders import DAY, NOON, PROGRAM

SERVICE = pb.DESCRIPTOR.services_by_name["EntitlementsService"]
CHECK_IN, REVIEW, SHARE = (
    events_pb2.EVENT_KIND_CHECK_IN,
    events_pb2.EVENT_KIND_REVIEW,
    events_pb2.EVENT_KIND_SHARE,
)
WALKED = ["newcomer", "guided", "first_order", "challenger", "grown"]
LATER = NOON + 60 * DAY


async def published(benefits: BenefitsWorld, document: dict[str, Any], time: datetime = LATER) -> str:
    """The key of the program of a document, which is live and whose clock stands at a time."""
    document |= {"key": f"store_{new_id('x')[-12:]}"}
    document["notices"] |= {"quiet_hours": None, "marketing_per_day_max": 100}
    program = Program.parse(document)
    benefits.members.times[program.key] = time
    await benefits.publish(program)
    return program.key


async def a_path(benefits: BenefitsWorld, time: datetime = LATER) -> str:
    """The music store with the path that is shipped, and no points but for it."""
    document = modifier("growth_path").applied(preset(PROGRAM), "main").document()
    document["points"]["earn"] = [each for each in document["points"]["earn"] if each["point_type"]]
    return await published(benefits, document, time)


async def a_newcomer(benefits: BenefitsWorld, program_id: str) -> Story:
    story = Story(program_id)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration())
    return story


async def applied(benefits: BenefitsWorld, story: Story, first: int = 1) -> None:
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.told(first))


def rewards(benefits: BenefitsWorld) -> TierRewards:
    """The kind of the calendar, in a replica of its own."""
    store, members = BenefitsStore(benefits.database), benefits.members_client()
    programs = ProgramHandlers(store, now)
    times = ProgramTimes(store, programs, Clocks(members.clocks), now)
    return TierRewards(store, programs, times, now=now, new_id=new_id)


async def rewarded(benefits: BenefitsWorld, program_id: str, *, fresh_since: datetime = JOINED) -> int:
    """Have all rewards given that are due; gives how many."""
    kind, happened = rewards(benefits), 0
    while items := await kind.due(program_id, LATER, 200):
        happened += await kind.happen(program_id, items, fresh_since)
    return happened


async def paths(benefits: BenefitsWorld, story: Story, **claims: Any) -> list[pb.GrowthPath]:
    """What the member is shown."""
    stub = benefits.stub(
        SERVICE,
        entitlements_pb2_grpc.EntitlementsServiceStub,
        "member",
        story.member_id,
        story.program_id,
        **claims,
    )
    request = pb.BatchListGrowthPathsRequest(program_id=story.program_id, member_ids=[story.member_id])
    (result,) = (await stub.BatchListGrowthPaths(request)).results
    assert result.status == lookup_pb2.LOOKUP_STATUS_FOUND
    return list(result.paths)


def reached(path: pb.GrowthPath) -> list[str]:
    return [node.node for node in path.nodes if node.reached]


async def test_a_member_walks_the_path_and_is_rewarded_at_each_node(benefits: BenefitsWorld) -> None:
    program_id = await a_path(benefits)
    story = await a_newcomer(benefits, program_id)
    (first,) = await paths(benefits, story)
    shown, given = list[tuple[str, str, str]](), list[int]()

    days = [NOON + day * DAY for day in range(30)]
    story.does(CHECK_IN, days[0])
    story.buys(8_000, at=days[1])
    story.does(CHECK_IN, *days[2:8]).does(SHARE, days[8])
    story.does(REVIEW, days[9])
    story.buys(8_000, 8_000, at=days[10]).does(REVIEW, *days[12:26])
    for first_seq, last_seq in ((1, 1), (2, 2), (3, 9), (10, 10), (11, 26)):
        await benefits.apply(story.partition, story.told(first_seq, last_seq))
        given.append(await rewarded(benefits, program_id))
        (path,) = await paths(benefits, story)
        shown.append((path.next_node, path.task_en, path.task_zh))

    assert (reached(first), first.next_node, first.task_en) == (
        ["newcomer"],
        "guided",
        "check in 1 more time",
    )
    assert given == [1, 1, 0, 1, 1]
    assert [node for node, *_ in shown] == ["first_order", "challenger", "challenger", "grown", ""]
    assert shown[2][1:] == ("write 1 more review", "再评价1次")
    (end,) = await paths(benefits, story)
    assert reached(end) == WALKED
    assert [node.given_points for node in end.nodes] == [0, 20, 50, 100, 200]
    assert [node.HasField("reached_time") for node in end.nodes] == [False, True, True, True, True]
    assert moment(end.nodes[2].reached_time) == NOON + DAY
    assert (await points_of(benefits, story)).entries == [20, 50, 100, 200]
    assert await ledger_faults(benefits, program_id) == []


async def test_a_reward_stands_in_the_ledger_with_its_node_and_is_told(benefits: BenefitsWorld) -> None:
    story = await a_newcomer(benefits, await a_path(benefits))
    await applied(benefits, story.does(CHECK_IN))

    await rewarded(benefits, story.program_id)

    request = benefits_pb2.BatchListEntriesRequest(program_id=story.program_id, member_ids=[story.member_id])
    member = benefits.caller("member", story.member_id, story.program_id)
    (entry,) = (await member.BatchListEntries(request)).results[0].entries
    assert (entry.kind, entry.points) == (benefits_pb2.ENTRY_KIND_TIER_REWARD, 20)
    assert entry.external_ref == f"{story.program_id}/{story.member_id}/growth/guided"
    (path,) = await paths(benefits, story)
    assert path.nodes[1].transaction_id == entry.transaction_id
    (notice,) = [
        each for each in await notices_of(benefits, story.member_id) if each["code"] == "TIER_REWARD"
    ]
    assert {name: notice["params"][name] for name in ("tier_set", "tier", "points")} == {
        "tier_set": "growth",
        "tier": "guided",
        "points": "20",
    }


async def test_all_at_once_and_twice_over_each_node_gives_once(benefits: BenefitsWorld) -> None:
    program_id = await a_path(benefits)
    story = await a_newcomer(benefits, program_id)
    story.does(CHECK_IN, *(NOON + day * DAY for day in range(7))).buys(100, at=NOON + 8 * DAY)
    story.does(SHARE, NOON + 9 * DAY).does(REVIEW, NOON + 9 * DAY)
    replicas = [rewards(benefits) for _ in range(4)]

    await asyncio.gather(*(applied(benefits, story) for _ in range(3)))
    items = await replicas[0].due(program_id, LATER, 200)
    happened = await asyncio.gather(*(each.happen(program_id, items, JOINED) for each in replicas))
    again = await replicas[0].happen(program_id, items, JOINED)
    await applied(benefits, story)

    assert [item.key.rpartition("/")[2] for item in items] == ["guided", "first_order", "challenger"]
    assert (sum(happened), again) == (3, 0)
    assert await replicas[0].due(program_id, LATER, 200) == []
    assert sorted((await points_of(benefits, story)).entries) == [20, 50, 100]
    assert (await codes(benefits, story.member_id)).count("TIER_REWARD") == 3


async def test_nodes_that_are_passed_over_give_their_rewards_too(benefits: BenefitsWorld) -> None:
    document = preset(PROGRAM).document()
    for place, tier in enumerate(document["tier_sets"][0]["tiers"][1:], start=1):
        tier["reward_points"] = place
    document["points"]["earn"] = []
    story = await a_newcomer(benefits, await published(benefits, document))

    await applied(benefits, story.buys(60_000))
    await rewarded(benefits, story.program_id)

    assert (await points_of(benefits, story)).entries == [1, 2, 3]


async def test_a_tier_that_is_lost_and_met_again_gives_nothing_more(benefits: BenefitsWorld) -> None:
    document = preset(PROGRAM).document() | {"time_zone": "UTC"}
    document["tier_sets"][0] |= {"window": "year", "movement": YEARLY}
    document["tier_sets"][0]["tiers"][1]["reward_points"] = 30
    document["points"]["earn"] = []
    story = await a_newcomer(benefits, await published(benefits, document))
    await applied(benefits, story.buys(10_000))
    await rewarded(benefits, story.program_id)
    await reviewed(benefits, story.program_id, datetime(NOON.year + 2, 1, 1, tzinfo=NOON.tzinfo))

    await applied(benefits, story.buys(10_000, at=NOON + 800 * DAY), first=2)
    outcomes = [
        each["outcome"]
        async for each in benefits.database.decisions.find({"member_id": story.member_id}).sort("seq", 1)
    ]
    await rewarded(benefits, story.program_id)

    assert outcomes.count("UPGRADED") == 2
    assert (await points_of(benefits, story)).entries == [30]


async def test_what_staff_give_is_not_reached_and_what_rules_give_beneath_it_is(
    benefits: BenefitsWorld,
) -> None:
    document = preset(PROGRAM).document()
    for place, tier in enumerate(document["tier_sets"][0]["tiers"][1:], start=1):
        tier["reward_points"] = place
    document["points"]["earn"] = []
    story = await a_newcomer(benefits, await published(benefits, document))
    mia, otto = await tier_desks(benefits, story)
    await otto.approve(await mia.give("diamond"))
    by_hand = await rewarded(benefits, story.program_id)

    await applied(benefits, story.buys(10_000, at=LATER + DAY))
    kind = rewards(benefits)
    items = await kind.due(story.program_id, LATER + 2 * DAY, 200)
    await kind.happen(story.program_id, items, JOINED)

    assert by_hand == 0
    assert (await points_of(benefits, story)).entries == [1]


async def test_a_version_that_asks_for_less_brings_nodes_and_rewards(benefits: BenefitsWorld) -> None:
    document = preset(PROGRAM).document()
    document["tier_sets"][0]["tiers"][1]["reward_points"] = 30
    document["points"]["earn"] = []
    story = await a_newcomer(benefits, await published(benefits, document))
    await applied(benefits, story.buys(9_000))
    before = await rewarded(benefits, story.program_id)
    document["tier_sets"][0]["tiers"][1]["entry"] = {"metric": "spend", "op": ">=", "value": 9_000}

    await benefits.publish(Program.parse(document))
    await recalculated(benefits, story.program_id)
    after = await rewarded(benefits, story.program_id)

    assert (before, after) == (0, 1)
    assert (await points_of(benefits, story)).entries == [30]


async def test_what_there_is_not_is_done(benefits: BenefitsWorld) -> None:
    program_id = await a_path(benefits)

    assert await rewards(benefits).happen(program_id, [Due("gone", NOON)], NOON) == 0


async def test_nobody_is_told_of_history_and_the_points_are_there(benefits: BenefitsWorld) -> None:
    story = await a_newcomer(benefits, await a_path(benefits))
    await applied(benefits, story.does(CHECK_IN))

    await rewarded(benefits, story.program_id, fresh_since=LATER)

    assert (await points_of(benefits, story)).balance == 20
    assert "TIER_REWARD" not in await codes(benefits, story.member_id)


async def test_a_reward_ends_as_other_points_do(benefits: BenefitsWorld) -> None:
    document = modifier("growth_path").applied(preset(PROGRAM), "main").document()
    document["points"] |= {"expire_after_months": 1}
    story = await a_newcomer(benefits, await published(benefits, document))
    await applied(benefits, story.does(CHECK_IN))
    await rewarded(benefits, story.program_id)

    await matured(benefits, story.program_id, LATER)

    ended = await points_of(benefits, story)
    assert (ended.balance, ended.expired) == (0, 20)
    assert await ledger_faults(benefits, story.program_id) == []


async def test_the_calendar_gives_what_is_due(benefits: BenefitsWorld) -> None:
    story = await a_newcomer(benefits, await a_path(benefits))
    await applied(benefits, story.does(CHECK_IN))

    await a_calendar_day(benefits, [rewards(benefits)], story.program_id, LATER)

    assert (await points_of(benefits, story)).balance == 20


async def test_the_path_is_shown_to_low_and_middle_tiers(benefits: BenefitsWorld) -> None:
    story = await a_newcomer(benefits, await a_path(benefits))
    await applied(benefits, story.does(CHECK_IN).buys(10_000))
    as_silver = await paths(benefits, story)

    await applied(benefits, story.buys(15_000, at=NOON + 5 * DAY), first=3)

    assert [path.tier_set for path in as_silver] == ["growth"]
    assert await paths(benefits, story) == []


async def test_a_program_without_paths_has_none_and_writes_nothing_down(benefits: BenefitsWorld) -> None:
    document = preset(PROGRAM).document()
    story = await a_newcomer(benefits, await published(benefits, document))
    await applied(benefits, story.buys(30_000))

    shown = await paths(benefits, story)

    assert shown == []
    assert await benefits.database.reached_tiers.count_documents({"program_id": story.program_id}) == 0


async def test_who_may_not_see_a_member_finds_none(benefits: BenefitsWorld) -> None:
    story = await a_newcomer(benefits, await a_path(benefits))
    stub = benefits.stub(
        SERVICE, entitlements_pb2_grpc.EntitlementsServiceStub, "partner", "elsewhere", story.program_id
    )

    request = pb.BatchListGrowthPathsRequest(
        program_id=story.program_id, member_ids=[story.member_id, "mem_x"]
    )
    results = (await stub.BatchListGrowthPaths(request)).results

    assert [each.status for each in results] == [lookup_pb2.LOOKUP_STATUS_MISSING] * 2


async def test_what_is_due_is_read_from_an_index_in_order(benefits: BenefitsWorld) -> None:
    wanted = {"program_id": "any", "waiting": True, "reached_time": {"$lte": NOON}}

    found = benefits.database.reached_tiers.find(wanted).sort([("reached_time", 1), ("rank", 1), ("_id", 1)])
    stages = str((await found.explain())["queryPlanner"]["winningPlan"])

    assert "IXSCAN" in stages
    assert "'SORT'" not in stages
