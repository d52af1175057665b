"""Whether others are served while somebody attacks."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.attacks.contract import valid
from tests.attacks.hand.peers import READ
from tests.attacks.verdicts import Answer
from tests.attacks.world import World

SERVED_SECONDS = 1.0
"""Within which others are answered; a machine of two cores attacks itself here."""
PAUSE_SECONDS = 0.05
QUERY = {"query": "{ __typename }"}


async def served_beside(world: World, attack: Callable[[], Awaitable[str]]) -> Answer:
    """Attack, and ask as somebody else meanwhile and afterwards; tells how they fared, and how it ended."""
    attacking = asyncio.ensure_future(attack())
    slowest, failed = 0.0, ""
    while True:
        last = attacking.done()
        for answer in await asyncio.gather(_at_service(world), _at_graph(world)):
            slowest = max(slowest, answer.seconds)
            failed = failed or ("" if answer.outcome in {"OK", "200 OK"} else answer.outcome)
        if last:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    ending = await attacking
    if failed:
        return Answer(f"others hear {failed}, {ending}")
    if slowest > SERVED_SECONDS:
        return Answer(f"others wait {slowest:.1f} s, {ending}")
    return Answer(f"others are served, {ending}")


async def _at_service(world: World) -> Answer:
    rival = world.partner(world.own.rival_id)
    started = time.perf_counter()
    answer = await world.rpc.ask("members", READ, valid(READ, world.own), rival)
    return Answer(answer.outcome, answer.text, answer.refused, time.perf_counter() - started)


async def _at_graph(world: World) -> Answer:
    return await world.graph.post(QUERY, token=world.token_of("member"))
