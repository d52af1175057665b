"""Merkle trees as RFC 6962 hashes them: the root of a list, and the path that proves one of its leaves.

A tree is built from one leaf after another in memory that grows with its
height. A path needs the leaves around its own alone, where the hashes of whole
subtrees of one size were kept while the tree was built.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf, which is never that of an inner node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Tree:
    """Takes the hashes of leaves, or of whole subtrees that all have one power of 2 of leaves, in order."""

    size: int = 0
    _whole: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, found: bytes) -> None:
        """The next one: two subtrees of one height become one."""
        self.size += 1
        height = 0
        while self._whole and self._whole[-1][0] == height:
            found = node_hash(self._whole.pop()[1], found)
            height += 1
        self._whole.append((height, found))

    def root(self) -> bytes:
        """The root of what was taken so far."""
        if not self._whole:
            return hashlib.sha256().digest()
        *before, (_, found) = self._whole
        for _, left in reversed(before):
            found = node_hash(left, found)
        return found


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree of these."""
    tree = Tree()
    for each in hashes:
        tree.add(each)
    return tree.root()


def path_to(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """What one of these is hashed with to get to their root, from the bottom up."""
    path = []
    while len(hashes) > 1:
        half = 1 << (len(hashes) - 1).bit_length() - 1
        left, right = hashes[:half], hashes[half:]
        if index < half:
            path.append(root_of(right))
            hashes = left
        else:
            path.append(root_of(left))
            hashes, index = right, index - half
    return path[::-1]


def root_from(index: int, size: int, found: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root to which a path leads from the hash at an index; None where it is no path of such a tree."""
    if not 0 <= index < size:
        return None
    last = size - 1
    for sibling in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            found = node_hash(sibling, found)
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            found = node_hash(found, sibling)
        index, last = index // 2, last // 2
    return found if last == 0 else None
