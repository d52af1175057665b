"""A control on the real replica set: what one node alone acknowledged is lost, and the checker says so."""

from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from tests.faults.checkers import acknowledged
from tests.faults.final import Final
from tests.faults.history import Attempt, Completion, Recorder
from tests.faults.replica_set import ReplicaSet

WRITES, ATTEMPTS_MAX = 20, 3
DATABASE = "control"


@dataclass(frozen=True, slots=True)
class Control:
    """How many writes were acknowledged, and of how many the checker says that they are lost."""

    acknowledged: int
    lost: int

    @property
    def shows_loss(self) -> bool:
        """Whether kills here do lose what is not at a majority: else a run without loss shows nothing."""
        return 0 < self.acknowledged == self.lost


async def one_node_acknowledges(replica_set: ReplicaSet) -> Control:
    """Write to a primary alone, again where it has noticed before that it is alone."""
    found = Control(0, 0)
    for attempt in range(ATTEMPTS_MAX):
        found = await _attempt(replica_set, f"attempt{attempt}")
        if found.acknowledged:
            break
    return found


async def _attempt(replica_set: ReplicaSet, collection: str) -> Control:
    """Write with w:1 while the others are dead, kill -9 the primary, let the others go on, look what is left.

    Dead and not stopped: what waits in the buffers of a stopped process arrives when it goes on.
    """
    recorder, primary = Recorder(), await replica_set.primary()
    others = [member for member in replica_set.members if member is not primary]
    for member in others:
        await member.server.kill()
    _write(f"mongodb://{primary.address}/?directConnection=true&w=1", collection, recorder)
    await primary.server.kill()
    for member in others:
        await member.server.start()
    await replica_set.primary()
    await replica_set.whole()
    final = Final()
    with pymongo.MongoClient[dict[str, Any]](replica_set.uri) as client:
        final.effects.update(each["_id"] for each in client[DATABASE][collection].find())
    findings = list(acknowledged.check(recorder.history, final))
    answered = sum(each.outcome == "ok" for each in recorder.history.attempts)
    return Control(answered, sum(finding.kind == "lost" for finding in findings))


def _write(uri: str, collection: str, recorder: Recorder) -> None:
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        for number in range(WRITES):
            attempt = Attempt(0, number, 1, "write", DATABASE, str(number), str(number), (str(number),))
            place = recorder.invoke(attempt)
            try:
                client[DATABASE][collection].insert_one({"_id": str(number)})
            except PyMongoError:
                return  # it has stepped down, and what came of the last one is unknown
            recorder.complete(place, Completion("ok", "OK", b"", (True,)))
