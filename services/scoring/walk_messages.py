"""Scoring's messages of walks: to what the domain knows, and back."""

import sys
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from laurel.scoring.v1 import walks_pb2 as pb
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.terms import Term
from services.scoring.domain.tiers import Standing
from services.scoring.domain.walks import WalkFrame
from services.scoring.messages import OUTCOMES
from services.scoring.walking import WalkedLadder

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of the year 9000, as elsewhere.
_MILLISECONDS_END = 221_845_392_000_000


def walk_header(message: pb.WalkTiersRequest | None) -> pb.WalkHeader:
    """The header, which comes first."""
    if message is None or not message.HasField("header"):
        raise FrameInvalid(problem="the header is missing: it comes first, and names programs and dates")
    return message.header


def walk_frame(message: pb.WalkTiersRequest) -> WalkFrame:
    """A frame, which is all that comes after the header."""
    if not message.HasField("frame"):
        raise FrameInvalid(problem="the header comes twice: other dates take another stream")
    frame = message.frame
    return WalkFrame(
        frame_id=frame.frame_id,
        rows_count=frame.rows_count,
        dates=[list(each.columns) for each in frame.dates],
        standings={each.tier_set: _standings(frame, each) for each in frame.standings},
        regions={
            (each.program, each.tier_set): _named(frame, each.variants, each.places) for each in frame.regions
        },
    )


def _named(frame: pb.WalkFrame, names: Sequence[str], data: bytes) -> list[str]:
    """The name that each row has the place of; empty where it has none."""
    places = array("b", data)
    if len(places) != frame.rows_count:
        raise FrameInvalid(frame_id=frame.frame_id, problem=f"places are not of {frame.rows_count} rows")
    if any(not -1 <= place < len(names) for place in places):
        raise FrameInvalid(frame_id=frame.frame_id, problem="a place is none of those that have a name")
    return ["" if place < 0 else names[place] for place in places]


def _standings(frame: pb.WalkFrame, message: pb.WalkStandings) -> list[Standing]:
    rows = frame.rows_count
    tiers = _named(frame, message.tiers, message.places)
    reviews = _numbers(frame, message) if message.review_times else [-1] * rows
    graces = message.in_grace or bytes(rows)
    if len(graces) != rows:
        raise FrameInvalid(frame_id=frame.frame_id, problem=f"in_grace is not of {rows} rows")
    return [
        Standing(tier, term=Term(_time(review), in_grace=bool(grace)))
        for tier, review, grace in zip(tiers, reviews, graces, strict=True)
    ]


def _numbers(frame: pb.WalkFrame, message: pb.WalkStandings) -> Sequence[int]:
    if len(message.review_times) != 8 * frame.rows_count:
        problem = f"the times of reviews are not of {frame.rows_count} rows"
        raise FrameInvalid(frame_id=frame.frame_id, problem=problem)
    numbers = array("q", message.review_times)
    if sys.byteorder == "big":
        numbers.byteswap()
    if any(not -1 <= number < _MILLISECONDS_END for number in numbers):
        raise FrameInvalid(frame_id=frame.frame_id, problem="a time of a review is out of range")
    return numbers


def _time(milliseconds: int) -> datetime | None:
    return None if milliseconds < 0 else _EPOCH + timedelta(milliseconds=milliseconds)


def walked_message(ladder: WalkedLadder, *, named: bool) -> pb.WalkedLadder:
    """Where members stand, on the wire; `named`: with the tiers."""
    return pb.WalkedLadder(
        program=ladder.program,
        tier_set=ladder.ladder.tier_set,
        tiers=[each.key for each in ladder.ladder.tiers] if named else [],
        places=ladder.walked.ranks,
        outcomes=[bytes([OUTCOMES[each] for each in outcomes]) for outcomes in ladder.walked.outcomes],
        between_count=ladder.walked.between,
    )
