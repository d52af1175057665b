"""Scoring's messages: to what the domain knows, and back."""

from collections.abc import Iterable

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import receipts_pb2, scoring_pb2
from libs.common.documents import NUMBER_MAX
from libs.common.errors import InvalidRequest
from libs.common.rpc.time import moment, timestamp
from services.scoring.domain.columns import FACTORS, RfmTables, ScoredColumns
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.frames import Frame
from services.scoring.domain.receipts import (
    SCHEMA_VERSION,
    ActorCause,
    Cause,
    EventCause,
    NextTier,
    Outcome,
    Receipt,
    RunCause,
)
from services.scoring.domain.rfm import RfmScore
from services.scoring.domain.rules import RuleResult
from services.scoring.domain.tiers import Standing, Step
from services.scoring.handlers import TierSubject

# Margins, which are differences to thresholds of up to NUMBER_MAX, stay below 2**53, exact in JSON.
FACT_MAX = 8 * NUMBER_MAX

_OUTCOMES = {
    Outcome.ENROLLED: receipts_pb2.TIER_OUTCOME_ENROLLED,
    Outcome.KEPT: receipts_pb2.TIER_OUTCOME_KEPT,
    Outcome.UPGRADED: receipts_pb2.TIER_OUTCOME_UPGRADED,
}


def tier_subject(message: scoring_pb2.TierSubject) -> TierSubject:
    """A membership with what to decide for it."""
    decided_time = moment(message.decided_time) if message.HasField("decided_time") else None
    return TierSubject(
        tier_set=message.tier_set,
        standing=Standing(message.tier, decided_time),
        steps=[
            Step(_cause(step.cause), moment(step.occurred_time), facts_of(step.facts))
            for step in message.steps
        ],
    )


def facts_of(messages: Iterable[fact_pb2.Fact]) -> dict[str, int]:
    """Facts by name; one that is told twice, or is too large to be written down exactly, is refused."""
    facts: dict[str, int] = {}
    for name, value in [(fact.name, fact.value) for fact in messages]:
        if name in facts:
            raise InvalidRequest(facts=f"{name} is told twice")
        if abs(value) > FACT_MAX:
            raise InvalidRequest(facts=f"{name} is beyond {FACT_MAX}")
        facts[name] = value
    return facts


def receipt_message(receipt: Receipt) -> receipts_pb2.Receipt:
    """A receipt on the wire."""
    return receipts_pb2.Receipt(
        schema_version=SCHEMA_VERSION,
        program_id=receipt.policy.program_id,
        program_version=receipt.policy.version,
        program_digest=receipt.policy.digest,
        tier_set=receipt.tier_set,
        as_of=timestamp(receipt.as_of),
        cause=_cause_message(receipt.cause),
        facts=[fact_pb2.Fact(name=name, value=value) for name, value in receipt.facts],
        facts_digest=receipt.facts_digest,
        rules=map(_rule_message, receipt.rules),
        outcome=_OUTCOMES[receipt.outcome],
        from_tier=receipt.from_tier,
        to_tier=receipt.to_tier,
        reasons=[receipts_pb2.Reason(code=reason.code, params=reason.params) for reason in receipt.reasons],
        next=_next_message(receipt.next),
        digest=receipt.digest,
    )


def score_message(score: RfmScore) -> scoring_pb2.Score:
    """An RFM score on the wire."""
    return scoring_pb2.Score(
        name="rfm",
        policy_version=score.cuts_version,
        value_bp=score.total_bp,
        label=score.label,
        contributions=[
            scoring_pb2.Contribution(
                factor=each.factor,
                fact=each.fact,
                value=each.value,
                score=each.score,
                weight_bp=each.weight_bp,
                contribution_bp=each.contribution_bp,
                cuts=each.cuts,
            )
            for each in score.contributions
        ],
        absent_reason=score.absent_reason,
    )


def frame_header(message: scoring_pb2.ScoreFramesRequest | None) -> scoring_pb2.FrameHeader:
    """The header, which comes first."""
    if message is None or not message.HasField("header"):
        raise FrameInvalid(problem="the header is missing: it comes first, and announces the columns")
    return message.header


def frame_of(message: scoring_pb2.ScoreFramesRequest) -> Frame:
    """A frame, which is all that comes after the header."""
    if not message.HasField("frame"):
        raise FrameInvalid(problem="the header comes twice: other columns take another stream")
    frame = message.frame
    return Frame(frame.frame_id, frame.rows_count, list(frame.columns))


def frame_message(frame: Frame, scored: ScoredColumns) -> scoring_pb2.ScoreFramesResponse:
    """The scores of a frame on the wire."""
    return scoring_pb2.ScoreFramesResponse(
        frame_id=frame.frame_id,
        rows_count=frame.rows_count,
        totals_bp=scored.totals_bp.tobytes(),
        labels=scored.labels.tobytes(),
        factors=[
            scoring_pb2.FactorScores(factor=factor, scores=points.tobytes())
            for factor, points in zip(FACTORS, scored.points, strict=True)
        ],
    )


def name_labels(message: scoring_pb2.ScoreFramesResponse, tables: RfmTables) -> None:
    """Say in an answer what its labels are called, and by which version of the policy."""
    message.label_keys.extend(tables.label_keys)
    message.policy_version = tables.cuts_version


def _cause(message: receipts_pb2.Cause) -> Cause:
    match message.WhichOneof("cause"):
        case "event":
            if not 0 <= message.event.seq <= NUMBER_MAX:
                raise InvalidRequest(cause=f"seq is not in 0 to {NUMBER_MAX}")
            return EventCause(message.event.event_id, message.event.seq)
        case "run_id":
            return RunCause(message.run_id)
        case "actor":
            return ActorCause(message.actor)
    raise InvalidRequest(cause="is none of event, run_id and actor")


def _cause_message(cause: Cause) -> receipts_pb2.Cause:
    match cause:
        case EventCause():
            return receipts_pb2.Cause(event=receipts_pb2.EventCause(event_id=cause.event_id, seq=cause.seq))
        case RunCause():
            return receipts_pb2.Cause(run_id=cause.run_id)
        case ActorCause():
            return receipts_pb2.Cause(actor=cause.actor)


def _rule_message(result: RuleResult) -> receipts_pb2.RuleResult:
    rule = result.rule
    return receipts_pb2.RuleResult(
        tier=rule.tier,
        path=rule.path,
        metric=rule.metric,
        fact=rule.fact,
        op=rule.op,
        threshold=rule.threshold,
        value=result.value,
        met=result.met,
        margin=result.margin,
    )


def _next_message(following: NextTier | None) -> receipts_pb2.NextTier | None:
    if following is None:
        return None
    return receipts_pb2.NextTier(tier=following.tier, gaps=map(_gap_message, following.gaps))


def _gap_message(result: RuleResult) -> receipts_pb2.Gap:
    rule = result.rule
    return receipts_pb2.Gap(
        path=rule.path,
        metric=rule.metric,
        value=result.value,
        threshold=rule.threshold,
        missing=result.missing,
    )
