"""What an operation is: a kind of request that clients send, and what it is to leave behind."""

import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import Message

from tests.faults.world import World

DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the one form of its bytes, and which of the effects it promises."""

    result: bytes
    done: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that may be sent again and again; `other` asks for something else under the same key."""

    effects: tuple[str, ...]
    digest: str
    send: Callable[[], Awaitable[Answer]]
    other: Callable[[], "Ask"]


class Operation(Protocol):
    """A kind of request.

    `service` is who is asked, `weight` the share of all requests. Of `steady`
    ones some are always under way, so that silence is an outage; `audited`
    ones leave a record each.
    """

    name: str
    service: str
    weight: int
    steady: bool
    audited: bool

    def ask(self, world: World, key: str, chance: random.Random) -> Ask | None:
        """A request under this key; none while there is nothing to ask for."""


def digest_of(request: Message) -> str:
    """What is asked for, told apart from anything else."""
    return hashlib.sha256(bytes_of(request)).hexdigest()


def bytes_of(message: Message) -> bytes:
    """A message in the one form that equal ones share."""
    return message.SerializeToString(deterministic=True)
