"""GetFairnessReport: groups by permitted attributes, equal members decided alike, counted aside and kept."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import fairness_pb2 as pb
from laurel.benefits.v1 import reports_pb2, reports_pb2_grpc
from laurel.scoring.v1 import receipts_pb2
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.clocks import Clocks
from libs.common.errors import Overloaded, Unavailable
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.visibility import Home
from services.benefits.clients import ExplanationClient, MembersClient
from services.benefits.handlers import fairness as handlers
from services.benefits.handlers.fairness import FairnessHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.report_messages import treatment
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.stories import Story
from tests.support.builders import PROGRAM

SERVICE = reports_pb2.DESCRIPTOR.services_by_name["ReportsService"]
SILVER, GOLD = 10_000, 25_000
WITHIN, BEYOND = pb.FAIRNESS_FINDING_WITHIN, pb.FAIRNESS_FINDING_BEYOND


def reports(
    benefits: BenefitsWorld,
    program_id: str,
    kind: PrincipalKind = "staff",
    subject: str = "ann",
    **claims: Any,
) -> Any:
    stub = reports_pb2_grpc.ReportsServiceStub
    return benefits.stub(SERVICE, stub, kind, subject, program_id, **claims)


async def the_report(benefits: BenefitsWorld, program_id: str) -> pb.FairnessReport:
    """The report, when it is counted."""
    stub, request = reports(benefits, program_id), pb.GetFairnessReportRequest(program_id=program_id)
    async with asyncio.timeout(60):
        while not (answer := await stub.GetFairnessReport(request)).HasField("report"):
            await asyncio.sleep(0.05)
    return answer.report  # type: ignore[no-any-return]


async def a_program(benefits: BenefitsWorld, *attributes: str, **fairness: Any) -> str:
    document = preset(PROGRAM).document() | {"key": f"store_{new_id('x')[-12:]}"}
    document["fairness"] = {"attributes": list(attributes), "members_min": 5, **fairness}
    await benefits.publish(Program.parse(document))
    return str(document["key"])


async def members_of(benefits: BenefitsWorld, program_id: str, store: str, *amounts: int) -> list[Story]:
    """A member of a store for each amount, who spent that much."""
    home = Home(store, "", "shop")
    stories = [Story(program_id, home=home).buys(*([each] if each else [])) for each in amounts]
    benefits.members.knows(stories)
    for story in stories:
        await benefits.apply(story.partition, story.registration(), *([story.told()] if story.events else []))
    return stories


def audited(benefits: BenefitsWorld) -> FairnessHandlers:
    """A replica of its own, which keeps nothing yet."""
    store, token = BenefitsStore(benefits.database), benefits.keys.token("service", "benefits", None)
    members = MembersClient(benefits.settings.members_address, token=token)
    scoring = ExplanationClient(benefits.settings.scoring_address, token=token)
    benefits.closing(members, scoring)
    programs = ProgramHandlers(store, now)
    times = ProgramTimes(store, programs, Clocks(members.clocks), now)
    return FairnessHandlers(store, programs, times, members, scoring)


async def test_groups_are_compared_by_the_attributes_that_the_program_permits(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_program(benefits, "store", "registration_source")
    await members_of(benefits, program_id, "east", *[SILVER] * 12)
    await members_of(benefits, program_id, "west", *[100] * 12)

    report = await the_report(benefits, program_id)

    by_store, by_source = report.attributes
    assert (by_store.tier_set, by_store.attribute, by_source.attribute) == (
        "main",
        "store",
        "registration_source",
    )
    east, west = by_store.groups
    assert (east.group, east.members_count, west.group) == ("east", 12, "west")
    silver = west.rates[0]
    assert (silver.tier, silver.rate_bp, silver.gap_bp, silver.ratio_bp) == ("silver", 0, -5_000, 0)
    assert (silver.gap_finding, silver.ratio_finding) == (BEYOND, BEYOND)
    assert by_store.everybody.rates[0].rate_bp == 5_000
    assert [each.members_count for each in by_source.groups] == [24]
    assert (report.members_count, report.findings_count) == (24, 2)
    assert (report.members_min, report.gap_bp, report.ratio_bp) == (5, 500, 8_000)


async def test_where_nothing_is_permitted_no_group_is_told_and_members_is_not_asked(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_program(benefits)
    await members_of(benefits, program_id, "east", *[SILVER] * 3)

    report = await the_report(benefits, program_id)

    assert (list(report.attributes), report.members_count) == ([], 3)
    assert report.equal_treatment.decisions_count == 3


async def test_a_small_store_is_told_with_others_alone(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, "store")
    for store, count in (("east", 9), ("west", 7), ("tiny", 2)):
        await members_of(benefits, program_id, store, *[SILVER] * count)

    (by_store,) = (await the_report(benefits, program_id)).attributes

    assert [each.group for each in by_store.groups] == ["east"]
    assert (by_store.pooled.members_count, by_store.pooled_groups_count) == (9, 2)
    assert "tiny" not in str(by_store)


async def test_equal_members_who_were_decided_alike_are_as_they_should_be(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits)
    await members_of(benefits, program_id, "east", SILVER, SILVER, SILVER, 100, 100, GOLD)

    found = (await the_report(benefits, program_id)).equal_treatment

    assert (found.decisions_count, found.situations_count, found.unequal_count) == (6, 2, 0)
    assert (found.compared_bp, found.replayed_count, found.same_count) == (10_000, 6, 6)
    assert found.seed == "1998-07-01"


async def test_one_who_was_decided_otherwise_is_found_by_comparing_and_by_replaying(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_program(benefits)
    _, wronged = await members_of(benefits, program_id, "east", GOLD, GOLD)
    decision = await tampered(benefits, wronged)

    found = (await the_report(benefits, program_id)).equal_treatment

    assert (found.situations_count, found.unequal_count) == (1, 1)
    told = {each.decision_id: each.to_tier for each in found.unequal[0].decisions}
    assert told[decision] == "silver"
    assert sorted(told.values()) == ["gold", "silver"]
    assert (found.replayed_count, found.same_count) == (2, 1)
    assert list(found.different_decision_ids) == [decision]
    assert await audited(benefits).problems(program_id) == 2


async def tampered(benefits: BenefitsWorld, story: Story) -> str:
    """Have the latest receipt of a member say silver, as no decision of ours would."""
    membership = await benefits.database.memberships.find_one({"member_id": story.member_id})
    assert membership is not None
    decision = await benefits.database.decisions.find_one({"_id": membership["decision_id"]})
    assert decision is not None
    receipt = receipts_pb2.Receipt.FromString(bytes(decision["receipt"]))
    receipt.to_tier = "silver"
    await benefits.database.decisions.update_one(
        {"_id": decision["_id"]}, {"$set": {"receipt": receipt.SerializeToString(deterministic=True)}}
    )
    return str(decision["_id"])


async def test_who_held_another_tier_before_was_in_another_situation(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits)
    at_once = await benefits.a_member(SILVER, program_id=program_id)
    step_by_step = await benefits.a_member(SILVER - 1, 1, program_id=program_id)
    already = await benefits.a_member(SILVER, 0, program_id=program_id)

    receipts = [await latest_receipt(benefits, each) for each in (at_once, step_by_step, already)]

    first, second, third = (treatment("dec_1", each).situation for each in receipts)
    assert first == second
    assert third != first


async def latest_receipt(benefits: BenefitsWorld, story: Story) -> bytes:
    membership = await benefits.database.memberships.find_one({"member_id": story.member_id})
    assert membership is not None
    decision = await benefits.database.decisions.find_one({"_id": membership["decision_id"]})
    assert decision is not None
    return bytes(decision["receipt"])


def a_receipt(**fields: Any) -> receipts_pb2.Receipt:
    return receipts_pb2.Receipt(tier_set="main", program_digest="d", from_tier="silver", **fields)


def situation(receipt: receipts_pb2.Receipt) -> int:
    return treatment("dec_1", receipt.SerializeToString()).situation


GRACE = receipts_pb2.TierTerms(
    look=receipts_pb2.TIER_LOOK_REVIEW, before=receipts_pb2.TierTerm(in_grace=True)
)


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (a_receipt(to_tier="gold", digest="x", outcome=receipts_pb2.TIER_OUTCOME_UPGRADED), True),
        (a_receipt(cause=receipts_pb2.Cause(actor="ann")), True),
        (a_receipt(terms=receipts_pb2.TierTerms(look=receipts_pb2.TIER_LOOK_EVENT)), True),
        (a_receipt(program_version=2), False),
        (a_receipt(facts_digest="f"), False),
        (a_receipt(terms=receipts_pb2.TierTerms(look=receipts_pb2.TIER_LOOK_REVIEW)), False),
        (a_receipt(terms=GRACE), False),
        (a_receipt(reasons=[receipts_pb2.Reason(code="SEASON", params={"season": "june"})]), False),
    ],
    ids=["result", "cause", "no terms", "version", "facts", "a review", "in grace", "in a season"],
)
def test_a_situation_is_all_that_was_read_and_nothing_that_came_out(
    other: receipts_pb2.Receipt, equal: bool
) -> None:
    assert (situation(other) == situation(a_receipt())) is equal


async def test_a_report_is_kept_for_a_while_and_counted_once_for_all_who_ask(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_id = await a_program(benefits)
    await members_of(benefits, program_id, "east", SILVER)
    counted = counting(monkeypatch)
    auditor = audited(benefits)

    first = await asyncio.gather(*(auditor.problems(program_id) for _ in range(5)))
    kept = await auditor.report(program_id)

    assert (first, counted[0]) == ([0.0] * 5, 1)
    assert not isinstance(kept, handlers.Counting)


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a program is counted."""
    calls, count = [0], FairnessHandlers._count

    async def counted(self: FairnessHandlers, *args: Any) -> Any:
        calls[0] += 1
        return await count(self, *args)

    monkeypatch.setattr(FairnessHandlers, "_count", counted)
    return calls


