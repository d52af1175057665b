"""Explanations on the wire: receipts that are decided again, and paths to tiers."""

import json
from datetime import datetime
from typing import Any

from laurel.scoring.v1 import explanations_pb2 as pb
from laurel.scoring.v1 import receipts_pb2
from libs.common.canonical import digest
from libs.common.rpc.time import moment
from services.scoring.domain.path_search import Found
from services.scoring.domain.paths import Obstacle, Path
from services.scoring.domain.receipts import Receipt, canonical_text
from services.scoring.domain.replays import Difference, differences
from services.scoring.domain.tiers import Standing, Step
from services.scoring.explaining import Told, Wanted
from services.scoring.messages import LOOKS, cause_of, facts_of, given_of, receipt_message, term_of


def told(message: receipts_pb2.Receipt) -> Told:
    """What a receipt says that was decided on."""
    terms = message.terms
    return Told(
        tier_set=message.tier_set,
        standing=Standing(message.from_tier, term=term_of(terms.before)),
        step=Step(
            cause_of(message.cause),
            moment(message.as_of),
            facts_of(message.facts),
            LOOKS[terms.look],
            given_of(terms.given) if terms.HasField("given") else None,
        ),
        variant=message.variant,
    )


def replay_message(was: receipts_pb2.Receipt, now: Receipt) -> pb.Replay:
    """A receipt beside its replay."""
    values = _values(was)
    found = [
        *_wrong("facts_digest", was.facts_digest, digest(values["facts"])),
        *_wrong("digest", was.digest, digest(values)),
        *differences(values, json.loads(canonical_text(now))),
    ]
    return pb.Replay(
        same=not found and was.digest == now.digest,
        receipt=receipt_message(now),
        differences=[pb.ReplayDifference(path=each.path, was=each.was, **{"is": each.now}) for each in found],
    )


def _wrong(path: str, said: str, must_be: str) -> list[Difference]:
    return [] if said == must_be else [Difference(path, said, must_be)]


def _values(receipt: receipts_pb2.Receipt) -> dict[str, Any]:
    """The JSON values that the digest of a receipt is made of; receipts.py says which."""
    values: dict[str, Any] = {
        "schema_version": receipt.schema_version,
        "program_id": receipt.program_id,
        "program_version": receipt.program_version,
        "program_digest": receipt.program_digest,
        "model_versions": dict(receipt.model_versions),
        "tier_set": receipt.tier_set,
        "as_of": _time(moment(receipt.as_of)),
        "cause": _cause(receipt.cause),
        "facts": [{"name": each.name, "value": each.value} for each in receipt.facts],
        "facts_digest": receipt.facts_digest,
        "rules": [
            {
                "tier": each.tier,
                "path": each.path,
                "metric": each.metric,
                "fact": each.fact,
                "op": each.op,
                "threshold": each.threshold,
                "value": each.value,
                "met": each.met,
                "margin": each.margin,
            }
            for each in receipt.rules
        ],
        "outcome": receipts_pb2.TierOutcome.Name(receipt.outcome).removeprefix("TIER_OUTCOME_"),
        "from_tier": receipt.from_tier,
        "to_tier": receipt.to_tier,
        "reasons": [{"code": each.code, "params": dict(each.params)} for each in receipt.reasons],
        "next": _next(receipt.next) if receipt.HasField("next") else None,
    }
    if receipt.HasField("terms"):
        look = receipts_pb2.TierLook.Name(receipt.terms.look).removeprefix("TIER_LOOK_")
        before, after = (_term(each) for each in (receipt.terms.before, receipt.terms.after))
        values["terms"] = {"look": look, "before": before, "after": after}
        if receipt.terms.HasField("given"):
            values["terms"]["given"] = _given(receipt.terms.given)
    if receipt.variant:
        values["variant"] = receipt.variant
    return values


def _cause(cause: receipts_pb2.Cause) -> dict[str, Any]:
    match cause.WhichOneof("cause"):
        case "event":
            return {"event": {"event_id": cause.event.event_id, "seq": cause.event.seq}}
        case "run_id":
            return {"run_id": cause.run_id}
    return {"actor": cause.actor}


def _next(following: receipts_pb2.NextTier) -> dict[str, Any]:
    gaps = [
        {
            "path": gap.path,
            "metric": gap.metric,
            "value": gap.value,
            "threshold": gap.threshold,
            "missing": gap.missing,
        }
        for gap in following.gaps
    ]
    return {"tier": following.tier, "gaps": gaps}


def _term(term: receipts_pb2.TierTerm) -> dict[str, Any]:
    values: dict[str, Any] = {"in_grace": term.in_grace, "review_time": _told_time(term, "review_time")}
    if term.HasField("override"):
        override = term.override
        values["override"] = {
            "code": override.code,
            "until_time": _told_time(override, "until_time"),
            "earned_tier": override.earned_tier,
            "earned_review_time": _told_time(override, "earned_review_time"),
            "earned_in_grace": override.earned_in_grace,
        }
    return values


def _given(given: receipts_pb2.TierOrder) -> dict[str, Any]:
    return {
        "tier": given.tier,
        "code": given.code,
        "until_time": _told_time(given, "until_time"),
        "decision_id": given.decision_id,
    }


def _told_time(message: Any, field: str) -> str | None:
    return _time(moment(getattr(message, field))) if message.HasField(field) else None


def _time(time: datetime) -> str:
    return f"{time.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def wanted(message: pb.FindTierPathsRequest) -> Wanted:
    """What is looked for."""
    return Wanted(
        tier_set=message.tier_set,
        standing=Standing(message.tier, term=term_of(message.term)),
        target=message.target_tier,
        keep=message.keep,
        now=moment(message.now),
        by=moment(message.by_time),
        facts=facts_of(message.facts),
        variant=message.variant,
    )


def found_message(target: str, found: Found) -> pb.FindTierPathsResponse:
    """What was found."""
    return pb.FindTierPathsResponse(
        target_tier=target,
        met=found.met,
        paths=map(_path, found.paths),
        obstacles=[pb.TierObstacles(obstacles=map(_obstacle, each)) for each in found.obstacles],
        exhaustive=found.whole,
    )


def _path(path: Path) -> pb.TierPath:
    steps = [
        pb.PathStep(metric=metric, amount=amount, by_date=path.last_days[metric].isoformat())
        for metric, amount in sorted(path.done.items())
    ]
    return pb.TierPath(steps=steps, cost=path.cost)


def _obstacle(obstacle: Obstacle) -> pb.TierObstacle:
    return pb.TierObstacle(
        code=obstacle.code,
        metric=obstacle.metric,
        window=obstacle.window,
        value=obstacle.value,
        at_least=obstacle.interval.low,
        at_most=obstacle.interval.high,
    )
