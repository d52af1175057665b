"""Usage figures: each settled month is counted once, whoever is at it, and told to all of the program."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import reports_pb2, reports_pb2_grpc, rewards_pb2
from laurel.benefits.v1 import usage_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.progress import Progress
from services.benefits.domain.quotas import BenefitUse, UseKey
from services.benefits.handlers import usage as handlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.usage import UsageHandlers
from services.benefits.ledger_jobs import USAGE, USAGE_UNPUBLISHED_SECONDS, Number, Rounds
from services.benefits.repository import quotas, tier_reports
from services.benefits.repository import usage as kept
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.contracts_world import BEGIN, a_site
from tests.benefits.coupons_world import CouponsWorld, by_id
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import a_member, a_redemption, a_reward, as_manager, as_member, cancelling
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON, PROGRAM

SERVICE = reports_pb2.DESCRIPTOR.services_by_name["ReportsService"]
SILVER, GOLD = 10_000, 25_000
MIN = 5
# New York has midnight then.
FEBRUARY_SETTLED = datetime(1998, 3, 8, 5, tzinfo=UTC)
MARCH_ENDS, MARCH_SETTLED = datetime(1998, 4, 1, 5, tzinfo=UTC), datetime(1998, 4, 8, 4, tzinfo=UTC)
LETTER, SHIPPING = "new_release_letter", "free_shipping"


async def a_store(benefits: BenefitsWorld, **fields: Any) -> str:
    """A program of its own at noon, whose groups may be small, of which February is noted."""
    document = preset(PROGRAM).document() | {"key": f"store_{new_id('x')[-12:]}", **fields}
    program = Program.parse(document | {"fairness": {"members_min": MIN}})
    await benefits.publish(program)
    await moved(benefits, program.key, FEBRUARY_SETTLED)
    assert not await counting(benefits).go_on(program.key)
    benefits.members.times[program.key] = NOON
    return program.key


async def moved(benefits: BenefitsWorld, program_id: str, to: datetime) -> None:
    """Have it be this time in a program, and all have happened that fell due until then."""
    benefits.members.times[program_id] = to
    await Progress(benefits.database, program_id).keep(to)


def counting(benefits: BenefitsWorld) -> UsageHandlers:
    """What counts in a replica of its own, with clocks that it has not read yet."""
    store = BenefitsStore(benefits.database)
    return UsageHandlers(store, ProgramHandlers(store, now), benefits.program_times())


async def settled(
    benefits: BenefitsWorld, program_id: str, at: datetime = MARCH_SETTLED
) -> list[pb.UsageMonth]:
    """What is published when all that is settled at a time has been counted, latest first."""
    await moved(benefits, program_id, at)
    replica = counting(benefits)
    while await replica.go_on(program_id):
        pass
    return await months(benefits, program_id)


async def months(benefits: BenefitsWorld, program_id: str, **fields: Any) -> list[pb.UsageMonth]:
    request = pb.ListUsageMonthsRequest(program_id=program_id, **fields)
    return list((await reports(benefits, program_id).ListUsageMonths(request)).months)


def reports(
    benefits: BenefitsWorld,
    program_id: str,
    kind: PrincipalKind = "staff",
    subject: str = "ann",
    **claims: Any,
) -> Any:
    stub = reports_pb2_grpc.ReportsServiceStub
    return benefits.stub(SERVICE, stub, kind, subject, program_id, **claims)


async def members(benefits: BenefitsWorld, program_id: str, count: int, *amounts: int) -> list[Story]:
    return [await benefits.a_member(*amounts, program_id=program_id) for _ in range(count)]


async def uses(
    benefits: BenefitsWorld,
    stories: Sequence[Story],
    benefit: str = LETTER,
    *,
    at: datetime = NOON,
    amount: int = 1,
) -> list[BenefitUse]:
    """Each of these members used a benefit once."""
    used = []
    for story in stories:
        key = UseKey(story.program_id, "shop", new_id("ref"), benefit)
        used.append(BenefitUse(new_id("use"), key, story.member_id, amount, at, ""))
        await quotas.add(BenefitsStore(benefits.database), used[-1])
    return used


def told(month: pb.UsageMonth, key: str) -> list[tuple[str, int, int, int]]:
    """Of something that was used: tiers, members, users and uses, all together first."""
    (item,) = (each for each in month.items if each.key == key)
    return [
        ("+".join(each.tiers), each.members_count, each.users_count, each.uses_count)
        for each in (item.everybody, *item.groups)
    ]


ALL = "normal+silver+gold+platinum+diamond"


async def test_a_month_says_how_many_used_a_benefit_of_those_who_could_and_how_often(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_store(benefits)
    plain = await members(benefits, program_id, 12)
    silver = await members(benefits, program_id, 11, SILVER)
    gold = await members(benefits, program_id, 10, GOLD)
    await uses(benefits, [*plain[:5], *silver[:6], *gold[:5], plain[0]], amount=3)
    await uses(benefits, [*silver[:6], *gold[:5]], SHIPPING)

    (march,) = await settled(benefits, program_id)

    # Nobody is platinum or diamond, which gold is told with.
    higher = "gold+platinum+diamond"
    assert told(march, LETTER) == [
        (ALL, 33, 16, 17),
        ("normal", 12, 5, 6),
        ("silver", 11, 6, 6),
        (higher, 10, 5, 5),
    ]
    assert told(march, SHIPPING)[0] == (f"silver+{higher}", 21, 11, 11)
    assert (march.month, march.members_count, march.members_min) == ("1998-03", 33, MIN)
    assert march.settled_time.ToDatetime(UTC) == MARCH_SETTLED
    (ladder,) = march.tier_sets
    assert [(list(each.tiers), each.members_count) for each in ladder.groups][:2] == [
        (["normal"], 12),
        (["silver"], 11),
    ]
    letter = next(each for each in march.items if each.key == LETTER)
    assert (letter.name_zh, letter.name_en, letter.everybody.units_count) == (
        "新碟速递",
        "Letter of new releases",
        51,
    )


async def test_rewards_tell_points_and_worth_and_coupons_what_they_took_off(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    stories = [await a_member(benefits, program_id) for _ in range(12)]
    reward = await a_reward(benefits, program_id)
    redeemed = [await a_redemption(benefits, story, reward) for story in stories[:7]]
    await as_member(benefits, stories[0]).CancelRedemption(cancelling(stories[0], redeemed[0]))
    shop = CouponsWorld(benefits, program_id)
    campaign = await shop.a_campaign(returnable=True)
    coupon_ids = await shop.issued(campaign, *(story.member_id for story in stories[:8]))
    for place, (story, coupon_id) in enumerate(zip(stories, coupon_ids, strict=False)):
        kept_for = await shop.reserved(story.member_id, *by_id(coupon_id))
        if place:
            await shop.used(kept_for.check_ref)
        if place == 1:
            await shop.cancelled(kept_for.check_ref)

    (march,) = await settled(benefits, program_id)

    assert [(each.kind, each.key) for each in march.items] == [
        (pb.USAGE_KIND_COUPON_CAMPAIGN, campaign),
        (pb.USAGE_KIND_REWARD, reward.reward_id),
    ]
    coupons, coffee = (each.everybody for each in march.items)
    assert (coupons.members_count, coupons.users_count, coupons.uses_count, coupons.value_minor) == (
        12,
        6,
        6,
        6_000,
    )
    assert (coffee.users_count, coffee.spent_points, coffee.value_minor) == (6, 600, 3_000)
    assert (march.currency, march.items[0].name_zh, march.items[1].name_zh) == ("USD", "满减券", "咖啡")


async def test_what_staff_gave_is_no_use(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    stories = await members(benefits, program_id, 12)
    reward = await a_reward(benefits, program_id)
    for story in stories[:6]:
        await as_manager(benefits, program_id).GrantReward(granting(story, reward.reward_id))

    (march,) = await settled(benefits, program_id)

    assert list(march.items) == []


def granting(story: Story, reward_id: str) -> rewards_pb2.GrantRewardRequest:
    return rewards_pb2.GrantRewardRequest(
        program_id=story.program_id,
        request_id=new_id("req"),
        member_id=story.member_id,
        reward_id=reward_id,
        explanation="so",
    )


async def test_what_was_taken_back_and_what_was_in_other_months_does_not_count(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_store(benefits)
    stories = await members(benefits, program_id, 12)
    used = await uses(benefits, stories[:6])
    await uses(benefits, stories[6:8], at=datetime(1998, 3, 1, 4, 59, tzinfo=UTC))
    await uses(benefits, stories[8:9], at=MARCH_ENDS)
    await uses(benefits, stories[9:10], at=MARCH_ENDS - DAY)
    await quotas.cancel(BenefitsStore(benefits.database), used[0])

    (march,) = await settled(benefits, program_id)

    assert told(march, LETTER)[0] == (ALL, 12, 6, 6)


async def test_members_count_in_the_highest_tier_that_they_held_in_the_month(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    stories = await members(benefits, program_id, 24)
    await uses(benefits, stories[:6])
    for story, at in [*((each, NOON + DAY) for each in stories[:12]), (stories[20], MARCH_ENDS + DAY)]:
        story.buys(SILVER, at=at)
        benefits.members.knows([story])
        await benefits.apply(story.partition, story.told())

    (march,) = await settled(benefits, program_id)

    (ladder,) = march.tier_sets
    assert [(each.tiers[0], each.members_count) for each in ladder.groups] == [("normal", 12), ("silver", 12)]
    assert told(march, LETTER)[0] == (ALL, 24, 6, 6)


async def test_who_joined_after_the_month_is_not_among_those_who_could(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    stories = await members(benefits, program_id, 12)
    await uses(benefits, stories[:6])
    later = stories[11]
    await benefits.database.decisions.update_many(
        {"member_id": later.member_id}, {"$set": {"as_of": MARCH_ENDS}}
    )
    await benefits.database.memberships.update_many(
        {"member_id": later.member_id}, {"$set": {"since_time": MARCH_ENDS}}
    )

    (march,) = await settled(benefits, program_id)

    assert told(march, LETTER)[0] == (ALL, 11, 6, 6)


async def test_who_holds_a_tier_by_contract_is_among_those_who_could(benefits: BenefitsWorld) -> None:
    site = await a_site(benefits, fairness={"members_min": MIN})
    benefit = "one_to_one_matchmaker"
    await moved(benefits, site.key, datetime(2026, 3, 8, tzinfo=UTC))
    await counting(benefits).go_on(site.key)
    benefits.members.times[site.key] = BEGIN
    stories = [await site.a_member() for _ in range(24)]
    for story in stories[:12]:
        await site.sell(story, "gold_year")
    await uses(benefits, stories[:6], benefit, at=BEGIN + DAY)

    (march,) = await settled(benefits, site.key, datetime(2026, 4, 9, tzinfo=UTC))

    (ladder,) = march.tier_sets
    held = {tuple(each.tiers): each.members_count for each in ladder.groups}
    assert held == {("gold",): 12, ("normal", "diamond"): 12}
    assert told(march, benefit)[0][2:] == (6, 6)


# Once.


async def test_the_month_before_a_program_was_first_seen_is_noted_only_and_none_is_counted_early(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_store(benefits)
    await members(benefits, program_id, MIN)

    early = await settled(benefits, program_id, MARCH_SETTLED - DAY / 24)
    in_time = await settled(benefits, program_id)

    assert early == []
    assert [each.month for each in in_time] == ["1998-03"]


async def test_a_month_waits_until_all_that_fell_due_before_it_was_settled_has_happened(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_store(benefits)
    await members(benefits, program_id, MIN)
    benefits.members.times[program_id] = MARCH_SETTLED
    await Progress(benefits.database, program_id).keep(MARCH_SETTLED - DAY)

    went_on = await counting(benefits).go_on(program_id)

    assert not went_on
    assert await months(benefits, program_id) == []


async def test_each_of_several_months_that_passed_at_once_is_published(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    stories = await members(benefits, program_id, 2 * MIN)
    await uses(benefits, stories[:MIN], at=NOON)
    await uses(benefits, stories[:MIN], at=MARCH_ENDS)

    found = await settled(benefits, program_id, datetime(1998, 6, 9, tzinfo=UTC))

    assert [(each.month, len(each.items)) for each in found] == [
        ("1998-05", 0),
        ("1998-04", 1),
        ("1998-03", 1),
    ]


async def test_a_month_is_published_once_whoever_is_at_it_and_comes_out_as_the_same_bytes(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "MEMBERSHIPS_PER_PAGE", 3)
    program_id = await a_store(benefits)
    stories = await members(benefits, program_id, 12, SILVER)
    await uses(benefits, stories[:6])
    await uses(benefits, stories[:5], SHIPPING)
    await moved(benefits, program_id, MARCH_SETTLED)
    replicas = [counting(benefits) for _ in range(4)]

    async def through(replica: UsageHandlers) -> None:
        while await replica.go_on(program_id):
            pass

    await asyncio.gather(*(through(each) for each in replicas))
    at_once = await stored(benefits, program_id)
    again = await settled(benefits, program_id)
    await benefits.database.usage_months.delete_one({"_id": f"{program_id}@1998-03"})
    monkeypatch.setattr(handlers, "MEMBERSHIPS_PER_PAGE", 2_000)
    await settled(benefits, program_id)

    assert told(again[0], LETTER)[0] == (ALL, 12, 6, 6)
    assert len(at_once) == 1
    assert await stored(benefits, program_id) == at_once


async def stored(benefits: BenefitsWorld, program_id: str) -> list[bytes]:
    return await kept.published(BenefitsStore(benefits.database), program_id, before="", limit=12)


async def test_who_is_interrupted_leaves_what_was_counted_to_the_next_one(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "MEMBERSHIPS_PER_PAGE", 5)
    program_id = await a_store(benefits)
    await uses(benefits, (await members(benefits, program_id, 12))[:6])
    await moved(benefits, program_id, MARCH_SETTLED)
    first, pages = counting(benefits), [await counting(benefits).go_on(program_id)]
    await first.go_on(program_id)
    page = tier_reports.page

    async def counted_page(*args: Any, **fields: Any) -> Any:
        pages.append(True)
        return await page(*args, **fields)

    async def lost(*_: Any) -> Any:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(kept, "go_on", lost)
        with pytest.raises(ConnectionError):
            await first.go_on(program_id)
    monkeypatch.setattr(tier_reports, "page", counted_page)
    (march,) = await settled(benefits, program_id)

    # Twelve members by four at a time: one page was counted before, the one that was lost is counted again.
    assert len(pages) == 1 + 2
    assert told(march, LETTER)[0] == (ALL, 12, 6, 6)


async def test_a_version_that_takes_effect_meanwhile_has_the_month_counted_anew(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "MEMBERSHIPS_PER_PAGE", 5)
    program_id = await a_store(benefits)
    await uses(benefits, (await members(benefits, program_id, 12))[:6])
    await moved(benefits, program_id, MARCH_SETTLED)
    replica = counting(benefits)
    for _ in range(2):
        await replica.go_on(program_id)
    document = preset(PROGRAM).document() | {"key": program_id, "name": {"zh": "店", "en": "Shop"}}
    await benefits.publish(Program.parse(document | {"fairness": {"members_min": MIN + 1}}))

    (march,) = await settled(benefits, program_id)

    assert (march.program_version, march.members_min) == (2, MIN + 1)
    assert told(march, LETTER)[0] == (ALL, 12, 6, 6)


async def test_what_is_taken_back_later_changes_nothing_that_was_published(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    used = await uses(benefits, (await members(benefits, program_id, 12))[:6])
    before = await settled(benefits, program_id)

    await quotas.cancel(BenefitsStore(benefits.database), used[0])
    after = await settled(benefits, program_id, MARCH_SETTLED + DAY)

    assert before == after


async def test_what_was_counted_is_not_kept_beside_what_is_published(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    await uses(benefits, (await members(benefits, program_id, 12))[:6])
    await settled(benefits, program_id)

    document = await benefits.database.usage_months.find_one({"_id": f"{program_id}@1998-03"})

    assert document is not None
    assert document.keys() == {"_id", "program_id", "month", "state", "program_version", "figures"}


# On the clock.


async def test_the_job_publishes_and_tells_how_late_it_is(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    await members(benefits, program_id, MIN)
    await moved(benefits, program_id, MARCH_SETTLED + DAY)
    usage = counting(benefits)
    late = await usage.late_seconds(program_id)

    async def programs() -> list[str]:
        return [program_id]

    going = Rounds(
        USAGE,
        None,  # type: ignore[arg-type]  # of a round by itself nobody asks
        programs,
        turn=usage.go_on,
        find=usage.late_seconds,
        told=Number(USAGE_UNPUBLISHED_SECONDS),
        every_seconds=1,
    )
    found = await going.run_once()

    assert 86_400 <= late < 86_500
    assert found == {program_id: 0.0}
    assert [each.month for each in await months(benefits, program_id)] == ["1998-03"]


async def test_a_program_that_nobody_has_seen_is_not_late(
    benefits: BenefitsWorld,
) -> None:
    program_id = await benefits.a_program()

    assert await counting(benefits).late_seconds(program_id) == 0
    assert program_id in await counting(benefits).programs()


# Told.


async def test_months_are_listed_latest_first_page_by_page(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    await settled(benefits, program_id, datetime(1998, 7, 9, tzinfo=UTC))
    stub = reports(benefits, program_id)

    pages, before = [], ""
    while True:
        request = pb.ListUsageMonthsRequest(program_id=program_id, before_month=before, page_size=2)
        page = await stub.ListUsageMonths(request)
        pages.append([each.month for each in page.months])
        if not page.more:
            break
        before = pages[-1][-1]

    assert pages == [["1998-06", "1998-05"], ["1998-04", "1998-03"]]


async def test_months_that_say_much_come_fewer_at_a_time(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_id = await a_store(benefits)
    await settled(benefits, program_id, datetime(1998, 7, 9, tzinfo=UTC))
    sizes = [len(each) for each in await stored(benefits, program_id)]
    usage = counting(benefits)

    monkeypatch.setattr(handlers, "PAGE_BYTES_MAX", sum(sizes[:2]))
    two = await usage.months(program_id, before="", limit=12)
    monkeypatch.setattr(handlers, "PAGE_BYTES_MAX", 1)
    one = await usage.months(program_id, before="1998-04", limit=12)

    assert (len(sizes), len(two[0]), two[1]) == (4, 2, True)
    assert (len(one[0]), one[1]) == (1, False)


async def test_of_too_few_members_a_month_says_nothing(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    await uses(benefits, await members(benefits, program_id, MIN - 1))

    (march,) = await settled(benefits, program_id)

    assert (march.members_count, list(march.tier_sets), list(march.items)) == (0, [], [])


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("staff", {"roles": ["analyst"]}),
        ("staff", {"roles": ["consultant"], "stores": ["online"]}),
        ("partner", {}),
        ("member", {}),
    ],
    ids=["an analyst", "a consultant", "a partner", "a member"],
)
async def test_all_of_a_program_may_read_what_is_published(
    benefits: BenefitsWorld, kind: PrincipalKind, claims: dict[str, Any]
) -> None:
    stub = reports(benefits, PROGRAM, kind, **claims)

    assert not (await stub.ListUsageMonths(pb.ListUsageMonthsRequest(program_id=PROGRAM))).more


async def test_a_foreign_program_is_as_if_it_were_not_there(benefits: BenefitsWorld) -> None:
    found = [
        await refusal(reports(benefits, PROGRAM).ListUsageMonths(pb.ListUsageMonthsRequest(program_id=each)))
        for each in ("other_store", "no_such_store")
    ]

    assert [each[:2] for each in found] == [(grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")] * 2


@pytest.mark.parametrize(
    "fields", [{"before_month": "1998-13"}, {"before_month": "March"}, {"page_size": 13}]
)
async def test_what_is_no_month_and_too_many_of_them_are_refused(
    benefits: BenefitsWorld, fields: dict[str, Any]
) -> None:
    request = pb.ListUsageMonthsRequest(program_id=PROGRAM, **fields)

    assert (await refusal(reports(benefits, PROGRAM).ListUsageMonths(request)))[0] == (
        grpc.StatusCode.INVALID_ARGUMENT
    )
