"""RecordEvents: what becomes of each event, whoever sends it again and however many at once."""

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from laurel.common.v1 import error_reason_pb2
from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.errors import reason_of
from tests.members.conftest import MembersWorld
from tests.support.builders import NOON, PROGRAM, a_batch, a_purchase, an_event

ACCEPTED, DUPLICATE, REJECTED = (
    pb.EVENT_OUTCOME_ACCEPTED,
    pb.EVENT_OUTCOME_DUPLICATE,
    pb.EVENT_OUTCOME_REJECTED,
)


def outcomes(answer: pb.RecordEventsResponse) -> list[int]:
    return [result.outcome for result in answer.results]


def reasons(answer: pb.RecordEventsResponse) -> list[str]:
    names = [error_reason_pb2.ErrorReason.Name(result.reason) for result in answer.results]
    return [name.removeprefix("ERROR_REASON_") for name in names]


async def seq_of(members: MembersWorld, member_id: str) -> int:
    stored = await members.database.members.find_one({"_id": member_id})
    assert stored is not None
    return int(stored["seq"])


async def test_an_event_is_accepted_and_gets_the_next_place_in_the_members_sequence(
    members: MembersWorld,
) -> None:
    member = await members.a_member()

    answer = await members.partner.RecordEvents(a_batch(a_purchase(member), a_purchase(member)))

    assert outcomes(answer) == [ACCEPTED, ACCEPTED]
    assert [result.seq for result in answer.results] == [1, 2]


async def test_an_event_carries_the_lifetime_facts_right_after_it(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member, 1000, ref="a"), a_purchase(member, 250)))
    refund = an_event(
        member,
        events_pb2.EVENT_KIND_REFUND,
        amount_minor=400,
        currency="USD",
        original=events_pb2.EventReference(external_ref="a"),
    )
    await members.partner.RecordEvents(a_batch(refund))

    listed = await members.staff.ListMemberEvents(
        pb.ListMemberEventsRequest(program_id="music_store", member_id=member)
    )

    spent = [{fact.name: fact.value for fact in event.after} for event in listed.events]
    assert [facts["purchase.amount_minor.lifetime"] for facts in spent] == [1000, 1250, 850]
    assert spent[2]["purchase_gross.amount_minor.lifetime"] == 1250
    assert spent[2]["refund.amount_minor.lifetime"] == 400


async def test_the_same_event_again_is_a_duplicate_for_ever_whatever_its_request_id(
    members: MembersWorld,
) -> None:
    member = await members.a_member()
    event = a_purchase(member)
    first = await members.partner.RecordEvents(a_batch(event))

    again = await members.partner.RecordEvents(a_batch(event))

    assert outcomes(again) == [DUPLICATE]
    assert again.results[0].event_id == first.results[0].event_id
    assert await seq_of(members, member) == 1


async def test_the_same_event_twice_in_one_batch_is_stored_once(members: MembersWorld) -> None:
    member = await members.a_member()
    event = a_purchase(member)

    answer = await members.partner.RecordEvents(a_batch(event, event))

    assert outcomes(answer) == [ACCEPTED, DUPLICATE]
    assert await seq_of(members, member) == 1


async def test_another_payload_under_the_same_business_key_is_a_conflict_and_names_the_first(
    members: MembersWorld,
) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member, 1000, ref="till-7")))

    answer = await members.partner.RecordEvents(a_batch(a_purchase(member, 1001, ref="till-7")))

    assert outcomes(answer) == [REJECTED]
    assert reasons(answer) == ["EVENT_CONFLICT"]
    assert "payload digest" in answer.results[0].detail


async def test_a_retry_under_the_same_request_id_gets_the_first_answer_byte_for_byte(
    members: MembersWorld,
) -> None:
    member = await members.a_member()
    batch = a_batch(a_purchase(member), a_purchase("mem_" + "0" * 32))
    first = await members.partner.RecordEvents(batch)

    again = await members.partner.RecordEvents(batch)

    assert again.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)
    assert outcomes(again) == [ACCEPTED, REJECTED]


async def test_another_payload_under_the_same_request_id_is_refused(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member), request_id="once"))

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await members.partner.RecordEvents(a_batch(a_purchase(member), request_id="once"))

    assert refusal.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert reason_of(refusal.value) == "IDEMPOTENCY_KEY_REUSED"


async def test_the_same_batch_twenty_times_at_once_has_one_effect(members: MembersWorld) -> None:
    member = await members.a_member()
    events = [a_purchase(member) for _ in range(5)]

    answers = await asyncio.gather(*(members.partner.RecordEvents(a_batch(*events)) for _ in range(20)))

    accepted = [answer for answer in answers if ACCEPTED in outcomes(answer)]
    assert [outcomes(answer) for answer in accepted] == [[ACCEPTED] * 5]
    assert await seq_of(members, member) == 5


