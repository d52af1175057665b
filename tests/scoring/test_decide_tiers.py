"""DecideTiers through a real channel: the chain, the programs by digest, receipts, and what is refused."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import receipts_pb2
from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.program import Program, preset
from libs.common.rpc.errors import error_info
from libs.common.rpc.time import moment, timestamp
from services.scoring.domain.receipts import EventCause
from services.scoring.domain.tiers import Standing, Step, decide_in_row, ladders
from services.scoring.messages import receipt_message

if TYPE_CHECKING:
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub
    from tests.scoring.conftest import AsCaller

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SHOP = preset("ecommerce_five")
SPEND, INVITES = "purchase.amount_minor.lifetime", "invite.count.lifetime"


def a_step(seq: int, *, at: datetime = NOON, **facts: int) -> pb.TierStep:
    named = {"spend": SPEND, "invites": INVITES}
    return pb.TierStep(
        cause=receipts_pb2.Cause(event=receipts_pb2.EventCause(event_id=f"evt_{seq}", seq=seq)),
        occurred_time=timestamp(at),
        facts=[fact_pb2.Fact(name=named.get(name, name), value=value) for name, value in facts.items()],
    )


def a_subject(
    *steps: pb.TierStep, subject_id: str = "s1", tier: str = "", tier_set: str = "main"
) -> pb.TierSubject:
    return pb.TierSubject(subject_id=subject_id, tier_set=tier_set, tier=tier, steps=steps)


def a_request(
    *subjects: pb.TierSubject, program: Program = SHOP, document: bool = True
) -> pb.DecideTiersRequest:
    return pb.DecideTiersRequest(
        program_digest=program.digest(),
        program_document=program.canonical() if document else b"",
        subjects=subjects,
    )


async def refusal(call: Any) -> tuple[str, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    info = error_info(raised.value)
    assert info is not None
    return raised.value.code().name, info.reason, dict(info.metadata)


async def test_the_steps_of_a_subject_are_decided_each_from_the_one_before(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    steps = [
        a_step(0),
        a_step(1, spend=100_000),
        a_step(2, at=NOON - timedelta(days=1), spend=90_000),
        a_step(3, at=NOON + timedelta(days=1), spend=90_000, invites=10),
    ]

    response = await scoring.DecideTiers(a_request(a_subject(*steps)))

    (decided,) = response.decisions
    assert decided.subject_id == "s1"
    assert [(each.from_tier, each.to_tier) for each in decided.receipts] == [
        ("", "normal"),
        ("normal", "silver"),
        ("silver", "silver"),
        ("silver", "gold"),
    ]
    assert [each.outcome for each in decided.receipts] == [
        receipts_pb2.TIER_OUTCOME_ENROLLED,
        receipts_pb2.TIER_OUTCOME_UPGRADED,
        receipts_pb2.TIER_OUTCOME_KEPT,
        receipts_pb2.TIER_OUTCOME_UPGRADED,
    ]
    assert [moment(each.as_of) for each in decided.receipts] == [NOON, NOON, NOON, NOON + timedelta(days=1)]


async def test_subjects_come_back_in_order_and_do_not_touch_each_other(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    subjects = [a_subject(a_step(1, spend=number * 100_000), subject_id=f"s{number}") for number in range(40)]

    together = await scoring.DecideTiers(a_request(*subjects))
    alone = [await scoring.DecideTiers(a_request(subject)) for subject in subjects]

    assert [each.subject_id for each in together.decisions] == [f"s{number}" for number in range(40)]
    assert list(together.decisions) == [response.decisions[0] for response in alone]


async def test_a_row_of_steps_in_one_call_is_decided_as_one_call_each(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    steps = [a_step(seq, at=NOON + timedelta(hours=-seq % 3), spend=seq * 40_000) for seq in range(1, 12)]

    together = await scoring.DecideTiers(a_request(a_subject(*steps)))

    subject, receipts = a_subject(), []
    for step in steps:
        del subject.steps[:]
        subject.steps.append(step)
        ((receipt,),) = [each.receipts for each in (await scoring.DecideTiers(a_request(subject))).decisions]
        receipts.append(receipt)
        subject.tier = receipt.to_tier
        subject.decided_time.CopyFrom(receipt.as_of)
    assert list(together.decisions[0].receipts) == receipts


async def test_a_stored_receipt_is_replayed_to_the_same_bytes(scoring: "ScoringServiceAsyncStub") -> None:
    response = await scoring.DecideTiers(
        a_request(a_subject(*[a_step(seq, spend=seq * 90_000) for seq in range(9)]))
    )
    stored = [each.SerializeToString(deterministic=True) for each in response.decisions[0].receipts]

    for data in stored:
        receipt = receipts_pb2.Receipt.FromString(data)
        step = pb.TierStep(cause=receipt.cause, occurred_time=receipt.as_of, facts=receipt.facts)
        again = await scoring.DecideTiers(a_request(a_subject(step, tier=receipt.from_tier)))

        assert again.decisions[0].receipts[0].SerializeToString(deterministic=True) == data


async def test_the_service_decides_as_the_domain_does_on_its_own(scoring: "ScoringServiceAsyncStub") -> None:
    response = await scoring.DecideTiers(
        a_request(a_subject(a_step(1, spend=450_000, invites=4), tier="normal"))
    )

    ladder = ladders(SHOP, SHOP.digest())["main"]
    step = Step(EventCause("evt_1", 1), NOON, {SPEND: 450_000, INVITES: 4})
    (receipt,) = decide_in_row(ladder, Standing("normal"), [step])
    assert response.decisions[0].receipts[0] == receipt_message(receipt)
    assert response.decisions[0].receipts[0].program_digest == SHOP.digest()


async def test_a_program_is_asked_for_once_and_kept(scoring: "ScoringServiceAsyncStub") -> None:
    by_digest = a_request(a_subject(a_step(1)), document=False)

    first = await refusal(scoring.DecideTiers(by_digest))
    with_document = await scoring.DecideTiers(a_request(a_subject(a_step(1))))
    again = await scoring.DecideTiers(by_digest)

    assert first == ("FAILED_PRECONDITION", "PROGRAM_UNKNOWN", {"program_digest": SHOP.digest()})
    assert again == with_document


async def test_the_program_used_longest_ago_leaves_when_there_is_no_room(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    one, two, three = (SHOP.model_copy(update={"version": version}) for version in (1, 2, 3))
    subject = a_subject(a_step(1))
    await scoring.DecideTiers(a_request(subject, program=one))
    await scoring.DecideTiers(a_request(subject, program=two))
    await scoring.DecideTiers(a_request(subject, program=one, document=False))
    await scoring.DecideTiers(a_request(subject, program=three))

    kept = await scoring.DecideTiers(a_request(subject, program=one, document=False))
    gone = await refusal(scoring.DecideTiers(a_request(subject, program=two, document=False)))

    assert kept.decisions[0].receipts[0].program_version == 1
    assert gone[1] == "PROGRAM_UNKNOWN"


async def test_a_document_that_is_not_of_its_digest_is_refused_and_not_kept(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    forged = a_request(a_subject(a_step(1)))
    forged.program_document = forged.program_document.replace(b"100000", b"100001")

    refused = await refusal(scoring.DecideTiers(forged))
    after = await refusal(scoring.DecideTiers(a_request(a_subject(a_step(1)), document=False)))

    assert refused[:2] == ("INVALID_ARGUMENT", "PROGRAM_INVALID")
    assert after[1] == "PROGRAM_UNKNOWN"


async def test_a_document_that_breaks_a_rule_is_refused_with_the_place(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    document = SHOP.canonical().replace(b'"CNY"', b'"RMB"')
    request = a_request(a_subject(a_step(1)))
    request.program_document, request.program_digest = document, sha256(document).hexdigest()

    code, reason, facts = await refusal(scoring.DecideTiers(request))

    assert (code, reason, list(facts)) == ("INVALID_ARGUMENT", "PROGRAM_INVALID", ["currency"])


@pytest.mark.parametrize(
    ("subject", "facts"),
    [
        (a_subject(a_step(1), tier_set="other"), {"tier_set": "other"}),
        (a_subject(a_step(1), tier="titanium"), {"tier_set": "main", "tier": "titanium"}),
    ],
    ids=["tier set", "tier"],
)
async def test_a_tier_that_the_program_does_not_have_is_refused(
    scoring: "ScoringServiceAsyncStub", subject: pb.TierSubject, facts: dict[str, str]
) -> None:
    assert await refusal(scoring.DecideTiers(a_request(subject))) == (
        "INVALID_ARGUMENT",
        "TIER_UNKNOWN",
        facts,
    )


@pytest.mark.parametrize(("steps", "accepted"), [(250, True), (251, False)], ids=["500 in all", "502 in all"])
async def test_a_request_has_at_most_500_steps(
    scoring: "ScoringServiceAsyncStub", steps: int, accepted: bool
) -> None:
    request = a_request(
        *[a_subject(*[a_step(seq) for seq in range(steps)], subject_id=name) for name in "ab"]
    )

    if accepted:
        response = await scoring.DecideTiers(request)
        assert [len(each.receipts) for each in response.decisions] == [steps, steps]
    else:
        code, reason, facts = await refusal(scoring.DecideTiers(request))
        assert (code, reason, list(facts)) == ("INVALID_ARGUMENT", "INVALID_REQUEST", ["subjects"])


def _told_twice() -> pb.TierStep:
    step = a_step(1, spend=1)
    step.facts.add(name=SPEND, value=2)
    return step


def _without_cause() -> pb.TierStep:
    step = a_step(1)
    step.cause.Clear()
    step.cause.SetInParent()
    return step


def _beyond_time() -> pb.TierStep:
    step = a_step(1)
    step.occurred_time.seconds = 2**62
    return step


@pytest.mark.parametrize(
    "step",
    [_told_twice(), _without_cause(), _beyond_time(), a_step(1, spend=2**60), a_step(-1), a_step(2**60)],
    ids=["a fact twice", "no cause", "no such year", "a fact too large", "a negative seq", "a seq too large"],
)
async def test_a_step_that_cannot_be_written_down_exactly_is_refused(
    scoring: "ScoringServiceAsyncStub", step: pb.TierStep
) -> None:
    code, reason, _ = await refusal(scoring.DecideTiers(a_request(a_subject(step))))

    assert (code, reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")


@pytest.mark.parametrize("kind", ["member", "partner", "staff"])
async def test_only_services_may_ask_for_decisions(as_caller: "AsCaller", kind: Any) -> None:
    stub = as_caller(kind, "ecommerce_five")

    code, reason, _ = await refusal(stub.DecideTiers(a_request(a_subject(a_step(1)))))

    assert (code, reason) == ("PERMISSION_DENIED", "FORBIDDEN")
