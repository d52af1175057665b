"""RecordEvents of refunds: they name a purchase of the member and take back no more than was paid."""

import asyncio
from typing import Any

from laurel.members.v1 import events_pb2
from tests.members.conftest import MembersWorld
from tests.members.test_record_events import ACCEPTED, REJECTED, outcomes, reasons
from tests.support.builders import a_batch, a_purchase, an_event


def a_refund(member: str, ref: str, amount_minor: int, *, line: int = 0) -> events_pb2.Event:
    return an_event(
        member,
        events_pb2.EVENT_KIND_REFUND,
        amount_minor=amount_minor,
        currency="USD",
        original=events_pb2.EventReference(external_ref=ref, line=line),
    )


async def test_no_more_is_refunded_than_was_paid(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member, 1000, ref="big")))
    await members.partner.RecordEvents(a_batch(a_refund(member, "big", 400)))

    answer = await members.partner.RecordEvents(
        a_batch(a_refund(member, "big", 601), a_refund(member, "big", 500), a_refund(member, "big", 101))
    )

    assert reasons(answer) == ["REFUND_TOO_LARGE", "UNSPECIFIED", "REFUND_TOO_LARGE"]


async def test_each_line_of_a_receipt_is_refunded_by_itself(members: MembersWorld) -> None:
    member = await members.a_member()
    lines = [a_purchase(member, amount, ref="till-3", line=line) for line, amount in ((1, 1000), (2, 300))]
    await members.partner.RecordEvents(a_batch(*lines))

    answer = await members.partner.RecordEvents(
        a_batch(
            a_refund(member, "till-3", 301, line=2),
            a_refund(member, "till-3", 300, line=2),
            a_refund(member, "till-3", 1, line=2),
            a_refund(member, "till-3", 1000, line=1),
            a_refund(member, "till-3", 1, line=3),
        )
    )

    assert reasons(answer) == [
        "REFUND_TOO_LARGE",
        "UNSPECIFIED",
        "REFUND_TOO_LARGE",
        "UNSPECIFIED",
        "ORIGINAL_UNKNOWN",
    ]
    assert "till-3 line 3" in answer.results[4].detail


async def test_ten_refunds_of_all_at_once_give_it_back_once(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member, 1000, ref="once-only")))

    answers = await asyncio.gather(
        *(members.partner.RecordEvents(a_batch(a_refund(member, "once-only", 1000))) for _ in range(10))
    )

    assert sorted(each for answer in answers for each in outcomes(answer)) == [ACCEPTED] + [REJECTED] * 9


async def test_a_refund_needs_a_purchase_of_the_same_member(members: MembersWorld) -> None:
    owner, other = await members.a_member(), await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(owner, ref="bought")))
    refund: dict[str, Any] = {
        "amount_minor": 100,
        "currency": "USD",
        "original": events_pb2.EventReference(external_ref="bought"),
    }

    answer = await members.partner.RecordEvents(
        a_batch(
            an_event(other, events_pb2.EVENT_KIND_REFUND, **refund),
            an_event(owner, events_pb2.EVENT_KIND_REFUND, **refund),
        )
    )

    assert reasons(answer) == ["ORIGINAL_UNKNOWN", "UNSPECIFIED"]
