"""How many calls a query costs the services: one per method and level, whatever the number of members."""

from collections import OrderedDict
from pathlib import Path

import pytest

from laurel.common.v1.fact_pb2 import Fact
from laurel.common.v1.lookup_pb2 import LOOKUP_STATUS_FOUND
from laurel.members.v1.members_pb2 import FactsResult
from laurel.scoring.v1.scoring_pb2 import ScoreSubject
from services.gateway.loading import KEYS_MAX
from services.gateway.scoring import loaders
from tests.gateway.conftest import Graph, gateway
from tests.gateway.queries import MEMBER, PAGE
from tests.gateway.world import PROGRAM, a_member, member_id

ONE_EACH = {
    "BatchGetFacts": 2,  # all facts for `facts`, the scores' own for `scores`
    "BatchGetPrograms": 1,
    "BatchScore": 1,
    "BatchGetMemberships": 1,
    "BatchListTierChanges": 1,
    "BatchGetPointsAccounts": 1,
    "BatchListEntries": 1,
    "BatchListEntitlements": 1,
    "BatchGetRiskProfiles": 1,
}


@pytest.mark.parametrize("first", [1, 30])
async def test_a_page_of_members_costs_one_call_per_method(graph: Graph, first: int) -> None:
    await graph.data(PAGE, first=1)  # so that scoring holds the program
    graph.services.asked.calls.clear()

    data = await graph.data(PAGE, first=first, tier="gold")

    assert len(data["members"]["edges"]) == first
    assert graph.services.asked.calls == ONE_EACH | {"ListMembers": 1}


async def test_several_members_in_one_query_are_read_with_one_call(graph: Graph) -> None:
    aliases = " ".join(
        f'm{number}: member(id: "{member_id(number)}") {{ risk {{ level }} }}' for number in range(1, 16)
    )

    await graph.data(f"{{ {aliases} }}")

    assert graph.services.asked.calls == {"BatchGetMembers": 1, "BatchGetRiskProfiles": 1}


def test_what_is_scored_is_the_time_and_the_facts_that_were_read_and_nothing_else() -> None:
    read = FactsResult(status=LOOKUP_STATUS_FOUND, facts=[Fact(name="login.count.7d", value=3)])
    read.as_of.seconds = 7

    assert loaders.subject_of("mem_1", read) == ScoreSubject(
        subject_id="mem_1", as_of=read.as_of, facts=read.facts
    )


async def test_only_what_is_asked_for_is_read(graph: Graph) -> None:
    await graph.data("query($id: ID!) { member(id: $id) { points { available } } }", id=member_id(1))

    assert graph.services.asked.calls == {"BatchGetMembers": 1, "BatchGetPointsAccounts": 1}


async def test_different_arguments_of_one_field_are_different_calls(graph: Graph) -> None:
    query = """
      query($id: ID!) {
        member(id: $id) { points { few: entries(first: 1) { seq } many: entries(first: 9) { seq } } }
      }
    """

    await graph.data(query, id=member_id(1))

    assert graph.services.asked.calls["BatchListEntries"] == 2


async def test_more_keys_than_one_call_takes_are_split(keys: Path) -> None:
    count = KEYS_MAX + 1
    aliases = " ".join(
        f'm{number}: member(id:"{member_id(number)}"){{memberId}}' for number in range(1, count + 1)
    )
    wide = {
        "request_bytes_max": 2**20,
        "tokens_max": 20_000,
        "aliases_max": count,
        "fields_max": 2 * count,
        "request_seconds_max": 60.0,
    }

    async with gateway(keys, **wide) as graph:
        graph.services.members.fake.world.members |= {
            member_id(number): a_member(number) for number in range(1, count + 1)
        }
        data = await graph.data(f"{{{aliases}}}")

    assert all(data[f"m{number}"] == {"memberId": member_id(number)} for number in range(1, count + 1))
    assert graph.services.asked.calls == {"BatchGetMembers": 2}


async def test_scoring_is_sent_the_program_once_and_named_it_by_digest_from_then_on(graph: Graph) -> None:
    query = "query($id: ID!) { member(id: $id) { scores { name } } }"

    await graph.data(query, id=member_id(1))
    assert graph.services.asked.calls["BatchScore"] == 2

    await graph.data(query, id=member_id(1))
    assert graph.services.asked.calls["BatchScore"] == 3
    assert graph.services.asked.requests["BatchScore"].program_document == b""


async def test_scores_read_the_facts_that_the_policy_names_and_no_others(graph: Graph) -> None:
    await graph.data("query($id: ID!) { member(id: $id) { scores { name } } }", id=member_id(1))

    assert list(graph.services.asked.requests["BatchGetFacts"].names) == [
        "purchase.amount_minor.lifetime",
        "purchase.count.lifetime",
        "purchase.days_since_last",
    ]


async def test_facts_that_a_guess_names_wrongly_are_read_again_as_the_policy_names_them(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "query($id: ID!) { member(id: $id) { scores { name valueBp } } }"
    right = await graph.data(query, id=member_id(1))
    monkeypatch.setattr(loaders, "_facts_read", OrderedDict({PROGRAM: ("login.count.7d",)}))
    graph.services.asked.calls.clear()

    guessed = await graph.data(query, id=member_id(1))
    again = await graph.data(query, id=member_id(1))

    assert right == guessed == again
    assert graph.services.asked.calls["BatchGetFacts"] == 3


async def test_each_request_is_sent_on_with_its_own_token_and_nothing_is_kept_for_the_next(
    graph: Graph,
) -> None:
    body = {"query": MEMBER, "variables": {"id": member_id(1)}}
    first, second = graph.token("staff"), graph.token("partner", subject="cdnow")

    await graph.post(body, token=first)
    calls = graph.services.asked.calls["BatchGetMembers"]
    await graph.post(body, token=second)

    assert graph.services.asked.tokens == {first, second}
    assert graph.services.asked.calls["BatchGetMembers"] == calls + 1
