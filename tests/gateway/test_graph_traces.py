"""Traces of the graph: a request goes on with its caller's, and so does all that it asks of the services."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode

from libs.common.tracing import ATTRIBUTES, go_on
from services.gateway.metrics import SPAN
from tests.gateway.conftest import Graph
from tests.gateway.queries import PAGE
from tests.gateway.world import member_id
from tests.support.telemetry import (
    CALLER,
    SAMPLED,
    TRACE,
    UNSAMPLED,
    Spans,
    id_of,
    logged,
    metrics,
    parent_of,
    recorded,
    trace_of,
)

RISK = "query($id: ID!) { member(id: $id) { risk { level } } }"


@pytest.fixture(autouse=True)
def _outside_any_trace() -> Iterator[None]:
    go_on(INVALID_SPAN)
    yield
    go_on(INVALID_SPAN)


async def ask(graph: Graph, **headers: str) -> None:
    """Ask for what two services must answer."""
    response = await graph.post({"query": RISK, "variables": {"id": member_id(1)}}, **headers)
    assert "errors" not in response.json()


def of_kind(spans: Spans, kind: SpanKind) -> list[ReadableSpan]:
    return [span for span in spans.all() if span.kind is kind and span.name != SPAN]


async def test_calls_to_the_services_stand_below_the_request_and_theirs_below_them(graph: Graph) -> None:
    with recorded(ratio=0.0) as spans:
        await ask(graph, traceparent=SAMPLED)

    request = spans.one(SPAN)
    made, answered = of_kind(spans, SpanKind.CLIENT), of_kind(spans, SpanKind.SERVER)
    assert (request.kind, parent_of(request)) == (SpanKind.SERVER, CALLER)
    assert {trace_of(span) for span in spans.all()} == {TRACE}
    assert {span.name.rpartition(".")[2] for span in made} == {
        "MembersService/BatchRead",
        "RiskService/BatchRead",
    }
    assert {parent_of(span) for span in made} == {id_of(request)}
    assert {(span.name, parent_of(span)) for span in answered} == {(span.name, id_of(span)) for span in made}


async def test_a_page_with_everything_in_it_is_one_trace(graph: Graph) -> None:
    with recorded() as spans:
        await graph.data(PAGE, first=3)

    assert len(spans.all()) > 10
    assert len({trace_of(span) for span in spans.all()}) == 1
    assert parent_of(spans.one(SPAN)) is None


async def test_requests_at_chance_are_traces_of_their_own(graph: Graph) -> None:
    with recorded() as spans:
        await ask(graph)
        await ask(graph)

    assert len({trace_of(span) for span in spans.named(SPAN)}) == 2


async def test_a_request_that_is_not_recorded_makes_no_span_anywhere(graph: Graph) -> None:
    with recorded() as spans:
        await ask(graph, traceparent=UNSAMPLED)

    assert spans.all() == []


@pytest.mark.parametrize(
    ("token", "query", "status"),
    [
        (None, RISK, ("ok", StatusCode.UNSET)),
        ("forged", RISK, ("refused", StatusCode.UNSET)),
        (None, "{", ("invalid", StatusCode.UNSET)),
    ],
    ids=["answered", "of nobody", "no query"],
)
async def test_a_request_says_how_it_ended(
    graph: Graph, token: str | None, query: str, status: tuple[str, StatusCode]
) -> None:
    with recorded() as spans:
        await graph.post({"query": query, "variables": {"id": member_id(1)}}, token=token)

    span = spans.one(SPAN)
    assert ((span.attributes or {})["laurel.status"], span.status.status_code) == status


async def test_nothing_that_a_request_says_is_in_logs_spans_or_metrics(graph: Graph) -> None:
    canaries = [f"canary{number}" for number in range(8)]
    query, operation, alias, variable, header, name, state, token = canaries
    body = {
        "query": f'query {operation} {{ {alias}: member(id: "{query}") {{ memberId }} }}',
        "operationName": operation,
        "variables": {"v": variable},
        "extensions": {name: name},
    }

    with recorded() as spans, logged() as logs:
        answered = await graph.post(
            body, **{"x-name": header, "traceparent": SAMPLED, "tracestate": f"a={state}"}
        )
        await graph.post(body, token=token)
        await graph.post(body | {"query": f"{{ {query} }}"})
        await graph.post(body | {"operationName": f"{operation}x"})
        await graph.services.risk.kill()
        failed = await graph.post(
            {"query": f'{{ {alias}: member(id: "{member_id(1)}") {{ {alias}: risk {{ level }} }} }}'}
        )

    told = logs.text() + spans.text() + metrics()
    assert answered.status_code == 200
    assert logs.line("service failed")["field"] == "risk"
    assert "errors" in failed.json()
    assert len(spans.named(SPAN)) == 5
    assert [canary for canary in canaries if canary in told] == []
    assert {key for span in spans.all() for key in span.attributes or {}} <= ATTRIBUTES
