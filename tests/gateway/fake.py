"""What the fake services have in common: a world, the calls that they got, and ways to break."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from google.protobuf.message import Message

from laurel.common.v1 import lookup_pb2
from libs.common.caller import caller
from libs.common.errors import Kind, Refusal
from tests.gateway.fake_watch import Told
from tests.gateway.world import World

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
Context = Any
R = TypeVar("R")


class SaysNo(Refusal):
    """What a write is refused with whose request_id asks for it."""

    reason, kind, text = "MEMBER_UNKNOWN", Kind.NOT_FOUND, "no such member"


REFUSED = "refuse-me"


@dataclass
class Asked:
    """The calls that the services got, and the tokens that came with them."""

    calls: Counter[str] = field(default_factory=Counter)
    tokens: set[str] = field(default_factory=set)
    requests: dict[str, Any] = field(default_factory=dict)
    failing: dict[str, Callable[[], Exception]] = field(default_factory=dict)
    """Methods that fail, and how."""

    def note(self, method: str, request: Any) -> None:
        self.calls[method] += 1
        self.tokens.add(caller().token)
        self.requests[method] = request
        if method in self.failing:
            raise self.failing[method]()


class Fake:
    """A service of a world."""

    def __init__(self, everything: World, asked: Asked) -> None:
        self.world, self.asked = everything, asked
        self.breaks: Callable[[], Awaitable[None]] | None = None
        self.told = Told()

    def WatchMember(self, request: Any, context: Context) -> Any:
        """Members of this world are told of; of others nothing is known."""
        return self._watch(request)

    async def _watch(self, request: Any) -> AsyncGenerator[Message, None]:
        await self.begin("WatchMember", request)
        if not self.knows(request.member_id):
            raise SaysNo
        async with aclosing(self.told.watch(request)) as answers:
            async for answer in answers:
                yield answer

    async def begin(self, method: str, request: Any) -> None:
        self.asked.note(method, request)
        if self.breaks is not None:
            await self.breaks()
        if hasattr(request, "program_id"):
            caller().require_program(request.program_id)
        if getattr(request, "request_id", "") == REFUSED:
            raise SaysNo(member_id="mem_unknown")

    def knows(self, owner: str) -> bool:
        return owner in self.world.members and caller().program_id == self.world.program.key

    def per_member(self, result: Callable[[str], R], missing: R, owners: Any) -> list[R]:
        return [result(owner) if self.knows(owner) else missing for owner in owners]
