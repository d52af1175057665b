"""One trace runs from a till over the stream to the points, the tier and the standing of a member."""

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from laurel.members.v1 import members_pb2
from tests.support.builders import a_batch, a_purchase, a_registration_request
from tests.support.telemetry import (
    CALLER,
    SAMPLED,
    TRACE,
    UNSAMPLED,
    Spans,
    id_of,
    logged,
    parent_of,
    recorded,
    trace_of,
)
from tests.telemetry.conftest import Whole, until

MEMBERS, SCORING = "laurel.members.v1.MembersService", "laurel.scoring.v1.ScoringService"


async def a_member(whole: Whole) -> str:
    """A member who has joined, and whose joining was applied everywhere."""
    await whole.admit()
    answer = await whole.caller("members", "partner", "shop").RegisterMembers(a_registration_request("m-1"))
    await whole.drained()
    return str(answer.results[0].member.member_id)


async def buys(whole: Whole, member_id: str, traceparent: str) -> None:
    """What a till sends that traces its own work."""
    till = whole.caller("members", "partner", "shop")
    answer = await till.RecordEvents(
        a_batch(a_purchase(member_id, 30_000)), metadata=(("traceparent", traceparent),)
    )
    assert answer.results[0].outcome == members_pb2.EVENT_OUTCOME_ACCEPTED
    await whole.drained()


def in_trace(spans: Spans) -> list[ReadableSpan]:
    return [span for span in spans.all() if trace_of(span) == TRACE]


def named(spans: Spans, name: str, kind: SpanKind) -> ReadableSpan:
    """The only span of the till's trace with this name and kind."""
    (span,) = [each for each in in_trace(spans) if each.name == name and each.kind is kind]
    return span


async def test_a_purchase_is_one_trace_from_the_till_to_its_effects(whole: Whole) -> None:
    member_id = await a_member(whole)

    with recorded(ratio=0.0) as spans:
        await buys(whole, member_id, SAMPLED)
        await until(lambda: has(spans, "benefits.events to members"))

    recorded_there = named(spans, f"{MEMBERS}/RecordEvents", SpanKind.SERVER)
    benefits = named(spans, "members.events to benefits", SpanKind.CONSUMER)
    risk = named(spans, "members.events to risk", SpanKind.CONSUMER)
    asked = named(spans, f"{SCORING}/DecideTiers", SpanKind.CLIENT)
    decided = named(spans, f"{SCORING}/DecideTiers", SpanKind.SERVER)
    told_back = named(spans, "benefits.events to members", SpanKind.CONSUMER)
    assert parent_of(recorded_there) == CALLER
    assert parent_of(benefits) == parent_of(risk) == id_of(recorded_there)
    assert parent_of(asked) == parent_of(told_back) == id_of(benefits)
    assert parent_of(decided) == id_of(asked)
    assert {(span.attributes or {})["laurel.status"] for span in in_trace(spans)} == {"OK"}


async def has(spans: Spans, name: str) -> bool:
    return bool(spans.named(name))


async def test_a_purchase_that_is_not_recorded_makes_no_span_anywhere_and_its_logs_have_its_ids(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    member_id = await a_member(whole)
    monkeypatch.setattr("services.benefits.handlers.decisions.MEMBERS_MAX", 0)  # which is a defect

    with recorded(ratio=0.0) as spans, logged() as logs:
        till = whole.caller("members", "partner", "shop")
        await till.RecordEvents(
            a_batch(a_purchase(member_id, 30_000)), metadata=(("traceparent", UNSAMPLED),)
        )

        async def failed() -> bool:
            return any(line["event"] == "failed" for line in logs.lines())

        await until(failed)
        monkeypatch.undo()
        await whole.drained()

    failures: list[dict[str, Any]] = [line for line in logs.lines() if line["event"] == "failed"]
    assert spans.all() == []
    assert {line["trace_id"] for line in failures} == {TRACE}
