"""Messages of millions of parts are refused before anybody reads them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from laurel.benefits.v1 import notices_pb2
from laurel.members.v1 import members_pb2
from laurel.scoring.v1 import scoring_pb2
from libs.common.errors import InvalidRequest, MalformedRequest
from libs.common.rpc.parts import OF_SERVICES, OF_STRANGERS, SINGLES_MAX, require_countable
from tests.support.builders import a_batch, a_purchase

BATCH = members_pb2.BatchGetMembersRequest
LARGE = OF_STRANGERS.bytes_min // 2
MEGABYTES = 4 * 1024 * 1024
ATTRIBUTES = {f"a{number}": "x" * 20 for number in range(20)}


def many(part: bytes) -> bytes:
    return part * (MEGABYTES // len(part))


def within(number: int, content: bytes) -> bytes:
    """A field that holds this."""
    length = len(content)
    varint = bytes(
        [length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14 & 0x7F | 0x80, length >> 21]
    )
    return bytes([number << 3 | 2]) + varint + content


def test_as_many_events_as_are_allowed_with_all_that_they_may_have_are_let_in() -> None:
    batch = a_batch(*[a_purchase("mem_" + "0" * 32, attributes=ATTRIBUTES)] * 500)

    require_countable(members_pb2.RecordEventsRequest, batch.SerializeToString(), OF_STRANGERS)


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (members_pb2.RegisterMembersRequest, many(b"\x1a\x00"), {"registrations"}),
        (members_pb2.BatchGetMembersRequest, many(b"\x12\x01m"), {"member_ids"}),
        (members_pb2.RecordEventsRequest, within(3, many(b"\x62\x00")), {"attributes"}),
        (scoring_pb2.DecideTiersRequest, within(3, within(5, many(b"\x1a\x00"))), {"facts"}),
        (notices_pb2.CreateWebhookEndpointRequest, within(4, many(b"\x12\x00")), {"codes"}),
        (notices_pb2.CreateWebhookEndpointRequest, many(b"\x22\x00"), {"codes"}),
        (descriptor_pb2.SourceCodeInfo.Location, within(1, many(b"\x00")), {"message"}),
        (scoring_pb2.BatchScoreRequest, within(3, b"\x1a\x00" * 500) * 500, {"message"}),
        (members_pb2.BatchGetMembersRequest, many(b"\x0a\x00"), {"message"}),
        (members_pb2.BatchGetMembersRequest, many(b"\xf8\x3f\x00"), {"message"}),
    ],
    ids=[
        "items",
        "texts",
        "pairs of a map",
        "items within items",
        "numbers",
        "no numbers",
        "numbers of no bound",
        "in all",
        "one field again",
        "unknown",
    ],
)
def test_too_many_parts_are_refused_within_milliseconds(kind: type, data: bytes, told: set[str]) -> None:
    started = time.process_time()

    with pytest.raises(InvalidRequest) as refusal:
        require_countable(kind, data, OF_STRANGERS)

    assert set(refusal.value.facts) == told
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize("kind", ["TYPE_DOUBLE", "TYPE_FIXED32"])
def test_numbers_of_one_size_are_counted_where_they_share_a_field(kind: str) -> None:
    numbers = _message_of_numbers(kind)
    few, too_many = (
        numbers(numbers=[1] * count).SerializeToString()
        for count in (OF_STRANGERS.parts_max, OF_STRANGERS.parts_max + 1)
    )

    require_countable(numbers, few, OF_STRANGERS)
    with pytest.raises(InvalidRequest):
        require_countable(numbers, too_many, OF_STRANGERS)


def _message_of_numbers(kind: str) -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{kind}.proto", package="test", syntax="proto3")
    file.message_type.add(name=kind).field.add(
        name="numbers", number=1, type=kind, label=descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{kind}"))


@pytest.mark.parametrize(
    "data",
    [
        b"\x0b" * LARGE * 2,
        b"\x08" + b"\xff" * MEGABYTES,
        within(1, bytes(2 * LARGE)) + b"\x0a",
        b"\x0f" * LARGE * 2,
    ],
    ids=["groups", "a number without end", "cut off", "no type"],
)
def test_what_cannot_be_counted_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedRequest):
        require_countable(BATCH, data, OF_STRANGERS)


def test_a_length_beyond_the_end_is_left_to_those_who_read() -> None:
    require_countable(BATCH, within(1, bytes(2 * LARGE)) + b"\x0a\xff\xff\x7f", OF_STRANGERS)


def test_the_bound_is_above_what_the_largest_batch_needs() -> None:
    parts_of_an_event = len(members_pb2.RecordEventsRequest.DESCRIPTOR.fields) + 12 + 20 * 3

    assert parts_of_an_event * 500 < OF_STRANGERS.parts_max


def test_a_message_has_fewer_fields_than_it_may_hold() -> None:
    kinds = [*_kinds_within(members_pb2.RecordEventsRequest.DESCRIPTOR, set())]
    kinds += _kinds_within(scoring_pb2.DecideTiersRequest.DESCRIPTOR, set())

    assert max(len(kind.fields) for kind in kinds) < SINGLES_MAX // 4


def _kinds_within(kind: Any, seen: set[str]) -> Iterator[Any]:
    if kind.full_name not in seen:
        seen.add(kind.full_name)
        yield kind
        for field in kind.fields:
            if field.message_type is not None:
                yield from _kinds_within(field.message_type, seen)


def test_services_may_send_each_other_more_but_no_longer_lists() -> None:
    facts: Any = [{"name": "a.b", "value": 1}] * 99
    subjects: Any = [{"steps": [{"facts": facts}] * 99}] * 3
    data = scoring_pb2.DecideTiersRequest(subjects=subjects).SerializeToString()

    require_countable(scoring_pb2.DecideTiersRequest, data, OF_SERVICES)
    with pytest.raises(InvalidRequest):
        require_countable(scoring_pb2.DecideTiersRequest, data, OF_STRANGERS)
    with pytest.raises(InvalidRequest):
        require_countable(scoring_pb2.DecideTiersRequest, many(b"\x1a\x00"), OF_SERVICES)


def test_our_services_may_send_what_all_scores_of_500_members_read() -> None:
    """As many facts as a program's scores and its models read at once."""
    facts = [{"name": f"purchase.distinct_days.{days}d", "value": days} for days in range(100)]
    subject = {"subject_id": f"mem_{1:032x}", "as_of": {"seconds": 1}, "facts": facts}
    subjects: Any = [subject] * 500
    data = scoring_pb2.BatchScoreRequest(subjects=subjects).SerializeToString()

    require_countable(scoring_pb2.BatchScoreRequest, data, OF_SERVICES)
