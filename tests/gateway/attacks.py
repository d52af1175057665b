"""Every bad and malicious request to the graph that is tried by hand.

Data alone, so that the same list runs against the gateway in a test and against a whole platform. Statuses
are those for `Accept: application/graphql-response+json`; `Attack.status_as_json` has the others. Nothing
here needs a member, a program or a store that exists.
"""

from tests.gateway import attacks_by_document, attacks_by_http, attacks_by_value
from tests.gateway.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    *attacks_by_document.depth(),
    *attacks_by_document.aliases(),
    *attacks_by_document.overlaps(),
    *attacks_by_document.directives(),
    *attacks_by_document.cost(),
    *attacks_by_document.operations(),
    *attacks_by_document.brute_force(),
    *attacks_by_document.introspection(),
    *attacks_by_value.values(),
    *attacks_by_value.lists(),
    *attacks_by_value.inputs(),
    *attacks_by_http.bodies(),
    *attacks_by_http.forgery(),
    *attacks_by_http.hosts(),
)
