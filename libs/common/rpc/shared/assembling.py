"""How the answer of a shared call is put together: each result once, and for each ask where it is."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from laurel.common.v1 import sharing_pb2

MISSING = -sharing_pb2.SHARED_OUTCOME_MISSING
DENIED = -sharing_pb2.SHARED_OUTCOME_DENIED
UNKNOWN_TOKEN = -sharing_pb2.SHARED_OUTCOME_UNKNOWN_TOKEN
UNAUTHENTICATED = -sharing_pb2.SHARED_OUTCOME_UNAUTHENTICATED
ERROR = -sharing_pb2.SHARED_OUTCOME_ERROR

Found = Mapping[Hashable, Message]


@dataclass(frozen=True, slots=True)
class Answered:
    """What one run gets of one read.

    `found` is what was read for it, `seen` those of its keys that its caller
    may know of, `mask` what comes masked to them. Where all of it is refused,
    `outcome` says how, and `status` why it failed.
    """

    place: int
    keys: Sequence[Hashable]
    found: Found | None = None
    seen: frozenset[Hashable] = frozenset()
    mask: tuple[str, ...] = ()
    outcome: int = 0
    status: bytes = b""


def assemble(
    answer: Any, runs: Iterable[Answered], masked: Callable[[Message, tuple[str, ...]], Message]
) -> None:
    """Fill one read's part of an answer: its items, results and errors, in the order of the runs.

    An item stands once for all who see it alike: what was read for a key, with the same mask.
    """
    places: dict[tuple[int, tuple[str, ...], Hashable], int] = {}
    items: list[Message] = []
    results: list[int] = []
    for run in runs:
        if run.outcome:
            results += [run.outcome] * len(run.keys)
            if run.status:
                answer.errors.add(run=run.place, status=run.status)
            continue
        assert run.found is not None, "what is not refused was read"
        for key in run.keys:
            result = run.found.get(key) if key in run.seen else None
            if result is None:
                results.append(MISSING)
                continue
            item = (id(run.found), run.mask, key)
            if item not in places:
                places[item] = len(items)
                items.append(masked(result, run.mask) if run.mask else result)
            results.append(places[item])
    answer.items.extend(items)
    if results != list(range(len(items))):
        answer.results.extend(results)
