"""Verification of an audit chain by whoever reads it: everything is recomputed, no service is trusted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from libs.common.audit.chain import Head, Record, link, origin, record_digest

# A record has its place, and a head its copy, this soon; the rest is for clocks and transactions under way.
CHAINED_WITHIN = timedelta(seconds=5)
SLACK = timedelta(seconds=10)
FAULTS_TOLD_MAX = 1_000


class Code(StrEnum):
    """What can be wrong with a chain."""

    DIGEST_WRONG = "the record is not what it was when it was written"
    POSITION_MISSING = "a record was taken out of the chain"
    POSITION_TWICE = "a record was put into the chain or moved in it"
    CHAIN_BROKEN = "the chain hash does not follow from the record before and this one"
    CHAIN_REWRITTEN = "the chain is not the one that the service signed"
    TAIL_CUT = "the chain ends before a position that the service signed"
    UNSIGNED = "the end of the chain is under no signed head"
    UNSEQUENCED = "the record has waited too long for its place in the chain"
    HEAD_FORGED = "the head was not signed by the service"
    HEAD_MISSING = "the head was kept apart, and the service has it no more"
    HEAD_UNANCHORED = "the head is not among those kept apart"
    ANCHOR_UNREADABLE = "the line of heads kept apart says no head"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong, with the id of the record or the place of the head."""

    code: Code
    object_id: str
    detail: str = ""


@dataclass(slots=True)
class Checked:
    """What was looked at, and the first thousand of its faults."""

    records: int = 0
    waiting: int = 0
    heads: int = 0
    anchors: int = 0
    broken: int = 0
    faults: list[Fault] = field(default_factory=list)


class ChainCheck:
    """Checks a chain as it is read: first the heads kept apart, then those of the service, then all records.

    `as_of` is when the reading began. In this order nothing that is stored
    meanwhile is taken for a fault. After a fault the chain is followed from
    what stands there, so that one change is told once or twice, not for every
    record behind it.
    """

    def __init__(
        self,
        *,
        service: str,
        program_id: str,
        verifies: Callable[[Head], bool],
        as_of: datetime,
        anchored: bool,
    ) -> None:
        """`anchored` says whether heads are kept apart at all."""
        self.checked = Checked()
        self._service, self._program_id, self._verifies = service, program_id, verifies
        self._settled, self._anchored = as_of - CHAINED_WITHIN - SLACK, anchored
        self._position, self._chain_hash = 0, origin(service=service, program_id=program_id)
        self._anchors: dict[int, str] = {}
        self._heads: dict[int, str] = {}
        self._signed_last = 0
        self._unsigned: Record | None = None

    def anchor(self, head: Head) -> None:
        """A head that was kept apart from the service's database."""
        self.checked.anchors += 1
        self._keep(head, self._anchors)

    def unreadable(self, place: str) -> None:
        """A line among the heads kept apart that says no head."""
        self._fault(Code.ANCHOR_UNREADABLE, place)

    def head(self, head: Head) -> None:
        """A head as the service has it."""
        self.checked.heads += 1
        genuine = self._keep(head, self._heads)
        missing = genuine and head.position not in self._anchors
        if self._anchored and missing and head.signed_time < self._settled:
            self._fault(Code.HEAD_UNANCHORED, _place(head.position))

    def record(self, record: Record) -> None:
        """The next record, in the order in which the service lists them."""
        self.checked.records += 1
        if record_digest(record) != record.digest:
            self._fault(Code.DIGEST_WRONG, record.record_id)
        if record.position:
            self._follow(record)
        else:
            self.checked.waiting += 1
            if record.recorded_time < self._settled:
                self._fault(Code.UNSEQUENCED, record.record_id, f"since {record.recorded_time.isoformat()}")

    def end(self) -> Checked:
        """What was found, once there are no more records."""
        if (gone := self._signed_last - self._position) > 0:
            self._fault(
                Code.TAIL_CUT, _place(self._position), f"{gone} signed records are gone from behind it"
            )
        elif self._unsigned is not None:
            count = self._position - self._unsigned.position + 1
            self._fault(Code.UNSIGNED, self._unsigned.record_id, f"and what follows, {count} records in all")
        for position in sorted(self._anchors.keys() - self._heads.keys()):
            self._fault(Code.HEAD_MISSING, _place(position))
        return self.checked

    def _keep(self, head: Head, kept: dict[int, str]) -> bool:
        """Remember what a head says, if the service has said it."""
        ours = (head.service, head.program_id) == (self._service, self._program_id)
        if not (ours and self._verifies(head)):
            self._fault(Code.HEAD_FORGED, _place(head.position), f"signed by {head.key_id or 'nobody'}")
            return False
        other = {self._anchors.get(head.position), self._heads.get(head.position)} - {None, head.chain_hash}
        if other:
            self._fault(Code.CHAIN_REWRITTEN, _place(head.position), "two heads were signed for it")
        kept.setdefault(head.position, head.chain_hash)
        self._signed_last = max(self._signed_last, head.position)
        return True

    def _follow(self, record: Record) -> None:
        """Go on by one record of the chain."""
        if record.position <= self._position:
            self._fault(Code.POSITION_TWICE, record.record_id, f"at {record.position} after {self._position}")
            return
        if record.position > self._position + 1:
            gone = f"{self._position + 1} to {record.position - 1}"
            self._fault(Code.POSITION_MISSING, _place(self._position + 1), f"nothing at {gone}")
        elif record.chain_hash != link(
            self._chain_hash, position=record.position, record_digest=record.digest
        ):
            self._fault(Code.CHAIN_BROKEN, record.record_id, f"at {record.position}")
        self._position, self._chain_hash = record.position, record.chain_hash
        signed = {self._anchors.get(record.position), self._heads.get(record.position)} - {None}
        if signed - {record.chain_hash}:
            self._fault(Code.CHAIN_REWRITTEN, record.record_id, f"at {record.position}")
        late = record.position > self._signed_last and record.recorded_time < self._settled
        if late and self._unsigned is None:
            self._unsigned = record

    def _fault(self, code: Code, object_id: str, detail: str = "") -> None:
        self.checked.broken += 1
        if len(self.checked.faults) < FAULTS_TOLD_MAX:
            self.checked.faults.append(Fault(code, object_id, detail))


def _place(position: int) -> str:
    return f"position {position}"
