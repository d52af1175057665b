"""Whoever asks, the decision is the same: live, step by step, replayed, judged, backtested, on a path.

Of arbitrary ladders, facts and orders. Whoever decides by other means than
`decide` has a line of its own in WAYS. Of whole programs, over the wire and
with previews: tests/benefits/test_agreement.py.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.program import Program, preset
from services.scoring.domain.moves import Look
from services.scoring.domain.path_search import Goal, after, find_paths
from services.scoring.domain.receipts import Receipt, RunCause
from services.scoring.domain.terms import Given, Term
from services.scoring.domain.tiers import Ladder, Standing, Step, decide, decide_in_row, judge, replay
from services.scoring.domain.walks import Walked, Walker
from tests.scoring.builders import NOON, ladder_of

METRICS = ("spend", "orders", "invites")
FACTS = {
    f"{fact}.{window}": metric
    for metric, fact in zip(METRICS, ("purchase.amount_minor", "purchase.count", "invite.count"), strict=True)
    for window in ("lifetime", "year", "30d")
}
KEYS = ("t0", "t1", "t2", "t3")

COMPARISON: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda metric, op, value, window: {"metric": metric, "op": op, "value": value, "window": window},
    st.sampled_from(METRICS),
    st.sampled_from([">=", ">", "<=", "<", "=="]),
    st.integers(min_value=0, max_value=20),
    st.sampled_from(["lifetime", "year", "30d"]),
)
PERIOD = st.sampled_from(
    [{"kind": "month"}, {"kind": "quarter"}, {"kind": "year"}, {"kind": "rolling", "months": 3}]
)
TIMED = st.builds(
    lambda period, downgrade, grace_days, upgrade: {
        "period": period,
        "downgrade": downgrade,
        "grace_days": grace_days,
        "upgrade": upgrade,
    },
    PERIOD,
    st.sampled_from(["period_end", "step_down"]),
    st.sampled_from([0, 10]),
    st.sampled_from(["realtime", "scheduled"]),
)
MOVEMENT = st.builds(
    lambda timed, new_version, gate: timed | {"new_version": new_version, "review_gate": gate},
    st.one_of(st.just({}), TIMED),
    st.sampled_from(["keep", "apply"]),
    st.sampled_from([None, {"integrity_below": 5_000}]),
)


def conditions(comparisons: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Any]:
    """Trees of comparisons."""
    return st.recursive(
        comparisons,
        lambda inner: st.builds(
            lambda how, parts: {how: parts},
            st.sampled_from(["any", "all"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=4,
    )


@st.composite
def programs_of_any_kind(
    draw: st.DrawFn, like: str = "ecommerce_five", comparisons: st.SearchStrategy[dict[str, Any]] = COMPARISON
) -> Program:
    """Three tiers above the first, with keep rules of their own or none, and other rules in the north."""
    condition = conditions(comparisons)
    document: dict[str, Any] = preset(like).document()
    tiers: list[dict[str, Any]] = [{"key": key, "name": {"zh": "级", "en": "Tier"}} for key in KEYS]
    for tier in tiers[1:]:
        tier |= {"entry": draw(condition), "keep": draw(st.none() | condition)}
    region = {"entry": draw(condition)}
    document["tier_sets"][0] |= {
        "movement": draw(MOVEMENT),
        "tiers": tiers,
        "variants": [
            {
                "key": "north",
                "name": {"zh": "北", "en": "North"},
                "stores": ["harbin"],
                "tiers": {"t2": region},
            }
        ],
    }
    return Program.parse(document)


@st.composite
def ladders_of_any_kind(draw: st.DrawFn) -> Ladder:
    """The ladder of such a program, of a region or not."""
    return ladder_of(draw(programs_of_any_kind())).local(draw(st.sampled_from(["", "north"])))


GIVEN = st.builds(
    Given,
    st.sampled_from(["", *KEYS]),
    st.sampled_from(["GOODWILL", "MISUSE"]),
    st.none() | st.integers(0, 400).map(lambda days: NOON + timedelta(days=days)),
)
STEP = st.builds(
    lambda facts, integrity, days, look, order: Step(
        RunCause("run"),
        NOON + timedelta(days=days),
        facts | ({} if integrity is None else {"risk.integrity": integrity}),
        look,
        order if look is Look.OVERRIDE else None,
    ),
    st.fixed_dictionaries({name: st.integers(min_value=-5, max_value=25) for name in FACTS}),
    st.none() | st.integers(min_value=0, max_value=10_000),
    st.integers(min_value=0, max_value=400),
    st.sampled_from(Look),
    GIVEN,
)
STEPS = st.lists(STEP, min_size=1, max_size=5)
LADDERS = ladders_of_any_kind()
# To make and compile a program takes most of the time.
some = settings(max_examples=25)


def one_by_one(ladder: Ladder, steps: Sequence[Step]) -> list[Standing]:
    """As events come in: each from what is stored of the decision before."""
    standing, found = Standing(), []
    for step in steps:
        receipt = decide(ladder, standing, step)
        standing = Standing(receipt.to_tier, receipt.as_of, receipt.term)
        found.append(standing)
    return found


def judged(ladder: Ladder, steps: Sequence[Step]) -> list[Standing]:
    """Without receipts, as populations are decided on."""
    standing, found = Standing(), []
    for step in steps:
        standing = judge(ladder, standing, step.facts, step.look, step.occurred_time, step.given).standing
        found.append(standing)
    return found


def replayed(ladder: Ladder, steps: Sequence[Step]) -> list[Standing]:
    """From nothing but the receipts."""
    again = [replay(ladder, receipt) for receipt in decide_in_row(ladder, Standing(), steps)]
    return [Standing(each.to_tier, each.as_of, each.term) for each in again]


WAYS: dict[str, Callable[[Ladder, Sequence[Step]], list[Standing]]] = {
    "one by one": one_by_one,
    "judged": judged,
    "replayed": replayed,
}


def _receipts(ladder: Ladder, steps: Sequence[Step]) -> list[Receipt]:
    return decide_in_row(ladder, Standing(), steps)


@some
@given(LADDERS, STEPS)
def test_however_it_is_decided_it_is_the_same(ladder: Ladder, steps: list[Step]) -> None:
    expected = [Standing(each.to_tier, each.as_of, each.term) for each in _receipts(ladder, steps)]

    for way, found in WAYS.items():
        assert found(ladder, steps) == expected, way


@some
@given(LADDERS, STEPS, STEP)
def test_a_backtest_at_today_is_the_live_decision_with_the_reviews_that_fall_due_before(
    ladder: Ladder, past: list[Step], step: Step
) -> None:
    """Of whoever stands wherever the past left them: in grace, in a region, with a tier given by hand."""
    last = _receipts(ladder, past)[-1]
    # No term ends at that minute, so whatever falls due does so before.
    today = last.as_of.replace(minute=30) + (step.occurred_time - NOON)
    look = Look.EVENT if step.look is Look.OVERRIDE else step.look
    standing = Standing(last.to_tier, last.as_of, last.term)

    live = _live(ladder, standing, Step(RunCause("run"), today, step.facts, look))

    assert _backtested(ladder, standing, step.facts, today, look) == (live.to_tier, live.outcome)
    assert replay(ladder, live) == live


def _live(ladder: Ladder, standing: Standing, step: Step) -> Receipt:
    """The decision of a day, after the reviews whose time came before."""
    while (time := standing.term.review_time) is not None and time < step.occurred_time:
        review = decide(ladder, standing, Step(RunCause("review"), time, step.facts, Look.REVIEW))
        standing = Standing(review.to_tier, review.as_of, review.term)
    return decide(ladder, standing, step)


def _backtested(
    ladder: Ladder, standing: Standing, facts: Mapping[str, int], today: datetime, look: Look
) -> tuple[str, str]:
    """Tier and outcome of one who is walked to today alone, as simulations do."""
    found, told = Walked(), np.array([[*facts.values()]], np.float64)
    for _ in Walker(ladder, [*facts], [today], look).walk([told], [standing], [ladder.variant], found):
        pass
    ((rank,), (outcome,)) = found.ranks[0], found.outcomes[0]
    return ladder.tiers[rank].key, outcome


@some
@given(LADDERS, STEPS)
def test_a_recalculation_that_reads_the_same_facts_again_changes_nothing_more(
    ladder: Ladder, steps: list[Step]
) -> None:
    """Interrupted and begun again, a run comes to where it was."""
    last = _receipts(ladder, steps)[-1]
    run = Step(RunCause("run"), last.as_of, dict(last.facts), Look.NEW_VERSION)

    once = decide(ladder, Standing(last.to_tier, last.as_of, last.term), run)
    twice = decide(ladder, Standing(once.to_tier, once.as_of, once.term), run)

    assert (twice.to_tier, twice.rules) == (once.to_tier, once.rules)


@some
@given(LADDERS, STEP, st.sampled_from(KEYS))
def test_what_a_path_says_is_decided_when_it_is_done(ladder: Ladder, step: Step, target: str) -> None:
    today = date(2026, 1, 1)
    goal = Goal(
        tier=target,
        standing=Standing("t0", NOON, Term()),
        facts=step.facts,
        today=today,
        by=today + timedelta(days=20),
        as_of=NOON + timedelta(days=20),
    )
    program = preset("ecommerce_five")
    actions = {each.metric: each for each in program.tier_sets[0].actions}

    for path in find_paths(ladder, actions, goal).paths:
        done = Step(RunCause("order"), goal.as_of, after(ladder, goal, path))
        receipt = decide(ladder, goal.standing, done)
        assert ladder.rank(receipt.to_tier) >= ladder.rank(target)
