"""What has become of members: the tier they hold, what they spent, and their points."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calls import Laurel
from laurel.benefits.v1 import benefits_pb2
from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import members_pb2

KEYS_MAX = 500
DECIDED_SECONDS_MAX = 60.0
POLL_SECONDS = 0.5
SPEND = "purchase.amount_minor.lifetime"


class NotReadableError(Exception):
    """Something that is recorded cannot be read now, or has not had its effect yet. Later it can."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What has become of one member."""

    tier: str
    spend_minor: int
    points: int


def standings(laurel: Laurel, member_ids: Sequence[str], seqs: Mapping[str, int]) -> list[Standing]:
    """What has become of members, once their events up to `seqs` have been decided on."""
    found: list[Standing] = []
    for start in range(0, len(member_ids), KEYS_MAX):
        ids = member_ids[start : start + KEYS_MAX]
        tiers = _tiers(laurel, ids, seqs)
        found += map(Standing, tiers, _spend(laurel, ids), _points(laurel, ids))
    return found


def _tiers(laurel: Laurel, ids: Sequence[str], seqs: Mapping[str, int]) -> list[str]:
    """The tier of each in the first tier set of the program."""
    give_up = time.monotonic() + DECIDED_SECONDS_MAX
    while True:
        request = benefits_pb2.BatchGetMembershipsRequest(program_id=laurel.program, member_ids=ids)
        results = _read(laurel.call(laurel.benefits.BatchGetMemberships, request).results)
        held = [result.memberships[0] if result.memberships else None for result in results]
        applied = [0 if each is None else each.applied_seq for each in held]
        behind = sum(reached < seqs.get(id_, 0) for id_, reached in zip(ids, applied, strict=True))
        if not behind:
            return ["none" if each is None else each.tier for each in held]
        if time.monotonic() > give_up:
            raise NotReadableError(f"the sales of {behind} members are recorded, and not decided on yet")
        time.sleep(POLL_SECONDS)


def _spend(laurel: Laurel, ids: Sequence[str]) -> list[int]:
    """What each spent, less refunds."""
    keys = [members_pb2.FactsKey(member_id=id_) for id_ in ids]
    request = members_pb2.BatchGetFactsRequest(program_id=laurel.program, keys=keys, names=[SPEND])
    results = _read(laurel.call(laurel.members.BatchGetFacts, request).results)
    return [sum(fact.value for fact in result.facts) for result in results]


def _points(laurel: Laurel, ids: Sequence[str]) -> list[int]:
    """The points that each may spend; an account comes with the first points."""
    request = benefits_pb2.BatchGetPointsAccountsRequest(program_id=laurel.program, member_ids=ids)
    results = _read(laurel.call(laurel.benefits.BatchGetPointsAccounts, request).results)
    return [result.account.available_points for result in results]


def _read(results: Iterable[Any]) -> list[Any]:
    """The results, when each key was read. What is MISSING was read as well: there is none."""
    read = list(results)
    failed = sum(result.status == lookup_pb2.LOOKUP_STATUS_ERROR for result in read)
    if failed:
        raise NotReadableError(f"{failed} of {len(read)} members could not be read")
    return read
