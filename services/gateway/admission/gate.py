"""Which operations are executed: parsed, measured, validated, and paid for."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    get_variable_values,
    parse,
    recommended_rules,
    specified_rules,
    validate,
)
from graphql.execution.values import VariableValues
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from libs.common.caller import Principal
from services.gateway.admission.budget import Budgets
from services.gateway.admission.inputs import check_variables
from services.gateway.admission.limits import (
    CostLimit,
    DepthLimit,
    FieldLimit,
    IntrospectionClosed,
    Limits,
    TokenLimit,
)
from services.gateway.admission.persisted import Persisted
from services.gateway.admission.places import AtOnce, Importance
from services.gateway.admission.prices import SUBSCRIPTION
from services.gateway.admission.turns import Turns
from services.gateway.admission.walk import Tally, Walk
from services.gateway.codes import Code
from services.gateway.errors import BadRequest

RULES = (*specified_rules, *recommended_rules, MaybeNullValidationRule, OneOfInputValidationRule)
ERRORS_MAX = 5
READING_COST, READING_COST_PER_BYTES = 10, 50
"""What a document costs that was not seen before, and one more for so many bytes of it.

Parsing and validating takes longer than most answers, refused or not: the largest that is read costs as
much as two thirds of the largest operation, so that nobody keeps a core busy with documents alone.
"""

_WRONG_WAY = "queries and mutations are sent by POST, subscriptions over a WebSocket by graphql-transport-ws"
BYTES_PER_TOKEN = 16
"""Of a text that is kept: longer ones weigh more than their tokens."""

# Comparing fields that may overlap is quadratic; the library's own bound leaves it some hundred milliseconds.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 5_000


class NotExecuted(Exception):
    """The document or its variables are wrong, in the ways that the errors say."""

    def __init__(self, code: str, errors: Sequence[GraphQLError]) -> None:
        super().__init__(code)
        self.code, self.errors = code, errors


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks to be executed: a document by its text, by its id, or by both."""

    query: str
    operation_name: str | None
    variables: Mapping[str, Any]
    document_id: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document, and what each of its operations asks for."""

    node: DocumentNode
    operations: Sequence[tuple[OperationDefinitionNode, Tally]]
    weight: int

    def operation(self, name: str | None) -> tuple[OperationDefinitionNode, Tally]:
        """The operation of this name, or the only one."""
        if name is None and len(self.operations) > 1:
            raise BadRequest("the document has several operations; say which by operationName")
        for node, tally in self.operations:
            if name is None or (node.name is not None and node.name.value == name):
                return node, tally
        raise BadRequest("the document has no such operation")


@dataclass(frozen=True, slots=True)
class Admitted:
    """An operation that is let in."""

    document: DocumentNode
    operation: OperationDefinitionNode
    variables: VariableValues
    cost: int
    importance: Importance


class Gate:
    """Lets operations in. Valid documents are kept, so that each is read once; refused ones are not."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        development: bool,
        now: Callable[[], float],
        persisted: Persisted | None = None,
    ) -> None:
        self._schema, self._limits, self._development = schema, limits, development
        self._budgets = Budgets(limits.cost_per_minute, now)
        self._turns = Turns()
        self._persisted = persisted or Persisted({}, only=False)
        self._at_once = AtOnce(limits.operations_at_once_max)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._weight_kept = 0

    def found(self, asked: Asked) -> Asked:
        """The same with the text of its document, or why that is not served."""
        text = self._persisted.text(asked.query, asked.document_id)
        return asked if asked.query else replace(asked, query=text)

    async def admit(self, asked: Asked, principal: Principal) -> Admitted:
        """The query or mutation to execute, paid for; or why it is not executed."""
        return await self._admitted(asked, principal, live=False)

    async def admit_live(self, asked: Asked, principal: Principal) -> tuple[DocumentNode, int]:
        """The subscription to begin, paid for, and what each event costs; or why it is not begun."""
        admitted = await self._admitted(asked, principal, live=True)
        return admitted.document, max(1, admitted.cost - SUBSCRIPTION)

    def spend(self, principal: Principal, cost: int) -> None:
        """Pay for something else that a principal makes us do, or refuse it."""
        self._budgets.spend(principal, cost)

    def place(self, admitted: Admitted) -> AbstractContextManager[None]:
        """A place among the operations that are worked on at once; Overloaded where it has none."""
        return self._at_once.place(admitted.importance)

    async def _admitted(self, asked: Asked, principal: Principal, *, live: bool) -> Admitted:
        self._persisted.require_listed(asked.query)
        document = await self._document(asked.query, principal)
        self._persisted.keep(asked.query, asked.document_id)
        node, tally = document.operation(asked.operation_name)
        if live != (node.operation is OperationType.SUBSCRIPTION):
            raise BadRequest(_WRONG_WAY)
        if tally.introspects and not self._may_introspect(principal):
            raise IntrospectionClosed
        check_variables(asked.variables, self._limits)
        variables = self._coerced(node, asked.variables)
        cost = tally.price.of(variables.coerced)
        if cost > self._limits.cost_max:
            raise CostLimit(f"the operation costs {cost}, of {self._limits.cost_max}; ask for smaller pages")
        self._budgets.spend(principal, cost)
        return Admitted(document.node, node, variables, cost, _importance(node, tally, principal))

    def _may_introspect(self, principal: Principal) -> bool:
        administers = principal.kind == "staff" and "system_administrator" in principal.roles
        return self._development or administers

    def _coerced(self, node: OperationDefinitionNode, variables: Mapping[str, Any]) -> VariableValues:
        values = get_variable_values(
            self._schema,
            node.variable_definitions or (),
            dict(variables),
            max_errors=ERRORS_MAX,
            hide_suggestions=not self._development,
        )
        if isinstance(values, list):
            raise NotExecuted(Code.BAD_USER_INPUT, values[:ERRORS_MAX])
        return values

    async def _document(self, text: str, principal: Principal) -> Document:
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        self._budgets.spend(principal, READING_COST + len(text) // READING_COST_PER_BYTES)
        document = await self._turns.do(lambda: self._kept.get(text) or self._read(text))
        self._keep(text, document)
        return document

    def _keep(self, text: str, document: Document) -> None:
        if text in self._kept:
            return  # others had sent it, too
        self._kept[text] = document
        self._weight_kept += document.weight
        while self._weight_kept > self._limits.tokens_kept and len(self._kept) > 1:
            _, forgotten = self._kept.popitem(last=False)
            self._weight_kept -= forgotten.weight

    def _read(self, text: str) -> Document:
        """A document from its text, cheapest checks first."""
        node = self._parsed(text)
        operations = Walk(self._schema, node, self._limits).operations()
        errors = validate(
            self._schema, node, RULES, max_errors=ERRORS_MAX, hide_suggestions=not self._development
        )
        told = [error for error in errors if not isinstance(error, ValidationAbortedError)]
        if told:
            raise NotExecuted(Code.GRAPHQL_VALIDATION_FAILED, told)
        if errors:
            raise FieldLimit("the document takes too long to check; repeat fewer fields and fragments")
        # Spaces and comments are no tokens, and are kept all the same.
        return Document(node, operations, max(node.token_count or 0, len(text) // BYTES_PER_TOKEN))

    def _parsed(self, text: str) -> DocumentNode:
        try:
            return _unchained(parse(text, max_tokens=self._limits.tokens_max))
        except GraphQLSyntaxError as error:
            # The parser has one kind of error for all that it gives up on.
            if "tokens. Parsing aborted" in error.message:
                raise TokenLimit(f"the document has more than {self._limits.tokens_max} tokens") from error
            if "nested too deeply" in error.message:
                raise DepthLimit("the document is nested too deeply") from error
            raise NotExecuted(Code.GRAPHQL_PARSE_FAILED, [error]) from error


def _unchained(document: DocumentNode) -> DocumentNode:
    """The same, its tokens no longer chained: a circle would keep all of a document that is forgotten."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        after, token.prev, token.next = token.next, None, None
        token = after
    return document


def _importance(node: OperationDefinitionNode, tally: Tally, principal: Principal) -> Importance:
    if node.operation is OperationType.MUTATION:
        return Importance.READ if principal.kind == "staff" else Importance.WRITE
    if tally.introspects or tally.reports:
        return Importance.REPORT
    return Importance.LIST if tally.lists else Importance.READ
