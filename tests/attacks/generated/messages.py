"""Calls that nobody wrote, to every RPC: random bytes, good messages broken, and fields of any value."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from tests.attacks.contract import path_of, served, valid
from tests.attacks.generated.mutation import mutated_bytes
from tests.attacks.hand.evil_texts import EVIL
from tests.attacks.hand.messages import caller_for
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import Shop, World

ITEMS_MAX, DEPTH_MAX = 4, 6
NUMBERS = (0, 1, -1, 2, 100, 500, 501, 2**31 - 1, -(2**31), 2**53, 2**63 - 1, -(2**63))
RANDOM_BYTES = (0, 1, 2, 10, 100, 1_000)

Make = Callable[[MethodDescriptor, Shop, random.Random], bytes]


def cases(world: World, *, seed: int, count: int) -> Iterator[Case]:
    """So many, alike for every RPC."""
    rpcs = served()
    for number in range(count):
        service, method = rpcs[number % len(rpcs)]
        make = KINDS[number // len(rpcs) % len(KINDS)]
        chance = random.Random(f"{seed} {number} {method.full_name}")
        payload = make(method, world.own, chance)
        yield _case(world, service, method, f"message {number} of seed {seed}", payload)


def _case(world: World, service: str, method: MethodDescriptor, name: str, payload: bytes) -> Case:
    async def ask(_: int) -> Answer:
        return await world.rpc.ask(service, method, payload, caller_for(world, method))

    sent = payload.decode("utf-8", "replace")
    return Case("generated calls", f"{service} {path_of(method)}: {name}", ask, sent=sent)


def _random(_: MethodDescriptor, __: Shop, chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice(RANDOM_BYTES))


def _broken(method: MethodDescriptor, shop: Shop, chance: random.Random) -> bytes:
    return mutated_bytes(valid(method, shop).SerializeToString(), chance)


def _of_any_value(method: MethodDescriptor, shop: Shop, chance: random.Random) -> bytes:
    """A message of the right types, in which each field has any value or a good one."""
    message = valid(method, shop)
    any_values(message, chance)
    return message.SerializeToString()


KINDS: tuple[Make, ...] = (_broken, _of_any_value, _random, _of_any_value, _broken)


def any_values(message: Message, chance: random.Random, depth: int = 0) -> None:
    """Give some fields of a message any value."""
    fields: list[Any] = list(message.DESCRIPTOR.fields)
    for field in fields:
        if chance.random() < 1 / 3:
            _change(message, field, chance, depth)


def _change(message: Message, field: Any, chance: random.Random, depth: int) -> None:
    message.ClearField(field.name)
    if depth >= DEPTH_MAX or chance.random() < 1 / 4:
        return
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        inside = field.message_type.fields_by_name
        if inside["value"].message_type is None:
            value[_any(inside["key"], chance)] = _any(inside["value"], chance)
    elif field.message_type is not None and field.is_repeated:
        for _ in range(chance.randint(1, ITEMS_MAX)):
            any_values(value.add(), chance, depth + 1)
    elif field.message_type is not None:
        value.SetInParent()
        any_values(value, chance, depth + 1)
    elif field.is_repeated:
        value.extend(_any(field, chance) for _ in range(chance.randint(1, ITEMS_MAX)))
    else:
        setattr(message, field.name, _any(field, chance))


def _any(field: Any, chance: random.Random) -> Any:
    """Any value that the type of a field can hold."""
    return ANY[field.cpp_type](field, chance)


def _number(bits: int, *, signed: bool) -> Callable[[Any, random.Random], int]:
    least, above = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)

    def number(_: Any, chance: random.Random) -> int:
        fitting = [each for each in NUMBERS if least <= each < above]
        return chance.choice([*fitting, chance.randrange(least, above)])

    return number


def _text(field: Any, chance: random.Random) -> str | bytes:
    text = chance.choice(list(EVIL.values()))
    return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text


ANY: Mapping[int, Callable[[Any, random.Random], Any]] = {
    FieldDescriptor.CPPTYPE_INT32: _number(32, signed=True),
    FieldDescriptor.CPPTYPE_INT64: _number(64, signed=True),
    FieldDescriptor.CPPTYPE_UINT32: _number(32, signed=False),
    FieldDescriptor.CPPTYPE_UINT64: _number(64, signed=False),
    FieldDescriptor.CPPTYPE_ENUM: lambda _, chance: chance.choice((0, 1, 2, 3, 99, -1, 2**31 - 1)),
    FieldDescriptor.CPPTYPE_BOOL: lambda _, chance: chance.random() < 1 / 2,
    FieldDescriptor.CPPTYPE_STRING: _text,
}
"""By the type in memory. There is no float in the contract, and a test holds that."""
