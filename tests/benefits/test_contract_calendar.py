"""Ends of contracts happen by the program's clock: told ahead, once, then into the renewal pool."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from laurel.benefits.v1 import benefits_pb2, events_pb2, notices_pb2
from laurel.benefits.v1 import contracts_pb2 as pb
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.contract_checks import stored_faults
from tests.benefits.contracts_world import BEGIN, DAY, Site, a_site, end_of
from tests.benefits.stories import Story
from tests.support.watching import first_answers

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
def clocks_are_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.clocks.AGE_SECONDS_MAX", 0.0)


@pytest.fixture
async def site(benefits: BenefitsWorld) -> Site:
    """A site whose calendar has begun."""
    site = await a_site(benefits)
    await site.move(BEGIN)
    return site


async def changes(site: Site, story: Story) -> list[str]:
    """What was announced of a member's contracts, in order."""
    wanted = {"subject": story.member_id, "type": "ContractChanged"}
    rows = await site.benefits.database.outbox.find(wanted).sort("change_seq", 1).to_list(None)
    told = [events_pb2.ContractChanged.FromString(each["payload"]) for each in rows]
    return [pb.ContractChange.Name(each.change).removeprefix("CONTRACT_CHANGE_") for each in told]


async def leads(site: Site, story: Story) -> list[tuple[str, str, str]]:
    """What a member was told of ends: the plan, the days ahead, and when that was due in Shanghai."""
    return [
        (
            each["params"]["plan"],
            each["params"]["days"],
            each["occurred_time"].astimezone(SHANGHAI).isoformat()[:16],
        )
        for each in await site.told(story)
    ]


async def test_an_offer_that_is_known_before_the_end_begins_with_it_and_lasts_its_days(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)
    await site.staff.SetSatisfaction(site.saying(sold, pb.SATISFACTION_VERY_SATISFIED))
    had = []

    for at in (BEGIN, end_of(sold), end_of(sold) + 29 * DAY, end_of(sold) + 30 * DAY):
        await site.move(at)
        had.append("matchmaker_private_class" in await site.benefits_of(story))

    assert had == [False, True, True, False]


async def test_each_end_is_told_thirty_seven_and_one_days_ahead_however_far_the_clock_is_moved(
    site: Site,
) -> None:
    story = await site.a_member()
    sold = await site.sell(story, "dating_quarter")
    await site.partner.RenewContract(site.renewing(sold))
    await site.sell(story, "ai_deep_matching")

    await site.move(BEGIN + 1_000 * DAY)
    await site.move(BEGIN + 2_000 * DAY)

    # The second of June is the last day of the add-on, of the quarters the second of September.
    assert await leads(site, story) == [
        ("ai_deep_matching", "30", "2026-05-03T00:00"),
        ("ai_deep_matching", "7", "2026-05-26T00:00"),
        ("ai_deep_matching", "1", "2026-06-01T00:00"),
        ("dating_quarter", "30", "2026-08-03T00:00"),
        ("dating_quarter", "7", "2026-08-26T00:00"),
        ("dating_quarter", "1", "2026-09-01T00:00"),
    ]
    assert await changes(site, story) == ["SOLD", "SOLD", "SOLD", "ENDED", "STARTED", "ENDED", "ENDED"]
    assert sorted(each.contract.plan for each in await site.pool()) == ["ai_deep_matching", "dating_quarter"]


async def test_the_notice_says_until_when_in_both_languages(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)

    await site.move(end_of(sold) - 20 * DAY)

    stub = site.benefits.notices("member", story.member_id, site.key)
    request = notices_pb2.BatchListNoticesRequest(program_id=site.key, member_ids=[story.member_id])
    (told,) = (await stub.BatchListNotices(request)).results[0].notices
    assert told.code == notices_pb2.NOTICE_CODE_CONTRACT_ENDING
    assert (told.text_zh, told.text_en) == (
        "您的黄金会员年卡有效期至2027年3月2日。",
        "Your Gold for a year is valid until March 2, 2027.",
    )


async def test_who_watches_a_member_hears_of_their_contracts(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)
    await site.move(end_of(sold))
    watching = benefits_pb2.WatchMemberRequest(program_id=site.key, member_id=story.member_id, after_seq=0)
    stub = site.benefits.caller("member", story.member_id, site.key)

    # Where it stands, that they joined, the sale, three reminders, the end.
    answers = await first_answers(stub.WatchMember(watching), 7)

    told = [each.contract_changed for each in answers if each.WhichOneof("change") == "contract_changed"]
    assert [(each.change, each.contract.state) for each in told] == [
        (pb.CONTRACT_CHANGE_SOLD, pb.CONTRACT_STATE_RUNNING),
        (pb.CONTRACT_CHANGE_ENDED, pb.CONTRACT_STATE_ENDED),
    ]
    assert told[0].contract == sold


