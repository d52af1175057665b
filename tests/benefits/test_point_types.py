"""Types of points: those that qualify or are exclusive have accounts of their own, and pay for nothing."""

from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.errors import reason_of
from services.benefits.domain.errors import PointsInsufficient
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository import books
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import a_program, matured, spend, told
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON

EARN = [
    {"key": "spend", "event_kind": "purchase", "unit_minor": 100, "points_per_unit": 1},
    {
        "key": "qualify",
        "event_kind": "purchase",
        "unit_minor": 100,
        "points_per_unit": 3,
        "point_type": "tier_points",
    },
    {
        "key": "invited",
        "event_kind": "invite",
        "points_per_event": 7,
        "point_type": "club_points",
    },
]
TYPES = [
    {
        "key": "tier_points",
        "name": {"zh": "等级积分", "en": "Tier points"},
        "kind": "tier",
        "expire_after_months": 1,
    },
    {
        "key": "club_points",
        "name": {"zh": "专属积分", "en": "Club points"},
        "kind": "exclusive",
        "activate_after_days": 5,
    },
]


async def a_story(benefits: BenefitsWorld) -> Story:
    """A member who is alone in a program that gives points of three types."""
    return Story(await a_program(benefits, earn=EARN, types=TYPES))


def asking(benefits: BenefitsWorld, story: Story) -> Any:
    return benefits.staff_of(story.program_id)


async def account_of(benefits: BenefitsWorld, story: Story) -> pb.PointsAccount:
    request = pb.BatchGetPointsAccountsRequest(program_id=story.program_id, member_ids=[story.member_id])
    answer = await asking(benefits, story).BatchGetPointsAccounts(request)
    account: pb.PointsAccount = answer.results[0].account
    return account


async def had(benefits: BenefitsWorld, story: Story) -> dict[str, tuple[int, int]]:
    """Active and pending points of the member, by type."""
    account = await account_of(benefits, story)
    typed = {each.type: (each.balance_points, each.pending_points) for each in account.types}
    return {account.currency: (account.balance_points, account.pending_points)} | typed


async def test_an_event_gives_points_of_each_type_that_its_rules_name(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(1_000).invites(2, at=NOON)

    await told(benefits, story)
    await told(benefits, story)  # delivered twice

    assert await had(benefits, story) == {
        "points": (10, 0),
        "tier_points": (30, 0),
        "club_points": (0, 14),
    }
    assert await ledger_faults(benefits, story.program_id) == []


async def test_a_refund_takes_back_of_each_type_what_the_purchase_gave(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(1_000).refunds(1, 400, at=NOON + DAY)

    await told(benefits, story)

    assert await had(benefits, story) == {"points": (6, 0), "tier_points": (18, 0), "club_points": (0, 0)}
    assert await ledger_faults(benefits, story.program_id) == []


async def test_each_type_lives_as_long_as_its_own_terms_say(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(1_000).invites(1, at=NOON)
    await told(benefits, story)

    await matured(benefits, story.program_id, NOON + 32 * DAY)

    assert await had(benefits, story) == {"points": (10, 0), "tier_points": (0, 0), "club_points": (7, 0)}
    assert await ledger_faults(benefits, story.program_id) == []


async def test_only_redeemable_points_are_spent(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(1_000)
    await told(benefits, story)

    with pytest.raises(PointsInsufficient) as refused:
        await spend(benefits, story, 11)
    await spend(benefits, story, 10)

    assert refused.value.facts == {"available_points": 10, "missing_points": 1}
    assert await had(benefits, story) == {"points": (0, 0), "tier_points": (30, 0), "club_points": (0, 0)}


async def test_a_member_sees_what_each_type_is_called_and_when_it_ends(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(1_000)
    await told(benefits, story)

    tier, club = (await account_of(benefits, story)).types

    assert (tier.type, tier.kind, tier.name_zh, tier.name_en) == (
        "tier_points",
        "tier",
        "等级积分",
        "Tier points",
    )
    assert [each.points for each in tier.expiring] == [30]
    assert (club.kind, list(club.expiring)) == ("exclusive", [])


async def test_the_entries_of_a_type_are_listed_by_themselves(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(1_000, 200)
    await told(benefits, story)

    async def listed(point_type: str) -> list[tuple[int, int, str]]:
        request = pb.BatchListEntriesRequest(
            program_id=story.program_id, member_ids=[story.member_id], point_type=point_type
        )
        found = (await asking(benefits, story).BatchListEntries(request)).results[0].entries
        return [(each.points, each.balance_after, each.earnings[0].point_type) for each in found]

    assert await listed("") == [(2, 12, ""), (10, 10, "")]
    assert await listed("tier_points") == [(6, 36, "tier_points"), (30, 30, "tier_points")]
    assert await listed("club_points") == await listed("no_such") == []


async def test_what_points_may_cost_is_counted_of_redeemable_ones_alone(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(1_000)
    await told(benefits, story)
    store = BenefitsStore(benefits.database)

    redeemable = await books.balances(store, story.program_id, "points")
    every = await books.balances(store, story.program_id)

    assert redeemable[story.program_id] == {"issuer": -10, "": 10}
    assert every[story.program_id] == {"issuer": -40, "": 40}


async def test_a_type_that_members_may_have_stays_in_the_program(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)
    program = (
        await ProgramHandlers(BenefitsStore(benefits.database), lambda: NOON).live(story.program_id)
    ).program
    document = program.document()
    document["points"]["types"] = document["points"]["types"][:1]
    document["points"]["earn"] = document["points"]["earn"][:2]
    request = pb.PublishProgramRequest(
        program_id=story.program_id,
        request_id=new_id("req"),
        document=type(program).parse(document).canonical(),
    )

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await asking(benefits, story).PublishProgram(request)

    assert reason_of(refused.value) == "PROGRAM_FIELD_FIXED"
