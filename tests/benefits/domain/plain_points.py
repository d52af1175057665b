"""A ledger of single points, each of which knows where it is; written apart from the one that it checks."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

NEVER = 10**9
RETURNED_DAYS = 30


@dataclass(eq=False)
class Point:
    """One point. A lot is what came together; days count from the beginning, `ends` is the first after it."""

    owner: str
    lot: int
    ends: int
    state: str = "active"
    purchase: str = ""
    waits_until: int = 0
    renewed: bool = False


@dataclass
class Purchase:
    """What was bought, at a point for each whole 100, and what refunds have come to."""

    owner: str
    amount: int
    refunded: int = 0
    reversed: int = 0
    written_off_expired: int = 0


@dataclass
class PlainHold:
    """Points in the order in which they were drawn; the first `kept` of what was captured stay spent."""

    owner: str
    points: list[Point]
    state: str = "open"
    kept: int = 0


@dataclass
class PlainPoints:
    """All points, and how many each member owes. Points that paid what was owed are gone."""

    owes: bool
    day: int = 0
    points: list[Point] = field(default_factory=list)
    purchases: dict[str, Purchase] = field(default_factory=dict)
    holds: list[PlainHold] = field(default_factory=list)
    owed: Counter[str] = field(default_factory=Counter)
    reversed_owed: int = 0
    lots: int = 0

    def buy(self, owner: str, ref: str, amount: int, *, wait: int, ends: int) -> None:
        self.purchases[ref] = Purchase(owner, amount)
        lot = self._lot()
        new = [Point(owner, lot, ends, "pending", ref, self.day + wait) for _ in range(amount // 100)]
        self.points += new
        if not wait:
            self._arrive(new)

    def refund(self, ref: str, amount: int) -> None:
        bought = self.purchases[ref]
        bought.refunded += amount
        due = bought.amount // 100 - (bought.amount - bought.refunded) // 100 - bought.reversed
        bought.reversed += due
        own = [each for each in self.points if each.purchase == ref and each.owner == bought.owner]
        takeable = [each for each in own if each.state in {"active", "pending"} and self._lives(each)]
        due -= self._put(takeable[:due], "reversed")
        # What had expired of it is written off, as far as no refund before has done so.
        lapsed = [each for each in own if each.state in {"active", "pending"} and not self._lives(each)]
        gone = len(lapsed) + sum(each.state == "expired" for each in own)
        written_off = min(due, gone - bought.written_off_expired)
        bought.written_off_expired += written_off
        due -= written_off
        others = [each for each in self.usable(bought.owner) if each.purchase != ref]
        due -= self._put(others[:due], "reversed")
        if self.owes:
            self.owed[bought.owner] += due
            self.reversed_owed += due

    def hold(self, owner: str, number: int, *, at_once: bool = False) -> None:
        drawn = self.usable(owner)[:number]
        self._put(drawn, "held")
        self.holds.append(PlainHold(owner, drawn))
        if at_once:
            self.capture(self.holds[-1], number)

    def capture(self, hold: PlainHold, number: int) -> None:
        self._put(hold.points[:number], "spent")
        hold.state, hold.kept = "captured", number
        self._come_back(hold, hold.points[number:])

    def release(self, hold: PlainHold) -> None:
        hold.state = "released"
        self._come_back(hold, hold.points)

    def give_back(self, hold: PlainHold, number: int) -> None:
        given = hold.points[hold.kept - number : hold.kept]
        hold.kept -= number
        self._come_back(hold, given)

    def transfer(self, giver: str, taker: str, number: int) -> None:
        for _, group in groupby(self.usable(giver)[:number], lambda each: each.ends):
            self._renew(list(group), taker)

    def give(self, owner: str, number: int, *, ends: int) -> None:
        lot = self._lot()
        new = [Point(owner, lot, ends) for _ in range(number)]
        self.points += new
        self._arrive(new)

    def take(self, owner: str, number: int) -> None:
        self._put(self.usable(owner)[:number], "reversed")

    def sweep(self) -> None:
        """What was due happens in the order in which it was due, lot by lot."""
        while due := [each for each in self.points if self._due(each) <= self.day]:
            first = min(due, key=lambda each: (self._due(each), each.lot))
            of_lot = [each for each in due if each.lot == first.lot]
            if first.state == "pending":
                lot = self._lot()
                for each in of_lot:
                    each.lot = lot
                self._arrive(of_lot)
            else:
                self._put(of_lot, "expired")

    def usable(self, owner: str) -> list[Point]:
        """What may be spent now, in the order in which it is."""
        mine = [
            each
            for each in self.points
            if each.owner == owner and each.state == "active" and self._lives(each)
        ]
        return sorted(mine, key=lambda each: (each.ends, each.lot))

    def count(self, state: str, owner: str = "") -> int:
        return sum(each.state == state and owner in {"", each.owner} for each in self.points)

    def lots_of(self, owner: str) -> Counter[tuple[int, int]]:
        """How many lots have so many points left until such an end."""
        left = Counter(each.lot for each in self._in(owner, "active"))
        ends = {each.lot: each.ends for each in self.points}
        return Counter((ends[lot], number) for lot, number in left.items())

    def _in(self, owner: str, state: str) -> Iterable[Point]:
        return (each for each in self.points if each.owner == owner and each.state == state)

    def _due(self, each: Point) -> int:
        return {"pending": each.waits_until, "active": each.ends}.get(each.state, NEVER + 1)

    def _lives(self, each: Point) -> bool:
        return self.day < each.ends

    def _lot(self) -> int:
        self.lots += 1
        return self.lots

    def _arrive(self, points: list[Point]) -> None:
        """Become what may be spent; the first ones pay what is owed."""
        for each in points:
            each.state = "paid" if self.owed[each.owner] else "active"
            self.owed[each.owner] -= each.state == "paid"

    def _come_back(self, hold: PlainHold, given: list[Point]) -> None:
        alive = [each for each in given if self._lives(each)]
        self._arrive(alive)
        ended = [each for each in given if each not in alive]
        had_days = [each.ends for each in ended if each.renewed]
        ends = max(self.day, min(had_days)) if had_days else self.day + RETURNED_DAYS
        self._renew(ended, hold.owner, ends)

    def _renew(self, points: list[Point], owner: str, ends: int | None = None) -> None:
        """Make a new lot of points, which are no purchase's any more; the old ones are where they were."""
        lot = self._lot() if points else 0
        for each in points:
            each.owner, each.lot, each.purchase, each.renewed = owner, lot, "", True
            each.ends = each.ends if ends is None else ends
        self._arrive(points)

    def _put(self, points: list[Point], state: str) -> int:
        for each in points:
            each.state = state
        return len(points)