async def test_what_fell_due_long_ago_is_not_told_and_ends_all_the_same(benefits: BenefitsWorld) -> None:
    site = await a_site(benefits)
    story = await site.a_member()
    sold = await site.sell(story)
    # Its calendar begins when all is over.
    await site.move(end_of(sold) + 400 * DAY)

    assert await leads(site, story) == []
    assert [each.contract.contract_id for each in await site.pool()] == [sold.contract_id]


async def test_replicas_at_it_at_once_tell_and_end_each_contract_once(site: Site) -> None:
    stories = [await site.a_member() for _ in range(12)]
    for story in stories:
        await site.sell(story, "dating_quarter")
    site.benefits.members.times[site.key] = BEGIN + 100 * DAY

    async with asyncio.timeout(60):
        await asyncio.gather(*(site.calendar().run_once() for _ in range(3)))

    for story in stories:
        assert [days for _, days, _ in await leads(site, story)] == ["30", "7", "1"]
        assert await changes(site, story) == ["SOLD", "ENDED"]
    assert len(await site.pool()) == 12


async def test_who_renews_while_the_end_happens_is_renewed_or_in_the_pool(benefits: BenefitsWorld) -> None:
    document = (await a_site(benefits)).program.document()
    document["contracts"]["plans"][0]["grace_days"] = 5
    site = await a_site(benefits, contracts=document["contracts"])
    await site.move(BEGIN)
    stories = [await site.a_member() for _ in range(6)]
    sold = [await site.sell(each) for each in stories]
    site.benefits.members.times[site.key] = end_of(sold[0]) + DAY

    async with asyncio.timeout(60):
        await asyncio.gather(
            site.calendar().run_once(),
            *(site.partner.RenewContract(site.renewing(each)) for each in sold),
        )
    await site.calendar().run_once()

    assert await site.pool() == []
    for story in stories:
        first, second = await site.contracts(story)
        assert second.start_time == first.end_time
        assert (await site.membership(story)).contract_id == second.contract_id
    assert await stored_faults(benefits, site.key) == []


async def test_in_its_grace_a_contract_grants_on_while_its_member_is_in_the_pool(
    benefits: BenefitsWorld,
) -> None:
    document = (await a_site(benefits)).program.document()
    document["contracts"]["plans"][0]["grace_days"] = 5
    site = await a_site(benefits, contracts=document["contracts"])
    story = await site.a_member()
    sold = await site.sell(story)

    seen = []
    for days in (4, 5):
        await site.move(end_of(sold) + days * DAY)
        (contract,) = await site.contracts(story)
        seen.append((contract.state, (await site.membership(story)).tier, len(await site.pool())))

    assert seen == [
        (pb.CONTRACT_STATE_IN_GRACE, "gold", 1),
        (pb.CONTRACT_STATE_ENDED, "normal", 1),
    ]
    assert await changes(site, story) == ["SOLD", "ENDED", "LAPSED"]


async def test_what_a_contract_grants_ends_in_time_also_when_the_calendar_is_late(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)

    site.benefits.members.times[site.key] = end_of(sold)

    assert (await site.membership(story)).tier == "normal"
    assert set((await site.benefits_of(story)).values()) == {""}


async def test_who_renews_before_a_waiting_notice_goes_out_is_not_told(benefits: BenefitsWorld) -> None:
    site = await a_site(benefits, notices={"quiet_hours": {"from_hour": 22, "to_hour": 8}})
    await site.move(BEGIN)
    story = await site.a_member()
    sold = await site.sell(story)
    await site.move(end_of(sold) - 29 * DAY)

    await site.partner.RenewContract(site.renewing(sold))

    (told,) = await site.told(story)
    assert (told["status"], told["withheld_reason"]) == ("WITHHELD", "OVERTAKEN")


async def test_a_program_may_switch_the_notices_off(benefits: BenefitsWorld) -> None:
    site = await a_site(benefits, notices={"switched_off": ["contract_ending"]})
    await site.move(BEGIN)
    story = await site.a_member()
    sold = await site.sell(story)

    await site.move(end_of(sold))

    assert {each["withheld_reason"] for each in await site.told(story)} == {"SWITCHED_OFF"}


async def test_the_pool_is_listed_page_by_page_the_longest_ago_first(site: Site) -> None:
    plans = ["gold_year", "dating_quarter", "ai_deep_matching", "gold_year", "dating_quarter"]
    sold = {(await site.sell(await site.a_member(), plan)).contract_id: plan for plan in plans}
    await site.move(BEGIN + 400 * DAY)
    listed: list[pb.PooledContract] = []
    token, pages = "", 0

    while pages == 0 or token:
        request = pb.ListRenewalPoolRequest(program_id=site.key, page_size=2, page_token=token)
        page = await site.staff.ListRenewalPool(request)
        listed += page.pooled
        token, pages = page.next_page_token, pages + 1

    assert pages == 3
    assert sorted(each.contract.contract_id for each in listed) == sorted(sold)
    ends: list[datetime] = [end_of(each.contract) for each in listed]
    assert ends == sorted(ends)
    assert listed[-1].contract.plan == "gold_year"
