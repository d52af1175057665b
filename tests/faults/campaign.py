"""A campaign: every fault in rounds, one fault after the other; a long one goes on where it was ended."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tests.faults import control
from tests.faults.cluster import Cluster, First, running
from tests.faults.control import Control
from tests.faults.firewall import Firewall
from tests.faults.nemesis import PLANS, Plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import Order, Round, play
from tests.faults.workload import Counts

PER_SECOND = 12.0

Told = Callable[[str, int, int], None]
"""Is told what is done now, how many faults are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is asked for. Without a firewall the packets of nobody are dropped, and N3 is left out."""

    seed: int
    smoke: bool
    faults: Sequence[str]
    folder: Path
    firewall: Firewall | None

    @property
    def size(self) -> str:
        return "smoke" if self.smoke else "release"

    @property
    def plans(self) -> list[Plan]:
        """What is played, in the order of the catalogue."""
        return [plan for name, plan in PLANS.items() if name in self.faults and self.can_play(plan)]

    def can_play(self, plan: Plan) -> bool:
        """Whether this machine can do it."""
        return plan.name != "N3" or self.firewall is not None

    def orders(self, plan: Plan) -> list[Order]:
        """The rounds of a fault, each with a program and a seed of its own."""
        count, operations = _size(plan, smoke=self.smoke)
        sizes = _parts(count, count if self.smoke else plan.round_size)
        return [
            Order(
                plan=plan,
                count=size,
                operations=-(-operations // len(sizes)),
                per_second=PER_SECOND,
                seed=self.seed * 1_000 + number,
                smoke=self.smoke,
            )
            for number, size in enumerate(sizes)
        ]


class Played(BaseModel):
    """The rounds of one fault so far, as they are kept for going on."""

    seed: int
    rounds: list[Round] = []


@dataclass
class Outcome:
    """What came of a campaign: `stopped` says why it was ended early, `logs` where logs are left."""

    control: Control | None
    played: dict[str, list[Round]]
    stopped: str = ""
    logs: str = ""

    @property
    def found(self) -> bool:
        """Whether anything was found."""
        return any(each.findings for rounds in self.played.values() for each in rounds)


async def fight(campaign: Campaign, told: Told) -> Outcome:
    """Start everything, show that faults here can lose something, then play every round."""
    campaign.folder.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="laurel-faults-"))
    outcome = Outcome(None, {})
    told("Starting", 0, 1)
    try:
        async with running(path, firewall=campaign.firewall, first=_controlled(outcome)) as cluster:
            await _play_all(campaign, cluster, outcome, told)
    except Exception as error:
        outcome.stopped = repr(_first(error))
    finally:
        if outcome.stopped or outcome.found:
            outcome.logs = str(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
    return outcome


def _controlled(outcome: Outcome) -> First:
    async def first(replica_set: ReplicaSet) -> None:
        outcome.control = await control.one_node_acknowledges(replica_set)
        if not outcome.control.shows_loss:
            raise RuntimeError("what one node acknowledged was not lost: faults here show nothing")

    return first


async def _play_all(campaign: Campaign, cluster: Cluster, outcome: Outcome, told: Told) -> None:
    total = sum(order.count for plan in campaign.plans for order in campaign.orders(plan))
    done = 0
    for plan in campaign.plans:
        kept = _Kept(campaign, plan)
        rounds = outcome.played[plan.name] = kept.read()
        done += sum(each.count for each in rounds)
        for order in campaign.orders(plan)[len(rounds) :]:
            rounds.append(await _play(campaign, cluster, order, partial(_told, told, order, done, total)))
            kept.write(rounds)
            done += order.count


def _told(told: Told, order: Order, done: int, total: int, struck: int, counts: Counts) -> None:
    told(f"{order.plan.name}: {counts.asked:,} operations", done + struck, total)


async def _play(
    campaign: Campaign, cluster: Cluster, order: Order, told: Callable[[int, Counts], None]
) -> Round:
    """Play a round; the history of the last one stays, and that of each in which something was found."""
    history = campaign.folder / f"{order.plan.name}.history.jsonl"
    played = await play(cluster, order, history, told)
    if played.findings:
        shutil.copy(history, history.with_name(f"{order.plan.name}.{order.seed}.history.jsonl"))
    return played


class _Kept:
    """The rounds of a long fault in a file, until all are played."""

    def __init__(self, campaign: Campaign, plan: Plan) -> None:
        self._campaign, self._rounds = campaign, len(campaign.orders(plan))
        self._file = campaign.folder / f"{plan.name}.{campaign.size}.json"

    def read(self) -> list[Round]:
        """What was played by a campaign that was ended, of the same seed."""
        if self._campaign.smoke:
            return []
        try:
            played = Played.model_validate_json(self._file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return []
        whole = len(played.rounds) >= self._rounds
        return [] if whole or played.seed != self._campaign.seed else played.rounds

    def write(self, rounds: list[Round]) -> None:
        """Keep them, readable whole at any moment."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(Played(seed=self._campaign.seed, rounds=rounds).model_dump_json(indent=1))
        fresh.replace(self._file)


def _size(plan: Plan, *, smoke: bool) -> tuple[int, int]:
    if smoke:
        return plan.smoke, plan.smoke_operations
    return plan.release, plan.release_operations


def _parts(count: int, size: int) -> list[int]:
    """So many in parts of at most this size."""
    return [min(size, count - begin) for begin in range(0, count, size)]


def _first(error: BaseException) -> BaseException:
    """What went wrong first, of several things."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
