"""Merkle trees: the roots and paths of Certificate Transparency, and every path of every small tree."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.chains.merkle import Tree, leaf_hash, node_hash, path_to, root_from, root_of

# The test vectors of the reference implementation of RFC 6962.
LEAVES = [
    leaf_hash(bytes.fromhex(each))
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def by_definition(leaves: Sequence[bytes]) -> bytes:
    """The root as the RFC defines it, from the top."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = max(2**power for power in range(20) if 2**power < len(leaves))
    return node_hash(by_definition(leaves[:half]), by_definition(leaves[half:]))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_paths_are_those_of_the_reference(index: int, size: int) -> None:
    assert [each.hex() for each in path_to(index, LEAVES[:size])] == PATHS[index, size]


@given(st.integers(0, 300))
def test_a_root_is_what_the_rfc_defines(size: int) -> None:
    assert root_of(hashes(size)) == by_definition(hashes(size))


@pytest.mark.parametrize("size", range(1, 34))
def test_every_path_leads_to_the_root_and_from_its_own_place_alone(size: int) -> None:
    leaves = hashes(size)
    root = root_of(leaves)

    for index, leaf in enumerate(leaves):
        path = path_to(index, leaves)
        places = {
            (at, count)
            for count in range(1, 36)
            for at in range(count)
            if root_from(at, count, leaf, path) == root
        }
        assert (index, size) in places
        assert {at for at, count in places if count == size} == {index}
        assert root_from(index, size, leaf_hash(b"another"), path) != root


@given(st.integers(2, 100), st.data())
def test_a_path_that_was_changed_leads_elsewhere(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    path = path_to(index, leaves)
    place = data.draw(st.integers(0, len(path) - 1))
    others = [[*path[:place], leaf_hash(b"x"), *path[place + 1 :]], path[:-1], [*path, path[0]]]

    found = {root_from(index, size, leaves[index], other) for other in others}

    assert root_of(leaves) not in found


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_place_that_no_tree_has_leads_nowhere(index: int, size: int) -> None:
    assert root_from(index, size, LEAVES[0], []) is None


@given(st.integers(1, 200), st.sampled_from([1, 4, 16]), st.data())
def test_subtrees_of_one_size_have_the_root_and_the_paths_of_their_leaves(
    size: int, width: int, data: st.DataObject
) -> None:
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    groups = [leaves[start : start + width] for start in range(0, size, width)]
    group = index // width

    nodes = [root_of(each) for each in groups]
    path = [*path_to(index % width, groups[group]), *path_to(group, nodes)]

    assert root_of(nodes) == root_of(leaves)
    assert path == path_to(index, leaves)


def test_memory_grows_with_the_height_alone() -> None:
    tree = Tree()
    for leaf in hashes(1_000):
        tree.add(leaf)

    assert (tree.size, len(tree._whole)) == (1_000, (1_000).bit_count())
