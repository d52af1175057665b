"""Receipts: the form of their digest, its stability, and that a replay gives the same bits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from libs.common.canonical import canonical, digest
from libs.common.program import preset
from services.scoring.domain.moves import Outcome
from services.scoring.domain.receipts import (
    ActorCause,
    Cause,
    EventCause,
    Receipt,
    RunCause,
    canonical_text,
    receipt_digest,
)
from services.scoring.domain.terms import Term
from services.scoring.domain.tiers import Standing, Step, decide, decide_in_row, ladders, replay

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LADDERS = {name: ladders(preset(name), "a" * 64)["main"] for name in ("ecommerce_five", "music_store")}
SPEND, INVITES = "purchase.amount_minor.lifetime", "invite.count.lifetime"


def written_out(receipt: Receipt) -> dict[str, Any]:
    """The object of the digest, as the module says it."""
    match receipt.cause:
        case EventCause(event_id, seq):
            cause: dict[str, object] = {"event": {"event_id": event_id, "seq": seq}}
        case RunCause(run_id):
            cause = {"run_id": run_id}
        case ActorCause(actor):
            cause = {"actor": actor}
    return {
        **terms_of(receipt),
        "program_id": receipt.policy.program_id,
        "program_version": receipt.policy.version,
        "program_digest": receipt.policy.digest,
        "model_versions": {},
        "tier_set": receipt.tier_set,
        "as_of": time_of(receipt.as_of),
        "cause": cause,
        "facts": [{"name": name, "value": value} for name, value in receipt.facts],
        "facts_digest": receipt.facts_digest,
        "rules": [
            {
                "tier": each.rule.tier,
                "path": each.rule.path,
                "metric": each.rule.metric,
                "fact": each.rule.fact,
                "op": each.rule.op,
                "threshold": each.rule.threshold,
                "value": each.value,
                "met": each.met,
                "margin": each.margin,
            }
            for each in receipt.rules
        ],
        "outcome": receipt.outcome.value,
        "from_tier": receipt.from_tier,
        "to_tier": receipt.to_tier,
        "reasons": [{"code": str(reason.code), "params": reason.params} for reason in receipt.reasons],
        "next": receipt.next
        and {
            "tier": receipt.next.tier,
            "gaps": [
                {
                    "path": gap.rule.path,
                    "metric": gap.rule.metric,
                    "value": gap.value,
                    "threshold": gap.rule.threshold,
                    "missing": gap.missing,
                }
                for gap in receipt.next.gaps
            ],
        },
    }


def terms_of(receipt: Receipt) -> dict[str, Any]:
    variant = {"variant": receipt.variant} if receipt.variant else {}
    if receipt.terms is None:
        return {"schema_version": 2 if variant else 1, **variant}
    terms: dict[str, Any] = {
        "look": receipt.terms.look.value,
        "before": term_of(receipt.terms.before),
        "after": term_of(receipt.terms.after),
    }
    if (given := receipt.terms.given) is not None:
        terms["given"] = {
            "tier": given.tier,
            "code": given.code,
            "until_time": given.until_time and time_of(given.until_time),
            "decision_id": given.decision_id,
        }
    return {"schema_version": 2, "terms": terms, **variant}


def term_of(term: Term) -> dict[str, Any]:
    written: dict[str, Any] = {
        "in_grace": term.in_grace,
        "review_time": term.review_time and time_of(term.review_time),
    }
    if (override := term.override) is not None:
        earned = override.earned_term
        written["override"] = {
            "code": override.code,
            "until_time": override.until_time and time_of(override.until_time),
            "earned_tier": override.earned_tier,
            "earned_review_time": earned.review_time and time_of(earned.review_time),
            "earned_in_grace": earned.in_grace,
        }
    return written


def time_of(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"


def a_receipt(**facts: int) -> Receipt:
    named = {"spend": SPEND, "invites": INVITES}
    step = Step(EventCause("evt_1", 7), NOON, {named[name]: value for name, value in facts.items()})
    return decide(LADDERS["ecommerce_five"], Standing("silver", NOON), step)


VALUES = st.integers(min_value=-(8 * 10**15), max_value=8 * 10**15)
TEXT = st.text(max_size=40)
CAUSES: st.SearchStrategy[Cause] = st.one_of(
    st.builds(EventCause, TEXT, st.integers(min_value=0, max_value=10**15)),
    st.builds(RunCause, TEXT),
    st.builds(ActorCause, TEXT),
)
# From the year 1000 on, where strftime pads years on every platform.
TIMES = st.integers(min_value=-30_610_224_000_000, max_value=253_402_300_799_999).map(
    lambda milliseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)


@given(
    st.sampled_from(sorted(LADDERS)),
    st.sampled_from(["", "normal", "silver", "gold", "platinum", "diamond"]),
    CAUSES,
    TIMES,
    VALUES,
    VALUES,
)
def test_the_text_of_the_digest_is_the_canonical_json_of_the_whole(
    name: str, tier: str, cause: Cause, at: datetime, spend: int, invites: int
) -> None:
    receipt = decide(LADDERS[name], Standing(tier), Step(cause, at, {SPEND: spend, INVITES: invites}))

    whole = written_out(receipt)

    assert canonical_text(receipt).encode() == canonical(whole) == rfc8785.dumps(whole)
    assert receipt.digest == digest(whole)
    assert receipt.facts_digest == digest(whole["facts"])


def test_a_digest_is_the_same_in_every_process_and_release() -> None:
    receipt = a_receipt(spend=450_000, invites=4)

    assert receipt.facts_digest == "45bab874aaf8bdad95b131277f6ab6d54bb25945d3ef5fe7838c8c0799c55a8b"
    assert receipt.digest == "2f6532cc2308a3c0632e109448e1a48a045e58ba12411bcba8415ca8979a77c7"


@given(st.lists(st.tuples(VALUES, VALUES, st.integers(0, 1000)), min_size=1, max_size=10))
def test_a_replayed_receipt_has_the_same_bits(rows: list[tuple[int, int, int]]) -> None:
    ladder = LADDERS["ecommerce_five"]
    steps = [
        Step(
            EventCause(f"evt_{seq}", seq), NOON + timedelta(minutes=minutes), {SPEND: spend, INVITES: invites}
        )
        for seq, (spend, invites, minutes) in enumerate(rows)
    ]

    for receipt in decide_in_row(ladder, Standing(), steps):
        again = replay(ladder, receipt)

        assert again == receipt
        assert again.digest == receipt_digest(receipt) == receipt.digest


@pytest.mark.parametrize(
    "change",
    [
        {"to_tier": "gold"},
        {"from_tier": "normal"},
        {"outcome": Outcome.UPGRADED},
        {"as_of": NOON + timedelta(milliseconds=1)},
        {"cause": EventCause("evt_1", 8)},
        {"facts": ((INVITES, 4), (SPEND, 450_001))},
        {"reasons": ()},
        {"rules": ()},
        {"next": None},
        {"tier_set": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_receipt_has_another_digest(change: dict[str, Any]) -> None:
    receipt = a_receipt(spend=450_000, invites=4)

    assert replace(receipt, **change).digest != receipt.digest


def test_a_receipt_of_another_policy_does_not_replay() -> None:
    receipt = a_receipt(spend=450_000, invites=4)
    other = ladders(preset("ecommerce_five"), "b" * 64)["main"]

    assert replay(other, receipt).digest != receipt.digest
