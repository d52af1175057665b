"""Announcements of members: tiers, decisions and points, whatever the batches, the order and the repeats."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laurel.benefits.v1 import events_pb2
from laurel.scoring.v1 import receipts_pb2, scoring_pb2, scoring_pb2_grpc
from libs.common.program import Program, preset
from libs.common.redis import partition_of
from libs.common.rpc.client import channel
from libs.common.rpc.time import moment
from services.benefits.handlers.decisions import MEMBERS_MAX, STEPS_MAX
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import COUNT, EXPECTED, a_story, ledger_faults, outcome
from tests.benefits.stories import JOINED, Story
from tests.support.builders import DAY, NOON, PROGRAM


async def test_a_registration_and_purchases_become_a_tier_a_receipt_each_and_points(
    benefits: BenefitsWorld,
) -> None:
    story = a_story(benefits)

    await benefits.apply(story.partition, story.registration(), story.told())

    assert await outcome(benefits, story) == EXPECTED
    assert await ledger_faults(benefits) == []


async def test_a_registration_alone_is_the_first_tier_since_the_member_joined(
    benefits: BenefitsWorld,
) -> None:
    story = await benefits.a_member()

    membership = await benefits.database.memberships.find_one({"member_id": story.member_id})

    assert membership is not None
    assert (membership["tier"], membership["since_time"], membership["applied_seq"]) == ("normal", JOINED, 0)
    assert await benefits.database.accounts.find_one({"owner": story.member_id}) is None


async def test_an_upgrade_counts_from_the_next_purchase_on(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(9_999, 1, 10_000)

    assert [points for _, points, _, _ in (await outcome(benefits, story)).entries] == [99, 200]


async def test_invited_friends_are_the_other_path_and_earn_no_points(benefits: BenefitsWorld) -> None:
    program_id = await benefits.a_program("ecommerce_five")
    story = Story(program_id).invites(3).buys(10_000)

    await benefits.apply(story.partition, story.registration(), story.told())

    result = await outcome(benefits, story)
    assert (result.tier, result.transactions, result.balance) == ("silver", 1, 200)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """How events come: the lengths of the messages, their order with repeats and omissions, and the reads.

    The last message always comes: without it nobody would know that there is more.
    """
    cuts = sorted(draw(st.sets(st.integers(1, COUNT - 1))))
    lengths = [end - start for start, end in zip([0, *cuts], [*cuts, COUNT], strict=True)]
    last = len(lengths)  # place 0 is the registration
    order = [*draw(st.lists(st.integers(0, last), max_size=last + 3)), last]
    order = draw(st.permutations(order))
    reads = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4)) | {len(order)})
    return lengths, order, reads


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
async def test_batches_repeats_order_and_gaps_make_no_difference(
    benefits: BenefitsWorld, delivery: tuple[list[int], list[int], list[int]]
) -> None:
    lengths, order, reads = delivery
    story = a_story(benefits)
    messages = [story.registration(), *story.told_in(*lengths)]

    start = 0
    for end in reads:
        await benefits.apply(story.partition, *(messages[place] for place in order[start:end]))
        start = end

    assert await outcome(benefits, story) == EXPECTED


async def test_a_missing_message_is_pulled_from_members(benefits: BenefitsWorld) -> None:
    story = a_story(benefits)
    first, _, last = story.told_in(3, 3, 3)
    await benefits.apply(story.partition, story.registration(), first)

    await benefits.apply(story.partition, last)

    assert (story.member_id, 3) in benefits.members.pulled
    assert await outcome(benefits, story) == EXPECTED


async def test_nothing_is_pulled_while_nothing_is_missing(benefits: BenefitsWorld) -> None:
    story = a_story(benefits)

    await benefits.apply(story.partition, story.registration(), *story.told_in(3, 3, 3))

    assert story.member_id not in {member_id for member_id, _ in benefits.members.pulled}


async def test_a_late_event_is_decided_as_of_the_decision_before_it(benefits: BenefitsWorld) -> None:
    story = Story().buys(5_000).buys(6_000, at=NOON - 20 * DAY)

    await benefits.apply(story.partition, story.registration(), story.told())

    decisions = benefits.database.decisions.find({"member_id": story.member_id}).sort("seq", 1)
    assert [each["as_of"] async for each in decisions] == [JOINED, NOON, NOON]


@pytest.mark.parametrize("announced", ["whole", "only the last event"])
async def test_a_member_with_more_events_due_than_one_call_takes_is_applied_wholly(
    benefits: BenefitsWorld, announced: str
) -> None:
    count = 1_200
    story = Story().buys(*[1_000] * count)
    benefits.members.knows([story])

    await benefits.apply(story.partition, story.told(1 if announced == "whole" else count))

    result = await outcome(benefits, story)
    assert count > 2 * STEPS_MAX
    assert (result.decisions, result.applied_seq, result.tier) == (count + 1, count, "diamond")
    assert result.balance == 10 * 10 + (count - 10) * 20
    assert len(result.entries) == count


async def test_more_members_than_one_transaction_holds_are_all_applied(benefits: BenefitsWorld) -> None:
    stories = [Story().buys(1_000) for _ in range(MEMBERS_MAX + 3)]

    await benefits.apply(0, *(message for each in stories for message in (each.registration(), each.told())))

    members = {"member_id": {"$in": [story.member_id for story in stories]}, "applied_seq": 1}
    assert await benefits.database.memberships.count_documents(members) == len(stories)


async def test_announcements_of_several_programs_in_one_read_are_each_decided_by_their_own(
    benefits: BenefitsWorld,
) -> None:
    cny = await benefits.a_program("ecommerce_five")
    one, other = Story().buys(10_000), Story(cny).buys(10_000)

    await benefits.apply(0, one.told(), other.told())

    assert [(await outcome(benefits, each)).tier for each in (one, other)] == ["silver", "normal"]


async def test_the_longest_keys_that_a_program_may_have_are_decided(benefits: BenefitsWorld) -> None:
    document = preset(PROGRAM).document() | {"key": "p" * 63}
    document["tier_sets"][0]["key"] = "t" * 63
    await benefits.publish(Program.parse(document))
    story = Story("p" * 63).buys(10_000)

    await benefits.apply(story.partition, story.told())

    assert (await outcome(benefits, story)).tier == "silver"


async def test_points_are_issued_from_the_stripe_of_the_partition(benefits: BenefitsWorld) -> None:
    program_id = await benefits.a_program()
    for partition in (3, 11, 3):
        await benefits.apply(partition, Story(program_id).buys(1_000).told())

    issuers = benefits.database.accounts.find({"owner": f"issuer:{program_id}"}).sort("stripe", 1)

    assert [(each["stripe"], each["balance"], each["seq"]) async for each in issuers] == [
        (3, -20, 2),
        (11, -10, 1),
    ]


async def test_a_receipt_replayed_through_scoring_has_the_same_digest(benefits: BenefitsWorld) -> None:
    story = Story().buys(5_000, 6_000).buys(20_000, at=NOON - 20 * DAY)
    await benefits.apply(story.partition, story.told())
    decisions = benefits.database.decisions.find({"member_id": story.member_id})
    stored = [receipts_pb2.Receipt.FromString(each["receipt"]) async for each in decisions]

    opened = channel(
        benefits.scoring.address,
        scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"],
        token=benefits.keys.token("service", "auditor", None),
    )
    live = preset(PROGRAM).model_copy(update={"version": 1})
    request = scoring_pb2.DecideTiersRequest(
        program_digest=live.digest(),
        program_document=live.canonical(),
        subjects=[
            scoring_pb2.TierSubject(
                subject_id=receipt.digest,
                tier_set=receipt.tier_set,
                tier=receipt.from_tier,
                steps=[
                    scoring_pb2.TierStep(
                        cause=receipt.cause, occurred_time=receipt.as_of, facts=receipt.facts
                    )
                ],
            )
            for receipt in stored
        ],
    )
    answer = await scoring_pb2_grpc.ScoringServiceStub(opened).DecideTiers(request)
    await opened.close()

    assert len(stored) == 4
    assert [each.receipts[0] for each in answer.decisions] == stored
    assert [each.receipts[0].digest for each in answer.decisions] == [each.digest for each in stored]


async def announcements(benefits: BenefitsWorld, story: Story) -> list[events_pb2.MembershipChanged]:
    rows = benefits.database.outbox.find({"subject": story.member_id})
    found = await rows.sort("_id", 1).to_list(None)
    assert {row["partition"] for row in found} == {partition_of(story.member_id)}
    assert [row["change_seq"] for row in found] == list(range(1, len(found) + 1))
    return [events_pb2.MembershipChanged.FromString(row["payload"]) for row in found]


async def test_tier_changes_and_postings_are_announced_with_the_effect(benefits: BenefitsWorld) -> None:
    story = Story().buys(9_900, 0, 100)

    await benefits.apply(story.partition, story.registration(), story.told())

    (announced,) = await announcements(benefits, story)
    assert (announced.program_id, announced.member_id, announced.tier) == (PROGRAM, story.member_id, "silver")
    assert (announced.seq_from, announced.seq_to) == (1, 4)
    changes = [
        (each.seq, each.from_tier, each.to_tier, moment(each.valid_from)) for each in announced.tier_changes
    ]
    assert changes == [(1, "", "normal", JOINED), (4, "normal", "silver", NOON + 2 * DAY)]
    assert [each.reasons[0].code for each in announced.tier_changes] == ["TIER_ENROLLED", "TIER_REACHED"]
    postings = [(each.currency, each.points, each.balance_after) for each in announced.postings]
    assert postings == [("points", 99, 99), ("points", 1, 100)]


async def test_announcements_follow_one_another_without_a_gap(benefits: BenefitsWorld) -> None:
    story = a_story(benefits)

    for message in [story.registration(), *story.told_in(2, 3, 4)]:
        await benefits.apply(story.partition, message, message)

    spans = [(each.seq_from, each.seq_to) for each in await announcements(benefits, story)]
    assert spans == [(1, 1), (2, 3), (4, 6), (7, 10)]
