"""A service that does not answer is left alone, and what is least important is refused first."""

import asyncio
from typing import Any

import pytest

from libs.common.errors import Overloaded
from libs.common.rpc import breaker
from tests.gateway.conftest import Graph, gateway
from tests.gateway.world import PROGRAM, member_id

RISK = "query($id: ID!) { member(id: $id) { memberId risk { level } points { available } } }"
SETTING = """
mutation($input: SetBirthdayInput!) { setBirthday(input: $input) { ... on BirthdaySet { changed } } }
"""
MEMBERS = "{ members(first: 2) { edges { node { memberId } } } }"
REPORT = "{ tierReport { __typename } }"
SCHEMA = "{ __schema { queryType { name } } }"


async def read(graph: Graph) -> tuple[str | None, int]:
    """How reading risk fails, and when it may be read again."""
    answer = await graph.ask(RISK, id=member_id(1))
    assert answer["data"]["member"]["points"] is not None
    if "errors" not in answer:
        return None, 0
    (error,) = answer["errors"]
    assert error["path"] == ["member", "risk"]
    return error["extensions"]["code"], error["extensions"].get("retryAfterSeconds", 0)


async def test_a_dead_service_is_left_alone_and_the_rest_of_the_answer_stands(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FAILURES_MIN", 2)
    monkeypatch.setattr(breaker, "OPEN_SECONDS", 60.0)
    await graph.services.risk.kill()

    failed = [await read(graph) for _ in range(2)]
    left_alone = [await read(graph) for _ in range(3)]

    assert {code for code, _ in failed} == {"UNAVAILABLE"}
    assert {code for code, _ in left_alone} == {"UNAVAILABLE"}
    assert {50 < seconds <= 60 for _, seconds in left_alone} == {True}


@pytest.mark.impatient
async def test_a_slow_service_costs_its_second_a_few_times_and_nothing_after(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FAILURES_MIN", 2)
    monkeypatch.setattr(breaker, "OPEN_SECONDS", 60.0)

    async def slow() -> None:
        await asyncio.sleep(30)

    graph.services.risk.fake.breaks = slow
    failed = [await read(graph) for _ in range(2)]
    graph.services.risk.fake.breaks = None
    asked = graph.services.asked.calls["BatchGetRiskProfiles"]
    left_alone = [await read(graph) for _ in range(3)]

    assert {code for code, _ in failed} == {"DEADLINE_EXCEEDED"}
    assert {code for code, _ in left_alone} == {"UNAVAILABLE"}
    assert graph.services.asked.calls["BatchGetRiskProfiles"] == asked


@pytest.mark.impatient
async def test_one_call_finds_out_that_a_service_is_back(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FAILURES_MIN", 1)
    monkeypatch.setattr(breaker, "OPEN_SECONDS", 0.2)

    async def slow() -> None:
        await asyncio.sleep(30)

    graph.services.risk.fake.breaks = slow
    assert (await read(graph))[0] == "DEADLINE_EXCEEDED"
    graph.services.risk.fake.breaks = None
    assert (await read(graph))[0] == "UNAVAILABLE"

    async with asyncio.timeout(10):
        while (await read(graph))[0] is not None:
            await asyncio.sleep(0.05)

    assert await read(graph) == (None, 0)


async def test_what_a_service_refuses_and_its_defects_leave_it_asked(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FAILURES_MIN", 1)

    async def defect() -> None:
        raise ValueError("secret 42")

    async def overloaded() -> None:
        raise Overloaded

    for breaks, code in ((defect, "INTERNAL"), (overloaded, "OVERLOADED")) * 3:
        graph.services.risk.fake.breaks = breaks
        assert (await read(graph))[0] == code

    graph.services.risk.fake.breaks = None
    assert await read(graph) == (None, 0)


async def status(graph: Graph, query: str, token: str, **variables: Any) -> tuple[int, str | None, str]:
    response = await graph.post({"query": query, "variables": variables}, token=token)
    errors = response.json().get("errors", [])
    code = errors[0]["extensions"]["code"] if errors else None
    return response.status_code, code, response.headers.get("retry-after", "")


async def test_the_least_important_is_refused_first_and_what_a_till_writes_last(keys: Any) -> None:
    async with gateway(keys, operations_at_once_max=10) as graph:
        staff, till = graph.token(), graph.token("partner", subject="shop")
        going_on = asyncio.Event()

        async def wait() -> None:
            await going_on.wait()

        graph.services.members.fake.breaks = wait
        setting = {"requestId": "r", "memberId": member_id(1), "birthday": "05-17"}
        works: list[asyncio.Task[Any]] = []

        async def taken(count: int) -> None:
            """So many places are taken, by what a till writes."""
            while len(works) < count:
                given = setting | {"requestId": f"r{len(works)}"}
                works.append(asyncio.create_task(status(graph, SETTING, till, input=given)))
                await asyncio.sleep(0.02)

        shed = (429, "OVERLOADED", "1")
        await taken(5)
        assert await status(graph, REPORT, staff) == shed
        assert await status(graph, SCHEMA, staff) == shed
        program = "query($key: String!) { program(key: $key) { key } }"
        tills = "{ couponCampaigns(first: 2) { edges { cursor } } }"
        assert (await status(graph, tills, staff))[:2] == (200, None)
        await taken(7)
        assert await status(graph, tills, staff) == shed
        assert (await status(graph, program, staff, key=PROGRAM))[:2] == (200, None)
        await taken(8)
        assert await status(graph, program, staff, key=PROGRAM) == shed
        await taken(10)
        assert await status(graph, SETTING, till, input=setting) == shed
        going_on.set()
        assert {each[:2] for each in await asyncio.gather(*works)} == {(200, None)}
        assert (await status(graph, REPORT, staff))[:2] == (200, None)
