"""What is done to a platform: a schedule from a seed, and the hand that carries it out."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

ANSWERS_BEFORE_MAX = 10
SERVICES = ("members", "benefits", "gateway")
RELAYS, CONSUMERS = ("members", "benefits", "risk"), ("benefits", "risk", "members")


@dataclass(frozen=True, slots=True)
class Plan:
    """A fault of the catalogue: what it is, its kinds in turn, how many there are, and the goal for gaps.

    Rounds of fewer operations than these may be over before any was repeated, and would show nothing.
    """

    name: str
    what: str
    kinds: Sequence[str]
    smoke: int
    release: int
    round_size: int
    gap_goal_seconds: float
    smoke_operations: int = 600
    release_operations: int = 0
    lasts: tuple[float, float] = (0.0, 0.0)
    smoke_lasts: tuple[float, float] | None = None
    at_once: int = 1


PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan(
                "N1",
                "primary killed",
                ("primary",),
                3,
                300,
                10,
                5.0,
                smoke_operations=3_000,
                release_operations=200_000,
            ),
            Plan(
                "N2",
                "primary stopped",
                ("primary",),
                2,
                100,
                10,
                6.0,
                release_operations=50_000,
                lasts=(1.0, 20.0),
            ),
            Plan(
                "N3",
                "primary cut off",
                ("peers", "deaf", "everybody", "mute"),
                2,
                100,
                10,
                10.0,
                release_operations=50_000,
                lasts=(5.0, 15.0),
            ),
            Plan("N4", "2 of 3 killed", ("two of three",), 1, 30, 5, 25.0, lasts=(15.0, 15.0)),
            Plan("N5", "3 of 3 killed", ("all",), 1, 50, 10, 20.0),
            Plan(
                "N6",
                "service killed",
                SERVICES,
                20,
                1_000,
                50,
                3.0,
                at_once=2,
                release_operations=100_000,
                lasts=(0.0, 0.05),
            ),
            Plan("N7", "relay killed", RELAYS, 20, 500, 50, 10.0, at_once=3),
            Plan(
                "N8",
                "consumer killed",
                CONSUMERS,
                20,
                500,
                50,
                10.0,
                at_once=3,
            ),
            Plan(
                "N9",
                "Valkey lost",
                ("kill", "flush", "down"),
                3,
                100,
                10,
                2.0,
                lasts=(60.0, 60.0),
                smoke_lasts=(10.0, 10.0),
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: of which kind, after how many answers, for how long, and a chance of its own."""

    fault: str
    kind: str
    after_answers: int
    lasts_seconds: float
    seed: int


def schedule(plan: Plan, count: int, *, seed: int, smoke: bool) -> list[list[Strike]]:
    """So many strikes, in groups that are carried out at once: the same for the same seed.

    The kinds come in turn, so that none is left out, and those of a group are of different kinds.
    """
    strikes = _strikes(plan, count, seed=seed, smoke=smoke)
    return [strikes[begin : begin + plan.at_once] for begin in range(0, count, plan.at_once)]


def _strikes(plan: Plan, count: int, *, seed: int, smoke: bool) -> list[Strike]:
    chance = random.Random(f"{plan.name}.{seed}")
    begins = chance.randrange(len(plan.kinds))
    low, high = plan.smoke_lasts if smoke and plan.smoke_lasts else plan.lasts
    return [
        Strike(
            fault=plan.name,
            kind=plan.kinds[(begins + number) % len(plan.kinds)],
            after_answers=chance.randint(1, ANSWERS_BEFORE_MAX),
            lasts_seconds=chance.uniform(low, high),
            seed=chance.randrange(2**31),
        )
        for number in range(count)
    ]
