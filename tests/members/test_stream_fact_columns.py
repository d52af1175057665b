"""StreamFactColumns: for each member what BatchGetFacts gives, in parts that fit together; DivideMembers."""

import math
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import moment, timestamp
from services.members.handlers import columns as handlers
from tests.members.conftest import REPLAYED_FROM, MembersWorld
from tests.support.builders import DAY, NOON, PROGRAM, a_batch, a_purchase, an_event

NEW_YORK = ZoneInfo("America/New_York")
RFM = ["purchase.days_since_last", "purchase.count.lifetime", "purchase.amount_minor.lifetime"]
ALL = [
    *RFM,
    "purchase.days_since_first",
    "login.days_since_last",
    *(
        f"{name}.{window}"
        for window in ("7d", "30d", "90d", "365d", "lifetime")
        for name in ("purchase.quantity", "purchase_gross.amount_minor", "refund.amount_minor", "login.count")
    ),
    "refund.quantity.30d",
    "purchase_gross.quantity.lifetime",
    "purchase.distinct_days.90d",
    "login.distinct_days.lifetime",
    "custom.count.7d",
]

Facts = dict[str, dict[str, float]]


async def columns(
    members: MembersWorld, facts: list[str], as_of: datetime | None = None, **bounds: Any
) -> list[pb.StreamFactColumnsResponse]:
    request = pb.StreamFactColumnsRequest(
        program_id=PROGRAM, as_of=None if as_of is None else timestamp(as_of), facts=facts, **bounds
    )
    return [answer async for answer in members.staff.StreamFactColumns(request)]


def by_member(answers: list[pb.StreamFactColumnsResponse], facts: list[str]) -> Facts:
    """The facts that are there, by member."""
    found: Facts = {}
    for answer in answers:
        rows = zip(
            *(struct.unpack(f"<{len(answer.member_ids)}d", each) for each in answer.columns), strict=True
        )
        for member, row in zip(answer.member_ids, rows, strict=True):
            found[member] = {
                name: value for name, value in zip(facts, row, strict=True) if not math.isnan(value)
            }
    return found


async def asked_one_by_one(members: MembersWorld, ids: list[str], as_of: datetime) -> Facts:
    keys = [pb.FactsKey(member_id=each, as_of=timestamp(as_of)) for each in ids]
    answer = await members.staff.BatchGetFacts(
        pb.BatchGetFactsRequest(program_id=PROGRAM, keys=keys, names=ALL)
    )
    return {
        each: {fact.name: fact.value for fact in result.facts}
        for each, result in zip(ids, answer.results, strict=True)
    }


def end_of(day: date) -> datetime:
    return datetime.combine(day + DAY, datetime.min.time(), NEW_YORK).astimezone(UTC) - timedelta(
        milliseconds=1
    )


@pytest.fixture(autouse=True)
async def _no_members(members: MembersWorld) -> None:
    """Each test has a program of its own people."""
    for name in ("members", "member_days", "events"):
        await members.database[name].delete_many({})


# A purchase, a login or a refund of the purchase before: (member, hours after the first day, amount).
STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 24 * 400),
        st.integers(0, 5_000),
        st.sampled_from(["purchase", "login", "refund", "custom"]),
    ),
    max_size=25,
)


def events_of(steps: Any, ids: list[str]) -> Iterator[events_pb2.Event]:
    bought: dict[str, events_pb2.Event] = {}
    for member, hours, amount, kind in steps:
        member_id, at = ids[member], NOON + timedelta(hours=hours)
        if kind == "purchase":
            bought[member_id] = a_purchase(member_id, amount, at=at)
            yield bought[member_id]
        elif kind != "refund":
            yield an_event(member_id, events_pb2.EventKind.Value(f"EVENT_KIND_{kind.upper()}"), at=at)
        elif (original := bought.pop(member_id, None)) is not None:
            yield an_event(
                member_id,
                events_pb2.EVENT_KIND_REFUND,
                at=at,
                amount_minor=original.amount_minor // 2,
                currency="USD",
                quantity=1,
                original=events_pb2.EventReference(external_ref=original.external_ref),
            )


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, days=st.integers(-2, 420))
async def test_each_member_has_the_facts_that_they_have_when_asked_for_alone(
    members: MembersWorld, steps: Any, days: int
) -> None:
    ids = [await members.a_member() for _ in range(4)]
    events = list(events_of(steps, ids))
    if events:
        answer = await members.partner.RecordEvents(a_batch(*events))
        assert {each.outcome for each in answer.results} == {pb.EVENT_OUTCOME_ACCEPTED}
    day = (NOON + days * DAY).astimezone(NEW_YORK).date()

    answers = await columns(members, ALL, NOON + days * DAY)

    found = by_member(answers, ALL)
    assert {moment(each.as_of) for each in answers} == {end_of(day)}
    alone = await asked_one_by_one(members, ids, end_of(day))
    assert {each: found[each] for each in ids} == alone


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, days=st.lists(st.integers(-2, 420), min_size=1, max_size=5))
async def test_several_dates_are_answered_as_each_by_itself(
    members: MembersWorld, steps: Any, days: list[int]
) -> None:
    ids = [await members.a_member() for _ in range(4)]
    events = list(events_of(steps, ids))
    if events:
        await members.partner.RecordEvents(a_batch(*events))
    first, *more = [NOON + each * DAY for each in days]

    together = await columns(members, ALL, first, more_dates=map(timestamp, more))

    alone = [await columns(members, ALL, each) for each in (first, *more)]
    assert [list(each.columns) for each in together] == [list(each.columns) for each in alone[0]]
    for place, answers in enumerate(alone[1:]):
        at = [each.more_dates[place] for each in together]
        assert [list(each.columns) for each in at] == [list(each.columns) for each in answers]
        assert [each.as_of for each in at] == [each.as_of for each in answers]


