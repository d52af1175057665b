"""Walks: where many members stand at dates, each date from where the one before left them.

The same function decides as of every other decision. It depends on nothing
but facts and standing, so those of a frame who have both alike are decided
together, and one whose facts are as they were only when a review is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from services.scoring.domain.columns import NUMBER_END, facts_in
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.moves import Look, Outcome
from services.scoring.domain.tiers import INTEGRITY, Judged, Ladder, Standing, judge

Matrix = NDArray[np.float64]
"""A row per member, a column per fact."""

INSTANT = timedelta(milliseconds=1)
JOINS = Standing()
CELLS_MAX = 400_000
# So many members are decided on in some milliseconds at the most; others are answered between.
ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class WalkFrame:
    """Members with their facts at each date, and what they hold at first by tier set.

    `regions` are by the place of a program and tier set.
    """

    frame_id: int
    rows_count: int
    dates: Sequence[Sequence[bytes]]
    standings: Mapping[str, Sequence[Standing]]
    regions: Mapping[tuple[int, str], Sequence[str]]


@dataclass(slots=True)
class Walked:
    """By date, the rank of each member's tier and what became of it."""

    ranks: list[bytes] = field(default_factory=list)
    outcomes: list[list[Outcome]] = field(default_factory=list)
    between: int = 0


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where a member stands after a date, by what, and how many reviews lay before it."""

    standing: int
    rank: int
    outcome: Outcome
    between: int


def matrices(frame: WalkFrame, facts: Sequence[str], dates_count: int) -> list[Matrix]:
    """The facts of a frame by date, if they are as the header announced."""
    if len(frame.dates) != dates_count:
        problem = f"has {len(frame.dates)} dates, the header names {dates_count}"
        raise FrameInvalid(frame_id=frame.frame_id, problem=problem)
    cells = frame.rows_count * len(facts) * dates_count
    if cells > CELLS_MAX:
        problem = f"has {cells} numbers, {CELLS_MAX} are allowed: send fewer rows"
        raise FrameInvalid(frame_id=frame.frame_id, problem=problem)
    return [_matrix(frame, facts, columns) for columns in frame.dates]


def _matrix(frame: WalkFrame, facts: Sequence[str], columns: Sequence[bytes]) -> Matrix:
    if len(columns) != len(facts):
        problem = f"has {len(columns)} columns, the header names {len(facts)}"
        raise FrameInvalid(frame_id=frame.frame_id, problem=problem)
    matrix = np.empty((frame.rows_count, len(facts)), np.float64)
    for place, (fact, data) in enumerate(zip(facts, columns, strict=True)):
        if len(data) != frame.rows_count * 8:
            problem = f"has {len(data)} bytes, {frame.rows_count} rows take {frame.rows_count * 8}"
            raise FrameInvalid(frame_id=frame.frame_id, column=fact, problem=problem)
        column = np.frombuffer(data, "<f8")
        if not facts_in(column, 1 - NUMBER_END).all():
            problem = "has other numbers than whole ones above -2^53 and below 2^53"
            raise FrameInvalid(frame_id=frame.frame_id, column=fact, problem=problem)
        matrix[:, place] = column
    return matrix


class _Standings:
    """The standings that members have, by a number: numbers are compared sooner."""

    def __init__(self) -> None:
        self._numbers: dict[Standing, int] = {}
        self._known: list[Standing] = []

    def number(self, standing: Standing) -> int:
        """The number of a standing, whenever it was decided on: the next time is later, so more are alike."""
        undated = Standing(standing.tier, term=standing.term)
        number = self._numbers.setdefault(undated, len(self._known))
        if number == len(self._known):
            self._known.append(undated)
        return number

    def __getitem__(self, number: int) -> Standing:
        return self._known[number]


class Walker:
    """Walks the members of frames over dates by one ladder."""

    def __init__(
        self, ladder: Ladder, facts: Sequence[str], dates: Sequence[datetime], look: Look = Look.EVENT
    ) -> None:
        """`look` is what makes us look at the first date."""
        read = {INTEGRITY}
        for each in (ladder, *ladder.variants.values()):
            read |= {*each.fact_names, *(name for card in each.cards for name in card.facts)}
        self._places = [place for place, name in enumerate(facts) if name in read]
        self._names = [facts[place] for place in self._places]
        self._ladder, self._dates, self._look = ladder, dates, look

    def walk(
        self,
        matrices: Sequence[Matrix],
        standings: Sequence[Standing],
        regions: Sequence[str],
        walked: Walked,
    ) -> Iterator[None]:
        """Write down where members stand; pauses after some of them, so that others have their turn."""
        known = _Standings()
        at, ranks = [known.number(each) for each in standings], bytearray(len(standings))
        before: Sequence[bytes] | None = None
        for date, matrix in zip(self._dates, matrices, strict=True):
            rows = _rows(matrix, self._places)
            stops: dict[tuple[int, bool, bytes, str], _Stop] = {}
            outcomes = [Outcome.KEPT] * len(rows)
            for row, facts in enumerate(rows):
                if row % ROWS_AT_ONCE == 0:
                    yield
                changed = before is None or facts != before[row]
                if not changed and not _due(known[at[row]], date):
                    continue
                key = at[row], changed, facts, regions[row]
                stop = stops.get(key)
                if stop is None:
                    look = self._look if before is None else Look.EVENT if changed else None
                    ladder = self._ladder.local(regions[row])
                    stop = stops[key] = self._stop(ladder, known, at[row], facts, date, look)
                at[row], ranks[row], outcomes[row] = stop.standing, stop.rank, stop.outcome
                walked.between += stop.between
            walked.ranks.append(bytes(ranks))
            walked.outcomes.append(outcomes)
            before = rows

    def _stop(
        self, ladder: Ladder, known: _Standings, at: int, row: bytes, date: datetime, look: Look | None
    ) -> _Stop:
        """Where one goes at a date: by reviews that lie before it, by the facts, and by one at its end."""
        facts = {
            name: int(value)
            for name, value in zip(self._names, np.frombuffer(row, np.float64), strict=True)
            if not np.isnan(value)
        }
        judged = _reviews(ladder, known[at], facts, before=date)
        between = len(judged)
        standing = judged[-1].standing if judged else known[at]
        if look is not None:
            judged.append(judge(ladder, standing, facts, look, date))
            standing = judged[-1].standing
        judged += _reviews(ladder, standing, facts, before=date + 2 * INSTANT)
        final = judged[-1].move
        return _Stop(known.number(judged[-1].standing), final.rank, final.outcome, between)


def _reviews(
    ladder: Ladder, standing: Standing, facts: Mapping[str, int], *, before: datetime
) -> list[Judged]:
    """What the reviews come to that fall due before a time, one after another."""
    judged: list[Judged] = []
    while (time := standing.term.review_time) is not None and time < before:
        judged.append(judge(ladder, standing, facts, Look.REVIEW, time))
        standing = judged[-1].standing
    return judged


def _due(standing: Standing, date: datetime) -> bool:
    """Whether a review falls due by the end of a day, whose last moment the date is."""
    time = standing.term.review_time
    return time is not None and time <= date + INSTANT


def _rows(matrix: Matrix, places: Sequence[int]) -> list[bytes]:
    """The facts of each member that count, as bytes that are alike where they are."""
    if not places:
        return [b""] * len(matrix)
    # -0.0 becomes 0.0, and all NaN alike.
    chosen = np.ascontiguousarray(matrix[:, list(places)] + 0.0)
    chosen[np.isnan(chosen)] = np.nan
    data, width = chosen.tobytes(), 8 * len(places)
    return [data[start : start + width] for start in range(0, len(data), width)]
