"""Scoring's messages of scores and frames: to what the domain knows, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from laurel.scoring.v1 import scoring_pb2
from services.scoring.domain.columns import CardTable, ScoredColumns
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.frames import NUMBER, SHORT_NUMBER, Frame
from services.scoring.domain.scores import Contribution, Score
from services.scoring.messages import fill_reason

COLUMN_KINDS: Mapping[int, "np.dtype[Any]"] = {
    scoring_pb2.COLUMN_KIND_UNSPECIFIED: NUMBER,
    scoring_pb2.COLUMN_KIND_FLOAT64: NUMBER,
    scoring_pb2.COLUMN_KIND_INT32: SHORT_NUMBER,
}


def fill_score(message: scoring_pb2.Score, score: Score) -> None:
    """Write a score in its place: messages that are handed over are copied, which takes as long again."""
    message.name, message.policy_version, message.label = score.name, score.version, score.label
    message.absent_reason = score.absent_reason
    if score.total_bp is not None:
        message.value_bp = score.total_bp
    for each in score.contributions:
        _fill_contribution(message.contributions.add(), each)
    for reason in score.reasons:
        fill_reason(message.reasons.add(), reason)


def _fill_contribution(message: scoring_pb2.Contribution, of: Contribution) -> None:
    message.factor, message.fact, message.value, message.missing = of.factor, of.fact, of.value, of.missing
    message.score, message.decay_bp, message.weight_bp = of.score, of.decay_bp, of.weight_bp
    message.contribution_bp, message.most_bp = of.contribution_bp, of.most_bp
    message.cuts.extend(of.cuts)


def frame_header(message: scoring_pb2.ScoreFramesRequest | None) -> scoring_pb2.FrameHeader:
    """The header, which comes first."""
    if message is None or not message.HasField("header"):
        raise FrameInvalid(problem="the header is missing: it comes first, and announces the columns")
    header = message.header
    if header.score and header.scores:
        raise FrameInvalid(problem="the header names score and scores: one or the other")
    return header


def frame_of(message: scoring_pb2.ScoreFramesRequest) -> Frame:
    """A frame, which is all that comes after the header."""
    if not message.HasField("frame"):
        raise FrameInvalid(problem="the header comes twice: other columns take another stream")
    frame = message.frame
    return Frame(frame.frame_id, frame.rows_count, list(frame.columns))


class FrameAnswers:
    """The answers of one stream; the first says what labels are called, and the versions of the policies."""

    def __init__(self, tables: Sequence[CardTable], *, single: bool) -> None:
        """`single`: the answers are of one score, in the fields of the answer itself."""
        self._tables, self._single, self._named = tables, single, False

    def message(self, frame: Frame, scored: Sequence[ScoredColumns]) -> scoring_pb2.ScoreFramesResponse:
        """The scores of a frame on the wire."""
        answer = scoring_pb2.ScoreFramesResponse(frame_id=frame.frame_id, rows_count=frame.rows_count)
        for table, columns in zip(self._tables, scored, strict=True):
            self._fill(answer if self._single else answer.scores.add(name=table.card.name), table, columns)
        self._named = True
        return answer

    def _fill(
        self,
        answer: scoring_pb2.ScoreFramesResponse | scoring_pb2.FrameScore,
        table: CardTable,
        columns: ScoredColumns,
    ) -> None:
        answer.totals_bp, answer.labels = columns.totals_bp.tobytes(), columns.labels.tobytes()
        for factor, points in zip(table.factors, columns.points, strict=True):
            answer.factors.add(factor=factor.key, scores=points.tobytes())
        if not self._named:
            answer.label_keys.extend(table.card.labels)
            answer.policy_version = table.card.version
