"""Scoring's messages: to what the domain knows, and back."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import receipts_pb2, scoring_pb2
from libs.common.documents import NUMBER_MAX
from libs.common.errors import InvalidRequest
from libs.common.rpc.time import moment, optional_timestamp, write_time
from services.scoring.domain.moves import Look, Outcome
from services.scoring.domain.receipts import (
    ActorCause,
    Cause,
    EventCause,
    NextTier,
    Reason,
    Receipt,
    RunCause,
    Terms,
)
from services.scoring.domain.rules import RULES_HELD, Rule, RuleResult
from services.scoring.domain.terms import Given, Override, Term
from services.scoring.domain.tiers import Standing, Step
from services.scoring.handlers import TierSubject

# Margins, which are differences to thresholds of up to NUMBER_MAX, stay below 2**53, exact in JSON.
FACT_MAX = 8 * NUMBER_MAX

OUTCOMES = {
    Outcome.ENROLLED: receipts_pb2.TIER_OUTCOME_ENROLLED,
    Outcome.KEPT: receipts_pb2.TIER_OUTCOME_KEPT,
    Outcome.UPGRADED: receipts_pb2.TIER_OUTCOME_UPGRADED,
    Outcome.DOWNGRADED: receipts_pb2.TIER_OUTCOME_DOWNGRADED,
    Outcome.GRACE: receipts_pb2.TIER_OUTCOME_GRACE,
    Outcome.HELD: receipts_pb2.TIER_OUTCOME_HELD,
    Outcome.OVERRIDDEN: receipts_pb2.TIER_OUTCOME_OVERRIDDEN,
}
LOOKS = {
    receipts_pb2.TIER_LOOK_UNSPECIFIED: Look.EVENT,
    receipts_pb2.TIER_LOOK_EVENT: Look.EVENT,
    receipts_pb2.TIER_LOOK_REVIEW: Look.REVIEW,
    receipts_pb2.TIER_LOOK_NEW_VERSION: Look.NEW_VERSION,
    receipts_pb2.TIER_LOOK_OVERRIDE: Look.OVERRIDE,
}
_LOOK_NAMES = {
    Look.EVENT: receipts_pb2.TIER_LOOK_EVENT,
    Look.REVIEW: receipts_pb2.TIER_LOOK_REVIEW,
    Look.NEW_VERSION: receipts_pb2.TIER_LOOK_NEW_VERSION,
    Look.OVERRIDE: receipts_pb2.TIER_LOOK_OVERRIDE,
}


def tier_subject(message: scoring_pb2.TierSubject) -> TierSubject:
    """A membership with what to decide for it."""
    decided_time = moment(message.decided_time) if message.HasField("decided_time") else None
    return TierSubject(
        tier_set=message.tier_set,
        standing=Standing(message.tier, decided_time, term_of(message.term)),
        steps=[
            Step(
                cause_of(step.cause),
                moment(step.occurred_time),
                facts_of(step.facts),
                LOOKS[step.look],
                given_of(step.given) if step.HasField("given") else None,
            )
            for step in message.steps
        ],
        variant=message.variant,
    )


def facts_of(messages: Sequence[fact_pb2.Fact]) -> dict[str, int]:
    """Facts by name; one that is told twice, or is too large to be written down exactly, is refused."""
    facts = {fact.name: fact.value for fact in messages}
    if len(facts) < len(messages):
        [(twice, _)] = Counter(fact.name for fact in messages).most_common(1)
        raise InvalidRequest(facts=f"{twice} is told twice")
    if facts and not -FACT_MAX <= min(facts.values()) <= max(facts.values()) <= FACT_MAX:
        beyond = next(name for name, value in facts.items() if abs(value) > FACT_MAX)
        raise InvalidRequest(facts=f"{beyond} is beyond {FACT_MAX}")
    return facts


def receipt_message(receipt: Receipt) -> receipts_pb2.Receipt:
    """A receipt on the wire."""
    message = receipts_pb2.Receipt()
    fill_receipt(message, receipt)
    return message


def fill_receipt(message: receipts_pb2.Receipt, receipt: Receipt) -> None:
    """Write a receipt in its place: messages that are handed over are copied, which takes as long again."""
    policy = receipt.policy
    message.schema_version = receipt.schema_version
    message.program_id, message.program_version = policy.program_id, policy.version
    message.program_digest, message.tier_set = policy.digest, receipt.tier_set
    write_time(message.as_of, receipt.as_of)
    _fill_cause(message.cause, receipt.cause)
    for name, value in receipt.facts:
        message.facts.add(name=name, value=value)
    message.facts_digest = receipt.facts_digest
    for result in receipt.rules:
        _fill_rule(message.rules.add(), result)
    message.outcome = OUTCOMES[receipt.outcome]
    message.from_tier, message.to_tier = receipt.from_tier, receipt.to_tier
    for reason in receipt.reasons:
        fill_reason(message.reasons.add(), reason)
    if receipt.next is not None:
        _fill_next(message.next, receipt.next)
    message.digest = receipt.digest
    if receipt.terms is not None:
        _fill_terms(message.terms, receipt.terms)
    message.variant = receipt.variant


def fill_reason(message: receipts_pb2.Reason, reason: Reason) -> None:
    """Write a reason in its place, its map item by item: one that is handed over goes through Python code."""
    message.code, params = reason.code, message.params
    for name, text in reason.params.items():
        params[name] = text


def term_of(message: receipts_pb2.TierTerm) -> Term:
    """A term as it is told."""
    override = _override_of(message.override) if message.HasField("override") else None
    return Term(_moment(message, "review_time"), message.in_grace, override)


def given_of(message: receipts_pb2.TierOrder) -> Given:
    """What staff order."""
    return Given(message.tier, message.code, _moment(message, "until_time"), message.decision_id)


def _override_of(message: receipts_pb2.TermOverride) -> Override:
    earned = Term(_moment(message, "earned_review_time"), message.earned_in_grace)
    return Override(message.code, _moment(message, "until_time"), message.earned_tier, earned)


def _moment(message: Any, field: str) -> datetime | None:
    return moment(getattr(message, field)) if message.HasField(field) else None


def _fill_terms(message: receipts_pb2.TierTerms, terms: Terms) -> None:
    message.look = _LOOK_NAMES[terms.look]
    _fill_term(message.before, terms.before)
    _fill_term(message.after, terms.after)
    if terms.given is not None:
        message.given.CopyFrom(_given_message(terms.given))


def _fill_term(message: receipts_pb2.TierTerm, term: Term) -> None:
    message.in_grace = term.in_grace  # which says that the term is there, whatever it is
    if term.review_time is not None:
        write_time(message.review_time, term.review_time)
    if term.override is not None:
        message.override.CopyFrom(_override_message(term.override))


def _override_message(override: Override) -> receipts_pb2.TermOverride:
    return receipts_pb2.TermOverride(
        code=override.code,
        until_time=optional_timestamp(override.until_time),
        earned_tier=override.earned_tier,
        earned_review_time=optional_timestamp(override.earned_term.review_time),
        earned_in_grace=override.earned_term.in_grace,
    )


def _given_message(given: Given) -> receipts_pb2.TierOrder:
    return receipts_pb2.TierOrder(
        tier=given.tier,
        code=given.code,
        until_time=optional_timestamp(given.until_time),
        decision_id=given.decision_id,
    )


def cause_of(message: receipts_pb2.Cause) -> Cause:
    """What made us decide."""
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


def _fill_cause(message: receipts_pb2.Cause, cause: Cause) -> None:
    match cause:
        case EventCause():
            message.event.event_id, message.event.seq = cause.event_id, cause.seq
        case RunCause():
            message.run_id = cause.run_id
        case ActorCause():
            message.actor = cause.actor


@lru_cache(RULES_HELD)
def _rule_message(rule: Rule) -> receipts_pb2.RuleResult:
    """What is the same of a rule for everybody."""
    return receipts_pb2.RuleResult(
        tier=rule.tier,
        path=rule.path,
        metric=rule.metric,
        fact=rule.fact,
        op=rule.op,
        threshold=rule.threshold,
    )


def _fill_rule(message: receipts_pb2.RuleResult, result: RuleResult) -> None:
    rule, value, met = result
    message.CopyFrom(_rule_message(rule))
    message.value, message.met, message.margin = value, met, value - rule.threshold


def _fill_next(message: receipts_pb2.NextTier, following: NextTier) -> None:
    message.tier = following.tier
    for result in following.gaps:
        rule = result.rule
        message.gaps.add(
            path=rule.path,
            metric=rule.metric,
            value=result.value,
            threshold=rule.threshold,
            missing=result.missing,
        )
