"""BatchRead: whoever asks together with others hears what a call of their own tells them."""

import asyncio

import pytest

from laurel.risk.v1 import risk_pb2_grpc
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from services.risk.shared_reads import READS
from tests.risk.conftest import SERVICE, RiskWorld, registered
from tests.support.builders import PROGRAM
from tests.support.sharing import HOMES, everybody, sharing


@pytest.fixture(scope="module")
async def ids(risk: RiskWorld) -> dict[str, str]:
    """Three members at home in different places."""
    found = {name: new_id("mem") for name in HOMES}
    await keep_homes(risk.database, [(PROGRAM, each, HOMES[name]) for name, each in found.items()])
    await risk.apply(*(registered(each) for each in found.values()))
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_asks_together_with_others_hears_what_they_hear_alone(
    risk: RiskWorld, ids: dict[str, str], seed: int
) -> None:
    foreign = await risk.a_member(program_id="other_store")
    keys = [*ids.values(), foreign, "mem_" + "0" * 32, "no id at all", "x" * 65]
    tokens = everybody(risk.keys, PROGRAM, ids, "other_store")
    async with sharing(risk.address, SERVICE, risk_pb2_grpc.RiskServiceStub, tokens) as world:
        asked = world.some(seed, READS, lambda _: keys, lambda *_: None)

        together = await asyncio.gather(*(world.together(each) for each in asked))

        assert together == [await world.alone(each) for each in asked]
