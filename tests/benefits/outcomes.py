"""What announcements come to for one member, and a story whose outcome is known."""

from dataclasses import dataclass

from laurel.benefits.v1 import benefits_pb2 as pb
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import PROGRAM

# 101.98 in all make silver, 256.42 gold, 518.91 platinum; one is of nothing, one of less than a unit.
AMOUNTS = (5_000, 3_499, 1_699, 0, 12_345, 3_099, 99, 150, 26_000)
POINTS = (50, 34, 16, 0, 246, 60, 0, 2, 520)
COUNT = len(AMOUNTS)


@dataclass(frozen=True)
class Outcome:
    """What announcements have come to for one member, without ids."""

    tier: str
    decisions: int
    applied_seq: int
    tier_changes: list[tuple[int, str, str]]
    balance: int
    entries: list[tuple[int, int, int, str]]
    transactions: int


async def outcome(benefits: BenefitsWorld, story: Story) -> Outcome:
    of_member = {"program_id": story.program_id, "member_id": story.member_id}
    membership = await benefits.database.memberships.find_one(of_member)
    account = await benefits.database.accounts.find_one({"owner": story.member_id})
    decisions = await benefits.database.decisions.find(of_member).sort("seq", 1).to_list(None)
    entries = benefits.database.entries.find({"account_id": (account or {}).get("_id")}).sort("seq", 1)
    refs = {"external_ref": {"$regex": f"^{story.member_id}-"}}
    transactions = {
        each["_id"]: each["external_ref"].removeprefix(story.member_id)
        async for each in benefits.database.transactions.find(refs)
    }
    assert membership is not None
    assert [each["seq"] for each in decisions] == list(range(1, len(decisions) + 1))
    assert [each["event_seq"] for each in decisions] == list(range(len(decisions)))
    return Outcome(
        tier=membership["tier"],
        decisions=len(decisions),
        applied_seq=membership["applied_seq"],
        tier_changes=[
            (each["event_seq"], each["from_tier"], each["to_tier"]) for each in decisions if each["changed"]
        ],
        balance=account["balance"] if account else 0,
        entries=[
            (each["seq"], each["points"], each["balance_after"], transactions[each["transaction_id"]])
            async for each in entries
        ],
        transactions=len(transactions),
    )


EXPECTED = Outcome(
    tier="platinum",
    decisions=COUNT + 1,
    applied_seq=COUNT,
    tier_changes=[(0, "", "normal"), (3, "normal", "silver"), (6, "silver", "gold"), (9, "gold", "platinum")],
    balance=sum(POINTS),
    entries=[
        (place, points, sum(POINTS[:seq]), f"-{seq}")
        for place, (seq, points) in enumerate(
            [(seq, points) for seq, points in enumerate(POINTS, start=1) if points], start=1
        )
    ],
    transactions=COUNT,
)


async def ledger_faults(benefits: BenefitsWorld, program_id: str = PROGRAM) -> list[str]:
    request = pb.VerifyLedgerRequest(program_id=program_id)
    results = [answer async for answer in benefits.service.VerifyLedger(request)]
    return [f"{fault.code} {fault.object_id} {fault.detail}" for fault in results[-1].faults]


def a_story(benefits: BenefitsWorld, program_id: str = PROGRAM) -> Story:
    story = Story(program_id).buys(*AMOUNTS)
    benefits.members.knows([story])
    return story