async def test_two_sources_never_collide_on_the_same_reference(members: MembersWorld) -> None:
    member = await members.a_member()
    event = a_purchase(member, ref="receipt-1")
    await members.partner.RecordEvents(a_batch(event))

    answer = await members.caller("partner", "rival").RecordEvents(a_batch(event))

    assert outcomes(answer) == [ACCEPTED]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"currency": "EUR"}, "CURRENCY_MISMATCH"),
        ({"store_id": "nowhere"}, "STORE_UNKNOWN"),
        ({"at": datetime.now(UTC) + timedelta(days=1)}, "OCCURRED_IN_FUTURE"),
        ({"amount_minor": -1}, "EVENT_INVALID"),
        ({"currency": ""}, "EVENT_INVALID"),
        ({"ref": ""}, "EVENT_INVALID"),
        ({"quantity": 10**7}, "EVENT_INVALID"),
        ({"attributes": {f"note_{each}": "字" * 256 for each in range(6)}}, "EVENT_INVALID"),
    ],
    ids=[
        "another currency",
        "unknown store",
        "in the future",
        "negative",
        "no currency",
        "no ref",
        "too many",
        "too long attributes",
    ],
)
async def test_a_bad_event_is_rejected_by_itself_and_the_others_are_stored(
    members: MembersWorld, fields: dict[str, object], reason: str
) -> None:
    member = await members.a_member()

    answer = await members.partner.RecordEvents(
        a_batch(a_purchase(member), a_purchase(member, **fields), a_purchase(member))  # type: ignore[arg-type]
    )

    assert outcomes(answer) == [ACCEPTED, REJECTED, ACCEPTED]
    assert reasons(answer)[1] == reason


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"currency": ""}, "purchases and refunds have a currency, other kinds have no amount"),
        ({"amount_minor": -1}, "amount_minor: "),
    ],
    ids=["of the whole event", "of a field"],
)
async def test_the_rule_that_an_event_breaks_is_told_in_words(
    members: MembersWorld, fields: dict[str, object], detail: str
) -> None:
    member = await members.a_member()

    answer = await members.partner.RecordEvents(a_batch(a_purchase(member, **fields)))  # type: ignore[arg-type]

    assert answer.results[0].detail.startswith(detail)


async def test_an_event_of_an_unknown_member_is_rejected(members: MembersWorld) -> None:
    answer = await members.partner.RecordEvents(a_batch(a_purchase("mem_" + "f" * 32)))

    assert reasons(answer) == ["MEMBER_UNKNOWN"]


async def test_an_event_may_name_the_member_by_the_partners_own_id(members: MembersWorld) -> None:
    member = await members.a_member("card-99")
    event = a_purchase("")
    event.external_member_id = "card-99"

    answer = await members.partner.RecordEvents(a_batch(event))

    assert outcomes(answer) == [ACCEPTED]
    assert await seq_of(members, member) == 1


@pytest.mark.parametrize("kind", [kind for kind in events_pb2.EventKind.values() if kind not in {0, 1, 2}])
async def test_every_kind_of_event_is_counted(
    members: MembersWorld, kind: events_pb2.EventKind.ValueType
) -> None:
    member = await members.a_member()

    answer = await members.partner.RecordEvents(a_batch(an_event(member, kind)))

    name = events_pb2.EventKind.Name(kind).removeprefix("EVENT_KIND_").lower()
    listed = await members.staff.ListMemberEvents(
        pb.ListMemberEventsRequest(program_id="music_store", member_id=member)
    )
    assert outcomes(answer) == [ACCEPTED]
    assert {fact.name: fact.value for fact in listed.events[0].after} == {f"{name}.count.lifetime": 1}


@pytest.mark.parametrize("count", [0, 501], ids=["none", "one too many"])
async def test_a_batch_has_one_to_five_hundred_events(members: MembersWorld, count: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await members.partner.RecordEvents(a_batch(*[a_purchase("mem_" + "0" * 32)] * count))

    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refusal.value) == "INVALID_REQUEST"


async def test_only_a_partner_that_was_admitted_may_send_events(members: MembersWorld) -> None:
    member = await members.a_member()
    batch = a_batch(a_purchase(member))

    with pytest.raises(grpc.aio.AioRpcError) as as_staff:
        await members.staff.RecordEvents(batch)
    with pytest.raises(grpc.aio.AioRpcError) as as_stranger:
        await members.caller("partner", "stranger").RecordEvents(batch)

    assert as_staff.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(as_stranger.value) == "PARTNER_UNKNOWN"


