"""Which names the gateway answers to: a request for another is refused before anything reads its address."""

import re
from collections.abc import Collection
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.ids import new_id
from services.gateway.answers import Answers, HostNotAllowed

_HOST = re.compile(r"(?P<name>[a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
PROBE = "/healthz"
"""Asked by the address of the machine, which no setting can name."""


class TrustedHosts:
    """Refuses requests whose Host is not one of these names, or is no host at all (CVE-2026-48710)."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app, self._names = app, {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] != "lifespan" and scope["path"] != PROBE and not self._trusts(scope):
            response = Answers.to(new_id("req"), accept="").refused(HostNotAllowed())
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _trusts(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        return len(hosts) == 1 and _name_of(hosts[0]) in self._names


@lru_cache(maxsize=256)  # a gateway has few, of a header's length at most
def _name_of(host: bytes) -> str | None:
    """The name in a Host header; None in what is none."""
    found = _HOST.fullmatch(host.decode("latin-1").lower())
    return None if found is None else found["name"]
