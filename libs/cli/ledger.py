"""Verification of the ledger: every balance from its entries and every digest, as of one moment."""

from collections.abc import Callable

from laurel.benefits.v1 import benefits_pb2
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.retries import patiently

VERIFY_SECONDS = 3600.0


async def verify(
    clients: Clients,
    *,
    program_id: str = "",
    told: Callable[[benefits_pb2.VerifyLedgerResponse], None] = lambda _: None,
) -> benefits_pb2.VerifyLedgerResponse:
    """The result of a verification; `told` hears of its progress."""

    async def once() -> benefits_pb2.VerifyLedgerResponse:
        request = benefits_pb2.VerifyLedgerRequest(program_id=program_id)
        async for progress in clients.benefits.VerifyLedger(request, timeout=VERIFY_SECONDS):
            told(progress)
            if progress.done:
                return progress
        raise CommandError("The verification ended without a result.")

    return await patiently(once)
