"""Roots of days: which business day is closed next, and the Merkle tree of its entries as it is built.

A day belongs to the program's time zone, by the time at which entries were
recorded. All that was recorded on it, or before, is under its root; an entry of
the first moments of the next day may be, where it got its place before the
last one of this day did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from libs.common.chains.chain import link
from libs.common.chains.merkle import HASH_BYTES, leaf_hash, path_to, root_of
from libs.common.clock import business_date, start_of_day

# Longer than a transaction lasts that records an entry, and clocks of replicas differ.
SETTLED_AFTER = timedelta(minutes=1)
# Leaves of a subtree whose hash is kept: a power of 2. A proof reads the leaves of one, and the kept hashes.
SUBTREE_LEAVES = 1_024


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the chain: a position, and the chain hash there."""

    position: int
    chain_hash: str


@dataclass(frozen=True, slots=True)
class Chained:
    """An entry as its day's tree sees it."""

    position: int
    leaf: str
    chain_hash: str


class ChainBroken(Exception):
    """What is chained does not follow from what is before it: no root is made of it."""


@dataclass(frozen=True, slots=True)
class Day:
    """A business day whose root is being made: `subtrees` holds hashes of its first leaves, one by one.

    `reached` is the last place that is in them; before the first it is the
    end of the day before.
    """

    program_id: str
    date: str
    first_position: int
    last_position: int
    reached: Place
    subtrees: bytes = b""

    @property
    def done(self) -> bool:
        """Whether all of its leaves are in the subtrees."""
        return self.reached.position == self.last_position

    def following(self) -> tuple[int, int]:
        """From which position to which the next subtree goes."""
        first = self.reached.position + 1
        return first, min(first + SUBTREE_LEAVES - 1, self.last_position)

    def grown(self, found: Sequence[Chained]) -> "Day":
        """The day with its next subtree, or ChainBroken where these are not what was chained."""
        first, last = self.following()
        if [each.position for each in found] != list(range(first, last + 1)):
            raise ChainBroken(f"{len(found)} entries at {first} to {last}")
        chain_hash = self.reached.chain_hash
        for each in found:
            chain_hash = link(chain_hash, position=each.position, record_digest=each.leaf)
            if chain_hash != each.chain_hash:
                raise ChainBroken(f"at {each.position}")
        subtree = root_of(leaf_hashes([each.leaf for each in found]))
        return replace(self, reached=Place(last, chain_hash), subtrees=self.subtrees + subtree)

    def root_hash(self) -> str:
        """The root of all its leaves."""
        return root_of(hashes(self.subtrees)).hex()


def closed_date(recorded_time: datetime, after: str, time_zone: str, now: datetime) -> str | None:
    """The day whose root is made next, if it is over: that of the first entry under no root yet.

    Never the day of the root before, `after`, nor an earlier one: what comes
    that late is under the next day's root.
    """
    found = business_date(recorded_time, time_zone)
    if after:
        found = max(found, date.fromisoformat(after) + timedelta(days=1))
    return found.isoformat() if now >= end_of(found.isoformat(), time_zone) + SETTLED_AFTER else None


def end_of(day: str, time_zone: str) -> datetime:
    """When a business day ends."""
    following = date.fromisoformat(day) + timedelta(days=1)
    return start_of_day(following, time_zone)


def leaf_hashes(leaves: Sequence[str]) -> list[bytes]:
    """The hashes of leaves in the tree: of their text, as the chain has it."""
    return [leaf_hash(each.encode()) for each in leaves]


def hashes(subtrees: bytes) -> list[bytes]:
    """The hashes that are kept one behind the other."""
    return [subtrees[start : start + HASH_BYTES] for start in range(0, len(subtrees), HASH_BYTES)]


def subtree_of(first_position: int, last_position: int, position: int) -> tuple[int, int]:
    """From which position to which the subtree of a day goes that has this position in it."""
    first = position - (position - first_position) % SUBTREE_LEAVES
    return first, min(first + SUBTREE_LEAVES - 1, last_position)


def inclusion_path(
    position: int, *, first_position: int, leaves: Sequence[str], subtrees: bytes
) -> list[bytes]:
    """What proves a position of a day's tree, given the leaves of its subtree and all subtrees' hashes."""
    group, index = divmod(position - first_position, SUBTREE_LEAVES)
    return [*path_to(index, leaf_hashes(leaves)), *path_to(group, hashes(subtrees))]
