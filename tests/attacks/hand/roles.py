"""Every principal at some RPCs and fields of the real platform: let in is whom the policy table names."""

from collections.abc import Iterator

from libs.common.policy import PRINCIPALS, policy
from libs.common.rpc.shared.asks import is_shared
from tests.attacks import schema
from tests.attacks.contract import path_of, served, valid
from tests.attacks.rpc import Caller
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

ANONYMOUS = "nobody"
# One of each kind of row; tests/security has all of them.
ROWS = (
    "CreateStore",
    "RegisterMembers",
    "BatchGetMembers",
    "BatchRead",
    "ListMemberEvents",
    "DecideTiers",
    "BatchGetPointsAccounts",
    "VerifyLedger",
    "DecideReport",
    "ListAuditRecords",
)
LET_IN, KEPT_OUT, UNKNOWN = "let in", "PERMISSION_DENIED FORBIDDEN", "UNAUTHENTICATED UNAUTHENTICATED"


def cases(world: World) -> Iterator[Case]:
    """Everybody, and nobody, at each."""
    for service, method in served():
        if method.name in ROWS:
            for principal in (*PRINCIPALS, ANONYMOUS):
                granted = principal in policy().rpcs[path_of(method)].grants
                granted = granted or (is_shared(path_of(method)) and principal == ANONYMOUS)
                expected = LET_IN if granted else UNKNOWN if principal == ANONYMOUS else KEPT_OUT

                async def ask(
                    _: int, service: str = service, method: object = method, principal: str = principal
                ) -> Answer:
                    request = valid(method, world.own)  # type: ignore[arg-type]
                    answer = await world.rpc.ask(service, method, request, caller(world, principal))  # type: ignore[arg-type]
                    return let_in(answer, KEPT_OUT, UNKNOWN)

                yield Case("roles", f"{service} {path_of(method)} by {principal}", ask, (expected,))
    for root, name in schema.entries():
        for principal in (each for each in PRINCIPALS if each != "service"):
            yield _field(world, root, name, principal)


def caller(world: World, principal: str) -> Caller:
    """The principal, or the gateway without anybody."""
    return Caller(world.authority.files("gateway")) if principal == ANONYMOUS else world.caller(principal)


def let_in(answer: Answer, *refusals: str) -> Answer:
    """The answer as far as it is about who asks."""
    outcome = answer.outcome if answer.outcome in refusals else LET_IN
    return Answer(outcome, answer.text, answer.refused, answer.seconds)


def _field(world: World, root: str, name: str, principal: str) -> Case:
    forbidden = "200 FORBIDDEN"
    expected = LET_IN if principal in schema.grants_of(root, name) else forbidden

    async def ask(_: int) -> Answer:
        token = world.token_of(principal)
        return let_in(await world.graph.post(schema.asked(world, root, name), token=token), forbidden)

    return Case("roles", f"graph {root}.{name} by {principal}", ask, (expected,))
