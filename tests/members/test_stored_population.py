"""The population that benchmarks write into the database is one that could have been recorded."""

import asyncio
from typing import Any

import pymongo
import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.cli.population import population
from libs.common.rpc.time import timestamp
from tests.members.conftest import REPLAYED_FROM, MembersWorld
from tests.members.test_stream_fact_columns import RFM, by_member, columns
from tests.support.builders import PROGRAM
from tests.support.population import store_population

MEMBERS = 40


@pytest.fixture
async def _stored(members: MembersWorld, mongodb_uri: str) -> None:
    for name in ("members", "member_days", "events"):
        await members.database[name].delete_many({})
    program = (await members.programs.calendars([PROGRAM]))[PROGRAM]
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        database = client[members.database.name]
        await asyncio.to_thread(store_population, database, program, members=MEMBERS, seed=2)


@pytest.mark.usefixtures("_stored")
async def test_its_members_have_the_facts_of_their_purchases(members: MembersWorld) -> None:
    buyers = list(population(MEMBERS, seed=2))

    found = by_member(await columns(members, RFM), RFM)
    keys = [pb.FactsKey(member_id=each, as_of=timestamp(REPLAYED_FROM)) for each in found]
    alone = await members.staff.BatchGetFacts(
        pb.BatchGetFactsRequest(program_id=PROGRAM, keys=keys, names=RFM)
    )

    assert list(found.values()) == [
        dict(
            zip(
                RFM,
                (
                    (REPLAYED_FROM.date() - buys[-1].day).days - 1,
                    len(buys),
                    sum(buy.amount_minor for buy in buys),
                ),
                strict=True,
            )
        )
        for buys in buyers
    ]
    assert [{fact.name: fact.value for fact in result.facts} for result in alone.results] == list(
        found.values()
    )


@pytest.mark.usefixtures("_stored")
async def test_its_members_are_read_like_any_other(members: MembersWorld) -> None:
    answer = await members.staff.ListMembers(pb.ListMembersRequest(program_id=PROGRAM, page_size=50))

    assert len(answer.members) == MEMBERS
    assert {each.registered_time.ToDatetime().year for each in answer.members} == {1997}
