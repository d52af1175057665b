"""Shared calls beside calls of one's own: whoever asks either way hears the same."""

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from laurel.common.v1 import lookup_pb2
from libs.common.caller import Principal
from libs.common.errors import Refusal
from libs.common.rpc.client import channel
from libs.common.rpc.errors import reason_of
from libs.common.rpc.shared.reads import SharedRead
from libs.common.visibility import Home
from services.gateway.shared.callers import Caller
from services.gateway.shared.sharer import Sharer
from tests.support.services import Keys

SECONDS = 60.0
HOMES = {
    "ann": Home("downtown", "east", "shop"),
    "bob": Home("uptown", "east", "shop"),
    "cai": Home("faraway", "", "rival"),
}
STAFF: dict[str, dict[str, list[str]]] = {
    "a consultant": {"roles": ["consultant"], "stores": ["downtown"]},
    "a consultant of two stores": {"roles": ["consultant"], "stores": ["downtown", "faraway"]},
    "a consultant of none": {"roles": ["consultant"], "stores": [""]},
    "a store manager": {"roles": ["store_manager"], "stores": ["downtown"], "sharing_groups": ["east"]},
    "an operations manager": {"roles": ["operations_manager"]},
    "a compliance officer": {"roles": ["compliance_officer"]},
    "an analyst": {"roles": ["analyst"]},
    "an analyst who is a consultant": {"roles": ["analyst", "consultant"], "stores": ["faraway"]},
}


def everybody(
    keys: Keys, program_id: str, members: Mapping[str, str], other: str
) -> dict[str, tuple[str, str]]:
    """A token and a program of everybody who may ask, and of some who may not."""
    token = keys.token
    found = {
        name: (token("staff", name, program_id, **claims)(), program_id) for name, claims in STAFF.items()
    }
    found |= {
        f"member {name}": (token("member", each, program_id)(), program_id) for name, each in members.items()
    }
    found |= {name: (token("partner", name, program_id)(), program_id) for name in ("shop", "rival")}
    found["somebody of another program"] = (token("staff", "eve", other)(), other)
    found["a forger"] = (found["a compliance officer"][0][:-8] + "AAAAAAAA", program_id)
    return found


def asks_as(token: str, subject: str = "somebody", program_id: str = "") -> Caller:
    """Who asks with this token; the service is to find out who that is."""
    return Caller.of(Principal(subject, "staff", program_id, token=token))


def said(value: object) -> object:
    """What became of a key, as both ways say it: a result, None, or the reason of its refusal."""
    match value:
        case grpc.aio.AioRpcError():
            return reason_of(value)
        case Refusal():
            return value.reason
        case Message():
            return value if _is_there(value) else None
    return value


def _is_there(result: Any) -> bool:
    return getattr(result, "status", None) != lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class Asking:
    """Somebody who asks for keys of a read, with arguments."""

    who: str
    read: SharedRead
    keys: Sequence[Any]
    arguments: Message | None = None


@dataclass
class Sharing:
    """A service that is asked both ways, by principals with tokens and programs."""

    sharer: Sharer
    stub: Callable[[str], Any]
    tokens: dict[str, tuple[str, str]]
    nothing: Message | None = None

    async def together(self, asking: Asking) -> list[object]:
        """What is heard in a shared call; whatever fails before it concerns all keys."""
        token, _ = self.tokens[asking.who]
        shared = self.sharer.by(asks_as(token, asking.who))
        try:
            values = await shared.read(asking.read.field, asking.keys, asking.arguments, seconds=SECONDS)
        except (Refusal, grpc.aio.AioRpcError) as error:
            values = [error] * len(asking.keys)
        return [said(each) for each in values]

    async def alone(self, asking: Asking) -> list[object]:
        """What is heard in a call of one's own."""
        token, program_id = self.tokens[asking.who]
        arguments = self.nothing if asking.arguments is None else asking.arguments
        request = asking.read.request(program_id, asking.keys, arguments)
        call = getattr(self.stub(token), asking.read.method)
        try:
            response = await call(request)
        except grpc.aio.AioRpcError as error:
            return [said(error)] * len(asking.keys)
        return [said(each) for each in response.results]

    def some(
        self,
        seed: int,
        reads: Sequence[SharedRead],
        keys: Callable[[SharedRead], Sequence[Any]],
        arguments: Callable[[random.Random, SharedRead], Message | None],
        *,
        count: int = 40,
    ) -> list[Asking]:
        """So much asked by anybody, of anything."""
        dice = random.Random(seed)
        found = []
        for _ in range(count):
            read = dice.choice(reads)
            wanted = [dice.choice(keys(read)) for _ in range(dice.randint(1, 6))]
            who = dice.choice(sorted(self.tokens))
            found.append(Asking(who, read, wanted, arguments(dice, read)))
        return found


@asynccontextmanager
async def sharing(
    address: str,
    service: ServiceDescriptor,
    stub: Callable[[Any], Any],
    tokens: dict[str, tuple[str, str]],
    nothing: Message | None = None,
) -> AsyncIterator[Sharing]:
    """A service at an address, asked both ways; `nothing` are arguments that say nothing."""
    channels = [channel(address, service)]

    def alone(token: str) -> Any:
        channels.append(channel(address, service, token=lambda: token, timeout=SECONDS))
        return stub(channels[-1])

    sharer = Sharer(service, stub(channels[0]).BatchRead, calls_max=1)
    yield Sharing(sharer, alone, tokens, nothing)
    await sharer.close()
    for each in channels:
        await each.close()
