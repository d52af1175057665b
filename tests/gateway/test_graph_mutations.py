"""Writing through the graph: what services are sent, what comes back, and what a refusal looks like."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from strawberry.relay import GlobalID

from laurel.members.v1 import events_pb2
from laurel.risk.v1 import reports_pb2
from libs.common.errors import (
    Contention,
    Forbidden,
    IdempotencyKeyReused,
    InvalidRequest,
    Overloaded,
    Refusal,
    Unauthenticated,
    Unavailable,
)
from libs.common.rpc.time import moment
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.world import PROGRAM, member_id

REGISTER = """
mutation($input: RegisterMembersInput!) {
  registerMembers(input: $input) {
    ... on RegisteredMembers { results { created reason member { memberId profile { storeId } } } }
    ...R
  }
}
fragment R on Refused { reason message retryAfterSeconds facts { name value } }
"""
RECORD = """
mutation($input: RecordEventsInput!) {
  recordEvents(input: $input) {
    ... on RecordedEvents { results { outcome eventId seq reason detail } }
    ... on Refused { reason message retryAfterSeconds facts { name value } }
  }
}
"""
REPORT = """
mutation($input: ReportMemberInput!) {
  reportMember(input: $input) {
    ... on ReportedMember { report { id memberId reporter reason status expireTime } }
    ... on Refused { reason message retryAfterSeconds facts { name value } }
  }
}
"""
DECIDE = """
mutation($input: DecideReportInput!) {
  decideReport(input: $input) {
    ... on DecidedReport { report { id status finding { decidedBy explanation } } risk { integrity } }
    ... on Refused { reason message retryAfterSeconds facts { name value } }
  }
}
"""
BIRTHDAY = """
mutation($input: SetBirthdayInput!) {
  setBirthday(input: $input) {
    ... on BirthdaySet { changed }
    ... on Refused { reason message retryAfterSeconds facts { name value } }
  }
}
"""
KINDS = [each.name for each in events_pb2.EventKind.DESCRIPTOR.values if each.number]
REPORTING = {"requestId": "r-1", "memberId": member_id(1), "reason": "FRAUD", "note": "twice"}


def an_event(**changes: Any) -> dict[str, Any]:
    event = {
        "kind": "LOGIN",
        "member": {"externalMemberId": "00001"},
        "externalRef": "s-1",
        "occurredTime": "1998-07-01T12:00:00+02:00",
    }
    return event | changes


async def sent(graph: Graph, query: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    """The whole answer to a mutation."""
    body = {"query": query, "variables": {"input": given}}
    response = await graph.post(body, token=graph.token(**token))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def as_partner(graph: Graph, query: str, given: dict[str, Any]) -> dict[str, Any]:
    answer = await sent(graph, query, given, kind="partner", subject="cdnow")
    assert "errors" not in answer, answer
    (result,) = answer["data"].values()
    return dict(result)


async def as_officer(graph: Graph, query: str, given: dict[str, Any]) -> dict[str, Any]:
    answer = await sent(graph, query, given)
    assert "errors" not in answer, answer
    (result,) = answer["data"].values()
    return dict(result)


async def test_registrations_are_answered_each_by_itself(graph: Graph) -> None:
    joins = [
        {"externalMemberId": "1", "registeredTime": "1998-01-01T00:00:00Z", "verification": "VERIFIED"},
        {"externalMemberId": "2", "storeId": "closed"},
    ]

    registered = await as_partner(graph, REGISTER, {"requestId": "r-1", "registrations": joins})

    assert registered["results"] == [
        {
            "created": True,
            "reason": None,
            "member": {"memberId": member_id(1), "profile": {"storeId": "online"}},
        },
        {"created": False, "reason": "STORE_UNKNOWN", "member": None},
    ]
    request = graph.services.asked.requests["RegisterMembers"]
    assert (request.program_id, request.request_id) == (PROGRAM, "r-1")
    first, second = request.registrations
    assert moment(first.registered_time) == datetime(1998, 1, 1, tzinfo=UTC)
    assert first.verification == events_pb2.VERIFICATION_VERIFIED
    assert (second.external_member_id, second.store_id) == ("2", "closed")
    assert not second.HasField("registered_time")


async def test_events_are_answered_each_by_itself(graph: Graph) -> None:
    given = {"requestId": "r-1", "events": [an_event(), an_event(storeId="closed")]}

    recorded = await as_partner(graph, RECORD, given)

    assert recorded["results"] == [
        {"outcome": "ACCEPTED", "eventId": "evt_1", "seq": 1, "reason": None, "detail": None},
        {
            "outcome": "REJECTED",
            "eventId": None,
            "seq": None,
            "reason": "EVENT_INVALID",
            "detail": "store_id: no",
        },
    ]


async def test_an_event_is_sent_whole(graph: Graph) -> None:
    refund = an_event(
        kind="REFUND",
        member={"memberId": str(GlobalID("Member", member_id(7)))},
        line=3,
        amountMinor=10**12,
        currency="USD",
        quantity=2,
        original={"externalRef": "s-0", "line": 1},
        attributes=[{"name": "channel", "value": "web"}],
    )

    await as_partner(graph, RECORD, {"requestId": "r-1", "events": [refund]})

    (event,) = graph.services.asked.requests["RecordEvents"].events
    assert moment(event.occurred_time) == datetime(1998, 7, 1, 10, tzinfo=UTC)
    event.ClearField("occurred_time")
    assert event == events_pb2.Event(
        kind=events_pb2.EVENT_KIND_REFUND,
        member_id=member_id(7),
        external_ref="s-1",
        line=3,
        amount_minor=10**12,
        currency="USD",
        quantity=2,
        original=events_pb2.EventReference(external_ref="s-0", line=1),
        attributes={"channel": "web"},
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_event_can_be_sent(graph: Graph, kind: str) -> None:
    event = an_event(kind=kind.removeprefix("EVENT_KIND_"))

    await as_partner(graph, RECORD, {"requestId": "r-1", "events": [event]})

    (sent_on,) = graph.services.asked.requests["RecordEvents"].events
    assert events_pb2.EventKind.Name(sent_on.kind) == kind


@pytest.mark.parametrize("birthday", ["05-17", None], ids=["recorded", "taken out"])
async def test_a_birthday_is_recorded_and_taken_out(graph: Graph, birthday: str | None) -> None:
    given = {"requestId": "b-1", "memberId": member_id(1), "birthday": birthday}

    answer = await as_partner(graph, BIRTHDAY, given)

    assert answer == {"changed": True}
    asked = graph.services.asked.requests["SetBirthday"]
    assert (asked.program_id, asked.member_id, asked.birthday) == (PROGRAM, member_id(1), birthday or "")


async def test_a_report_is_answered_with_what_was_written(graph: Graph) -> None:
    report = (await as_officer(graph, REPORT, REPORTING))["report"]

    assert report["memberId"] == member_id(1)
    assert (report["reporter"], report["reason"]) == ("somebody", "FRAUD")
    request = graph.services.asked.requests["ReportMember"]
    assert (request.request_id, request.note) == ("r-1", "twice")
    assert request.reason == reports_pb2.REPORT_REASON_FRAUD


@pytest.mark.parametrize(("decision", "status"), [("UPHOLD", "UPHELD"), ("DISMISS", "DISMISSED")])
async def test_a_decision_is_answered_with_the_report_and_the_standing(
    graph: Graph, decision: str, status: str
) -> None:
    given = {"requestId": "r-1", "reportId": "rep_9", "decision": decision, "explanation": "seen it"}

    decided = await as_officer(graph, DECIDE, given)

    assert decided == {
        "report": {
            "id": "rep_9",
            "status": status,
            "finding": {"decidedBy": "somebody", "explanation": "seen it"},
        },
        "risk": {"integrity": 90},
    }


async def test_an_expected_refusal_is_a_result(graph: Graph) -> None:
    refused = await as_officer(graph, REPORT, REPORTING | {"requestId": REFUSED})

    assert refused == {
        "reason": "MEMBER_UNKNOWN",
        "message": "no such member",
        "retryAfterSeconds": None,
        "facts": [{"name": "member_id", "value": "mem_unknown"}],
    }


@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [
        (InvalidRequest("no", note="too long"), None),
        (IdempotencyKeyReused(), None),
        (Contention(), 1),
        (Overloaded(), 1),
    ],
    ids=lambda value: getattr(value, "reason", ""),
)
async def test_a_refusal_says_its_reason_and_when_to_try_again(
    graph: Graph, refusal: Refusal, seconds: int | None
) -> None:
    async def refuse() -> None:
        raise refusal

    graph.services.risk.fake.breaks = refuse

    refused = await as_officer(graph, REPORT, REPORTING)

    assert (refused["reason"], refused["retryAfterSeconds"]) == (refusal.reason, seconds)
    assert refused["facts"] == [{"name": name, "value": value} for name, value in refusal.facts.items()]


@pytest.mark.parametrize("refusal", [Unauthenticated(), Forbidden()], ids=lambda value: value.reason)
async def test_who_may_not_write_gets_an_error(graph: Graph, refusal: Refusal) -> None:
    async def refuse() -> None:
        raise refusal

    graph.services.risk.fake.breaks = refuse

    answer = await sent(graph, REPORT, REPORTING)

    assert answer["data"] == {"reportMember": None}
    assert answer["errors"][0]["extensions"]["code"] == refusal.reason


async def test_a_dead_service_is_an_error_that_says_when_and_how_to_try_again(graph: Graph) -> None:
    await graph.services.risk.kill()

    answer = await sent(graph, REPORT, REPORTING)

    (error,) = answer["errors"]
    assert answer["data"] == {"reportMember": None}
    assert error["path"] == ["reportMember"]
    assert error["message"].endswith("ask again, a mutation with the same requestId")
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["extensions"]["retryAfterSeconds"] == 1


async def test_what_a_service_lacks_itself_is_an_error_with_its_own_delay(graph: Graph) -> None:
    class Rebuilding(Unavailable):
        retry_after_seconds = 7.2

    async def unavailable() -> None:
        raise Rebuilding

    graph.services.risk.fake.breaks = unavailable

    (error,) = (await sent(graph, REPORT, REPORTING))["errors"]

    assert (error["extensions"]["code"], error["extensions"]["retryAfterSeconds"]) == ("UNAVAILABLE", 8)


async def test_a_slow_write_is_an_error_that_may_be_repeated(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow() -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr("services.gateway.risk.mutations.WRITE_SECONDS", 0.1)
    graph.services.risk.fake.breaks = slow

    (error,) = (await sent(graph, REPORT, REPORTING))["errors"]

    assert error["extensions"]["code"] == "DEADLINE_EXCEEDED"
    assert "same requestId" in error["message"]


async def test_a_defect_of_a_service_is_masked(graph: Graph) -> None:
    async def defect() -> None:
        raise ValueError("secret 42")

    graph.services.risk.fake.breaks = defect

    answer = await sent(graph, REPORT, REPORTING)

    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(answer)


async def test_a_message_that_grpc_itself_refuses_is_no_result(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_large(*_: object, **__: object) -> None:
        raise grpc.aio.AioRpcError(
            grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.aio.Metadata(), grpc.aio.Metadata()
        )

    monkeypatch.setattr("services.gateway.risk.mutations.attempted", too_large)

    (error,) = (await sent(graph, REPORT, REPORTING))["errors"]

    assert error["extensions"]["code"] == "OVERLOADED"


async def test_two_different_mutations_in_one_operation_are_done_in_turn(graph: Graph) -> None:
    query = """
      mutation($report: ReportMemberInput!, $decide: DecideReportInput!) {
        reportMember(input: $report) { __typename }
        decideReport(input: $decide) { __typename }
      }
    """
    decide = {"requestId": "r-2", "reportId": "rep_1", "decision": "DISMISS", "explanation": "no"}

    data = await graph.data(query, report=REPORTING, decide=decide)

    assert data == {
        "reportMember": {"__typename": "ReportedMember"},
        "decideReport": {"__typename": "DecidedReport"},
    }
