"""Parcels: rows of the outbox that one transaction stores for one partition, sent and marked as one.

The first row of a parcel is its head. It is `unsent` until the parcel is on
the stream, and has `sent_time` and `entry_id` afterwards; the ids of the
others follow from its own, and it counts them as `following`. To mark a row
costs as much as to store it, so only the head is marked.
"""

from collections.abc import Sequence
from typing import Any

from libs.common.mongo import Document

PARCEL_ROWS = 100


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
