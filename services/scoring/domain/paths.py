"""Paths: the cheapest things that a member may do, by a date, to reach a tier or to keep it.

A condition is a tree of comparisons of facts with whole numbers. It is written
out as alternatives, each an interval per fact; for each alternative the least
that has to be done is worked out exactly, as doing more of something moves all
facts of it alike. Each path is fed back to the decision before it is given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice, product
from math import prod

from libs.common.conditions import fact_of
from libs.common.tier_policy import Action
from libs.common.windows import NamedWindow, named_window
from services.scoring.domain.rules import Node, Rule, TierRule

# To decide on so many holds up others for some 50 ms.
ALTERNATIVES_MAX = 500
TRIED_MAX = 5_000
ORDERS_TRIED_MAX = 1_000
SPEND, ORDERS, AVERAGE, DAYS = "spend", "orders", "average_order", "purchase_days"
_PURCHASE = frozenset({SPEND, ORDERS, AVERAGE, DAYS})


@dataclass(frozen=True, slots=True)
class Interval:
    """The values of a fact that are good: from `low` to `high`, both included; None is no bound."""

    low: int | None = None
    high: int | None = None

    def meets(self, other: "Interval") -> "Interval":
        """The values that are good for both."""
        lows = [each.low for each in (self, other) if each.low is not None]
        highs = [each.high for each in (self, other) if each.high is not None]
        return Interval(max(lows, default=None), min(highs, default=None))

    @property
    def empty(self) -> bool:
        """Whether no value is good."""
        return self.low is not None and self.high is not None and self.low > self.high


@dataclass(frozen=True, slots=True)
class FactOf:
    """A fact that rules read: the metric that it is of, and its window."""

    metric: str
    window: str


# What an alternative asks for, by fact.
Alternative = Mapping[FactOf, Interval]
# How much more of a metric there has to be, and may be; None is no bound.
Room = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Situation:
    """Facts as they will be on a day if nothing more is done, and the days on which something may be.

    `facts` are by name and hold what the alternatives ask for; of an average
    also the amount and the count that it is made of.
    """

    facts: Mapping[str, int]
    today: date
    by: date

    @property
    def days(self) -> int:
        """How many days there are to do something."""
        return max(0, (self.by - self.today).days + 1)

    def value(self, metric: str, window: str) -> int:
        """A fact as it will be; 0 where there is none."""
        return self.facts.get(fact_of(metric, window), 0)


@dataclass(frozen=True, slots=True)
class Path:
    """What to do, as an amount per metric, what that costs, and by when the latest of it counts."""

    done: Mapping[str, int]
    cost: int
    last_days: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an alternative cannot be done: a code, the fact and what is asked of it."""

    code: str
    metric: str
    window: str
    interval: Interval
    value: int


def alternatives(tier: TierRule, condition: Node) -> tuple[list[Alternative], bool]:
    """A condition as alternatives, and whether these are all of them."""
    if not condition.joined:
        rule = tier.rules[condition.position]
        return [{FactOf(rule.metric, rule.window): _interval(rule)}], True
    parts = [alternatives(tier, child) for child in condition.children]
    whole = all(complete for _, complete in parts)
    if condition.joined == "any":
        found = [each for part, _ in parts for each in part]
    else:
        together = product(*(part for part, _ in parts))
        found = [each for each in map(_together, islice(together, TRIED_MAX)) if each is not None]
        whole = whole and prod(len(part) for part, _ in parts) <= TRIED_MAX
    return found[:ALTERNATIVES_MAX], whole and len(found) <= ALTERNATIVES_MAX


def _together(parts: Iterable[Alternative]) -> Alternative | None:
    asked: dict[FactOf, Interval] = {}
    for part in parts:
        for fact, interval in part.items():
            asked[fact] = asked.get(fact, Interval()).meets(interval)
            if asked[fact].empty:
                return None
    return asked


def _interval(rule: Rule) -> Interval:
    threshold = rule.threshold
    return {
        ">=": Interval(low=threshold),
        ">": Interval(low=threshold + 1),
        "<=": Interval(high=threshold),
        "<": Interval(high=threshold - 1),
        "==": Interval(threshold, threshold),
    }[rule.op]


def path(
    alternative: Alternative, situation: Situation, actions: Mapping[str, Action]
) -> Path | list[Obstacle]:
    """The cheapest way to bring an alternative about, or what stands against it."""
    bought = _purchases(alternative, situation, actions)
    if isinstance(bought, list):
        return bought
    done, last_days, obstacles = dict(bought.done), dict(bought.last_days), list[Obstacle]()
    for metric in sorted({fact.metric for fact in alternative} - _PURCHASE):
        least = _least(metric, alternative, situation, actions.get(metric))
        if isinstance(least, list):
            obstacles += least
        elif least[0]:
            done[metric], last_days[metric] = least
    if obstacles:
        return obstacles
    cost = sum(actions[metric].cost * amount for metric, amount in done.items())
    return Path(done, cost, last_days)


def _least(
    metric: str, alternative: Alternative, situation: Situation, action: Action | None
) -> tuple[int, date] | list[Obstacle]:
    """The least that has to be done of one metric by itself, and by which day."""
    asked = {fact.window: interval for fact, interval in alternative.items() if fact.metric == metric}
    answers = {day: _room(day, metric, asked, situation) for day in _action_days(asked, situation)}
    possible = [(each[0], day) for day, each in answers.items() if not isinstance(each, list)]
    if not possible:
        return next(each for each in answers.values() if isinstance(each, list))
    amount, day = min(possible)
    if amount == 0:
        return 0, day
    most = None if action is None or action.per_day_max is None else action.per_day_max * situation.days
    if action is None or situation.days == 0 or (most is not None and amount > most):
        code = "NO_ACTION" if action is None else "TOO_LATE"
        return [_obstacle(code, metric, asked, situation)]
    return amount, day


