"""What is left of an answer when a service is dead, slow or defect."""

import asyncio

import pytest
from structlog.testing import capture_logs

from libs.common.errors import Overloaded
from tests.gateway.conftest import Graph
from tests.gateway.queries import IDS, PARTS
from tests.gateway.world import PROGRAM, member_id

WHOLE = {
    "member.profile",
    "member.activity",
    "member.facts",
    "member.scores",
    "member.memberships",
    "member.points",
    "member.benefits",
    "member.notices",
    "member.risk",
    "program",
}
LOST = {
    "members": {path for path in WHOLE if path.startswith("member")},
    "scoring": {"member.scores"},
    "benefits": {
        "member.scores",
        "member.memberships",
        "member.points",
        "member.benefits",
        "member.notices",
        "program",
    },
    "risk": {"member.risk"},
}


def _present(data: dict[str, dict[str, object] | None]) -> set[str]:
    member = data["member"] or {}
    program = {"program"} if data["program"] is not None else set()
    return {f"member.{name}" for name, value in member.items() if value is not None} | program


@pytest.mark.parametrize("service", LOST)
async def test_a_dead_service_costs_its_part_of_the_answer_only(graph: Graph, service: str) -> None:
    await getattr(graph.services, service).kill()

    answer = await graph.ask(PARTS, id=member_id(1), program=PROGRAM)

    assert _present(answer["data"]) == WHOLE - LOST[service]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}
    paths = {".".join(error["path"]) for error in answer["errors"]}
    assert paths == ({"member"} if service == "members" else LOST[service])


async def test_an_outage_is_told_without_address_or_driver_text(graph: Graph) -> None:
    await graph.services.risk.kill()

    answer = await graph.ask(PARTS, id=member_id(1), program=PROGRAM)

    (error,) = answer["errors"]
    assert error["message"] == "something this needs is down; ask again, a mutation with the same requestId"
    assert error["extensions"]["retryAfterSeconds"] == 1
    assert error["extensions"]["requestId"].startswith("req_")
    assert graph.services.risk.address not in str(answer)


async def test_a_dead_service_that_comes_back_is_used_again(graph: Graph) -> None:
    broken = graph.services.risk.fake

    async def overloaded() -> None:
        raise Overloaded

    broken.breaks = overloaded
    answer = await graph.ask(PARTS, id=member_id(1), program=PROGRAM)
    assert answer["errors"][0]["extensions"]["code"] == "OVERLOADED"

    broken.breaks = None
    assert "errors" not in await graph.ask(PARTS, id=member_id(1), program=PROGRAM)


@pytest.mark.impatient
@pytest.mark.parametrize("service", LOST)
async def test_a_slow_service_costs_its_part_of_the_answer_only_and_no_more_time_than_a_request_has(
    graph: Graph, service: str
) -> None:
    async def slow() -> None:
        await asyncio.sleep(30)

    getattr(graph.services, service).fake.breaks = slow

    answer = await asyncio.wait_for(
        graph.ask(PARTS, id=member_id(1), program=PROGRAM), timeout=graph.settings.request_seconds_max
    )

    assert _present(answer["data"]) == WHOLE - LOST[service]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"DEADLINE_EXCEEDED"}


@pytest.mark.parametrize("service", LOST)
async def test_a_service_that_fails_costs_its_part_of_the_answer_only_and_nothing_of_it_is_told(
    graph: Graph, service: str
) -> None:
    async def defect() -> None:
        raise ValueError("secret 42")

    getattr(graph.services, service).fake.breaks = defect

    answer = await graph.ask(PARTS, id=member_id(1), program=PROGRAM)

    assert _present(answer["data"]) == WHOLE - LOST[service]
    assert {error["message"] for error in answer["errors"]} == {"internal error"}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"INTERNAL"}
    assert "secret" not in str(answer)


async def test_a_defect_of_the_gateway_is_masked_and_logged_once_under_its_request_id(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph.services.risk.fake, "per_member", lambda *_: [])

    with capture_logs() as logs:
        answer = await graph.ask("{ members(first: 3) { edges { node { memberId risk { level } } } } }")

    assert [edge["node"]["risk"] for edge in answer["data"]["members"]["edges"]] == [None] * 3
    (extensions,) = {tuple(error["extensions"].items()) for error in answer["errors"]}
    assert dict(extensions)["code"] == "INTERNAL"
    assert {error["message"] for error in answer["errors"]} == {"internal error"}
    (defect,) = [entry for entry in logs if entry["event"] == "defect"]
    assert defect["request_id"] == dict(extensions)["requestId"]


async def test_a_list_without_members_is_null_and_the_rest_of_the_answer_stands(graph: Graph) -> None:
    await graph.services.members.kill()

    answer = await graph.ask(
        "query($key: String!) { members(first: 5) { edges { cursor } } program(key: $key) { key } }",
        key=PROGRAM,
    )

    assert answer["data"] == {"members": None, "program": {"key": PROGRAM}}
    assert answer["errors"][0]["path"] == ["members"]


async def test_members_are_listed_while_all_other_services_are_dead(graph: Graph) -> None:
    for service in (graph.services.scoring, graph.services.benefits, graph.services.risk):
        await service.kill()

    assert len((await graph.data(IDS, first=5))["members"]["edges"]) == 5
