"""Verification of a chain by whoever reads it: everything is recomputed, no service is trusted."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from libs.common.chains.chain import Head, Link, Root, Statement, link, origin
from libs.common.chains.merkle import Tree, leaf_hash

# A record has its place, and a head its copy, this soon; the rest is for clocks and transactions under way.
CHAINED_WITHIN = timedelta(seconds=5)
SLACK = timedelta(seconds=10)
# A day has at most 25 hours, and its root soon after.
ROOTED_WITHIN = timedelta(hours=26)
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
    ROOT_WRONG = "the root is not that of the records of its day"
    ROOT_GAP = "the day does not begin where the one before ends"
    ROOT_FORGED = "the root was not signed by the service"
    ROOT_MISSING = "the root was kept apart, and the service has it no more"
    ROOT_UNANCHORED = "the root is not among those kept apart"
    UNROOTED = "the record is of a day that is over, and under no root"


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
    roots: int = 0
    anchors: int = 0
    broken: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Kept:
    """What was signed, as one place keeps it: heads by position, roots by where their day begins.

    A root stands for all heads of its day, so these are let go of.
    """

    heads: dict[int, str] = field(default_factory=dict)
    roots: dict[int, Root] = field(default_factory=dict)
    rooted: int = 0

    def add(self, statement: Statement) -> None:
        """Remember it."""
        if isinstance(statement, Head):
            if statement.position > self.rooted:
                self.heads.setdefault(statement.position, statement.chain_hash)
            return
        self.roots.setdefault(statement.first_position, statement)
        self.rooted = max(self.rooted, statement.last_position)
        self.heads = {at: each for at, each in self.heads.items() if at > self.rooted}

    def has(self, statement: Statement) -> bool:
        """Whether it is there, or what stands for it."""
        if isinstance(statement, Root):
            return statement.first_position in self.roots
        return statement.position <= self.rooted or statement.position in self.heads

    def differs(self, statement: Statement) -> bool:
        """Whether something else was signed in its place."""
        if isinstance(statement, Head):
            return self.heads.get(statement.position, statement.chain_hash) != statement.chain_hash
        kept = self.roots.get(statement.first_position, statement)
        return _covered(kept) != _covered(statement)


class ChainCheck:
    """Checks a chain as it is read: first what was kept apart, then what the service has, then all records.

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
        verifies: Callable[[Statement], bool],
        as_of: datetime,
        anchored: bool,
        chain: str = "",
        rooted: bool = False,
    ) -> None:
        """`anchored` says whether heads are kept apart at all, `rooted` whether days get roots."""
        self.checked = Checked()
        self._chain_id, self._verifies = (service, program_id, chain), verifies
        self._as_of, self._settled = as_of, as_of - CHAINED_WITHIN - SLACK
        self._anchored, self._rooted = anchored, rooted
        self._position = 0
        self._chain_hash = origin(service=service, program_id=program_id, chain=chain)
        self._anchors, self._heads = _Kept(), _Kept()
        self._signed_last = 0
        self._unsigned: Link | None = None
        self._unrooted: Link | None = None
        self._days: deque[Root] | None = None
        self._tree = Tree()

    def anchor(self, statement: Statement) -> None:
        """A head or a root that was kept apart from the service's database."""
        self.checked.anchors += 1
        self._keep(statement, self._anchors)

    def unreadable(self, place: str) -> None:
        """A line among those kept apart that says none."""
        self._fault(Code.ANCHOR_UNREADABLE, place)

    def head(self, head: Head) -> None:
        """A head as the service has it."""
        self.checked.heads += 1
        self._served(head)

    def root(self, root: Root) -> None:
        """A root as the service has it, in their order."""
        self.checked.roots += 1
        if root.first_position != self._heads.rooted + 1:
            self._fault(Code.ROOT_GAP, _place(root), f"begins at {root.first_position}")
        self._served(root)

    def link(self, link: Link, *, genuine: bool) -> None:
        """The next record, in the order in which the service lists them; is its digest of what it says?"""
        self.checked.records += 1
        if not genuine:
            self._fault(Code.DIGEST_WRONG, link.object_id)
        if link.position:
            self._follow(link)
        else:
            self.checked.waiting += 1
            if link.recorded_time < self._settled:
                self._fault(Code.UNSEQUENCED, link.object_id, f"since {link.recorded_time.isoformat()}")

    def end(self) -> Checked:
        """What was found, once there are no more records."""
        if (gone := self._signed_last - self._position) > 0:
            detail = f"{gone} signed records are gone from behind it"
            self._fault(Code.TAIL_CUT, f"position {self._position}", detail)
        else:
            self._tell_behind(Code.UNSIGNED, self._unsigned)
        self._tell_behind(Code.UNROOTED, self._unrooted)
        for position in sorted(self._anchors.heads.keys() - self._heads.heads.keys()):
            if position > self._heads.rooted:
                self._fault(Code.HEAD_MISSING, f"position {position}")
        for first in sorted(self._anchors.roots.keys() - self._heads.roots.keys()):
            self._fault(Code.ROOT_MISSING, _place(self._anchors.roots[first]))
        return self.checked

    def _served(self, statement: Statement) -> None:
        genuine = self._keep(statement, self._heads)
        missing = genuine and not self._anchors.has(statement)
        if self._anchored and missing and statement.signed_time < self._settled:
            self._fault(_code(statement, "UNANCHORED"), _place(statement))

    def _keep(self, statement: Statement, kept: _Kept) -> bool:
        """Remember what a head or root says, if the service has said it."""
        ours = (statement.service, statement.program_id, statement.chain) == self._chain_id
        if not (ours and self._verifies(statement)):
            detail = f"signed by {statement.key_id or 'nobody'}"
            self._fault(_code(statement, "FORGED"), _place(statement), detail)
            return False
        if self._anchors.differs(statement) or self._heads.differs(statement):
            self._fault(Code.CHAIN_REWRITTEN, _place(statement), "two were signed for it")
        kept.add(statement)
        self._signed_last = max(self._signed_last, _last(statement))
        return True

    def _follow(self, found: Link) -> None:
        """Go on by one record of the chain."""
        if found.position <= self._position:
            detail = f"at {found.position} after {self._position}"
            self._fault(Code.POSITION_TWICE, found.object_id, detail)
            return
        if found.position > self._position + 1:
            gone = f"{self._position + 1} to {found.position - 1}"
            self._fault(Code.POSITION_MISSING, f"position {self._position + 1}", f"nothing at {gone}")
        elif found.chain_hash != link(self._chain_hash, position=found.position, record_digest=found.digest):
            self._fault(Code.CHAIN_BROKEN, found.object_id, f"at {found.position}")
        self._position, self._chain_hash = found.position, found.chain_hash
        kept = (self._anchors, self._heads)
        signed = {each.heads.get(found.position, found.chain_hash) for each in kept}
        day = self._day_of(found.position)
        if day is not None:
            self._tree.add(leaf_hash(found.digest.encode()))
            if found.position == day.last_position:
                signed.add(day.chain_hash)
                if self._tree.root().hex() != day.root_hash:
                    self._fault(Code.ROOT_WRONG, _place(day))
        elif self._rooted and found.recorded_time < self._as_of - ROOTED_WITHIN:
            self._unrooted = self._unrooted or found
        if signed - {found.chain_hash}:
            self._fault(Code.CHAIN_REWRITTEN, found.object_id, f"at {found.position}")
        if found.position > self._signed_last and found.recorded_time < self._settled:
            self._unsigned = self._unsigned or found

    def _day_of(self, position: int) -> Root | None:
        """The root that a position is under, with a tree that holds what is read of it so far."""
        if self._days is None:
            roots = self._heads.roots | self._anchors.roots
            self._days = deque(roots[first] for first in sorted(roots))
        while self._days and self._days[0].last_position < position:
            self._days.popleft()
            self._tree = Tree()
        return self._days[0] if self._days and self._days[0].first_position <= position else None

    def _tell_behind(self, code: Code, first: Link | None) -> None:
        if first is not None:
            count = self._position - first.position + 1
            self._fault(code, first.object_id, f"and what follows, {count} records in all")

    def _fault(self, code: Code, object_id: str, detail: str = "") -> None:
        self.checked.broken += 1
        if len(self.checked.faults) < FAULTS_TOLD_MAX:
            self.checked.faults.append(Fault(code, object_id, detail))


def _code(statement: Statement, what: str) -> Code:
    return Code[f"{'ROOT' if isinstance(statement, Root) else 'HEAD'}_{what}"]


def _place(statement: Statement) -> str:
    """Which it is, in words."""
    return statement.date if isinstance(statement, Root) else f"position {statement.position}"


def _last(statement: Statement) -> int:
    return statement.last_position if isinstance(statement, Root) else statement.position


def _covered(root: Root) -> tuple[str, int, str, str]:
    """What a root says of the records of its day."""
    return root.date, root.last_position, root.root_hash, root.chain_hash
