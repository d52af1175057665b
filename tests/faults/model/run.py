"""A platform in memory that dies all the time: small, seeded, and wrong in fourteen ways if asked to be.

It shows that the checkers see what they are for, before they are believed
about the real one. It has the parts that the promises are about: a replica set
that may lose what a majority does not have, intake with stored answers, an
outbox with its relay, a stream that delivers again, a consumer that posts to a
ledger, goods that are sold, and clients that repeat what they do not know.
"""

import random
from collections import Counter
from collections.abc import Callable

from tests.faults.final import Account, Decision, Entry, Event, Final, Row, Transaction
from tests.faults.history import Attempt, Completion, Held, History, Recorder, Snapshot, Struck
from tests.faults.model.bugs import Bug
from tests.faults.model.goods import Refused, Shelf
from tests.faults.model.services import POINTS, Died, Services
from tests.faults.model.store import Conflict

MEMBERS = 5
PROGRAM = "model"
PATIENCE = 50
KINDS = {"Record": 10, "Report": 5, "Redeem": 4, "Cancel": 2, "Coupon": 3, "Sell": 2}
"""What clients ask for, with its weight."""


class Model:
    """One platform with its clients."""

    def __init__(self, seed: int, bug: Bug | None = None) -> None:
        self._chance, self._bug = random.Random(seed), bug
        self._ticks = 0
        self._recorder = Recorder(clock=self._tick)
        self._services = Services(bug, self._chance, self._tick, self._struck)
        self._shelf = Shelf(self._services)
        self._redeemed: list[str] = []
        self._cache: dict[str, Held] = {}
        self._seen: set[str] = set()

    def run(self, operations: int) -> tuple[History, Final]:
        """Clients ask, processes die, and in the end everything is given the time to have its effect."""
        self._register()
        for index in range(operations):
            self._operation(index)
            for step in (self._services.relay, self._services.consume):
                self._survived(step)
            if self._chance.random() < 0.3:
                self._snapshot()
        self._services.quiet = True
        self._services.store.replicate()
        while self._services.relay() or self._services.unacknowledged:
            self._services.consume()
        self._snapshot()
        return self._recorder.history, self._final()

    def _register(self) -> None:
        """The members that there are, each with the row that tells of them."""
        begun = self._services.store.begin()
        for number in range(MEMBERS):
            member = f"member{number}"
            begun.put("members", member, {"seq": 0, "changes": 1})
            row = {"subject": member, "change": 1, "seq": 0, "unsent": True}
            begun.put("outbox", f"{member}/1", row)
        begun.commit()
        self._services.store.replicate()

    def _operation(self, index: int) -> None:
        """Ask until there is an answer; now and then ask again what was answered."""
        (kind,) = self._chance.choices(list(KINDS), list(KINDS.values()))
        member, answered, number = f"member{self._chance.randrange(MEMBERS)}", 0, 0
        if kind == "Cancel":
            if not self._redeemed:
                return
            member = self._redeemed.pop()
        while answered < 1 + (self._chance.random() < 0.2) and number < PATIENCE:
            number += 1
            again = number if self._bug is Bug.RETRY_WITHOUT_KEY else 0
            answered += self._attempt(index, number, kind, member, f"{index}.{again}")

    def _attempt(self, index: int, number: int, kind: str, member: str, key: str) -> bool:
        effect = f"{kind}/{member}" if kind == "Cancel" else f"{kind}/{member}/{key}"
        attempt = Attempt(
            client=0,
            index=index,
            number=number,
            operation=kind,
            program_id=PROGRAM,
            key=key,
            digest=effect,
            effects=(effect,),
            steady=True,
            audited=kind == "Report",
        )
        place = self._recorder.invoke(attempt)
        try:
            result = self._done(kind, key, effect, member)
            self._services.may_die("reply")
        except Refused:
            self._recorder.complete(place, Completion("fail", "FAILED_PRECONDITION"))
            return True
        except (Died, Conflict):
            self._recorder.complete(place, Completion("info", "UNAVAILABLE"))
            return False
        self._recorder.complete(place, Completion("ok", "OK", result.encode(), (True,)))
        if kind == "Redeem" and result not in self._seen:
            self._seen.add(result)
            self._redeemed.append(result)
        return True

    def _done(self, kind: str, key: str, effect: str, member: str) -> str:
        match kind:
            case "Report":
                return self._services.report(key, effect)
            case "Redeem":
                return self._shelf.redeem(key, effect)
            case "Cancel":
                return self._shelf.cancel(key, member)
            case "Coupon":
                return self._shelf.use(key, effect)
            case "Sell":
                return self._shelf.sell(key, effect, member)
        return self._services.record(key, effect, member)

    def _survived(self, step: Callable[[], object]) -> None:
        try:
            step()
        except (Died, Conflict):
            return

    def _struck(self, where: str) -> None:
        moment = self._tick()
        self._recorder.struck(Struck("model", where, where, 0, moment, moment))

    def _tick(self) -> int:
        self._ticks += 1
        return self._ticks

    def _snapshot(self) -> None:
        """All accounts of one moment; a cache makes it a moment for each."""
        fresh = {
            name: Held("points", **held) for name, held in self._services.store.agreed("accounts").items()
        }
        if self._bug is Bug.CACHED_READ:
            fresh |= {name: held for name, held in self._cache.items() if self._chance.random() < 0.3}
        self._cache = fresh
        entries = {name: repr(each) for name, each in self._services.store.agreed("entries").items()}
        new = {name: digest for name, digest in entries.items() if name not in self._seen}
        self._seen |= new.keys()
        self._recorder.snapshot(Snapshot("witness", self._tick(), fresh, new))

    def _final(self) -> Final:
        rows = self._services.store.rows
        events = rows("events").values()
        effects = [*(each["effect"] for each in events), *(r["effect"] for r in rows("reports").values())]
        effects += self._shelf.effects()
        memberships = {name: each["decisions"] for name, each in rows("memberships").items()}
        return Final(
            effects=Counter(effects),
            members={name: each["seq"] for name, each in rows("members").items()},
            events=[Event(each["member"], each["seq"], each["effect"]) for each in events],
            rows=self._rows(),
            decisions=self._decisions(),
            positions={"benefits": {name: each["seq"] for name, each in rows("memberships").items()}},
            decided=memberships,
            projected=memberships,
            accounts=[_account(name, **each) for name, each in rows("accounts").items()],
            entries=[
                Entry(
                    name,
                    each["transaction"],
                    each["account"],
                    each["seq"],
                    each["points"],
                    each["balance"],
                    repr(each),
                )
                for name, each in rows("entries").items()
            ],
            transactions=[
                Transaction(name, "accrual", each["effect"], POINTS)
                for name, each in rows("transactions").items()
            ],
            goods=self._shelf.goods(),
            audit=Counter(each["key"] for each in rows("audit").values()),
        )

    def _rows(self) -> list[Row]:
        members = [
            Row("members", each["subject"], each["change"], each["seq"], each["seq"], sent=not each["unsent"])
            for each in self._services.store.rows("outbox").values()
        ]
        benefits = [
            Row("benefits", each["subject"], each["change"], transactions=each["transactions"])
            for each in self._services.store.rows("told").values()
        ]
        return members + benefits

    def _decisions(self) -> list[Decision]:
        return [
            Decision(each["member"], each["member"], each["seq"], each["event"])
            for each in self._services.store.rows("decisions").values()
        ]


def _account(name: str, balance: int, seq: int) -> Account:
    owes = name.startswith("issuer")
    return Account(name, "points", balance, seq, may_owe=owes, spender="" if owes else name)
