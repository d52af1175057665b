"""Contracts end at once when their money is given back, once, and are not renewed against a member's will."""

import asyncio

import grpc
import pytest

from laurel.benefits.v1 import contracts_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.time import moment
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.contract_checks import stored_faults
from tests.benefits.contracts_world import BEGIN, Site, a_site, reasons
from tests.benefits.refusals import refusal

Status = grpc.StatusCode


@pytest.fixture(scope="module")
async def site(benefits: BenefitsWorld) -> Site:
    """A site whose clock nobody moves."""
    return await a_site(benefits)


async def test_a_refund_ends_at_once_what_a_contract_grants(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)

    ended = (await site.partner.RefundContract(site.refunding(sold, reason="changed their mind"))).contract

    assert (ended.state, ended.refund.amount_minor) == (pb.CONTRACT_STATE_REFUNDED, 128_800)
    assert moment(ended.until_time) == BEGIN
    membership = await site.membership(story)
    assert (membership.tier, membership.contract_id) == ("normal", "")
    assert set((await site.benefits_of(story)).values()) == {""}
    assert await site.pool() == []


async def test_a_refund_by_days_says_how_much_is_paid_out(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)

    ended = (await site.partner.RefundContract(site.refunding(sold, kind=pb.REFUND_KIND_PRO_RATA))).contract

    # The day of the sale is used, and 365 of 366 days are left.
    assert ended.refund.amount_minor == round(128_800 * 365 / 366)


async def test_two_refunds_at_once_give_the_money_back_once(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)

    async with asyncio.timeout(60):
        calls = [site.partner.RefundContract(site.refunding(sold)) for _ in range(6)]
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert reasons(answers) == ["CONTRACT_ENDED"] * 5


async def test_the_same_refund_again_is_answered_as_the_first_time(site: Site) -> None:
    sold = await site.sell(await site.a_member())
    reference = new_id("back")
    requests = [site.refunding(sold, refund_reference=reference) for _ in range(4)]

    async with asyncio.timeout(60):
        answers = await asyncio.gather(*map(site.partner.RefundContract, requests))

    assert all(each == answers[0] for each in answers)


@pytest.mark.parametrize("change", ["kind", "contract"])
async def test_a_refund_reference_is_for_one_refund(site: Site, change: str) -> None:
    sold, other = [await site.sell(await site.a_member()) for _ in range(2)]
    reference = new_id("back")
    await site.partner.RefundContract(site.refunding(sold, refund_reference=reference))
    again = {
        "kind": site.refunding(sold, refund_reference=reference, kind=pb.REFUND_KIND_PRO_RATA),
        "contract": site.refunding(other, refund_reference=reference),
    }

    code, reason, facts = await refusal(site.partner.RefundContract(again[change]))

    assert (code, reason) == (Status.ALREADY_EXISTS, "BUSINESS_KEY_CONFLICT")
    assert facts == {"contract_id": sold.contract_id}


async def test_a_contract_is_renewed_or_refunded_and_never_both(site: Site) -> None:
    stories = [await site.a_member() for _ in range(4)]
    sold = [await site.sell(story) for story in stories]

    async with asyncio.timeout(60):
        calls = [
            call
            for each in sold
            for call in (
                site.partner.RenewContract(site.renewing(each)),
                site.partner.RefundContract(site.refunding(each)),
            )
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert set(reasons(answers)) <= {"CONTRACT_RENEWED", "CONTRACT_ENDED"}
    assert len(reasons(answers)) == 4
    for story in stories:
        first, *renewals = await site.contracts(story)
        assert (first.state == pb.CONTRACT_STATE_REFUNDED) is (renewals == [])
    assert await stored_faults(site.benefits, site.key) == []


async def test_members_cancel_their_own_renewals(site: Site) -> None:
    story, other = await site.a_member(), await site.a_member()
    sold = await site.sell(story)
    themselves = site.stub("member", story.member_id)
    somebody = site.stub("member", other.member_id)

    code, reason, _ = await refusal(somebody.CancelRenewal(site.cancelling(sold)))
    cancelled = (await themselves.CancelRenewal(site.cancelling(sold))).contract
    refused = await refusal(site.partner.RenewContract(site.renewing(sold)))

    assert (code, reason) == (Status.NOT_FOUND, "CONTRACT_UNKNOWN")
    assert moment(cancelled.renewal_cancelled_time) == BEGIN
    assert refused == (
        Status.FAILED_PRECONDITION,
        "RENEWAL_CANCELLED",
        {"contract_id": sold.contract_id},
    )


async def test_each_act_is_audited_with_what_it_changed(site: Site) -> None:
    story = await site.a_member()
    sold = await site.sell(story)
    await site.partner.RefundContract(site.refunding(sold, reason="wrong plan"))

    records = (
        await site.benefits.database.audit.find({"objects": sold.contract_id}).sort("_id", 1).to_list(None)
    )

    assert [(each["act"], each["reason"]) for each in records] == [
        ("SellContract", ""),
        ("RefundContract", "wrong plan"),
    ]
    assert '"refund_minor":128800' in records[1]["after"]