async def test_a_foreign_program_answers_like_one_that_does_not_exist(members: MembersWorld) -> None:
    foreign, missing = a_batch(a_purchase("mem_" + "0" * 32)), a_batch(a_purchase("mem_" + "0" * 32))
    foreign.program_id, missing.program_id = "other_store", "no_such_store"

    errors = []
    for batch in (foreign, missing):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await members.partner.RecordEvents(batch)
        errors.append((refusal.value.code(), reason_of(refusal.value), refusal.value.details()))

    assert errors[0] == errors[1]
    assert errors[0][1] == "PROGRAM_UNKNOWN"


async def test_one_announcement_per_member_and_transaction_goes_to_the_outbox(members: MembersWorld) -> None:
    one, other = await members.a_member(), await members.a_member()

    await members.partner.RecordEvents(a_batch(a_purchase(one), a_purchase(other), a_purchase(one)))

    rows = [
        row
        async for row in members.database.outbox.find(
            {"type": "FactsChanged", "subject": {"$in": [one, other]}}
        )
    ]
    announced = {row["subject"]: events_pb2.FactsChanged.FromString(row["payload"]) for row in rows}
    assert len(rows) == 2
    assert [event.seq for event in announced[one].events] == [1, 2]
    assert (announced[other].seq_from, announced[other].seq_to) == (1, 1)


async def test_what_a_source_says_of_an_event_is_announced_with_it(members: MembersWorld) -> None:
    member = await members.a_member()
    event = a_purchase(member, attributes={"channel": "offline", "campaign": "字" * 200})

    await members.partner.RecordEvents(a_batch(event))

    row = await members.database.outbox.find_one({"type": "FactsChanged", "subject": member})
    assert row is not None
    (announced,) = events_pb2.FactsChanged.FromString(row["payload"]).events
    assert announced.attributes == event.attributes


async def test_late_events_are_stored_and_keep_their_own_day(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member, at=NOON)))

    answer = await members.partner.RecordEvents(a_batch(a_purchase(member, at=NOON - timedelta(days=40))))

    days = [
        day["date"].date().isoformat()
        async for day in members.database.member_days.find({"member_id": member})
    ]
    assert outcomes(answer) == [ACCEPTED]
    assert sorted(days) == ["1998-01-21", "1998-03-02"]


async def test_a_time_that_is_none_rejects_its_event_and_no_other(members: MembersWorld) -> None:
    member = await members.a_member()
    in_milliseconds, in_nanos = a_purchase(member), a_purchase(member)
    in_milliseconds.occurred_time.seconds = 1_700_000_000_000
    in_nanos.occurred_time.nanos = -1

    answer = await members.partner.RecordEvents(a_batch(in_milliseconds, a_purchase(member), in_nanos))

    assert outcomes(answer) == [REJECTED, ACCEPTED, REJECTED]
    assert [result.detail.split(":")[0] for result in answer.results if result.detail] == [
        "occurred_time"
    ] * 2


async def test_a_partner_sends_for_the_stores_that_it_speaks_for_only(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.staff.CreateStore(
        pb.CreateStoreRequest(
            program_id=PROGRAM, request_id="s9", store_id="elsewhere", display_name="Elsewhere"
        )
    )

    answer = await members.partner.RecordEvents(
        a_batch(a_purchase(member, store_id="elsewhere"), a_purchase(member, store_id="online"))
    )

    assert reasons(answer) == ["STORE_UNKNOWN", "UNSPECIFIED"]


async def test_no_member_spends_beyond_what_can_be_counted(members: MembersWorld) -> None:
    member = await members.a_member()
    counted = {"count": 1, "amount_minor": 8 * 10**15 - 5, "quantity": 1}
    await members.database.members.update_one({"_id": member}, {"$set": {"lifetime.purchase": counted}})

    answer = await members.partner.RecordEvents(a_batch(a_purchase(member, 5), a_purchase(member, 1)))

    assert reasons(answer) == ["UNSPECIFIED", "EVENT_INVALID"]


@pytest.mark.parametrize(
    ("ahead", "outcome"), [(4, ACCEPTED), (6, REJECTED)], ids=["in time", "too far ahead"]
)
async def test_a_source_clock_may_be_five_minutes_ahead_of_ours(
    members: MembersWorld, ahead: int, outcome: int
) -> None:
    member = await members.a_member()

    answer = await members.partner.RecordEvents(
        a_batch(a_purchase(member, at=datetime.now(UTC) + timedelta(minutes=ahead)))
    )

    assert outcomes(answer) == [outcome]