def _room(
    day: date, metric: str, asked: Mapping[str, Interval], situation: Situation
) -> Room | list[Obstacle]:
    """The room when all of it is done on a day, which counts in the windows that the day is in."""
    low, high = 0, None
    for window, interval in asked.items():
        value, span = situation.value(metric, window), window_of(window).span(situation.by)
        counts = span.first <= day <= span.last
        if interval.low is not None and value < interval.low:
            if not counts:
                return [Obstacle("MONTHS_OVER", metric, window, interval, value)]
            low = max(low, (interval.low - value) * span.divisor)
        if interval.high is not None:
            if value > interval.high:
                return [Obstacle("TOO_MUCH", metric, window, interval, value)]
            if counts:
                room = (interval.high - value) * span.divisor
                high = room if high is None else min(high, room)
    if high is not None and low > high:
        window, interval = next(iter(asked.items()))
        return [Obstacle("TOO_MUCH", metric, window, interval, situation.value(metric, window))]
    return low, high


def _purchases(
    alternative: Alternative, situation: Situation, actions: Mapping[str, Action]
) -> Path | list[Obstacle]:
    """What has to be bought: an amount in a number of orders on some days, which hang together."""
    asked = {fact: interval for fact, interval in alternative.items() if fact.metric in _PURCHASE}
    if not asked:
        return Path({}, 0)
    windows = {fact.window: interval for fact, interval in asked.items()}
    answers = [_bought_on(day, asked, situation, actions) for day in _action_days(windows, situation)]
    possible = [each for each in answers if isinstance(each, Path)]
    if possible:
        return min(possible, key=lambda each: each.cost)
    return next(each for each in answers if isinstance(each, list))


def _bought_on(
    day: date, asked: Alternative, situation: Situation, actions: Mapping[str, Action]
) -> Path | list[Obstacle]:
    """What has to be bought when all of it is bought by a day."""
    rooms: list[Room] = []
    for metric in (SPEND, ORDERS, DAYS):
        own = {fact.window: interval for fact, interval in asked.items() if fact.metric == metric}
        room = _room(day, metric, own, situation)
        if isinstance(room, list):
            return room
        rooms.append(room)
    return _orders(day, asked, rooms, situation, actions)


def _orders(
    day: date,
    asked: Alternative,
    rooms: Sequence[Room],
    situation: Situation,
    actions: Mapping[str, Action],
) -> Path | list[Obstacle]:
    """The fewest orders with which the amount can be what it has to be; more of them never cost less."""
    spend, orders, days = rooms
    averages = {fact.window: interval for fact, interval in asked.items() if fact.metric == AVERAGE}
    least_order = actions[ORDERS].smallest if ORDERS in actions else 1
    first = max(orders[0], days[0], 1 if spend[0] else 0)
    if days[0] > situation.days or (first and situation.days == 0):
        return [_first_obstacle("TOO_LATE", asked, situation)]
    for count in range(first, first + ORDERS_TRIED_MAX):
        if orders[1] is not None and count > orders[1]:
            break
        low, high = max(spend[0], count * least_order), spend[1] if count else 0
        for window, interval in averages.items():
            low, high = _for_average(window, interval, situation, count, low, high)
        if high is None or low <= high:
            return _bought(low, count, day, actions)
    return [_first_obstacle("TOO_MUCH", asked, situation)]


def _for_average(
    window: str, interval: Interval, situation: Situation, count: int, low: int, high: int | None
) -> tuple[int, int | None]:
    """The amounts with which so many more orders have an average within the interval."""
    total, orders = situation.value(SPEND, window), situation.value(ORDERS, window) + count
    if interval.low is not None:
        low = max(low, interval.low * orders - total) if orders else low
        if orders == 0 and interval.low > 0:
            return 1, 0  # no order has no average
    if interval.high is not None and orders:
        most = interval.high * orders + orders - 1 - total
        high = most if high is None else min(high, most)
    return low, high


def _bought(amount: int, count: int, day: date, actions: Mapping[str, Action]) -> Path:
    done = {metric: number for metric, number in ((SPEND, amount), (ORDERS, count)) if number}
    cost = sum(actions[metric].cost * number for metric, number in done.items() if metric in actions)
    return Path(done, cost, dict.fromkeys(done, day))


def _action_days(windows: Mapping[str, Interval], situation: Situation) -> list[date]:
    """The days that are worth trying: the last one, and the last of whole months that averages are over."""
    lasts = {window_of(window).span(situation.by).last for window in windows}
    return sorted({situation.by, *(day for day in lasts if situation.today <= day)}, reverse=True)


def window_of(window: str) -> NamedWindow:
    """What a window's name says, of a checked program."""
    found = named_window(window)
    assert found is not None
    return found


def _obstacle(code: str, metric: str, asked: Mapping[str, Interval], situation: Situation) -> Obstacle:
    window, interval = next(iter(asked.items()))
    return Obstacle(code, metric, window, interval, situation.value(metric, window))


def _first_obstacle(code: str, asked: Alternative, situation: Situation) -> Obstacle:
    """The obstacle of purchases that hang together: where there is too much, one that has a limit."""
    limited = [fact for fact, interval in asked.items() if interval.high is not None]
    fact = limited[0] if code == "TOO_MUCH" and limited else next(iter(asked))
    return Obstacle(code, fact.metric, fact.window, asked[fact], situation.value(fact.metric, fact.window))
