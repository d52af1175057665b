"""Bearer tokens that are none, at the graph and at a service: forged, expired, tampered with, revoked."""

import json
from collections.abc import Iterator

from services.gateway.connections import HEAD_BYTES_MAX
from tests.attacks.contract import valid
from tests.attacks.graph import STREAM
from tests.attacks.hand.peers import READ, UNKNOWN
from tests.attacks.rpc import Caller
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World
from tests.common.signing import claims, new_key, part, signed
from tests.common.test_tokens_refused import BAD_HEADERS, NO_TOKENS, REFUSED
from tests.support.services import Keys

QUERY = {"query": "{ __typename }"}
NOT_KNOWN = "401 UNAUTHENTICATED"
METADATA_BYTES = 8 * 1024


def cases(world: World) -> Iterator[Case]:
    """Each at the graph and, where gRPC can carry it, at a service."""
    keys = Keys(world.run.signing_key_file, world.folder.key_set_file)
    for name, token in _bad(keys).items():
        is_no_head = "\x00" in token or len(token) > HEAD_BYTES_MAX
        expected = "400" if is_no_head else NOT_KNOWN
        yield at_graph(world, name, token, expected)
        yield at_graph(world, name, token, expected, path=STREAM)
        if token.isascii() and token.isprintable() and len(token) < METADATA_BYTES and token.strip():
            yield at_service(world, name, token, UNKNOWN)
    for name, authorization in {
        "no scheme": "x",
        "another scheme": "Basic YTpi",
        "nothing after the scheme": "Bearer",
        "two tokens": f"Bearer {world.token_of('compliance_officer')} x",
    }.items():
        yield _with_header(world, name, authorization)


def _bad(keys: Keys) -> dict[str, str]:
    """Tokens as the tests of the verifier know them, by what is wrong."""
    found = {f"claims: {name}": signed(keys, claims(**changes)) for name, changes in REFUSED.items()}
    found |= {f"header: {name}": signed(keys, claims(), **header) for name, header in BAD_HEADERS.items()}
    found |= {f"no token: {name}": token for name, token in NO_TOKENS.items()}
    header, payload = (part(json.dumps(each).encode()) for each in ({"alg": "none"}, claims()))
    return found | {
        "unsigned": f"{header}.{payload}.",
        "of a stranger": signed(keys, claims(), key=new_key("EdDSA")),
    }


def at_graph(world: World, name: str, token: str, *expected: str, path: str = "/graphql") -> Case:
    async def ask(_: int) -> Answer:
        return await world.graph.post(QUERY, token=token.encode("utf-8", "surrogatepass"), path=path)

    return Case("tokens", f"{path}: {name}", ask, expected=expected, sent=token)


def at_service(world: World, name: str, token: str, *expected: str) -> Case:
    caller = Caller(world.authority.files("gateway"), token)

    async def ask(_: int) -> Answer:
        return await world.rpc.ask("members", READ, valid(READ, world.own), caller)

    return Case("tokens", f"members: {name}", ask, expected=expected, sent=token)


def _with_header(world: World, name: str, authorization: str) -> Case:
    async def ask(_: int) -> Answer:
        return await world.graph.post(QUERY, token="", authorization=authorization)

    return Case("tokens", f"graph: {name}", ask, expected=(NOT_KNOWN,), sent=authorization)
