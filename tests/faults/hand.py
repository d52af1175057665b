"""Carries out a schedule: waits until the platform works, hurts it, and waits until it is whole again."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence

from tests.faults import armed
from tests.faults.checkers.quorum import WITHOUT_MAJORITY
from tests.faults.cluster import Cluster
from tests.faults.firewall import Drop
from tests.faults.history import Recorder, Struck
from tests.faults.nemesis import Strike
from tests.faults.replica_set import Member
from tests.faults.workload import Workload

WORKS_SECONDS = 180.0
TRIGGERED_SECONDS = 60.0
POLL_SECONDS = 0.02


class Hand:
    """One strike after the other."""

    def __init__(self, cluster: Cluster, workload: Workload, recorder: Recorder) -> None:
        self._cluster, self._workload, self._recorder = cluster, workload, recorder
        self._ways: dict[str, Callable[[Strike], Coroutine[None, None, None]]] = {
            "N1": self._kill_primary,
            "N2": self._stop_primary,
            "N3": self._isolate_primary,
            "N4": self._kill_two,
            "N5": self._kill_all,
            "N6": self._kill_service,
            "N7": self._kill_between,
            "N8": self._kill_between,
            "N9": self._hurt_valkey,
        }

    async def strike(self, strikes: Sequence[Strike]) -> None:
        """Hurt a platform that works, in some ways at once, and bring it back."""
        await self.works(max(strike.after_answers for strike in strikes))
        async with asyncio.TaskGroup() as ways:
            for strike in strikes:
                ways.create_task(self._ways[strike.fault](strike))
        await self._cluster.whole()

    async def works(self, answers: int = 1) -> None:
        """Wait for so many answers more."""
        wanted = self._workload.counts.answered + answers
        async with asyncio.timeout(WORKS_SECONDS):
            while self._workload.counts.answered < wanted:
                await asyncio.sleep(POLL_SECONDS)

    def _struck(self, strike: Strike, target: str, pid: int, begin_ns: int) -> None:
        self._recorder.struck(Struck(strike.fault, strike.kind, target, pid, begin_ns, self._recorder.now()))

    async def _kill_primary(self, strike: Strike) -> None:
        primary, begin = await self._cluster.replica_set.primary(), self._recorder.now()
        pid = await primary.server.kill()
        self._struck(strike, primary.server.name, pid, begin)

    async def _stop_primary(self, strike: Strike) -> None:
        primary, begin = await self._cluster.replica_set.primary(), self._recorder.now()
        pid = primary.server.pause()
        await asyncio.sleep(strike.lasts_seconds)
        primary.server.go_on()
        self._struck(strike, primary.server.name, pid, begin)

    async def _isolate_primary(self, strike: Strike) -> None:
        firewall, replica_set = self._cluster.firewall, self._cluster.replica_set
        assert firewall is not None, "N3 is left out where there is none"
        primary = await replica_set.primary()
        others = [each for each in replica_set.members if each is not primary]
        begin = self._recorder.now()
        firewall.drop(drops(strike.kind, primary, others))
        try:
            await asyncio.sleep(strike.lasts_seconds)
            if not firewall.dropped():
                raise RuntimeError(f"{primary.server.name} was to be cut off, and no packet was dropped")
        finally:
            firewall.heal()
        self._struck(strike, primary.server.name, primary.server.pid, begin)

    async def _kill_two(self, strike: Strike) -> None:
        members = self._cluster.replica_set.members
        two = random.Random(strike.seed).sample(members, 2)
        pids = [await each.server.kill() for each in two]
        begin = self._recorder.now()
        await asyncio.sleep(strike.lasts_seconds)
        assert strike.kind == WITHOUT_MAJORITY
        self._struck(strike, " and ".join(each.server.name for each in two), pids[0], begin)

    async def _kill_all(self, strike: Strike) -> None:
        begin = self._recorder.now()
        pids = await asyncio.gather(*(each.server.kill() for each in self._cluster.replica_set.members))
        self._struck(strike, "all three", pids[0], begin)

    async def _kill_service(self, strike: Strike) -> None:
        """Within 50 ms of a request to it; benefits is asked by consumers all the time."""
        if strike.kind != "benefits":
            await self._workload.asked(strike.kind)
        await asyncio.sleep(strike.lasts_seconds)
        begin = self._recorder.now()
        pid = self._cluster.kill(strike.kind)
        await self._cluster.serving(strike.kind, killed=pid)
        self._struck(strike, strike.kind, pid, begin)

    async def _kill_between(self, strike: Strike) -> None:
        """It dies by itself, at the place in its code where it is told to."""
        place = armed.RELAY if strike.fault == "N7" else armed.CONSUMER
        trigger, pid = self._cluster.platform.trigger(strike.kind, place), self._cluster.pid(strike.kind)
        begin = self._recorder.now()
        trigger.touch()
        async with asyncio.timeout(TRIGGERED_SECONDS):
            while trigger.exists():
                await asyncio.sleep(POLL_SECONDS)
        await self._cluster.serving(strike.kind, killed=pid)
        self._struck(strike, strike.kind, pid or 0, begin)

    async def _hurt_valkey(self, strike: Strike) -> None:
        valkey, begin = self._cluster.valkey, self._recorder.now()
        pid = valkey.pid
        if strike.kind == "flush":
            await self._cluster.flush()
        else:
            await valkey.kill()
        if strike.kind == "down":
            await asyncio.sleep(strike.lasts_seconds)
        self._struck(strike, valkey.name, pid, begin)


def drops(kind: str, primary: Member, others: list[Member]) -> list[Drop]:
    """Which packets are dropped: what it asks the others (mute), what they ask it (deaf), both, or all."""
    asking = [Drop(primary.group, other.port) for other in others]
    asked = [Drop(other.group, primary.port) for other in others]
    everything = [Drop(group=primary.group), Drop(port=primary.port)]
    return {"mute": asking, "deaf": asked, "peers": asking + asked, "everybody": everything}[kind]
