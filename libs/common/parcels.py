"""Parcels: rows of the outbox that one transaction stores for one partition, sent and marked as one.

The first row of a parcel is its head. It is `unsent` until the parcel is on
the stream, and has `sent_time` and `entry_id` afterwards; the ids of the
others follow from its own, and it counts them as `following`. To mark a row
costs as much as to store it, so only the head is marked.

What this process stores it remembers for a while, as it mostly sends it too:
a head that is found in the database says that its parcel is, and then the
others need not be read. Rows never change.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from libs.common.mongo import Document

PARCEL_ROWS = 100
REMEMBERED_ROWS = 1_000
REMEMBERED_BYTES_MAX = 4_096


def parcels(rows: Sequence[Document]) -> list[Document]:
    """The rows as parcels, in their order within each partition."""
    by_partition: dict[int, list[Document]] = {}
    for row in rows:
        by_partition.setdefault(row["partition"], []).append(row)
    return [
        row
        for found in by_partition.values()
        for first in range(0, len(found), PARCEL_ROWS)
        for row in _parcel(found[first : first + PARCEL_ROWS])
    ]


def _parcel(rows: Sequence[Document]) -> list[Document]:
    head: Document = rows[0] | {"unsent": True, "following": len(rows) - 1}
    following = zip(following_ids(head), rows[1:], strict=True)
    return [head, *({**row, "_id": row_id} for row_id, row in following)]


def following_ids(head: Document) -> list[Any]:
    """The ids of the other rows of a parcel: they sort right behind their head's."""
    return [f"{head['_id']}.{place:02d}" for place in range(1, head.get("following", 0) + 1)]


class RecentRows:
    """The latest rows of this process, stored or not; large ones and those of long ago are not there."""

    def __init__(self) -> None:
        self._rows: OrderedDict[Any, Document] = OrderedDict()

    def add(self, rows: Iterable[Document]) -> None:
        """Remember rows, and forget as many."""
        for row in rows:
            if "unsent" not in row and len(row["payload"]) <= REMEMBERED_BYTES_MAX:
                self._rows[row["_id"]] = row
        while len(self._rows) > REMEMBERED_ROWS:
            self._rows.popitem(last=False)

    def take(self, row_ids: Iterable[Any]) -> tuple[list[Document], list[Any]]:
        """Those rows that are remembered, once, and the ids of the others."""
        found, others = list[Document](), list[Any]()
        for row_id in row_ids:
            row = self._rows.pop(row_id, None)
            if row is None:
                others.append(row_id)
            else:
                found.append(row)
        return found, others


recent_rows = RecentRows()
