"""Every `extensions.code` that the graph answers with, apart from the reasons that services give.

A service's reason (`laurel.common.v1.ErrorReason`) is a code, too, where it reaches the graph as an error.
"""

from enum import StrEnum, auto


class Code(StrEnum):
    """A code; `MEANINGS` says what each means and what to do."""

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        return name

    # The request as HTTP.
    HOST_NOT_ALLOWED = auto()
    NOT_FOUND = auto()
    METHOD_NOT_ALLOWED = auto()
    BODY_TOO_LARGE = auto()
    MEDIA_TYPE_UNSUPPORTED = auto()
    BAD_REQUEST = auto()
    BATCHING_UNSUPPORTED = auto()
    # Who asks, and how much.
    UNAUTHENTICATED = auto()
    FORBIDDEN = auto()
    INTROSPECTION_CLOSED = auto()
    RATE_LIMITED = auto()
    SUBSCRIPTION_LIMIT = auto()
    # The document.
    PERSISTED_QUERY_NOT_FOUND = auto()
    PERSISTED_QUERY_MISMATCH = auto()
    PERSISTED_QUERY_NOT_IN_LIST = auto()
    GRAPHQL_PARSE_FAILED = auto()
    GRAPHQL_VALIDATION_FAILED = auto()
    TOKEN_LIMIT = auto()
    OPERATION_LIMIT = auto()
    DEPTH_LIMIT = auto()
    ALIAS_LIMIT = auto()
    DIRECTIVE_LIMIT = auto()
    FIELD_LIMIT = auto()
    COST_LIMIT = auto()
    MUTATION_REPEATED = auto()
    # Its execution.
    BAD_USER_INPUT = auto()
    UNAVAILABLE = auto()
    DEADLINE_EXCEEDED = auto()
    OVERLOADED = auto()
    INTERNAL = auto()


MEANINGS = {
    Code.HOST_NOT_ALLOWED: "The Host header is none of the gateway's names, LAUREL_TRUSTED_HOSTS.",
    Code.NOT_FOUND: "There is nothing at this path. The graph is at /graphql.",
    Code.METHOD_NOT_ALLOWED: "The graph is asked by POST; nothing is executed by GET.",
    Code.BODY_TOO_LARGE: "The body is larger than is allowed. Send fewer items in each request.",
    Code.MEDIA_TYPE_UNSUPPORTED: "Send the body as application/json, and nothing else.",
    Code.BAD_REQUEST: "The body is no GraphQL request: no JSON object, no query, or no such operation.",
    Code.BATCHING_UNSUPPORTED: "A list of requests is not served. Send each by itself.",
    Code.UNAUTHENTICATED: "There is no token, or it is expired, forged or for somebody else. Get a new one.",
    Code.FORBIDDEN: "The token is good, and its principal may not do this. Asking again does not help.",
    Code.INTROSPECTION_CLOSED: "Introspection is for system administrators. Use schema.graphql.",
    Code.RATE_LIMITED: "The principal's budget is spent. Wait for Retry-After seconds, and ask for less.",
    Code.SUBSCRIPTION_LIMIT: "There are as many subscriptions as may be. End some, or ask again later.",
    Code.PERSISTED_QUERY_NOT_FOUND: "No document of this id is kept here. Send its text and the id together.",
    Code.PERSISTED_QUERY_MISMATCH: "The id is not the SHA-256 of the query that came with it.",
    Code.PERSISTED_QUERY_NOT_IN_LIST: "Only the documents of the list are served. Have yours added to it.",
    Code.GRAPHQL_PARSE_FAILED: "The document is not GraphQL; the location says where.",
    Code.GRAPHQL_VALIDATION_FAILED: "The document is not of this schema; up to five errors say where.",
    Code.TOKEN_LIMIT: "The document has too many words and signs. Send values as variables.",
    Code.OPERATION_LIMIT: "The document has too many operations. Send those that you execute.",
    Code.DEPTH_LIMIT: "Fields, values or fragments are nested too deeply.",
    Code.ALIAS_LIMIT: "An operation has too many aliases, fragments included. Ask for a list.",
    Code.DIRECTIVE_LIMIT: "An operation has too many directives, fragments included.",
    Code.FIELD_LIMIT: "The document has too many fields, fragments included, or repeats them too often.",
    Code.COST_LIMIT: "The operation could load too much: page sizes multiply. Ask for smaller pages.",
    Code.MUTATION_REPEATED: "A mutation, or quoteCoupons, stands twice in one operation. Send one for each.",
    Code.BAD_USER_INPUT: "An argument or variable means nothing; `reason` may say more. Correct it.",
    Code.UNAVAILABLE: "A service that this needs is down. Ask again, a mutation with the same requestId.",
    Code.DEADLINE_EXCEEDED: "It took too long; a write may have happened. Ask again with the same requestId.",
    Code.OVERLOADED: "Too much work is waiting. Ask again after retryAfterSeconds.",
    Code.INTERNAL: "A defect of ours, logged under requestId. A mutation may be sent again as it is.",
}
