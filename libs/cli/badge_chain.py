"""The badges of a program, read through their service: their chain, and their numbers, are verified here."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from laurel.benefits.v1 import badges_pb2 as pb
from libs.cli.audit import Told
from libs.cli.clients import Clients
from libs.cli.data_folder import DataFolder
from libs.cli.ledger_chain import sha256, signed_check
from libs.cli.retries import patiently
from libs.common.canonical import digest
from libs.common.chains.chain import Link
from libs.common.chains.check import Checked
from libs.common.rpc.time import moment

CHAIN = "badges"
RECORDS = 200
FAULTS_TOLD_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Issue:
    """A number that was given, under which limit; 0 for none."""

    badge_id: str
    limit: int


@dataclass(slots=True)
class Serials:
    """The numbers of each badge, gathered from the records; the same record may come twice."""

    issued: dict[str, dict[int, Issue]] = field(default_factory=lambda: defaultdict(dict))
    revoked: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, record_id: str, badge: str) -> None:
        """Take a record: what it says of its badge, as JSON."""
        try:
            said = json.loads(badge)
            key, serial, badge_id = str(said["key"]), int(said["serial"]), str(said["badge_id"])
            act, limit = str(said["act"]), int(said["limit"])
        except (ValueError, KeyError, TypeError):
            self.faults.append(
                f"RECORD_UNREADABLE {record_id}: it says of no badge that it was issued or revoked"
            )
            return
        if act == "revoked":
            if self.revoked.setdefault(badge_id, (key, serial, record_id))[2] != record_id:
                self.faults.append(f"REVOKED_TWICE {badge_id}: {key} {serial}")
        elif self.issued[key].setdefault(serial, Issue(badge_id, limit)).badge_id != badge_id:
            self.faults.append(f"SERIAL_TWICE {badge_id}: {key} {serial} was issued before")

    def end(self) -> list[str]:
        """What is wrong with them, the first thousand, once there are no more records."""
        found = chain(self.faults, self._numbers(), self._revocations())
        return list(islice(found, FAULTS_TOLD_MAX))

    def _numbers(self) -> Iterator[str]:
        for key, issues in sorted(self.issued.items()):
            last, limits = max(issues), {each.limit for each in issues.values()}
            for serial in range(1, last):
                if serial not in issues:
                    yield f"SERIAL_MISSING {key} {serial}: it was never issued, and later ones were"
            if len(limits) > 1:
                yield f"LIMIT_CHANGED {key}: {' and '.join(map(str, sorted(limits)))}"
            if 0 < min(limits) < last:
                yield f"SERIAL_ABOVE_LIMIT {key} {last} of {min(limits)}"

    def _revocations(self) -> Iterator[str]:
        for badge_id, (key, serial, _) in sorted(self.revoked.items()):
            issue = self.issued[key].get(serial) if key in self.issued else None
            if issue is None or issue.badge_id != badge_id:
                yield f"REVOKED_UNISSUED {badge_id}: {key} {serial} is no badge of this id"


@dataclass(frozen=True, slots=True)
class BadgesChecked:
    """What was looked at of the chain, how many badges there are, and what is wrong with their numbers."""

    chain: Checked
    badges: int
    faults: list[str]

    @property
    def broken(self) -> int:
        """How much is wrong."""
        return self.chain.broken + len(self.faults)


async def verify(clients: Clients, folder: DataFolder, program_id: str, told: Told) -> BadgesChecked:
    """What is wrong with a program's badges; `told` hears of the position it is at, and of the last one."""
    check, serials = await signed_check(clients, folder, program_id, CHAIN), Serials()
    async for record in _records(clients, program_id, told):
        content = record.content
        link = Link(
            content.record_id,
            content.leaf,
            moment(record.recorded_time),
            record.position,
            record.chain_hash,
        )
        check.link(link, genuine=leaf_of(content) == content.leaf)
        serials.add(content.record_id, content.badge)
    faults = serials.end()
    return BadgesChecked(check.end(), sum(map(len, serials.issued.values())), faults)


def leaf_of(content: pb.BadgeContent) -> str:
    """What the chain must have for this content."""
    return digest(
        {"badge": sha256(content.badge), "owner": sha256(content.owner), "act": sha256(content.act)}
    )


async def _records(clients: Clients, program_id: str, told: Told) -> AsyncIterator[pb.ChainedBadgeRecord]:
    request = pb.ListBadgeRecordsRequest(program_id=program_id, page_size=RECORDS)
    while True:
        page = await patiently(lambda: clients.badges.ListBadgeRecords(request))
        told(page.position, page.position_last)
        for message in page.records:
            yield message
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
