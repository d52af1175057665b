"""How many parts a message has, counted on the wire: millions of empty ones fit into a few megabytes.

Reading and validating them would take seconds, in which a service answers
nobody else; the count ends where a list is longer than its proto allows.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2
from libs.common.errors import InvalidRequest, MalformedRequest


class Bound(NamedTuple):
    """How many parts are let in, and from which size on they are counted: less is read in no time."""

    parts_max: int
    bytes_min: int


# 500 events with all that an event may have.
OF_STRANGERS = Bound(40_000, 32 * 1024)
# Our own services send programs, and the facts of members: 100 of each of 500.
OF_SERVICES = Bound(160_000, 512 * 1024)
EXPLAINED = Bound(1_000, 32 * 1024)
SINGLES_MAX = 256
"""Fields of one message that are no lists, unknown ones included; ours have thirty at most, each once."""

_NUMBER, _EIGHT_BYTES, _DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_CONTINUES, _LOW = 0x80, 0x7F
_CONTINUING = bytes(range(_CONTINUES, 0x100))
_NUMBER_BITS_MAX = 70
_OF = FieldDescriptor
_NEVER_PACKED = {_OF.TYPE_STRING, _OF.TYPE_BYTES, _OF.TYPE_MESSAGE, _OF.TYPE_GROUP}
_FIXED_BYTES = {_OF.TYPE_DOUBLE: 8, _OF.TYPE_FIXED64: 8, _OF.TYPE_SFIXED64: 8}
_FIXED_BYTES |= {_OF.TYPE_FLOAT: 4, _OF.TYPE_FIXED32: 4, _OF.TYPE_SFIXED32: 4}


@dataclass(slots=True)
class _List:
    """A repeated field or map: how many items it may have."""

    name: str
    items_max: int


@dataclass(slots=True)
class _Kind:
    """A kind of message: which of its fields are lists, and which are messages, by number.

    `packed` has the lists whose numbers share one field, with the bytes of each; 0 where they differ.
    """

    lists: dict[int, _List] = field(default_factory=dict)
    packed: dict[int, int] = field(default_factory=dict)
    inside: dict[int, "_Kind"] = field(default_factory=dict)


def require_countable(message: type[Message], data: bytes, bound: Bound) -> None:
    """Refuse bytes of a message that has too many parts, in all or in one list, without reading it."""
    if len(data) >= bound.bytes_min:
        _count(_kind(message.DESCRIPTOR), data, bound.parts_max)


def has_few_parts(message: Message) -> bool:
    """Whether a message is small enough to say all that is wrong with it."""
    if message.ByteSize() >= EXPLAINED.bytes_min:
        return False
    try:
        _count(_kind(message.DESCRIPTOR), message.SerializeToString(), EXPLAINED.parts_max)
    except InvalidRequest:
        return False
    return True


def _count(kind: _Kind, data: bytes, parts_max: int) -> None:
    try:
        _walk(kind, data, parts_max)
    except IndexError:
        raise MalformedRequest from None


def _walk(kind: _Kind, data: bytes, parts_max: int) -> None:
    """Go from field to field; most numbers are of one byte, and read here."""
    parts, places = 0, [(kind, 0, len(data))]
    while places:
        kind, at, end = places.pop()
        lists, packed, inside = kind.lists, kind.packed, kind.inside
        items: dict[int, int] = {}
        singles = 0
        while at < end:
            tag, at = data[at], at + 1
            if tag & _CONTINUES:
                tag, at = _number(data, at - 1)
            number, wire = tag >> 3, tag & 7
            items_count = 1
            if wire == _DELIMITED:
                length, begin = data[at], at + 1
                if length & _CONTINUES:
                    length, begin = _number(data, at)
                if number in inside:
                    places.append((inside[number], begin, min(begin + length, end)))
                at = begin + length
                if number in packed:
                    items_count = _numbers_in(data[begin : min(at, end)], packed[number])
            else:
                at = _after(wire, data, at)
            parts += items_count
            if number in lists:
                items[number] = items.get(number, 0) + items_count
                _require_short(lists[number], items[number])
            else:
                singles += 1
                if singles > SINGLES_MAX:
                    raise InvalidRequest(message="repeats fields that are no lists: send each once")
            if parts > parts_max:
                raise InvalidRequest(message=f"has more than {parts_max} parts: send less at once")


def _numbers_in(content: bytes, bytes_each: int) -> int:
    """How many numbers share a field of this content; one for none, as it takes time, too."""
    # A number of any size ends with the byte that does not say that another one follows.
    ends = len(content) // bytes_each if bytes_each else len(content.translate(None, _CONTINUING))
    return max(1, ends)


def _require_short(of: _List, items: int) -> None:
    if of.items_max and items > of.items_max:
        raise InvalidRequest(**{of.name: f"must contain no more than {of.items_max} item(s)"})


def _after(wire: int, data: bytes, at: int) -> int:
    """Where a number ends. Groups are none of ours."""
    if wire == _NUMBER:
        return _number(data, at)[1]
    if wire == _EIGHT_BYTES:
        return at + 8
    if wire == _FOUR_BYTES:
        return at + 4
    raise MalformedRequest


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins here, and where it ends."""
    number, shift = data[at] & _LOW, 7
    while data[at] & _CONTINUES:
        at += 1
        number |= (data[at] & _LOW) << shift
        shift += 7
        if shift > _NUMBER_BITS_MAX:
            raise MalformedRequest
    return number, at + 1


@cache
def _kind(descriptor: Any) -> _Kind:
    """What is counted in messages of this descriptor; a message within itself is found again."""
    found: dict[str, _Kind] = {}

    def of(descriptor: Any) -> _Kind:
        if descriptor.full_name not in found:
            kind = found[descriptor.full_name] = _Kind()
            for each in descriptor.fields:
                if each.is_repeated:
                    kind.lists[each.number] = _List(each.name, _items_max(each))
                    if each.type not in _NEVER_PACKED:
                        kind.packed[each.number] = _FIXED_BYTES.get(each.type, 0)
                if each.message_type is not None:
                    kind.inside[each.number] = of(each.message_type)
        return found[descriptor.full_name]

    return of(descriptor)


def _items_max(field: Any) -> int:
    """What the proto allows; 0 where it says nothing."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    return int(rules.map.max_pairs if is_map else rules.repeated.max_items)
