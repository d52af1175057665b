"""A subscription as it runs: each event is answered as a query would be, by loaders of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLSchema,
    create_source_event_stream,
    execute,
)

from libs.common.caller import Principal
from libs.common.errors import DeadlineExceeded
from libs.common.rpc.deadline import set_deadline
from services.gateway.admission.gate import Asked, Gate
from services.gateway.admission.limits import RateLimited
from services.gateway.clients import Clients
from services.gateway.context import Context
from services.gateway.schema import schema

LATE = "out of time; ask for less, or subscribe again after the last cursor"


class Failed(Exception):
    """A subscription ended with errors, which have no codes yet."""

    def __init__(self, result: ExecutionResult) -> None:
        super().__init__("a subscription failed")
        self.result = result


@dataclass(frozen=True, slots=True)
class Events:
    """The events of subscriptions, for those whom the gate lets in."""

    clients: Clients
    gate: Gate
    event_seconds_max: float

    async def of(
        self, asked: Asked, principal: Principal, request_id: str
    ) -> AsyncGenerator[ExecutionResult, None]:
        """The answer to each event; one that cannot be answered ends them, so that nothing is left out."""
        asked = self.gate.found(asked)
        document, cost = await self.gate.admit_live(asked, principal)
        graph: GraphQLSchema = schema._schema  # noqa: SLF001 - strawberry runs no event in a context of its own

        def context() -> Context:
            return Context(self.clients, principal, request_id=request_id)

        async with aclosing(await _source(graph, document, asked, context())) as source:
            async for event in source:
                await self._afford(principal, cost)
                set_deadline(self.event_seconds_max)
                try:
                    async with asyncio.timeout(self.event_seconds_max):
                        result = await _answer(graph, document, asked, event, context())
                except TimeoutError:
                    raise DeadlineExceeded(LATE) from None
                finally:
                    set_deadline(None)
                if result.data is None:
                    raise Failed(result)
                yield result

    async def _afford(self, principal: Principal, cost: int) -> None:
        """Pay for an event, and wait for the next one's worth where there is nothing to pay with."""
        while True:
            try:
                return self.gate.spend(principal, cost)
            except RateLimited as limited:
                await asyncio.sleep(limited.seconds)


async def _source(graph: GraphQLSchema, document: DocumentNode, asked: Asked, context: Context) -> Any:
    """What the subscription's field gives, event by event."""
    executor = Executor.build(graph, document, None, context, dict(asked.variables), asked.operation_name)
    if isinstance(executor, list):
        raise Failed(ExecutionResult(None, errors=executor))
    source = create_source_event_stream(executor)
    if executor.is_awaitable(source):
        source = await source
    if isinstance(source, ExecutionResult):
        raise Failed(source)
    return source


async def _answer(
    graph: GraphQLSchema, document: DocumentNode, asked: Asked, event: Any, context: Context
) -> ExecutionResult:
    result = execute(graph, document, event, context, dict(asked.variables), asked.operation_name)
    return result if isinstance(result, ExecutionResult) else await result
