"""What happens to the calls of one partner, and what the partner's client does about it."""

import asyncio
import random
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import grpc

from examples.partner.replay_kit.calls import Call, Context, metadata_of
from examples.partner.replay_kit.faults import (
    ASKED_SECONDS,
    REFUSAL_TEXT,
    REFUSALS,
    Deck,
    Fault,
    refusal_details,
)
from examples.partner.replay_kit.wire import Wire

REMEMBERED_MAX = 50
HELD_SECONDS = 0.3
COPY_SECONDS = 10.0
EARLY_SECONDS = 0.01
"""So much too early is put down to rounding."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One service, and the wire that its calls come by."""

    channel: grpc.aio.Channel
    wire: Wire


@dataclass
class Held:
    """A request that is held back until so many others have passed."""

    call: Call
    passes: int
    overtaken: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: bool = False


class Kit:
    """Passes the calls of one partner on, each after its fate."""

    def __init__(
        self, partner: bytes, deck: Deck, chance: random.Random, tell: Callable[[str], None]
    ) -> None:
        """`partner` is the certificate that the partner's client shows; another's calls are refused."""
        self._partner, self._tell = ssl.PEM_cert_to_DER_cert(partner.decode()), tell
        self._deck, self._chance = deck, chance
        self._calls = 0
        self._remembered: deque[Call] = deque(maxlen=REMEMBERED_MAX)
        self._held: list[Held] = []
        self._asked: dict[tuple[str, bytes], float] = {}
        self._copies: set[asyncio.Task[None]] = set()
        self.done: Counter[Fault] = Counter()
        self.complaints: Counter[str] = Counter()

    async def serve(
        self, upstream: Upstream, method: str, requests: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        """Answer one call of the client."""
        await self._require_partner(context)
        self._calls += 1
        message = await anext(requests, None)
        if message is None:
            return
        call = Call(self._calls, upstream.channel, method, message, metadata_of(context))
        fault = self._fate(call, context)
        if fault in REFUSALS:
            await self._refuse(call, fault, context)
        if fault is Fault.CUT or (fault is Fault.HELD and not await self._overtaken(call)):
            await _cut(upstream.wire, context)
        if fault is Fault.TWICE:
            self._send_copy(call)
        try:
            async for answer in call.answers(rest=requests, seconds=context.time_remaining()):
                await _withhold(fault, upstream.wire, context)
                yield answer
        except grpc.aio.AioRpcError as error:
            await _withhold(fault, upstream.wire, context)
            await context.abort(error.code(), error.details() or "", tuple(error.trailing_metadata()))
        finally:
            self._passed(call)
        if fault is Fault.AGAIN:
            self._send_copy(self._chance.choice(self._remembered))

    async def finished(self) -> None:
        """Let go of what is held back still, and wait until all that was sent from here is answered."""
        self._let_go(list(self._held))
        await asyncio.gather(*self._copies)

    def summary(self) -> str:
        """How often each thing was done, and what the client did wrong."""
        lines = [f"{self._calls} calls"]
        lines += [f"{self.done[fault]:>4} {fault.value}" for fault in Fault]
        lines += [f"{count:>4} WRONG: {what}" for what, count in sorted(self.complaints.items())]
        return "\n".join(lines)

    async def _require_partner(self, context: Context) -> None:
        (shown,) = context.auth_context()["x509_pem_cert"]
        if ssl.PEM_cert_to_DER_cert(shown.decode()) != self._partner:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the replay kit is another partner's")

    def _fate(self, call: Call, context: Context) -> Fault:
        """What to do to a call, and what there is to say about it."""
        fault = self._deck.draw()
        if context.time_remaining() is None:
            self._complain(call, "a call had no deadline")
            fault = Fault.LOST if fault is Fault.LATE else fault
        not_before = self._asked.pop((call.method, call.message), 0.0)
        if asyncio.get_running_loop().time() < not_before - EARLY_SECONDS:
            self._complain(call, "a call came again before the time that RetryInfo gave")
        self.done[fault] += 1
        self._tell(f"{call.number:>4} {call.name:<24} {fault.value}")
        return fault

    def _complain(self, call: Call, what: str) -> None:
        self.complaints[what] += 1
        self._tell(f"{call.number:>4} {call.name:<24} WRONG: {what}")

    async def _refuse(self, call: Call, fault: Fault, context: Context) -> None:
        code, reason = REFUSALS[fault]
        if len(self._asked) < REMEMBERED_MAX:
            self._asked[call.method, call.message] = asyncio.get_running_loop().time() + ASKED_SECONDS
        details = (("grpc-status-details-bin", refusal_details(code, reason)),)
        await context.abort(code, REFUSAL_TEXT, details)

    async def _overtaken(self, call: Call) -> bool:
        """Whether later calls pass soon. If not, this one is sent on when they have, and not answered."""
        held = Held(call, passes=self._chance.randint(1, 3))
        self._held.append(held)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(held.overtaken.wait(), HELD_SECONDS)
        finally:
            held.abandoned = True
        return held.overtaken.is_set()

    def _passed(self, call: Call) -> None:
        """A call has passed: remember it, and let go of those that waited for it."""
        self._remembered.append(call)
        for held in self._held:
            held.passes -= 1
        self._let_go([held for held in self._held if held.passes <= 0])

    def _let_go(self, some: list[Held]) -> None:
        for held in some:
            self._held.remove(held)
            held.overtaken.set()
            if held.abandoned:
                self._send_copy(held.call)

    def _send_copy(self, call: Call) -> None:
        """Send a request whose answer nobody waits for."""
        copy = asyncio.create_task(self._copy(call))
        self._copies.add(copy)
        copy.add_done_callback(self._copies.discard)

    async def _copy(self, call: Call) -> None:
        ended = "OK"
        try:
            async for _ in call.answers(seconds=COPY_SECONDS):
                pass
        except grpc.aio.AioRpcError as error:
            ended = error.code().name
        self._tell(f"     {call.name:<24} the request of {call.number} was sent from here: {ended}")


async def _withhold(fault: Fault, wire: Wire, context: Context) -> None:
    """Keep the answer to what was done from the client, if that is its fate."""
    if fault is Fault.LOST:
        await _cut(wire, context)
    if fault is Fault.LATE:
        await asyncio.sleep((context.time_remaining() or 0) + 1)  # our server ends it at the deadline


async def _cut(wire: Wire, context: Context) -> None:
    """End a call with its connection: nothing of what is aborted here reaches the client."""
    wire.cut(context.peer())
    await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
