"""Services in the test's own process: real channels, a real mongod and Valkey, identities of any kind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from libs.common.audit.trail import Auditor
from libs.common.caller import PrincipalKind
from libs.common.chains.keys import make_audit_key
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.keys import make_key
from libs.common.mongo import OUTAGES
from libs.common.rpc.server import RpcServer
from libs.common.sealing import make_sealing_key
from libs.common.service import Platform
from libs.common.settings import ServiceSettings
from libs.common.tokens import TokenSigner
from tests.support.builders import PROGRAM
from tests.support.platform import emptied

# Where nobody listens: scoring scores without its database.
NO_DATABASE = "mongodb://127.0.0.1:1"
STAFF_ROLES = ("system_administrator", "compliance_officer")


@dataclass(frozen=True)
class Keys:
    """The signing key of a test, and tokens signed with it."""

    key_file: Path
    key_set_file: Path

    @property
    def audit_key_file(self) -> Path:
        """What a service under test signs its audit heads with."""
        return self.key_file.with_name("audit.pem")

    @property
    def webhook_key_file(self) -> Path:
        """What benefits seals the secrets of webhooks with."""
        return self.key_file.with_name("webhooks.key")

    @classmethod
    def made_in(cls, folder: Path) -> "Keys":
        """New keys in a folder."""
        keys = cls(folder / "signing.pem", folder / "keys.json")
        make_key(keys.key_file, keys.key_set_file)
        make_audit_key(keys.audit_key_file)
        make_sealing_key(keys.webhook_key_file)
        return keys

    def token(
        self,
        kind: PrincipalKind,
        subject: str,
        program_id: str | None = PROGRAM,
        *,
        roles: Sequence[str] | None = None,
        stores: Sequence[str] = (),
        sharing_groups: Sequence[str] = (),
    ) -> Callable[[], str]:
        """Gives a token of this principal, as channels want it; staff may do anything unless told."""
        if roles is None:
            roles = STAFF_ROLES if kind == "staff" else ()
        signed = partial(
            TokenSigner(self.key_file).token,
            subject,
            kind,
            ttl=timedelta(minutes=10),
            program_id=program_id,
            roles=roles,
            stores=stores,
            sharing_groups=sharing_groups,
        )
        token, made = signed(now=now()), now()

        def fresh() -> str:
            nonlocal token, made
            if now() - made > timedelta(minutes=5):  # some fixtures outlive a token on a slow machine
                token, made = signed(now=now()), now()
            return token

        return fresh

    def settings(self, mongodb_uri: str, redis_url: str) -> dict[str, Any]:
        """Settings of a storing service with a database of its own, on a port of the kernel's choice."""
        return {
            "development": True,
            "port": 0,
            "metrics_port": 0,
            "key_set_file": self.key_set_file,
            "audit_key_file": self.audit_key_file,
            "mongodb_uri": mongodb_uri,
            "redis_url": redis_url,
            "database_prefix": f"t{new_id('x')[-12:]}_",
            "drain_seconds": 0,
        }


@asynccontextmanager
async def serving(
    settings: ServiceSettings,
    register: Callable[[Any, Any], None],
    servicer: object,
    tasks: list[Coroutine[Any, Any, None]] | None = None,
    auditor: Auditor | None = None,
) -> AsyncIterator[str]:
    """Serve a servicer inside the edge that every service has, with its tasks; gives the address."""
    server = RpcServer(settings, outages=OUTAGES, audit_read=auditor.read if auditor is not None else None)
    server.add(register, servicer)
    port = await server.start()
    running = [asyncio.create_task(task) for task in tasks or []]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.drain()


async def dropped(platform: Platform) -> None:
    """Remove what a test has stored, and let go of the servers."""
    await emptied(platform.database)
    await platform.close()
