"""Preview, live decision, replay and backtest at today agree, of arbitrary programs and facts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from laurel.benefits.v1 import decisions_pb2, decisions_pb2_grpc, earning_pb2, simulations_pb2
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.lint.check import lint
from libs.common.program import Program
from libs.common.rpc.time import timestamp
from libs.common.visibility import Home
from services.scoring.domain.moves import Look
from services.scoring.domain.tiers import INTEGRITY, Standing, ladders
from tests.benefits.changing import Desk, desk_of, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import told
from tests.benefits.simulating import simulated
from tests.benefits.stories import SANDBOX_TIME, Story
from tests.benefits.test_preview_tiers import preview
from tests.benefits.test_simulations import moved_by
from tests.benefits.tier_desk import membership
from tests.scoring.domain.test_agreement import programs_of_any_kind
from tests.scoring.domain.test_walks import one_by_one
from tests.support.builders import DAY, PROGRAM

DECISIONS = decisions_pb2.DESCRIPTOR.services_by_name["DecisionsService"]
# A backtest ends with the last day that is over: so it is midnight in New York, where the shop is.
MIDNIGHT = datetime(1998, 7, 1, 4, tzinfo=UTC)
TODAY = MIDNIGHT - timedelta(milliseconds=1)
DATES = [TODAY - DAY, TODAY]
# Of the facts that the members of these tests are known by.
COMPARISON: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda fact, op, value: {"metric": fact[0], "window": fact[1], "op": op, "value": value},
    st.sampled_from(
        [
            ("spend", "lifetime"),
            ("spend", "year"),
            ("spend", "365d"),
            ("orders", "lifetime"),
            ("invites", "lifetime"),
        ]
    ),
    st.sampled_from([">=", ">", "<=", "<", "=="]),
    st.integers(min_value=0, max_value=12),
)
PROGRAMS = programs_of_any_kind(PROGRAM, COMPARISON)


def proposable(program: Program) -> bool:
    """Whether lint finds nothing that stands against it."""
    return all(each.severity != "error" for each in lint(program, SANDBOX_TIME))


@dataclass(frozen=True)
class Past:
    """What one did: amounts of purchases by how many days ago, and friends; what risk says; the store."""

    bought: Sequence[tuple[int, int]] = field(default_factory=list)
    invited: int = 0
    integrity: int | None = None
    store: str = ""


PASTS = st.lists(
    st.builds(
        Past,
        st.lists(st.tuples(st.integers(10, 500), st.integers(1, 8)), max_size=3),
        st.integers(0, 3),
        st.none() | st.sampled_from([40, 60]),
        st.sampled_from(["online", "harbin"]),
    ),
    min_size=1,
    max_size=3,
)


async def lived(benefits: BenefitsWorld, desk: Desk, past: Past) -> Story:
    """A member after all of that, the latest of which is an hour ago, so that no review is due."""
    story = Story(desk.key, home=Home(past.store, "", "shop"))
    for days, amount in sorted(past.bought, reverse=True):
        story.buys(amount, at=SANDBOX_TIME - days * DAY)
    story.invites(past.invited, SANDBOX_TIME - 2 * DAY).buys(1, at=SANDBOX_TIME - timedelta(hours=1))
    benefits.members.knows([story])
    if past.integrity is not None:
        benefits.risk.says(story, past.integrity)
    await keep_homes(benefits.database, [(desk.key, story.member_id, story.home)])
    await benefits.apply(story.partition, story.registration(), story.told())
    return story


async def replayed(benefits: BenefitsWorld, story: Story) -> list[bool]:
    """Whether each decision on a member comes out as the same bits, by the version that took it."""
    found = benefits.database.decisions.find({"member_id": story.member_id})
    ids = [each["_id"] async for each in found]
    stub = benefits.stub(DECISIONS, decisions_pb2_grpc.DecisionsServiceStub, "staff", "ann", story.program_id)
    request = decisions_pb2.BatchReplayDecisionsRequest(program_id=story.program_id, decision_ids=ids)
    return [each.replay.same for each in (await stub.BatchReplayDecisions(request)).results]


def decided(program: Program, stories: Sequence[Story], pasts: Sequence[Past]) -> Counter[str]:
    """How many members each tier has today, were everybody decided on yesterday as one who joins."""
    ladder, tiers = ladders(program, program.digest())["main"], Counter[str]()
    for story, past in zip(stories, pasts, strict=True):
        local = ladder.local("north" if past.store == "harbin" else "")
        said = {} if past.integrity is None else {INTEGRITY: past.integrity * 100}
        # What nobody did is not told of members.
        facts = [{name: each for name, each in story.spent(date, 0).items() if each} for date in DATES]
        found = one_by_one(local, [each | said for each in facts], Standing(), Look.EVENT, dates=DATES)
        tiers[found[-1][0]] += 1
    return tiers


def stood(stand: simulations_pb2.SimulatedStand) -> Counter[str]:
    return Counter({each.tier: each.count for each in stand.tiers if each.count})


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(live=PROGRAMS, other=PROGRAMS.filter(proposable), pasts=PASTS, amount=st.integers(0, 12))
async def test_preview_live_decision_replay_and_backtest_at_today_agree(
    benefits: BenefitsWorld, live: Program, other: Program, pasts: list[Past], amount: int
) -> None:
    """A purchase today is previewed and made; then a program that is simulated becomes the live one."""
    key = f"store_{new_id('x')[-12:]}"
    benefits.members.times[key] = MIDNIGHT
    desk = await desk_of(benefits, live.model_copy(update={"key": key}))
    stories = [await lived(benefits, desk, past) for past in pasts]

    previews: list[earning_pb2.PointsPreview] = []
    for story in stories:
        previews.append(await preview(benefits, story, amount, SANDBOX_TIME))
        await told(benefits, story.buys(amount, at=SANDBOX_TIME))
    bought = [await membership(benefits, story) for story in stories]
    draft = other.model_copy(update={"key": key, "industry": "another"})
    version = await desk.propose(draft)
    run = await simulated(benefits, key, version.version, dates=[timestamp(each) for each in DATES])
    moves = await moved_by(benefits, run)
    await desk.publish(await desk.approve((await desk.versions()).versions[0]))
    await recalculated(benefits, key)
    moved = [await membership(benefits, story) for story in stories]

    for ahead, after in zip(previews, bought, strict=True):
        (tier,) = ahead.tiers
        receipt = after.decision.receipt
        assert (tier.tier_after, tier.outcome) == (after.tier, receipt.outcome)
        assert (list(tier.reasons), tier.next) == (list(receipt.reasons), receipt.next)
    impact, history = run.result.impacts[0], run.result.histories[0].dates[-1]
    flows = Counter((before.tier, after.tier) for before, after in zip(bought, moved, strict=True))
    assert Counter({(each.from_tier, each.to_tier): each.count for each in impact.flows}) == flows
    assert {member_id: (before, after) for member_id, before, after in moves} == {
        story.member_id: (before.tier, after.tier)
        for story, before, after in zip(stories, bought, moved, strict=True)
        if before.tier != after.tier
    }
    assert stood(history.live) == decided(desk.program, stories, pasts)
    assert stood(history.draft) == decided(draft, stories, pasts)
    for story in stories:
        assert all(await replayed(benefits, story))
