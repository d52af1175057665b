"""What frontends write, through the graph and the real services behind it, and what they then read."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from libs.cli import sample
from libs.cli.clients import signer, staff_token
from libs.cli.data_folder import RunFile
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.ids import new_id
from tests.journeys.music_stores import a_music_store

REGISTER = """mutation ($input: RegisterMembersInput!) { registerMembers(input: $input) {
  ... on RegisteredMembers { results { created reason member { memberId } } }
  ... on Refused { reason } } }"""
RECORD = """mutation ($input: RecordEventsInput!) { recordEvents(input: $input) {
  ... on RecordedEvents { results { outcome reason seq } }
  ... on Refused { reason } } }"""
REPORT = """mutation ($input: ReportMemberInput!) { reportMember(input: $input) {
  ... on ReportedMember { report { id status } }
  ... on Refused { reason } } }"""
DECIDE = """mutation ($input: DecideReportInput!) { decideReport(input: $input) {
  ... on DecidedReport { report { status } risk { level restrictions { kind } } }
  ... on Refused { reason } } }"""
RISK = """query ($id: ID!) { member(id: $id) { risk {
  level reportersCount restrictions { kind reasonCode until reason(locale: ZH) } } } }"""
STANDING = "query ($id: ID!) { member(id: $id) { memberships { tierKey } points { available } } }"


@dataclass(frozen=True)
class Shop:
    """A program of this story's own, asked over HTTP as anybody of it."""

    run: RunFile
    program_id: str
    members: tuple[str, ...]

    def token(self, kind: PrincipalKind, subject: str) -> str:
        return signer(self.run).token(
            subject, kind, now=now(), ttl=timedelta(minutes=10), program_id=self.program_id
        )

    def of_member(self, place: int) -> str:
        return self.token("member", self.members[place])

    @property
    def of_partner(self) -> str:
        return self.token("partner", sample.PARTNER)

    @property
    def of_staff(self) -> str:
        return staff_token(self.run, self.program_id)

    async def ask(self, token: str, query: str, **variables: object) -> Any:
        """The data of an answer without errors, of its first field."""
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=self.run.gateway_url, headers=headers, timeout=10) as http:
            response = await http.post("/graphql", json={"query": query, "variables": variables})
        answer = response.json()
        assert "errors" not in answer, answer
        (data,) = answer["data"].values()
        return data

    async def report(self, reporter: int, member: int) -> Any:
        wanted = {"requestId": new_id("req"), "memberId": self.members[member], "reason": "FRAUD"}
        return await self.ask(self.of_member(reporter), REPORT, input=wanted)

    async def risk(self, member: int) -> Any:
        found = await self.ask(self.of_staff, RISK, id=self.members[member])
        return found["risk"]


@pytest.fixture(scope="module")
async def shop(run: RunFile) -> Shop:
    """Five members, registered through the graph, whom risk has heard of."""
    program = await a_music_store(run)
    shop = Shop(run, program.key, ())
    wanted = [{"externalMemberId": f"customer-{number}", "storeId": sample.STORE} for number in range(5)]
    registered = await shop.ask(
        shop.of_partner, REGISTER, input={"requestId": new_id("req"), "registrations": wanted}
    )
    assert [each["created"] for each in registered["results"]] == [True] * 5
    shop = Shop(run, program.key, tuple(each["member"]["memberId"] for each in registered["results"]))

    async def known() -> bool:
        return None not in [await shop.risk(place) for place in range(5)]

    await until(known)
    return shop


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.05)


def a_purchase(member_id: str, amount_minor: int) -> dict[str, object]:
    return {
        "kind": "PURCHASE",
        "member": {"memberId": member_id},
        "externalRef": new_id("ref"),
        "occurredTime": "1998-03-02T12:00:00Z",
        "amountMinor": amount_minor,
        "currency": "USD",
        "quantity": 1,
    }


async def test_a_purchase_becomes_points_and_a_tier_however_often_it_is_sent(shop: Shop) -> None:
    wanted = {"requestId": new_id("req"), "events": [a_purchase(shop.members[0], 12_050)]}
    first = await shop.ask(shop.of_partner, RECORD, input=wanted)
    again = await shop.ask(shop.of_partner, RECORD, input=wanted)
    renewed = await shop.ask(shop.of_partner, RECORD, input={**wanted, "requestId": new_id("req")})

    async def decided() -> bool:
        found = await shop.ask(shop.of_member(0), STANDING, id=shop.members[0])
        return bool(found == {"memberships": [{"tierKey": "silver"}], "points": {"available": 120}})

    await until(decided)
    assert first == again == {"results": [{"outcome": "ACCEPTED", "reason": None, "seq": 1}]}
    assert [each["outcome"] for each in renewed["results"]] == ["DUPLICATE"]


async def test_another_request_under_a_used_id_is_refused(shop: Shop) -> None:
    wanted = {"requestId": new_id("req"), "events": [a_purchase(shop.members[1], 100)]}
    await shop.ask(shop.of_partner, RECORD, input=wanted)

    other = {**wanted, "events": [a_purchase(shop.members[1], 200)]}

    assert await shop.ask(shop.of_partner, RECORD, input=other) == {"reason": "IDEMPOTENCY_KEY_REUSED"}


async def test_three_reports_restrict_a_member_and_a_dismissal_lifts_it(shop: Shop) -> None:
    first, *_ = [await shop.report(reporter, 4) for reporter in (0, 1)]
    before = await shop.risk(4)
    await shop.report(2, 4)
    restricted = await shop.risk(4)
    decision = {
        "requestId": new_id("req"),
        "reportId": first["report"]["id"],
        "decision": "DISMISS",
        "explanation": "nothing of it is in the messages",
    }
    decided = await shop.ask(shop.of_staff, DECIDE, input=decision)

    assert (before["level"], before["restrictions"]) == ("MEDIUM", [])
    (restriction,) = restricted["restrictions"]
    assert (restricted["level"], restricted["reportersCount"]) == ("HIGH", 3)
    assert (restriction["kind"], restriction["reasonCode"]) == ("INTERACTION", "REPORTED_BY_SEVERAL")
    assert restriction["until"] is not None
    assert "3" in restriction["reason"]
    assert decided["report"] == {"status": "DISMISSED"}
    assert decided["risk"] == {"level": "MEDIUM", "restrictions": []}
    assert await shop.ask(shop.of_staff, DECIDE, input=decision) == decided


async def test_who_reports_themselves_or_twice_is_refused(shop: Shop) -> None:
    assert await shop.report(3, 3) == {"reason": "REPORT_OF_SELF"}
    await shop.report(3, 1)
    assert await shop.report(3, 1) == {"reason": "REPORT_ALREADY_OPEN"}
