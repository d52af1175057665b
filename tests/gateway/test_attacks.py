"""Each attack is refused at once, with its code, and without a word of our inside."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.gateway.attack import INTERNALS, Attack
from tests.gateway.attacks import ATTACKS
from tests.gateway.conftest import Graph, gateway

JSON, GRAPHQL_RESPONSE = "application/json", "application/graphql-response+json"
CPU_SECONDS_MAX = 0.05


@pytest.fixture(scope="module")
async def attacked(keys: Path) -> AsyncIterator[Graph]:
    """One gateway for all attacks, as it is deployed."""
    async with gateway(keys, development=False) as graph:
        yield graph


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_an_attack_is_refused_at_once_and_reaches_no_service(attacked: Graph, attack: Attack) -> None:
    seconds, response = await _quickest(lambda: _sent(attacked, attack, GRAPHQL_RESPONSE))
    as_json = await _sent(attacked, attack, JSON)

    assert (response.status_code, _codes(response)) == (attack.status, {attack.code}), response.text
    assert (as_json.status_code, _codes(as_json)) == (attack.status_as_json, {attack.code}), as_json.text
    assert len(response.json()["errors"]) <= attack.errors_max
    assert attacked.services.asked.calls == {}
    assert [word for word in INTERNALS if word.lower() in response.text.lower()] == []
    assert len(response.content) < 8_192
    assert seconds < CPU_SECONDS_MAX


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if "nearly right" in attack.name], ids=lambda attack: attack.name
)
async def test_nothing_is_suggested_to_those_who_guess(attacked: Graph, attack: Attack) -> None:
    response = await _sent(attacked, attack, JSON)

    assert "Did you mean" not in response.text


async def test_every_error_names_the_request_that_the_answer_names(attacked: Graph) -> None:
    for attack in ATTACKS:
        response = await _sent(attacked, attack, JSON)
        named = {error["extensions"]["requestId"] for error in response.json()["errors"]}
        assert named == {response.headers["x-request-id"]}, attack.name


async def test_after_all_attacks_the_gateway_serves(attacked: Graph) -> None:
    for attack in ATTACKS:
        await _sent(attacked, attack, JSON)

    assert await attacked.data("{ __typename }") == {"__typename": "Query"}


async def _sent(graph: Graph, attack: Attack, accept: str) -> httpx.Response:
    headers = {"accept": accept, "content-type": JSON, **attack.headers}
    if attack.who != "nobody":
        headers["authorization"] = f"Bearer {graph.token(attack.who)}"
    return await graph.http.request(attack.method, attack.path, content=attack.content, headers=headers)


async def _quickest(send: Callable[[], Awaitable[httpx.Response]]) -> tuple[float, httpx.Response]:
    """The least CPU time of three, since a collection of garbage may fall into one of them."""
    times = []
    for _ in range(3):
        started = time.process_time()
        response = await send()
        times.append(time.process_time() - started)
    return min(times), response


def _codes(response: httpx.Response) -> set[str]:
    return {error["extensions"]["code"] for error in response.json()["errors"]}
