"""Contracts over gRPC: sold, renewed and refunded once, by those who may, and followed by what they grant."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import benefits_pb2, entitlements_pb2, entitlements_pb2_grpc, events_pb2
from laurel.benefits.v1 import contracts_pb2 as pb
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.time import moment
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.contract_checks import stored_faults
from tests.benefits.contracts_world import AFTER_RUNNING, BEGIN, DAY, Site, a_site, end_of, reasons
from tests.benefits.refusals import refusal

Status = grpc.StatusCode


@pytest.fixture(scope="module")
async def site(benefits: BenefitsWorld) -> Site:
    """A site whose clock nobody moves."""
    return await a_site(benefits)


async def test_a_sold_plan_grants_its_tier_from_then_on(site: Site) -> None:
    story = await site.a_member()

    sold = await site.sell(story, "gold_year")

    assert (sold.plan, sold.group, sold.state) == ("gold_year", "membership", pb.CONTRACT_STATE_RUNNING)
    assert (sold.amount_minor, sold.currency, sold.source) == (128_800, "CNY", "shop")
    assert (moment(sold.start_time), end_of(sold)) == (BEGIN, BEGIN + timedelta(days=365, hours=10))
    membership = await site.membership(story)
    assert (membership.tier, membership.earned_tier) == ("gold", "normal")
    assert (membership.contract_id, moment(membership.since_time)) == (sold.contract_id, BEGIN)
    assert membership.decision.receipt.to_tier == "normal"
    assert await site.benefits_of(story) == {
        "advanced_search": "gold_year",
        "anonymous_visit_records": "gold_year",
        "offline_event_priority_signup": "gold_year",
        "basic_matching": "",
        "profile_browse": "",
    }


async def test_an_add_on_grants_its_own_benefits(site: Site) -> None:
    story = await site.a_member()

    await site.sell(story, "ai_deep_matching")

    assert (await site.membership(story)).tier == "normal"
    granted = await site.benefits_of(story)
    assert {key for key, plan in granted.items() if plan == "ai_deep_matching"} == {
        "emotion_prediction",
        "weekly_match_advice",
    }


async def test_a_sale_is_announced_to_who_watches_the_member(site: Site) -> None:
    story = await site.a_member()

    sold = await site.sell(story)

    row = await site.benefits.database.outbox.find_one(
        {"subject": story.member_id, "type": "ContractChanged"}
    )
    assert row is not None
    told = events_pb2.ContractChanged.FromString(row["payload"])
    assert told == events_pb2.ContractChanged(
        program_id=site.key, member_id=story.member_id, change=pb.CONTRACT_CHANGE_SOLD, contract=sold
    )


async def test_a_till_that_asks_again_with_a_new_id_gets_the_same_contract(site: Site) -> None:
    story = await site.a_member()
    request = site.selling(story, payment_reference=new_id("pay"))
    again = pb.SellContractRequest()
    again.CopyFrom(request)
    again.request_id = new_id("req")

    first, second = [await site.partner.SellContract(each) for each in (request, again)]

    assert first.contract == second.contract
    assert len(await site.contracts(story)) == 1


@pytest.mark.parametrize("change", ["plan", "member", "amount", "renewal"])
async def test_a_payment_buys_one_thing(site: Site, change: str) -> None:
    story, other = await site.a_member(), await site.a_member()
    reference = new_id("pay")
    sold = await site.sell(story, payment_reference=reference)
    again: dict[str, Any] = {
        "plan": site.selling(story, "ai_deep_matching", payment_reference=reference),
        "member": site.selling(other, payment_reference=reference),
        "amount": site.selling(story, payment_reference=reference, amount_minor=1),
        "renewal": site.renewing(sold, payment_reference=reference),
    }
    call = site.partner.RenewContract if change == "renewal" else site.partner.SellContract

    code, reason, facts = await refusal(call(again[change]))

    assert (code, reason) == (Status.ALREADY_EXISTS, "BUSINESS_KEY_CONFLICT")
    assert facts == {"contract_id": sold.contract_id}
    assert len(await site.contracts(story)) == 1


async def test_the_same_number_of_another_seller_is_another_payment(site: Site) -> None:
    story, other = await site.a_member(), await site.a_member()
    reference = new_id("pay")

    await site.sell(story, payment_reference=reference)
    sold = (await site.staff.SellContract(site.selling(other, payment_reference=reference))).contract

    assert sold.source == "staff"


async def test_one_payment_sent_by_many_tills_at_once_is_one_contract(site: Site) -> None:
    story = await site.a_member()
    reference = new_id("pay")
    requests = [site.selling(story, payment_reference=reference) for _ in range(8)]

    async with asyncio.timeout(60):
        answers = await asyncio.gather(*map(site.partner.SellContract, requests))

    assert len({each.contract.contract_id for each in answers}) == 1
    assert len(await site.contracts(story)) == 1


async def test_two_tills_that_sell_at_once_sell_one(site: Site) -> None:
    story = await site.a_member()
    plans = ["gold_year", "diamond_year"] * 4

    async with asyncio.timeout(60):
        calls = [site.partner.SellContract(site.selling(story, plan)) for plan in plans]
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert reasons(answers) == ["CONTRACT_RUNNING"] * 7
    (sold,) = await site.contracts(story)
    assert (await site.membership(story)).contract_id == sold.contract_id


async def test_two_tills_that_renew_at_once_charge_one(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)

    async with asyncio.timeout(60):
        calls = [site.partner.RenewContract(site.renewing(sold)) for _ in range(8)]
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert reasons(answers) == ["CONTRACT_RENEWED"] * 7
    first, second = await site.contracts(story)
    assert (first.followed_by, second.follows) == (second.contract_id, first.contract_id)
    assert second.start_time == first.end_time
    assert second.state == pb.CONTRACT_STATE_UPCOMING
    assert await stored_faults(site.benefits, site.key) == []


async def test_a_renewal_may_be_by_another_plan_of_the_group(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story, "dating_quarter")

    renewal = (await site.partner.RenewContract(site.renewing(sold, plan="gold_year"))).contract

    assert (renewal.plan, renewal.start_time) == ("gold_year", sold.end_time)
    assert end_of(renewal) == end_of(sold) + 365 * DAY


async def test_a_sale_after_the_running_one_follows_it(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)

    following = await site.sell(story, "diamond_year", start=AFTER_RUNNING, amount_minor=300_000)

    assert (following.follows, following.start_time) == (sold.contract_id, sold.end_time)
    assert following.amount_minor == 300_000
    assert (await site.membership(story)).tier == "gold"


@pytest.mark.parametrize(
    ("kind", "subject", "claims", "sees"),
    [
        ("partner", "shop", {}, True),
        ("partner", "rival", {}, False),
        ("staff", "eve", {"roles": ["store_manager"], "stores": ["uptown"]}, True),
        ("staff", "eve", {"roles": ["store_manager"], "stores": ["downtown"]}, False),
    ],
)
async def test_whom_the_caller_may_not_see_is_as_if_not_there(
    site: Site, kind: Any, subject: str, claims: dict[str, Any], sees: bool
) -> None:
    story = await site.a_member(home=Home("uptown", "east", "shop"))
    sold = await site.sell(story)
    stub = site.stub(kind, subject, **claims)
    listed = await stub.ListContracts(pb.ListContractsRequest(program_id=site.key, page_size=500))
    read = await stub.BatchListContracts(
        pb.BatchListContractsRequest(program_id=site.key, member_ids=[story.member_id])
    )

    if not sees:
        assert (await refusal(stub.SellContract(site.selling(story, "ai_boost"))))[1] == "MEMBER_UNKNOWN"
        assert (await refusal(stub.RefundContract(site.refunding(sold))))[1] == "CONTRACT_UNKNOWN"
    assert (sold.contract_id in {each.contract_id for each in listed.contracts}) is sees
    assert (len(read.results[0].contracts) == 1) is sees


async def test_a_contract_of_another_program_is_not_there(site: Site, benefits: BenefitsWorld) -> None:
    sold = await (other := await a_site(benefits)).sell(await other.a_member())

    refused = await refusal(site.staff.RefundContract(site.refunding(sold)))

    assert refused == (Status.NOT_FOUND, "CONTRACT_UNKNOWN", {"contract_id": sold.contract_id})


async def test_what_is_not_on_sale_is_unknown_and_what_was_sold_stays(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.benefits.handlers.programs.LIVE_SECONDS", 0.0)
    site = await a_site(benefits)
    story, other = await site.a_member(), await site.a_member()
    sold = await site.sell(story)
    document = site.program.document()
    gold = document["contracts"]["plans"][0]
    gold |= {"on_sale": False, "amount_minor": 1, "grants": {"tier_set": "main", "tier": "normal"}}
    document["contracts"]["plans"][1]["grants"] = {"tier_set": "main", "tier": "gold"}
    await benefits.publish(Program.parse(document))

    refused = await refusal(site.partner.SellContract(site.selling(other)))

    assert refused == (Status.NOT_FOUND, "PLAN_UNKNOWN", {"plan": "gold_year"})
    assert (await site.membership(story)).tier == "gold"
    assert (await site.contracts(story)) == [sold]


async def test_a_live_program_keeps_its_plans(benefits: BenefitsWorld) -> None:
    site = await a_site(benefits)
    document = site.program.document()
    document["contracts"]["plans"] = [
        each for each in document["contracts"]["plans"] if each["key"] != "ai_deep_matching"
    ]

    code, reason, facts = await refusal(benefits.publish(Program.parse(document)))

    assert (code, reason) == (Status.FAILED_PRECONDITION, "PROGRAM_FIELD_FIXED")
    assert facts == {"plans": "ai_deep_matching.ai_deep_matching"}


async def test_contracts_are_listed_page_by_page(benefits: BenefitsWorld) -> None:
    site = await a_site(benefits)
    sold = [await site.sell(await site.a_member(), plan) for plan in ["gold_year", "diamond_year"] * 2]

    first = await site.staff.ListContracts(pb.ListContractsRequest(program_id=site.key, page_size=3))
    second = await site.staff.ListContracts(
        pb.ListContractsRequest(program_id=site.key, page_size=3, page_token=first.next_page_token)
    )
    gold = await site.staff.ListContracts(pb.ListContractsRequest(program_id=site.key, plan="gold_year"))

    assert [*first.contracts, *second.contracts] == sold[::-1]
    assert second.next_page_token == ""
    assert list(gold.contracts) == [sold[2], sold[0]]


async def test_purchases_earn_at_the_tier_that_is_held_by_contract(benefits: BenefitsWorld) -> None:
    site = await a_site(
        benefits,
        points={
            "name": {"zh": "积分", "en": "Points"},
            "earn": [{"key": "buys", "event_kind": "purchase", "unit_minor": 100, "points_per_unit": 1}],
        },
        tier_sets=_doubled_gold(),
    )
    story = await site.a_member()
    sold = await site.sell(story)
    story.buys(1_000, at=BEGIN - DAY).buys(1_000, at=BEGIN + DAY).buys(1_000, at=end_of(sold))
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.told())

    request = benefits_pb2.BatchListEntriesRequest(program_id=site.key, member_ids=[story.member_id])
    (result,) = (await benefits.service.BatchListEntries(request)).results

    earned = [(each.points, each.earnings[0].tier) for each in reversed(result.entries)]
    assert earned == [(10, "normal"), (20, "gold"), (10, "normal")]


def _doubled_gold() -> list[dict[str, Any]]:
    document: list[dict[str, Any]] = preset("dating_annual").document()["tier_sets"]
    document[0]["tiers"][1]["multiplier_bp"] = 20_000
    return document


async def test_a_benefit_of_a_contract_is_used_and_counted_as_any_other(benefits: BenefitsWorld) -> None:
    plans = preset("dating_annual").document()["contracts"]
    advice = next(each for each in plans["plans"] if each["key"] == "ai_deep_matching")["benefits"][1]
    advice["quota"] = {"amount": 1, "unit": "uses", "period": "week"}
    site = await a_site(benefits, contracts=plans)
    story = await site.a_member()
    service = entitlements_pb2.DESCRIPTOR.services_by_name["EntitlementsService"]
    made = entitlements_pb2_grpc.EntitlementsServiceStub
    stub = benefits.stub(service, made, "partner", "shop", site.key)

    def using() -> Any:
        return stub.UseBenefit(
            entitlements_pb2.UseBenefitRequest(
                program_id=site.key,
                request_id=new_id("req"),
                member_id=story.member_id,
                benefit="weekly_match_advice",
                amount=1,
                external_ref=new_id("ref"),
            )
        )

    _, before, facts = await refusal(using())
    await site.sell(story, "ai_deep_matching")
    used = await using()
    _, after, _ = await refusal(using())

    assert (before, facts) == (
        "BENEFIT_NOT_HELD",
        {"benefit": "weekly_match_advice", "plan": "ai_deep_matching"},
    )
    assert (used.allowance.left, after) == (0, "QUOTA_USED_UP")
