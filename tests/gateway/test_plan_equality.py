"""Plans answer as graphql-core does, whatever is asked, by whomever, and whichever services fail.

Each drawn query is executed three times on the same fake services: by its plan, by graphql-core, and by
graphql-core without propagation of errors, which tells all that go wrong. Then

- the data are the same, to the order of the keys;
- errors are the same as a set, with message, path, locations and extensions, but for those inside of a place
  that was lost with one of them. Of these graphql-core tells the ones that came before the loss, which is a
  matter of timing; so both have to tell at least one for each such place, and none that did not happen.
"""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import httpx
import orjson
import pytest
from graphql import (
    DirectiveNode,
    DocumentNode,
    NameNode,
    OperationDefinitionNode,
    execute,
)
from graphql.type.directives import GraphQLDisableErrorPropagationDirective
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.types.execution import ExecutionResult

from libs.common.errors import Overloaded
from libs.common.tokens import TokenVerifier
from services.gateway.admission.gate import Admitted, Asked, Gate
from services.gateway.clients import Clients
from services.gateway.context import Context
from services.gateway.endpoint import Endpoint
from services.gateway.plans.kept import Plans
from services.gateway.schema import schema
from tests.gateway.conftest import HOST, Graph
from tests.gateway.drawn import Drawer, Query
from tests.gateway.fake import SaysNo
from tests.gateway.fakes import KINDS
from tests.gateway.world import member_id
from tests.security.principals import ANONYMOUS, EVERYBODY, kind_of, roles_of

SECONDS = 60.0
UNLIMITED = {
    "tokens_max": 10**5,
    "depth_max": 100,
    "aliases_max": 10**4,
    "directives_max": 10**4,
    "fields_max": 10**5,
    "cost_max": 10**9,
    "cost_per_minute": 10**9,
    "request_seconds_max": SECONDS,
}
METHODS = sorted(
    name
    for fake, _ in KINDS
    for name in dir(fake)
    if name.startswith(("Batch", "Get", "List", "SplitValue", "QuoteCoupons"))
)
ASKING = [None, *(each for each in EVERYBODY if each not in {ANONYMOUS, "service"})]
"""Who asks: None is somebody with all roles of the staff."""
# What is UNAVAILABLE is tried again for a while, each time by each side.
FAILURES: list[Callable[[], Exception]] = [Overloaded, SaysNo, ValueError]


class Reference(Endpoint):
    """The endpoint as it would be without plans."""

    async def _execute(self, asked: Asked, admitted: Admitted, context: Context) -> ExecutionResult:
        context.document = admitted.document
        return await schema.execute(
            asked.query,
            variable_values=dict(asked.variables),
            operation_name=asked.operation_name,
            context_value=context,
        )


class Unpropagated(Endpoint):
    """The endpoint as it would be if no null cost what is around it."""

    async def _execute(self, asked: Asked, admitted: Admitted, context: Context) -> ExecutionResult:
        result = execute(
            schema._schema,
            _unpropagated(admitted.document),
            context_value=context,
            variable_values=dict(asked.variables),
            operation_name=asked.operation_name,
        )
        told = result if not hasattr(result, "__await__") else await result
        return ExecutionResult(told.data, told.errors)


def _unpropagated(document: DocumentNode) -> DocumentNode:
    """The same document with the directive on its operation; where things stand in the text stays."""
    directive = DirectiveNode(name=NameNode(value=GraphQLDisableErrorPropagationDirective.name))
    definitions = (
        replace(each, directives=(directive,)) if isinstance(each, OperationDefinitionNode) else each
        for each in document.definitions
    )
    return DocumentNode(definitions=tuple(definitions))


@dataclass
class Sides:
    """The same gateway three times."""

    graph: Graph
    plan: httpx.AsyncClient
    reference: httpx.AsyncClient
    unpropagated: httpx.AsyncClient

    async def agree(self, query: Query, token: str) -> None:
        """Ask all three, and compare."""
        body = {"query": query.text, "variables": query.variables}
        headers = {"authorization": f"Bearer {token}"}
        answers = []
        for side in (self.plan, self.reference, self.unpropagated):
            answer = await side.post("/graphql", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            answers.append(orjson.loads(answer.content))
        by_plan, by_reference, everything = answers
        assert orjson.dumps(by_plan.get("data")) == orjson.dumps(by_reference.get("data"))
        happened = {_shown(error) for error in everything.get("errors", ())}
        (told, lost), (wanted, wanted_lost) = _parted(by_plan), _parted(by_reference)
        assert told == wanted
        assert {place for place, _ in lost} == {place for place, _ in wanted_lost}
        assert told | {error for _, error in lost} <= happened


Shown = bytes
Place = tuple[str | int, ...]


def _parted(answer: Any) -> tuple[set[Shown], set[tuple[Place, Shown]]]:
    """The errors at places of the answer, and those inside of one that is lost, with its place."""
    told, lost = set(), set()
    for error in answer.get("errors", ()):
        path = tuple(error.get("path", ()))
        place = _lost_at(answer.get("data"), path)
        if place == path:
            told.add(_shown(error))
        else:
            lost.add((place, _shown(error)))
    return told, lost


def _lost_at(data: Any, path: Place) -> Place:
    """As far as a path leads: to its end, or to the null around it."""
    for depth, key in enumerate(path):
        if data is None:
            return path[:depth]
        data = data[key]
    return path


def _shown(error: dict[str, Any]) -> Shown:
    extensions = {name: value for name, value in error["extensions"].items() if name != "requestId"}
    return orjson.dumps(error | {"extensions": extensions}, option=orjson.OPT_SORT_KEYS)


@pytest.fixture
async def sides(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sides]:
    """Three endpoints on the same fake services. Nobody is out of time: a busy machine is no difference."""
    monkeypatch.setattr("services.gateway.shared.sharer.latest", lambda _: time.monotonic() + SECONDS)
    monkeypatch.setattr("libs.common.rpc.client.seconds_left", lambda _: SECONDS)
    clients = Clients(graph.settings)
    limits = graph.settings.model_copy(update=UNLIMITED)
    verifier = TokenVerifier(graph.settings)
    await verifier.load()
    gate = Gate(schema._schema, limits, development=True, now=lambda: 0.0)
    https = []
    for kind in (Endpoint, Reference, Unpropagated):
        endpoint = kind(clients, verifier, limits, gate, Plans(schema))
        app = Starlette(routes=[Route("/graphql", endpoint.serve, methods=["POST"])])
        https.append(httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{HOST}"))
    yield Sides(graph, *https)
    for each in https:
        await each.aclose()
    await clients.close()


async def compared(sides: Sides, chance: Random) -> None:
    """Compare one query, while some methods fail, as somebody."""
    asked = sides.graph.services.asked
    share = chance.choice([0.0, 0.1, 0.4])
    asked.failing = {each: chance.choice(FAILURES) for each in METHODS if chance.random() < share}
    name = chance.choice(ASKING) if chance.random() < 0.5 else None
    token = sides.graph.token()
    if name is not None:
        subject = member_id(1) if name == "member" else "cdnow"
        token = sides.graph.token(kind_of(name), subject=subject, roles=roles_of(name), stores=["online"])
    await sides.agree(Drawer(chance).query(), token)


@pytest.mark.timeout(900)
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False))
async def test_plans_answer_as_graphql_core_does(sides: Sides, chance: Random) -> None:
    await compared(sides, chance)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@settings(max_examples=5_000, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False))
async def test_plans_answer_as_graphql_core_does_however_often_it_is_tried(
    sides: Sides, chance: Random
) -> None:
    await compared(sides, chance)