async def test_an_answer_of_many_columns_is_of_fewer_members(
    members: MembersWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "NUMBERS_PER_ANSWER_MAX", 2 * len(RFM) * 2)
    for _ in range(3):
        await members.a_member()

    one = await columns(members, RFM, NOON)
    several = await columns(members, RFM, NOON, more_dates=[timestamp(NOON + DAY)])

    assert [len(each.member_ids) for each in one] == [3]
    assert [len(each.member_ids) for each in several] == [2, 1]


async def test_the_day_goes_to_its_end_in_the_programs_time_zone(members: MembersWorld) -> None:
    member = await members.a_member()
    late, after_midnight = (
        datetime(1998, 3, day, hour, 30, tzinfo=NEW_YORK) for day, hour in ((2, 23), (3, 0))
    )
    await members.partner.RecordEvents(
        a_batch(a_purchase(member, 100, at=late), a_purchase(member, 10, at=after_midnight))
    )

    found = by_member(await columns(members, RFM, datetime(1998, 3, 2, 1, tzinfo=NEW_YORK)), RFM)

    assert found[member] == dict(zip(RFM, (0, 1, 100), strict=True))


async def test_without_a_time_it_is_the_programs_own_day(members: MembersWorld) -> None:
    await members.a_member()

    (answer,) = await columns(members, RFM)

    assert moment(answer.as_of).astimezone(NEW_YORK).date() == REPLAYED_FROM.astimezone(NEW_YORK).date()
    assert answer.members_total >= 1


async def test_answers_go_on_where_the_one_before_ended(
    members: MembersWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "MEMBERS_PER_ANSWER", 3)
    ids = sorted([await members.a_member() for _ in range(8)])
    await members.partner.RecordEvents(a_batch(*(a_purchase(each, 100 + n) for n, each in enumerate(ids))))

    answers = await columns(members, RFM)
    resumed = await columns(members, RFM, after_member_id=ids[2])
    bounded = await columns(members, RFM, after_member_id=ids[0], through_member_id=ids[3])

    assert [list(answer.member_ids) for answer in answers] == [ids[:3], ids[3:6], ids[6:]]
    assert by_member(resumed, RFM) == {each: by_member(answers, RFM)[each] for each in ids[3:]}
    assert list(by_member(bounded, RFM)) == ids[1:4]
    assert [by_member(answers, RFM)[each][RFM[2]] for each in ids] == [100 + n for n in range(8)]


async def test_a_member_whose_days_fill_several_reads_is_counted_whole(
    members: MembersWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.members.repository.columns.DAYS_PER_READ", 2)
    one, other = sorted([await members.a_member(), await members.a_member()])
    for member, days in ((one, 5), (other, 3)):
        await members.partner.RecordEvents(
            a_batch(*(a_purchase(member, 10, at=NOON + n * DAY) for n in range(days)))
        )

    found = by_member(await columns(members, RFM), RFM)

    assert [found[each][RFM[1]] for each in (one, other)] == [5, 3]


async def test_nobody_of_another_program_is_in_it(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.database.members.update_one({"_id": member}, {"$set": {"program_id": "other_store"}})

    assert await columns(members, RFM) == []


@pytest.mark.parametrize(
    "fact",
    [
        "purchase.amount_minor.0d",
        "purchase.amount.lifetime",
        "login.amount_minor.lifetime",
        "purchase_gross.count.lifetime",
        "unspecified.count.lifetime",
        "purchase.days_since_last.lifetime",
        "benefits.growth_points",
        "purchase",
    ],
)
async def test_a_fact_that_cannot_be_is_refused_by_name(members: MembersWorld, fact: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await columns(members, [*RFM, fact])

    assert (refused.value.code().name, reason_of(refused.value)) == ("INVALID_ARGUMENT", "FACT_UNKNOWN")


async def test_parts_are_of_about_the_same_size_and_make_up_the_whole(members: MembersWorld) -> None:
    ids = sorted([await members.a_member() for _ in range(11)])

    answer = await members.staff.DivideMembers(pb.DivideMembersRequest(program_id=PROGRAM, parts_count=4))

    bounds = ["", *answer.through_member_ids, ""]
    parts = [
        by_member(await columns(members, RFM, after_member_id=after, through_member_id=through), RFM)
        for after, through in pairwise(bounds)
    ]
    assert [len(part) for part in parts] == [3, 3, 3, 2]
    assert [member for part in parts for member in part] == ids


async def test_an_unknown_program_is_refused(members: MembersWorld) -> None:
    staff = members.caller("service", "scorer", None)
    asked = pb.DivideMembersRequest(program_id="nowhere", parts_count=2)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await staff.DivideMembers(asked)

    assert reason_of(refused.value) == "PROGRAM_UNKNOWN"
