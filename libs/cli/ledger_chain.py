"""The chain of a ledger, read through its service; everything that it covers is recomputed here."""

import hashlib
from collections.abc import AsyncIterator

from laurel.benefits.v1 import proofs_pb2 as pb
from libs.cli import audit
from libs.cli.audit import Told
from libs.cli.clients import Clients
from libs.cli.data_folder import DataFolder
from libs.cli.retries import patiently
from libs.common import clock
from libs.common.audit.messages import head_of
from libs.common.canonical import digest
from libs.common.chains.chain import Head, Link, Root
from libs.common.chains.check import ChainCheck, Checked
from libs.common.chains.heads import read_heads
from libs.common.rpc.time import moment

SERVICE, CHAIN = "benefits", "ledger"
ENTRIES = 200
STATEMENTS = 1_000


async def verify(clients: Clients, folder: DataFolder, program_id: str, told: Told) -> Checked:
    """What is wrong with a program's chain; `told` hears of the position it is at, and of the last one."""
    check = await signed_check(clients, folder, program_id, CHAIN)
    async for entry in _entries(clients, program_id, told):
        check.link(_link(entry), genuine=leaf_of(entry.content) == entry.content.leaf)
    return check.end()


async def signed_check(clients: Clients, folder: DataFolder, program_id: str, chain: str) -> ChainCheck:
    """The check of a chain of benefits that has heard all that was signed of it, and no record yet."""
    heads_file = folder.audit_heads_file(SERVICE)
    check = ChainCheck(
        service=SERVICE,
        program_id=program_id,
        verifies=audit.keys(folder).verifies,
        as_of=clock.now(),
        # Elsewhere heads may be kept apart in a log alone; here a file that is gone is a fault.
        anchored=heads_file.exists() or not folder.is_of_another,
        chain=chain,
        rooted=True,
    )
    for statement in read_heads(heads_file) if heads_file.exists() else ():
        if isinstance(statement, int):
            check.unreadable(f"{heads_file.name} line {statement}")
        elif (statement.chain, statement.program_id) == (chain, program_id):
            check.anchor(statement)
    # Heads first: a root that is signed meanwhile stands for some of them, and they are dropped.
    heads = [head async for head in _heads(clients, program_id, chain)]
    async for root in _roots(clients, program_id, chain):
        check.root(root)
    for head in heads:
        check.head(head)
    return check


def leaf_of(content: pb.EntryContent) -> str:
    """What the chain must have for this content."""
    parts = {"entry": content.entry, "transaction": content.transaction, "lot": content.lot}
    return digest({name: sha256(text) if text else "" for name, text in parts.items()})


def root_of(message: pb.LedgerRoot) -> Root:
    """The root of a message."""
    return Root(
        service=message.service,
        program_id=message.program_id,
        chain=message.chain,
        date=message.date,
        first_position=message.first_position,
        last_position=message.last_position,
        root_hash=message.root_hash,
        chain_hash=message.chain_hash,
        signed_time=moment(message.signed_time),
        key_id=message.key_id,
        signature=message.signature,
    )


def _link(entry: pb.ChainedEntry) -> Link:
    return Link(
        entry.content.entry_id,
        entry.content.leaf,
        moment(entry.recorded_time),
        entry.position,
        entry.chain_hash,
    )


def sha256(text: str) -> str:
    """The digest of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


async def _roots(clients: Clients, program_id: str, chain: str) -> AsyncIterator[Root]:
    request = pb.ListLedgerRootsRequest(program_id=program_id, chain=chain, page_size=STATEMENTS)
    while True:
        page = await patiently(lambda: clients.proofs.ListLedgerRoots(request))
        for message in page.roots:
            yield root_of(message)
        if not page.more:
            return
        request.after_date = page.roots[-1].date


async def _heads(clients: Clients, program_id: str, chain: str) -> AsyncIterator[Head]:
    request = pb.ListLedgerHeadsRequest(program_id=program_id, chain=chain, page_size=STATEMENTS)
    while True:
        page = await patiently(lambda: clients.proofs.ListLedgerHeads(request))
        for message in page.heads:
            yield head_of(message)
        if not page.more:
            return
        request.after_position = page.heads[-1].position


async def _entries(clients: Clients, program_id: str, told: Told) -> AsyncIterator[pb.ChainedEntry]:
    request = pb.ListChainedEntriesRequest(program_id=program_id, page_size=ENTRIES)
    while True:
        page = await patiently(lambda: clients.proofs.ListChainedEntries(request))
        told(page.position, page.position_last)
        for message in page.entries:
            yield message
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