async def test_who_asks_while_it_is_counted_hears_how_far_it_is_and_does_not_wait(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_id = await a_program(benefits)
    await members_of(benefits, program_id, "east", SILVER, SILVER)
    go_on, counted = asyncio.Event(), FairnessHandlers._replayed
    monkeypatch.setattr(FairnessHandlers, "_replayed", after(go_on, counted))
    monkeypatch.setattr(handlers, "ANSWER_SECONDS", 0.2)
    auditor = audited(benefits)

    async with asyncio.timeout(30):
        while (waiting := await auditor.report(program_id)) and waiting.members < 2:
            assert isinstance(waiting, handlers.Counting)
    go_on.set()
    report = await auditor.problems(program_id)

    assert isinstance(waiting, handlers.Counting)
    assert report == 0


def after(event: asyncio.Event, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def waited(*args: Any) -> Any:
        await event.wait()
        return await work(*args)

    return waited


async def test_what_fails_is_told_for_a_while_and_then_counted_anew(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_id = await a_program(benefits)
    await members_of(benefits, program_id, "east", SILVER)
    auditor, replayed = audited(benefits), FairnessHandlers._replayed
    monkeypatch.setattr(FairnessHandlers, "_replayed", scoring_is_down)
    with pytest.raises(Unavailable):
        await auditor.problems(program_id)

    monkeypatch.setattr(FairnessHandlers, "_replayed", replayed)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await auditor.report(program_id)
    monkeypatch.setattr(handlers, "FAILED_SECONDS", 0.0)
    while isinstance(report := await auditor.report(program_id), handlers.Counting):
        pass

    assert report.replayed.values()


async def scoring_is_down(*_: Any) -> Any:
    raise Unavailable


async def test_more_programs_than_may_wait_are_refused(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_ids = [await a_program(benefits) for _ in range(2)]
    monkeypatch.setattr(handlers, "WAITING_MAX", 1)
    go_on = asyncio.Event()
    monkeypatch.setattr(FairnessHandlers, "_replayed", after(go_on, FairnessHandlers._replayed))
    monkeypatch.setattr(handlers, "ANSWER_SECONDS", 0.01)
    auditor = audited(benefits)
    await auditor.report(program_ids[0])

    with pytest.raises(Overloaded):
        await auditor.report(program_ids[1])

    go_on.set()
    assert await auditor.problems(program_ids[0]) == 0


async def test_pages_hold_whole_members(benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    program_id = await a_program(benefits, "store")
    await members_of(benefits, program_id, "east", *[SILVER] * 7)
    monkeypatch.setattr(handlers, "MEMBERSHIPS_PER_PAGE", 3)
    monkeypatch.setattr(handlers, "RECEIPTS_PER_READ", 1)
    auditor = audited(benefits)

    await auditor.problems(program_id)
    report = await auditor.report(program_id)

    assert not isinstance(report, handlers.Counting)
    assert (report.members, report.equality.decisions) == (7, 7)


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("staff", {"roles": ["store_manager"], "stores": ["online"]}),
        ("staff", {"roles": ["consultant"], "stores": ["online"]}),
        ("member", {}),
        ("partner", {}),
    ],
    ids=["a manager of a store", "a consultant", "a member", "a partner"],
)
async def test_fairness_is_for_who_answers_for_the_program(
    benefits: BenefitsWorld, kind: PrincipalKind, claims: dict[str, Any]
) -> None:
    asked = reports(benefits, PROGRAM, kind, **claims).GetFairnessReport(
        pb.GetFairnessReportRequest(program_id=PROGRAM)
    )

    assert (await refusal(asked))[:2] == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")
