"""POST /graphql: a request becomes an operation, and its result an answer (GraphQL over HTTP)."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types.execution import ExecutionResult

from libs.common.caller import set_caller
from libs.common.errors import DeadlineExceeded, Refusal
from libs.common.ids import new_id
from libs.common.rpc.deadline import Within, set_deadline
from libs.common.telemetry import log
from libs.common.tokens import TokenVerifier
from services.gateway.admission.gate import Admitted, Asked, Gate, NotExecuted
from services.gateway.answers import Answers, Defect
from services.gateway.auth import authenticate
from services.gateway.bodies import asked_by
from services.gateway.clients import Clients
from services.gateway.context import Context
from services.gateway.errors import mask
from services.gateway.languages import speak
from services.gateway.loading import ending_together
from services.gateway.metrics import BY_GRAPHQL_CORE, BY_PLAN, Served, outcome_of
from services.gateway.plans.kept import Plans
from services.gateway.schema import schema
from services.gateway.settings import GatewaySettings

LATE = "out of time; ask for less, or repeat a mutation with the same requestId"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers GraphQL requests, each as whoever sent it."""

    clients: Clients
    verifier: TokenVerifier
    settings: GatewaySettings
    gate: Gate
    plans: Plans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as an application of its own."""
        response = await self.serve(Request(scope, receive))
        await response(scope, receive, send)

    async def serve(self, request: Request) -> Response:
        """Answer one request."""
        call = Served(request)
        answers = Answers.to(new_id("req"), request.headers.get("accept", ""))
        operation, outcome = "none", "refused"
        try:
            with Within(self.settings.request_seconds_max):
                context = self._context(request, answers.request_id)
                asked = self.gate.found(await asked_by(request, self.settings.request_bytes_max))
                admitted = await self.gate.admit(asked, context.principal)
                with self.gate.place(admitted), ending_together():
                    result = await self._execute(asked, admitted, context)
            mask(result, answers.request_id)
            operation, outcome = context.operation, outcome_of(result)
            response = answers.executed(result)
        except asyncio.CancelledError:
            call.ended(operation, "cancelled")
            raise
        except NotExecuted as refusal:
            outcome = "invalid"
            response = answers.not_executed(refusal)
        except Refusal as refusal:
            response = answers.refused(refusal)
        except TimeoutError:
            outcome = "late"
            response = answers.refused(DeadlineExceeded(LATE))
        except Exception:
            outcome = "failed"
            log("graph").exception("defect", request_id=answers.request_id)
            response = answers.refused(Defect())
        call.ended(operation, outcome)
        return response

    async def _execute(self, asked: Asked, admitted: Admitted, context: Context) -> ExecutionResult:
        """By the operation's plan, or by graphql-core where it has none."""
        context.operation, context.document = admitted.operation.operation.value, admitted.document
        plan = self.plans.of(admitted)
        if plan is not None:
            BY_PLAN.inc()
            return await plan.run(context, admitted.variables).execute(plan.write)
        BY_GRAPHQL_CORE.inc()
        return await schema.execute(
            asked.query,
            variable_values=dict(asked.variables),
            operation_name=asked.operation_name,
            context_value=context,
        )

    def _context(self, request: Request, request_id: str) -> Context:
        """Find out who asks; from here on this task serves them."""
        principal = authenticate(request, self.verifier)
        set_caller(principal)
        set_deadline(self.settings.request_seconds_max)
        speak(request.headers.get("accept-language", ""))
        return Context(self.clients, principal, request_id=request_id)
