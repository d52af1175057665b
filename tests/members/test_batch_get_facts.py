"""BatchGetFacts: the facts at any time equal a recount of the events up to it, however late they came."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import moment, timestamp
from tests.members.conftest import REPLAYED_FROM, MembersWorld
from tests.support.builders import DAY, NOON, PROGRAM, a_batch, a_purchase, an_event

NEW_YORK = ZoneInfo("America/New_York")


async def facts_of(
    members: MembersWorld, member: str, as_of: datetime | None, through_seq: int = 0
) -> dict[str, int]:
    key = pb.FactsKey(
        member_id=member, as_of=None if as_of is None else timestamp(as_of), through_seq=through_seq
    )
    answer = await members.staff.BatchGetFacts(pb.BatchGetFactsRequest(program_id=PROGRAM, keys=[key]))
    return {fact.name: fact.value for fact in answer.results[0].facts}


async def test_facts_hold_for_the_time_that_is_asked_about(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(
        a_batch(a_purchase(member, 1000, at=NOON), a_purchase(member, 500, at=NOON + 10 * DAY))
    )

    before = await facts_of(members, member, NOON - DAY)
    between = await facts_of(members, member, NOON + 5 * DAY)
    after = await facts_of(members, member, NOON + 10 * DAY)

    assert before == {}
    assert between["purchase.amount_minor.lifetime"] == 1000
    assert between["purchase.days_since_last"] == 5
    assert after["purchase.amount_minor.lifetime"] == 1500
    assert after["purchase.amount_minor.7d"] == 500


async def test_of_the_day_itself_only_what_has_happened_by_then_counts(members: MembersWorld) -> None:
    member = await members.a_member()
    hour = timedelta(hours=1)
    await members.partner.RecordEvents(
        a_batch(a_purchase(member, 100, at=NOON), a_purchase(member, 10, at=NOON + hour))
    )

    assert (await facts_of(members, member, NOON))["purchase.amount_minor.lifetime"] == 100
    assert (await facts_of(members, member, NOON + hour))["purchase.amount_minor.lifetime"] == 110
    assert (await facts_of(members, member, NOON + hour, through_seq=1))[
        "purchase.amount_minor.lifetime"
    ] == 100


async def test_days_are_those_of_the_programs_time_zone(members: MembersWorld) -> None:
    member = await members.a_member()
    late_evening = datetime(1998, 3, 2, 23, 30, tzinfo=NEW_YORK)
    await members.partner.RecordEvents(a_batch(a_purchase(member, at=late_evening)))

    facts = await facts_of(members, member, datetime(1998, 3, 3, 0, 30, tzinfo=NEW_YORK))

    assert facts["purchase.days_since_last"] == 1


async def test_without_a_time_the_programs_own_clock_is_asked(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member, at=NOON)))

    answer = await members.staff.BatchGetFacts(
        pb.BatchGetFactsRequest(program_id=PROGRAM, keys=[pb.FactsKey(member_id=member)])
    )

    as_of = moment(answer.results[0].as_of)
    assert REPLAYED_FROM <= as_of < REPLAYED_FROM + timedelta(hours=1)


@pytest.mark.parametrize("year", [1, 9999])
async def test_a_time_that_no_calendar_holds_everywhere_is_refused(members: MembersWorld, year: int) -> None:
    member = await members.a_member()

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await facts_of(members, member, datetime(year, 1, 1, tzinfo=UTC))

    assert reason_of(refusal.value) == "INVALID_REQUEST"


async def test_keys_are_answered_in_order_and_unknown_members_are_missing(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member)))
    keys = [pb.FactsKey(member_id="mem_" + "0" * 32), pb.FactsKey(member_id=member)]

    answer = await members.staff.BatchGetFacts(
        pb.BatchGetFactsRequest(program_id=PROGRAM, keys=keys, names=["purchase.count.lifetime"])
    )

    assert [result.status for result in answer.results] == [
        lookup_pb2.LOOKUP_STATUS_MISSING,
        lookup_pb2.LOOKUP_STATUS_FOUND,
    ]
    assert [(fact.name, fact.value) for fact in answer.results[1].facts] == [("purchase.count.lifetime", 1)]


told = st.lists(
    st.tuples(
        st.sampled_from(
            [events_pb2.EVENT_KIND_PURCHASE, events_pb2.EVENT_KIND_LOGIN, events_pb2.EVENT_KIND_SHARE]
        ),
        st.integers(min_value=0, max_value=100 * 24),
        st.integers(min_value=0, max_value=100_000),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=told, asked=st.integers(min_value=0, max_value=100 * 24), cut=st.integers(min_value=1, max_value=12)
)
async def test_facts_at_any_time_equal_a_recount_however_late_the_events_came(
    members: MembersWorld, told: list[tuple[int, int, int]], asked: int, cut: int
) -> None:
    member = await members.a_member()
    start = datetime(1997, 10, 20, 4, tzinfo=NEW_YORK)
    events = [_event(member, kind, start + timedelta(hours=hours), amount) for kind, hours, amount in told]
    for batch in (events[:cut], events[cut:]):
        if batch:
            await members.partner.RecordEvents(a_batch(*batch))
    as_of = start + timedelta(hours=asked)

    facts = await facts_of(members, member, as_of)

    assert facts == _recounted(told, start, as_of)


def _event(member: str, kind: int, at: datetime, amount: int) -> events_pb2.Event:
    if kind == events_pb2.EVENT_KIND_PURCHASE:
        return a_purchase(member, amount, at=at)
    return an_event(member, kind, at=at)  # type: ignore[arg-type]


def _recounted(told: list[tuple[int, int, int]], start: datetime, as_of: datetime) -> dict[str, int]:
    """The same facts, counted one by one from the events themselves."""
    facts: dict[str, int] = {}
    today = as_of.astimezone(NEW_YORK).date()
    counted = [(kind, start + timedelta(hours=hours), amount) for kind, hours, amount in told]
    for kind in {kind for kind, at, _ in counted if at <= as_of}:
        name = events_pb2.EventKind.Name(kind).removeprefix("EVENT_KIND_").lower()  # type: ignore[arg-type]
        mine = [
            (at.astimezone(NEW_YORK).date(), amount)
            for each, at, amount in counted
            if each == kind and at <= as_of
        ]
        facts[f"{name}.days_since_first"] = (today - min(day for day, _ in mine)).days
        facts[f"{name}.days_since_last"] = (today - max(day for day, _ in mine)).days
        for window, length in (("7d", 7), ("30d", 30), ("90d", 90), ("365d", 365), ("lifetime", 10_000)):
            within = [(day, amount) for day, amount in mine if (today - day).days < length]
            if not within:
                continue
            facts[f"{name}.count.{window}"] = len(within)
            facts[f"{name}.distinct_days.{window}"] = len({day for day, _ in within})
            if name == "purchase":
                for prefix in ("purchase", "purchase_gross"):
                    facts[f"{prefix}.amount_minor.{window}"] = sum(amount for _, amount in within)
                    facts[f"{prefix}.quantity.{window}"] = len(within)
    return facts


WINDOWED = [
    "purchase.amount_minor.20d",
    "purchase.amount_minor.month",
    "purchase.count.month_avg_2",
    "purchase.average_minor.year",
]


async def named(members: MembersWorld, key: pb.FactsKey, names: list[str]) -> dict[str, int]:
    request = pb.BatchGetFactsRequest(program_id=PROGRAM, keys=[key], names=names)
    return {fact.name: fact.value for fact in (await members.staff.BatchGetFacts(request)).results[0].facts}


async def test_facts_are_told_in_any_window_that_is_named(members: MembersWorld) -> None:
    member = await members.a_member()
    march = datetime(1998, 3, 25, 12, tzinfo=NEW_YORK)
    purchases = [(7, march), (100, march - 10 * DAY), (1_000, march - 24 * DAY), (10_000, march - 50 * DAY)]
    await members.partner.RecordEvents(
        a_batch(*(a_purchase(member, amount, at=at) for amount, at in purchases))
    )

    facts = await named(members, pb.FactsKey(member_id=member, as_of=timestamp(march)), WINDOWED)

    assert facts == {
        "purchase.amount_minor.20d": 107,
        "purchase.amount_minor.month": 1_107,
        "purchase.count.month_avg_2": 0,
        "purchase.average_minor.year": 11_107 // 4,
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=told, place=st.integers(min_value=1, max_value=12), days=st.integers(min_value=0, max_value=100))
async def test_up_to_a_sequence_facts_stay_what_they_were_whatever_comes_after(
    members: MembersWorld, told: list[tuple[int, int, int]], place: int, days: int
) -> None:
    member = await members.a_member()
    start = datetime(1997, 10, 20, 4, tzinfo=NEW_YORK)
    events = [_event(member, kind, start + timedelta(hours=hours), amount) for kind, hours, amount in told]
    first, later, as_of = events[:place], events[place:], start + timedelta(days=days)
    await members.partner.RecordEvents(a_batch(*first))
    before = await facts_of(members, member, as_of)

    if later:
        await members.partner.RecordEvents(a_batch(*later))

    assert await facts_of(members, member, as_of, through_seq=len(first)) == before


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=told, place=st.integers(min_value=0, max_value=12))
async def test_what_might_happen_counts_as_if_it_had(
    members: MembersWorld, told: list[tuple[int, int, int]], place: int
) -> None:
    member = await members.a_member()
    start, as_of = datetime(1997, 10, 20, 4, tzinfo=NEW_YORK), datetime(1998, 2, 1, tzinfo=NEW_YORK)
    events = [_event(member, kind, start + timedelta(hours=hours), amount) for kind, hours, amount in told]
    happened = [_event(member, each.kind, as_of, each.amount_minor) for each in events[place:]]
    if events[:place]:
        await members.partner.RecordEvents(a_batch(*events[:place]))
    possible = [
        pb.PossibleCount(kind=each.kind, amount_minor=each.amount_minor, quantity=each.quantity)
        for each in happened
    ]
    request = pb.BatchGetFactsRequest(
        program_id=PROGRAM,
        keys=[pb.FactsKey(member_id=member, as_of=timestamp(as_of), possible=possible)],
    )

    (foretold,) = (await members.staff.BatchGetFacts(request)).results

    if happened:
        await members.partner.RecordEvents(a_batch(*happened))
    facts = {fact.name: fact.value for fact in foretold.facts}
    assert facts == await facts_of(members, member, as_of)


async def test_a_name_that_no_fact_has_is_refused(members: MembersWorld) -> None:
    member = await members.a_member()

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await named(members, pb.FactsKey(member_id=member), ["purchase.karma.7d"])

    assert reason_of(refusal.value) == "FACT_UNKNOWN"


async def test_more_facts_than_one_answer_holds_are_refused(members: MembersWorld) -> None:
    keys = [pb.FactsKey(member_id="mem_" + "0" * 32)] * 101

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await members.staff.BatchGetFacts(
            pb.BatchGetFactsRequest(
                program_id=PROGRAM, keys=keys, names=[f"login.count.{days}d" for days in range(1, 501)]
            )
        )

    assert reason_of(refusal.value) == "INVALID_REQUEST"
