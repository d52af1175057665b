"""Scoring's messages of scores and frames: to what the domain knows, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from laurel.scoring.v1 import scoring_pb2
from libs.common.documents import WHOLE_BP
from libs.common.errors import InvalidRequest
from libs.models.serving import ModelScores
from services.scoring.domain.columns import CardTable, ScoredColumns
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.frames import NUMBER, SHORT_NUMBER, Frame, ScoredFrame
from services.scoring.domain.model_scores import ModelScore, NamedModel
from services.scoring.domain.scores import Contribution, Score
from services.scoring.messages import fill_reason

ANSWER_BYTES_MAX = 16_000_000
"""Our own clients take little more. Scores of 500 members by all models stay below it."""
COLUMN_KINDS: Mapping[int, "np.dtype[Any]"] = {
    scoring_pb2.COLUMN_KIND_UNSPECIFIED: NUMBER,
    scoring_pb2.COLUMN_KIND_FLOAT64: NUMBER,
    scoring_pb2.COLUMN_KIND_INT32: SHORT_NUMBER,
}


class AnswerRoom:
    """What is left of the bytes that an answer may have."""

    def __init__(self) -> None:
        self._bytes_count, self._subjects_count = 0, 0

    def take(self, scored: scoring_pb2.SubjectScores) -> None:
        """Refuse what its caller could not read, and say how many members fit."""
        self._bytes_count += scored.ByteSize()
        if self._bytes_count > ANSWER_BYTES_MAX:
            told = (
                f"have scores of more than {ANSWER_BYTES_MAX} bytes: ask for {self._subjects_count} at once"
            )
            raise InvalidRequest(subjects=told)
        self._subjects_count += 1


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


def fill_model_score(message: scoring_pb2.Score, score: ModelScore) -> None:
    """Write a score by a model in its place; nothing in it has points or a weight of its own."""
    message.name, message.policy_version, message.label = score.name, score.version, score.label
    message.absent_reason = score.why.absent_reason
    if score.value_bp is not None:
        message.value_bp = score.value_bp
    if score.low_bp is not None and score.high_bp is not None:
        message.low_bp, message.high_bp = score.low_bp, score.high_bp
    for each in score.why.contributions:
        message.contributions.add(
            factor=each.factor,
            fact=each.fact,
            value=each.value,
            missing=each.missing,
            decay_bp=WHOLE_BP,
            contribution_bp=each.contribution_bp,
        )
    for reason in score.why.reasons:
        message.reasons.add(code=reason.code, params=reason.params)


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

    def __init__(self, tables: Sequence[CardTable], models: Sequence[NamedModel], *, single: bool) -> None:
        """`single`: the answers are of one score, in the fields of the answer itself."""
        self._tables, self._models, self._single, self._named = tables, models, single, False

    def message(self, frame: Frame, scored: ScoredFrame) -> scoring_pb2.ScoreFramesResponse:
        """The scores of a frame on the wire."""
        answer = scoring_pb2.ScoreFramesResponse(frame_id=frame.frame_id, rows_count=frame.rows_count)
        for table, columns in zip(self._tables, scored.cards, strict=True):
            self._fill(answer if self._single else answer.scores.add(name=table.card.name), table, columns)
        for named, by_model in zip(self._models, scored.models, strict=True):
            self._fill_model(answer.model_scores.add(name=named.model.kind), named, by_model)
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

    def _fill_model(
        self, answer: scoring_pb2.FrameModelScore, named: NamedModel, scores: ModelScores
    ) -> None:
        answer.values_bp, answer.labels = scores.values_bp.tobytes(), scores.labels.tobytes()
        if scores.lows_bp is not None and scores.highs_bp is not None:
            answer.lows_bp, answer.highs_bp = scores.lows_bp.tobytes(), scores.highs_bp.tobytes()
        if not self._named:
            answer.label_keys.extend(named.model.label_keys)
            answer.policy_version = named.name
