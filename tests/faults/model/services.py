"""The services of the model: intake, relay and consumer over one store, dying wherever they may."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.model.bugs import Bug
from tests.faults.model.store import Document, Store, Transact

STRIPES = 2
DIES = 0.08
POINTS = 10


class Died(Exception):
    """A process died, and nobody hears from it."""


@dataclass
class Services:
    """Everything that runs. `tick` gives moments and fresh names, `struck` hears of each death."""

    bug: Bug | None
    chance: random.Random
    tick: Callable[[], int]
    struck: Callable[[str], None]
    unacknowledged: list[str] = field(default_factory=list)
    cursor: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        self.store = Store(checks_versions=self.bug is not Bug.NO_VERSION_CHECK)

    def record(self, key: str, effect: str, member: str) -> str:
        """Intake: an event at its place in the member's sequence, its row of the outbox, and the answer."""
        begun = self.store.begin()
        if (answer := self.answered(begun, key)) is not None:
            return answer
        known = begun.get("members", member)
        assert known is not None, "members are registered first"
        seq, changes = known["seq"] + 1, known["changes"] + 1
        result = f"{member}@{seq}"
        event_id = effect if self.bug is not Bug.NO_UNIQUE_INDEX else f"{effect}#{seq}"
        begun.put("members", member, {"seq": seq, "changes": changes})
        begun.put("events", event_id, {"member": member, "seq": seq, "effect": effect})
        begun.put("answers", key, {"result": result})
        row = {"subject": member, "change": changes, "seq": seq, "unsent": True}
        return self.committed(begun, result, apart=("outbox", f"{member}/{changes}", row))

    def report(self, key: str, effect: str) -> str:
        """A privileged act with its audit record."""
        begun = self.store.begin()
        if (answer := self.answered(begun, key)) is not None:
            return answer
        begun.put("reports", f"{effect}#{self.fresh()}", {"effect": effect})
        begun.put("answers", key, {"result": key})
        return self.committed(begun, key, apart=("audit", f"{key}#{self.fresh()}", {"key": key}))

    def answered(self, begun: Transact, key: str) -> str | None:
        """The stored answer; without a unique index nothing says that there is one already."""
        stored = None if self.bug is Bug.NO_UNIQUE_INDEX else begun.get("answers", key)
        return None if stored is None else str(stored["result"])

    def committed(self, begun: Transact, result: str, apart: tuple[str, str, Document]) -> str:
        """Commit with what belongs to it; the bugs commit that later, or answer before."""
        table, name, document = apart
        later = {Bug.OUTBOX_APART: "outbox", Bug.AUDIT_APART: "audit", Bug.STOCK_APART: "rewards"}
        if self.bug in later and later[self.bug] == table:
            self._commit(begun)
            self.may_die("between two commits")
            begun = self.store.begin()
        begun.put(table, name, document)
        if self.bug is Bug.ACK_BEFORE_COMMIT and not self.quiet and self.chance.random() < 0.1:
            return result  # and died before the commit
        self._commit(begun)
        return result

    def _commit(self, begun: Transact) -> None:
        """To a majority; with w:1 to the primary, which may die before the others have it."""
        self.may_die("before the commit")
        begun.commit()
        if self.bug is not Bug.ONE_NODE_ACKNOWLEDGES:
            if self._dies():
                self.store.fail_over(survives=self.chance.random() < 0.5)
                self.struck("mongod")
                raise Died
            self.store.replicate()
        elif self._dies():
            self.store.fail_over(survives=False)
            self.struck("mongod")
        elif self.chance.random() < 0.5:
            self.store.replicate()

    def relay(self) -> bool:
        """Send what is unsent, then mark it; a cursor in memory forgets what was not sent when it died."""
        rows, sent = list(self.store.rows("outbox").items()), False
        for name, row in rows[self.cursor if self.bug is Bug.CURSOR_LOST else 0 :]:
            self.cursor += 1
            if row["unsent"]:
                self._send(name, row)
                sent = True
        return sent

    def _send(self, name: str, row: Document) -> None:
        """XADD, then mark; in between it may die, and what it had in memory is gone."""
        try:
            self.may_die("relay")
            self.unacknowledged.append(name)
            self.may_die("between XADD and mark")
            begun = self.store.begin()
            begun.put("outbox", name, {**row, "unsent": False})
            self._commit(begun)
        except Died:
            self.cursor = len(self.store.rows("outbox"))
            raise

    def consume(self) -> None:
        """Post what the stream brings, by two consumers at once where a lease was lost; then acknowledge."""
        if not self.unacknowledged:
            return
        row = self.store.rows("outbox").get(self.unacknowledged[0])
        twice = not self.quiet and self.chance.random() < 0.2
        begun = [] if row is None else [self._posted(row) for _ in range(1 + twice)]
        for each in begun:
            if each.writes:
                self._commit(each)
        self.may_die("between effect and XACK")
        self.unacknowledged.pop(0)

    def _posted(self, row: Document) -> Transact:
        """What a consumer would commit for a row: nothing where that was applied before."""
        begun, member = self.store.begin(), row["subject"]
        stands = begun.get("memberships", member) or {"seq": -1, "decisions": 0}
        events = {0: None} | {
            each["seq"]: each["effect"]
            for each in self.store.rows("events").values()
            if each["member"] == member
        }
        applied = row["seq"] - 1 if self.bug is Bug.INBOX_OFF else stands["seq"]
        due = [seq for seq in sorted(events) if applied < seq <= row["seq"]]
        told = []
        for seq in due:
            stands = {"seq": max(seq, stands["seq"]), "decisions": stands["decisions"] + 1}
            decided = {"member": member, "event": seq, "seq": stands["decisions"]}
            begun.put("decisions", self.fresh(), decided)
            if (effect := events[seq]) is not None:
                told.append(self._accrue(begun, member, effect))
        if due:
            begun.put("memberships", member, stands)
            self._announce(begun, member, told)
        return begun

    def _announce(self, begun: Transact, member: str, transactions: list[str]) -> None:
        """The consumer's own outbox: the next change of the member."""
        place = (begun.get("changes", member) or {"seq": 0})["seq"] + 1
        begun.put("changes", member, {"seq": place})
        told = {"subject": member, "change": place, "transactions": tuple(transactions)}
        begun.put("told", f"{member}/{place}", told)

    def _accrue(self, begun: Transact, member: str, effect: str) -> str:
        """A transaction of two entries, from a stripe of the issuer to the member; gives its id."""
        transaction = f"txn{self.fresh()}"
        begun.put("transactions", transaction, {"effect": effect})
        issuer = f"issuer/{sum(map(ord, member)) % STRIPES}"
        for account, points in ((issuer, -POINTS), (member, POINTS)):
            stands = begun.get("accounts", account) or {"balance": 0, "seq": 0}
            after = {"balance": stands["balance"] + points, "seq": stands["seq"] + 1}
            begun.put("accounts", account, after)
            entry = {"transaction": transaction, "account": account, "points": points, **after}
            begun.put("entries", f"ent{self.fresh()}", entry)
        return transaction

    def may_die(self, where: str) -> None:
        if self._dies():
            self.struck(where)
            raise Died

    def _dies(self) -> bool:
        return not self.quiet and self.chance.random() < DIES

    def fresh(self) -> str:
        """A name that nothing has."""
        return f"{self.tick():08d}"
