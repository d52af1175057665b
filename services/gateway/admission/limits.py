"""The limits on what a request may ask for, and what is said when one is passed."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.errors import Kind, Refusal
from services.gateway.codes import Code


class Limits(BaseSettings):
    """How much one request, and one principal in a minute, may ask for."""

    model_config = SettingsConfigDict(env_prefix="LAUREL_", frozen=True)

    tokens_max: int = Field(default=2_000, ge=100)
    operations_max: int = Field(default=10, ge=1)
    depth_max: int = Field(default=12, ge=1)
    aliases_max: int = Field(default=15, ge=0)
    directives_max: int = Field(default=30, ge=0)
    fields_max: int = Field(default=500, ge=1)
    cost_max: int = Field(default=1_000, ge=1)
    # In the cost of operations; a principal may spend a minute's worth at once.
    cost_per_minute: int = Field(default=60_000, ge=1)
    # In this replica; the least important are refused from half of them on.
    operations_at_once_max: int = Field(default=200, ge=1)
    list_items_max: int = Field(default=100, ge=1)
    text_length_max: int = Field(default=1_024, ge=1)
    # Of all documents that are kept parsed; a token takes up to 0.6 KiB.
    tokens_kept: int = Field(default=100_000, ge=0)


class LimitExceeded(Refusal):
    """The document asks for more than is allowed; nothing of it was executed."""


class TokenLimit(LimitExceeded):
    reason, kind = Code.TOKEN_LIMIT, Kind.INVALID


class OperationLimit(LimitExceeded):
    reason, kind = Code.OPERATION_LIMIT, Kind.INVALID


class DepthLimit(LimitExceeded):
    reason, kind = Code.DEPTH_LIMIT, Kind.INVALID


class AliasLimit(LimitExceeded):
    reason, kind = Code.ALIAS_LIMIT, Kind.INVALID


class DirectiveLimit(LimitExceeded):
    reason, kind = Code.DIRECTIVE_LIMIT, Kind.INVALID


class FieldLimit(LimitExceeded):
    reason, kind = Code.FIELD_LIMIT, Kind.INVALID


class CostLimit(LimitExceeded):
    reason, kind = Code.COST_LIMIT, Kind.INVALID


class MutationRepeated(LimitExceeded):
    reason, kind = Code.MUTATION_REPEATED, Kind.INVALID


class IntrospectionClosed(LimitExceeded):
    reason, kind = Code.INTROSPECTION_CLOSED, Kind.FORBIDDEN
    text = "introspection is closed here; schema.graphql has the schema"


class InputTooLarge(LimitExceeded):
    reason, kind = Code.BAD_USER_INPUT, Kind.INVALID


class RateLimited(Refusal):
    """The principal has spent its budget, and may ask again after some seconds."""

    reason, kind = Code.RATE_LIMITED, Kind.EXHAUSTED

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too much was asked for within a minute; ask again in {seconds} s")
        self.seconds = seconds
