"""Messages that are none, or hold what no message of ours may: for every RPC and every field of it."""

from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from libs.common.rpc.shared.asks import is_shared
from tests.attacks.contract import Place, name_of, path_of, places, principal_for, put, served, valid
from tests.attacks.rpc import Caller
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

MALFORMED, INVALID = "INVALID_ARGUMENT MALFORMED_REQUEST", "INVALID_ARGUMENT INVALID_REQUEST"
NESTED = 2_000
OPEN, CLOSE = b"\x0b", b"\x0c"  # a group of field 1
NO_MESSAGES = {
    "garbage": b"\xff" * 64,
    "a field that ends early": b"\x0a\x05ab",
    "a number without end": b"\x08" + b"\xff" * 11,
    "a type of field that there is not": b"\x0f\x01",
    "groups without end": OPEN * NESTED,
    "2,000 groups in one another": OPEN * NESTED + CLOSE * NESTED,
    "the end of no group": CLOSE,
}
# What answers well to a message without fields.
ASKS_NOTHING = {"GetPipelineStatus", "VerifyLedger"}
NOT_A_NUMBER = b"\x00\x00\x00\x00\x00\x00\xf8\x7f"
FIXED_64, DELIMITED = 1, 2  # types of fields
MESSAGE_BYTES = 2 * 1024 * 1024
LEAST = -(2**63)
NUMBERS = {
    "-2^63": LEAST,
    "2^63-1": 2**63 - 1,
    "-2^31": -(2**31),
    "2^31-1": 2**31 - 1,
    "-1": -1,
}
WIDE = {FieldDescriptor.TYPE_INT64}
NARROW = {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_ENUM}
TEXTS = {FieldDescriptor.TYPE_STRING}
NO_TEXTS = {
    "bytes that are no UTF-8": b"\xff\xfe\xff",
    "half a character": b"\xed\xa0\x80",
    "a character that ends early": b"ab\xe5",
    "a NUL of two bytes": b"a\xc0\x80",
}


def cases(world: World) -> Iterator[Case]:
    """Every RPC with every one of them."""
    for service, method in served():
        yield from _controls(world, service, method)
        yield from _no_messages(world, service, method)
        yield from _numbers(world, service, method)
        yield from _no_texts(world, service, method)
        yield from _amplified(world, service, method)
    yield from _of_grpc(world)


def caller_for(world: World, method: MethodDescriptor) -> Caller:
    """Somebody who may call."""
    of_ours = method.full_name.startswith("laurel.")
    return world.caller(principal_for(method) if of_ours else "partner")


def is_write(method: MethodDescriptor) -> bool:
    return bool(method.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS)


def _controls(world: World, service: str, method: MethodDescriptor) -> Iterator[Case]:
    """What the others are made of is answered well."""

    async def ask(_: int) -> Answer:
        return await world.rpc.ask(service, method, valid(method, world.own), caller_for(world, method))

    yield Case("control", f"{service} {path_of(method)}", ask, expected=("OK",), timed=False)


def _no_messages(world: World, service: str, method: MethodDescriptor) -> Iterator[Case]:
    for name, payload in NO_MESSAGES.items():
        yield _case(world, service, method, name, payload, MALFORMED)
    nothing = "OK" if method.name in ASKS_NOTHING else INVALID
    yield _case(world, service, method, "no fields", b"", nothing)


def _amplified(world: World, service: str, method: MethodDescriptor) -> Iterator[Case]:
    """Lists of nothing, as many as fit into a message: reading them costs more than sending them."""
    for field in method.input_type.fields:
        if field.is_repeated:
            item = bytes([field.number << 3 | DELIMITED, 0])
            whole = valid(method, world.own).SerializeToString() + item * (MESSAGE_BYTES // len(item))
            yield _case(world, service, method, f"a million empty {field.name}", whole, INVALID)
            within = (
                bytes([field.number << 3 | DELIMITED])
                + varint(MESSAGE_BYTES)
                + b"\x12\x00" * (MESSAGE_BYTES // 2)
            )
            yield _case(
                world, service, method, f"a million parts within {field.name}", within, INVALID, MALFORMED
            )


def _of_grpc(world: World) -> Iterator[Case]:
    """What gRPC's own services are sent."""
    for file in (health_pb2, reflection_pb2):
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                for name, payload in NO_MESSAGES.items():
                    yield _case(world, "members", method, name, payload, MALFORMED)


def varint(number: int) -> bytes:
    """A number as protobuf writes one."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(found + bytes([number]))


def _numbers(world: World, service: str, method: MethodDescriptor) -> Iterator[Case]:
    message = valid(method, world.own)
    for place in places(message, WIDE | NARROW):
        for name, number in NUMBERS.items():
            try:
                changed = put(valid(method, world.own), place, number)
            except ValueError:
                continue  # does not fit, so nobody can send it there
            # A shared call of somebody who is not known is answered, whatever they ask for.
            is_refused = number == LEAST and not is_shared(path_of(method))
            expected = (INVALID, "OK EVENT_INVALID") if is_refused else ()
            yield _case(world, service, method, f"{name_of(place)} = {name}", changed, *expected)
    for field in message.DESCRIPTOR.fields:
        if field.type in WIDE | NARROW:
            key = bytes([field.number << 3 | FIXED_64])
            payload = valid(method, world.own).SerializeToString() + key + NOT_A_NUMBER
            yield _case(world, service, method, f"{field.name} = NaN", payload)


def _no_texts(world: World, service: str, method: MethodDescriptor) -> Iterator[Case]:
    message = valid(method, world.own)
    for place in places(message, TEXTS):
        for name, text in NO_TEXTS.items():
            payload = with_bytes(message, place, text)
            yield _case(world, service, method, f"{name_of(place)} = {name}", payload, MALFORMED)


def with_bytes(message: Message, place: Place, text: bytes) -> bytes:
    """The request with bytes in the place of a text."""
    mark = "\x7f" * len(text)
    payload = put(message, place, mark).SerializeToString()
    assert payload.count(mark.encode()) == 1, place
    return payload.replace(mark.encode(), text)


def _case(
    world: World,
    service: str,
    method: MethodDescriptor,
    name: str,
    payload: bytes | Message,
    *expected: str,
) -> Case:
    async def ask(_: int) -> Answer:
        return await world.rpc.ask(service, method, payload, caller_for(world, method))

    return Case("messages", f"{service} {path_of(method)}: {name}", ask, expected=expected)
