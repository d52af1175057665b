"""The audit logs of a platform, read through its services; their chains are verified here."""

from collections.abc import AsyncIterator, Callable

from laurel.common.v1 import audit_pb2 as pb
from libs.cli.clients import Clients
from libs.cli.data_folder import DataFolder
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.common import clock
from libs.common.audit.messages import head_of, record_of
from libs.common.audit.record import Record, record_digest, record_link
from libs.common.chains.chain import Head
from libs.common.chains.check import ChainCheck, Checked
from libs.common.chains.heads import read_heads
from libs.common.chains.keys import AuditKeys

RECORDS = 200
HEADS = 1_000

Told = Callable[[int, int], None]


async def verify(clients: Clients, folder: DataFolder, service: str, program_id: str, told: Told) -> Checked:
    """What is wrong with a program's chain; `told` hears of the position it is at, and of the last one."""
    heads_file = folder.audit_heads_file(service)
    check = ChainCheck(
        service=service,
        program_id=program_id,
        verifies=keys(folder).verifies,
        as_of=clock.now(),
        # Elsewhere heads may be kept apart in a log alone; here a file that is gone is a fault.
        anchored=heads_file.exists() or not folder.is_of_another,
    )
    for head in read_heads(heads_file) if heads_file.exists() else ():
        if isinstance(head, int):
            check.unreadable(f"{heads_file.name} line {head}")
        elif isinstance(head, Head) and not head.chain and head.program_id == program_id:
            check.anchor(head)
    async for head in heads(clients, service, program_id):
        check.head(head)
    async for record in records(clients, service, pb.ListAuditRecordsRequest(program_id=program_id), told):
        check.link(record_link(record), genuine=record_digest(record) == record.digest)
    return check.end()


def keys(folder: DataFolder) -> AuditKeys:
    """What verifies the heads of a platform's chains."""
    file = folder.audit_key_set_file
    try:
        return AuditKeys.parse(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} has no keys to verify the heads of audit chains with: {error}") from error


async def heads(clients: Clients, service: str, program_id: str) -> AsyncIterator[Head]:
    """Every head of a program's chain."""
    request = pb.ListAuditHeadsRequest(program_id=program_id, page_size=HEADS)
    while True:
        page = await patiently(lambda: clients.audit[service].ListAuditHeads(request))
        for message in page.heads:
            yield head_of(message)
        if not page.more:
            return
        request.after_position = page.heads[-1].position


async def records(
    clients: Clients, service: str, request: pb.ListAuditRecordsRequest, told: Told = lambda _, __: None
) -> AsyncIterator[Record]:
    """Every record that a request asks for."""
    request.page_size = request.page_size or RECORDS
    while True:
        page = await patiently(lambda: clients.audit[service].ListAuditRecords(request))
        told(page.position, page.position_last)
        for message in page.records:
            yield record_of(message)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


async def first(
    clients: Clients, service: str, request: pb.ListAuditRecordsRequest, limit: int, told: Told
) -> list[Record]:
    """The first records that a request asks for."""
    wanted = pb.ListAuditRecordsRequest()
    wanted.CopyFrom(request)
    found: list[Record] = []
    async for record in records(clients, service, wanted, told):
        found.append(record)
        if len(found) == limit:
            break
    return found
