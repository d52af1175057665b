"""A chain with roots as pure functions: a root stands for the heads of its day, and for its records."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from libs.common.canonical import digest
from libs.common.chains.chain import Head, Link, Root, Statement, link, origin, signed_content
from libs.common.chains.check import ChainCheck, Checked, Code
from libs.common.chains.merkle import leaf_hash, root_of
from tests.support.builders import NOON, PROGRAM

SERVICE, CHAIN = "benefits", "ledger"
LATER = NOON + timedelta(hours=2)


def signature(statement: Statement) -> str:
    """Stands for a signature: nobody but the service makes one for other contents."""
    return digest(dict(signed_content(statement)))


def a_head(links: tuple[Link, ...], position: int) -> Head:
    head = Head(SERVICE, PROGRAM, position, links[position - 1].chain_hash, NOON, f"{SERVICE}.1", chain=CHAIN)
    return replace(head, signature=signature(head))


def a_root(links: tuple[Link, ...], date: str, first: int, last: int) -> Root:
    leaves = [leaf_hash(each.digest.encode()) for each in links[first - 1 : last]]
    chain_hash = links[last - 1].chain_hash
    root = Root(
        SERVICE, PROGRAM, CHAIN, date, first, last, root_of(leaves).hex(), chain_hash, NOON, f"{SERVICE}.1"
    )
    return replace(root, signature=signature(root))


@dataclass(frozen=True)
class Kept:
    """Everything that a verification reads."""

    links: tuple[Link, ...]
    heads: tuple[Head, ...]
    roots: tuple[Root, ...]
    anchors: tuple[Statement, ...]

    def checked(self) -> Checked:
        check = ChainCheck(
            service=SERVICE,
            program_id=PROGRAM,
            verifies=lambda statement: statement.signature == signature(statement),
            as_of=LATER,
            anchored=True,
            chain=CHAIN,
            rooted=True,
        )
        for anchor in self.anchors:
            check.anchor(anchor)
        for root in self.roots:
            check.root(root)
        for head in self.heads:
            check.head(head)
        for each in self.links:
            check.link(each, genuine=True)
        return check.end()

    def codes(self) -> set[Code]:
        return {fault.code for fault in self.checked().faults}


def a_ledger() -> Kept:
    """Eight records, of which two days are closed; their heads are kept apart, and dropped by the service."""
    chain_hash, links = origin(service=SERVICE, program_id=PROGRAM, chain=CHAIN), list[Link]()
    for position in range(1, 9):
        said = digest({"record": position})
        chain_hash = link(chain_hash, position=position, record_digest=said)
        links.append(Link(f"ent_{position}", said, NOON, position, chain_hash))
    chain = tuple(links)
    roots = (a_root(chain, "1998-03-01", 1, 4), a_root(chain, "1998-03-02", 5, 6))
    heads = tuple(a_head(chain, position) for position in (2, 4, 6, 8))
    anchors: tuple[Statement, ...] = (*heads[:2], roots[0], heads[2], roots[1], heads[3])
    return Kept(chain, heads[3:], roots, anchors)


def test_a_ledger_is_whole_without_the_heads_that_roots_stand_for() -> None:
    checked = a_ledger().checked()

    assert checked.faults == []
    assert (checked.records, checked.heads, checked.roots, checked.anchors) == (8, 1, 2, 6)


def test_heads_that_the_service_still_has_are_no_fault() -> None:
    ledger = a_ledger()
    heads = tuple(each for each in ledger.anchors if isinstance(each, Head))

    assert replace(ledger, heads=heads).codes() == set()


def test_heads_of_a_day_take_no_memory_once_its_root_was_read() -> None:
    ledger = a_ledger()
    check = ChainCheck(
        service=SERVICE,
        program_id=PROGRAM,
        verifies=lambda _: True,
        as_of=LATER,
        anchored=True,
        chain=CHAIN,
        rooted=True,
    )

    for anchor in ledger.anchors:
        check.anchor(anchor)

    assert list(check._anchors.heads) == [8]


def resigned(root: Root, **changes: str | int) -> Root:
    changed = replace(root, **changes)  # type: ignore[arg-type]
    return replace(changed, signature=signature(changed))


def everywhere(ledger: Kept, root: Root) -> Kept:
    """The ledger with another first root, in the database and kept apart, as who has the key makes it."""
    anchors = tuple(root if each == ledger.roots[0] else each for each in ledger.anchors)
    return replace(ledger, roots=(root, *ledger.roots[1:]), anchors=anchors)


CHANGES: list[tuple[str, Callable[[Kept], Kept], set[Code]]] = [
    (
        "another root",
        lambda ledger: everywhere(ledger, resigned(ledger.roots[0], root_hash="0" * 64)),
        {Code.ROOT_WRONG},
    ),
    (
        "another end",
        lambda ledger: everywhere(ledger, resigned(ledger.roots[0], chain_hash="0" * 64)),
        {Code.CHAIN_REWRITTEN},
    ),
    (
        "a shorter day",
        lambda ledger: everywhere(ledger, a_root(ledger.links, "1998-03-01", 1, 3)),
        {Code.ROOT_GAP},
    ),
    (
        "a root without its first record",
        lambda ledger: replace(ledger, links=ledger.links[1:]),
        {Code.POSITION_MISSING, Code.ROOT_WRONG},
    ),
    (
        "a root that was not kept apart",
        lambda ledger: replace(ledger, anchors=tuple(a for a in ledger.anchors if a != ledger.roots[1])),
        {Code.ROOT_UNANCHORED},
    ),
    (
        "a root that is gone",
        lambda ledger: replace(ledger, roots=ledger.roots[:1]),
        {Code.ROOT_MISSING},
    ),
    (
        "a head of the audit log",
        lambda ledger: replace(ledger, heads=(replace(ledger.heads[0], chain=""),)),
        {Code.HEAD_FORGED, Code.HEAD_MISSING},
    ),
    (
        "no root at all",
        lambda ledger: replace(
            ledger,
            links=tuple(replace(each, recorded_time=NOON - timedelta(days=2)) for each in ledger.links),
            roots=(),
            anchors=tuple(each for each in ledger.anchors if isinstance(each, Head)),
            heads=tuple(each for each in ledger.anchors if isinstance(each, Head)),
        ),
        {Code.UNROOTED},
    ),
]


@pytest.mark.parametrize(
    ("change", "codes"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
def test_a_change_is_told_by_its_code(change: Callable[[Kept], Kept], codes: set[Code]) -> None:
    assert change(a_ledger()).codes() == codes
