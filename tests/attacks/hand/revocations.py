"""Identities that were taken back while their tokens are still good, and tokens that name a host of keys."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import jwt

from libs.cli.data_folder import write_whole
from libs.common import clock
from tests.attacks.contract import valid
from tests.attacks.graph import EventStream
from tests.attacks.hand.peers import DENIED, READ, UNKNOWN
from tests.attacks.hand.streams import body_of
from tests.attacks.hand.tokens import NOT_KNOWN, QUERY
from tests.attacks.rpc import Caller
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World
from tests.common.signing import claims, new_key, signed
from tests.contracts.test_protos import methods
from tests.support.services import Keys

SEEN_SECONDS = 3.0
"""Until every process has read what is revoked."""
CREATE_STORE = next(each for each in methods() if each.name == "CreateStore")
LOWERED = "a_lowered_one"
EXPECTED = {
    "graph: a revoked token": NOT_KNOWN,
    "members: a revoked token": UNKNOWN,
    "graph: a token of a member who was revoked": NOT_KNOWN,
    "members: the certificate of a partner that was revoked": UNKNOWN,
    "members: the old token of staff whose role was lowered": UNKNOWN,
    "members: the new token of staff whose role was lowered": DENIED,
    "an event stream of a revoked token": "200 OK, then 200 UNAUTHENTICATED",
}


def cases(world: World) -> Iterator[Case]:
    """One list of revocations for all of them, so they are asked together, when the first is."""
    answers: dict[str, Answer] = {}
    for name, expected in EXPECTED.items():

        async def ask(_: int, name: str = name) -> Answer:
            if not answers:
                answers.update(await _asked(world))
            return answers[name]

        yield Case("revocations", name, ask, (expected,), timed=False)
    yield Case("revocations", "another key host", _elsewhere(world), (f"{NOT_KNOWN} and nobody came",))


async def _asked(world: World) -> dict[str, Answer]:
    """Everybody's answers after their identities were revoked; before, they were good."""
    member, rival = world.own.members[-1], world.own.rival_id
    tokens = {
        "revoked": world.stranger(),
        "member": world.token("member", member),
        "old": world.token("staff", LOWERED, ["system_administrator"]),
    }
    for token in tokens.values():
        assert not (await _at_graph(world, token)).refused, "good until it is revoked"
    jti = jwt.decode(tokens["revoked"], options={"verify_signature": False})["jti"]
    everything = {"jti": jti}, _all_of("member", member), _all_of("partner", rival), _all_of("staff", LOWERED)
    following = world.graph.stream(body_of(member), token=tokens["revoked"])
    async with following as stream, _told(stream) as told, _revoked(world, *everything):
        lowered = world.token("staff", LOWERED, ["analyst"])
        at_members = [_at_members(world, token) for token in (tokens["revoked"], tokens["old"], lowered)]
        asked = (
            _at_graph(world, tokens["revoked"]),
            at_members[0],
            _at_graph(world, tokens["member"]),
            world.rpc.ask("members", READ, valid(READ, world.own), world.partner(rival)),
            *at_members[1:],
            told,
        )
        return dict(zip(EXPECTED, await asyncio.gather(*asked), strict=True))


@asynccontextmanager
async def _told(stream: EventStream) -> AsyncIterator[Awaitable[Answer]]:
    """What a stream tells first, which is waited for, and next."""
    first = await stream.first()

    async def both() -> Answer:
        following = await stream.next()
        return Answer(f"{first.outcome}, then {following.outcome}", following.text)

    yield both()


async def _at_graph(world: World, token: str) -> Answer:
    return await world.graph.post(QUERY, token=token)


async def _at_members(world: World, token: str) -> Answer:
    caller = Caller(world.authority.files("gateway"), token)
    return await world.rpc.ask("members", CREATE_STORE, valid(CREATE_STORE, world.own), caller)


@asynccontextmanager
async def _revoked(world: World, *entries: dict[str, Any]) -> AsyncIterator[None]:
    file = world.folder.revocations_file
    before = file.read_text()
    write_whole(file, json.dumps({"revoked": [*json.loads(before)["revoked"], *entries]}))
    try:
        await asyncio.sleep(SEEN_SECONDS)
        yield
    finally:
        write_whole(file, before)
        await asyncio.sleep(SEEN_SECONDS)


def _all_of(kind: str, name: str) -> dict[str, Any]:
    """All that somebody was given until now; tokens tell whole seconds, so those of this second, too."""
    before = clock.now() + timedelta(seconds=1)
    return {"kind": kind, "subject": name, "issued_before": before.isoformat()}


def _elsewhere(world: World) -> Callable[[int], Awaitable[Answer]]:
    """A token that says that its key and certificate are where we listen ourselves."""

    async def asked(_: int) -> Answer:
        came: list[object] = []
        host = await asyncio.start_server(lambda *_: came.append(1), "127.0.0.1", 0)
        links = {
            name: f"https://127.0.0.1:{host.sockets[0].getsockname()[1]}/keys" for name in ("jku", "x5u")
        }
        keys = Keys(world.run.signing_key_file, world.folder.key_set_file)
        stranger = signed(keys, claims(), key=new_key("EdDSA"), kid="elsewhere", **links)
        answer = await _at_graph(world, stranger)
        await asyncio.sleep(1.5)  # as long as keys are looked for again
        host.close()
        who = "somebody" if came else "nobody"
        return Answer(f"{answer.outcome} and {who} came", answer.text, seconds=answer.seconds)

    return asked
