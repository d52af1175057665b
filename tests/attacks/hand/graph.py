"""The graph's own list of attacks, tests/gateway/attacks.py, in both media types."""

from collections.abc import Iterator

from tests.attacks.graph import JSON, NEWER
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World
from tests.gateway.attack import Attack
from tests.gateway.attacks import ATTACKS


def cases(world: World) -> Iterator[Case]:
    """Each attack of the list twice."""
    for attack in ATTACKS:
        for accept, status in ((NEWER, attack.status), (JSON, attack.status_as_json)):
            yield _case(world, attack, accept, f"{status} {attack.code}")


def _case(world: World, attack: Attack, accept: str, expected: str) -> Case:
    async def ask(attempt: int) -> Answer:
        return await world.graph.send(request_of(world, attack, accept, attempt))

    sent = attack.content.decode("utf-8", "replace") + " ".join(attack.headers.values()) + attack.path
    return Case("graph", f"{attack.name} ({accept})", ask, (expected,), sent=sent)


def request_of(world: World, attack: Attack, accept: str, attempt: int = 0) -> bytes:
    """The request whole. Valid documents are remembered, so one that is asked again gets a comment."""
    content = attack.content
    if attempt and content.startswith(b'{"query": "'):
        content = content.replace(b'{"query": "', b'{"query": "#' + str(attempt).encode() + b"\\n", 1)
    headers = {
        "host": f"{world.graph.host}:{world.graph.port}",
        "accept": accept,
        "content-type": JSON,
        **_authorization(world, attack),
        **attack.headers,
        "content-length": str(len(content)),
    }
    lines = [f"{attack.method} {attack.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value or name == "host"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def _authorization(world: World, attack: Attack) -> dict[str, str]:
    if attack.who == "nobody":
        return {}
    token = world.token_of("partner") if attack.who == "partner" else world.stranger()
    return {"authorization": f"Bearer {token}"}
