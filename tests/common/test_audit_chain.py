"""The audit chain as pure functions: whole, it has no fault, and any one change of it has one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.audit.record import Actor, Record, record_digest, record_link, sealed
from libs.common.chains.chain import Head, Statement, link, origin
from libs.common.chains.check import ChainCheck, Checked, Code
from tests.support.builders import NOON, PROGRAM

SERVICE = "members"
MUCH_LATER = NOON + timedelta(days=1)
TEXTS = ("record_id", "program_id", "act", "reason", "before", "after", "request_id", "trace_id")


@dataclass(frozen=True)
class Log:
    """Everything that a verification reads."""

    records: tuple[Record, ...]
    heads: tuple[Head, ...]
    anchors: tuple[Head, ...]

    def checked(self, anchored: bool = True) -> Checked:
        check = ChainCheck(
            service=SERVICE,
            program_id=PROGRAM,
            verifies=lambda head: head.signature == signature(head),
            as_of=MUCH_LATER,
            anchored=anchored,
        )
        for anchor in self.anchors:
            check.anchor(anchor)
        for head in self.heads:
            check.head(head)
        for record in self.records:
            check.link(record_link(record), genuine=record_digest(record) == record.digest)
        return check.end()

    def codes(self) -> set[Code]:
        return {fault.code for fault in self.checked().faults}


def signature(head: Statement) -> str:
    """Stands for a signature: nobody but the service makes one for other contents."""
    return record_digest(a_record(f"{replace(head, signature='')}"))


def a_record(record_id: str, **fields: Any) -> Record:
    return Record(
        record_id=record_id,
        program_id=PROGRAM,
        recorded_time=NOON,
        actor=Actor("staff", "ann", ("store_manager",)),
        act="CreateStore",
        **fields,
    )


def chained(records: Sequence[Record], *, position: int = 0, chain_hash: str = "") -> tuple[Record, ...]:
    """The records with their places, from the origin on or from behind another one."""
    chain_hash = chain_hash or origin(service=SERVICE, program_id=PROGRAM)
    found = []
    for record in map(sealed, records):
        position += 1
        chain_hash = link(chain_hash, position=position, record_digest=record.digest)
        found.append(replace(record, position=position, chain_hash=chain_hash))
    return tuple(found)


def a_head(record: Record, service: str = SERVICE) -> Head:
    head = Head(service, record.program_id, record.position, record.chain_hash, NOON, f"{service}.1")
    return replace(head, signature=signature(head))


def a_log(size: int, signed: Sequence[int] = ()) -> Log:
    """A log of so many records, with heads at these positions and at the last."""
    records = chained([a_record(f"aud_{number}", objects=("mem_1", "mem_2")) for number in range(size)])
    heads = tuple(a_head(each) for each in records if each.position in {*signed, size})
    return Log(records, heads, heads)


logs = st.integers(2, 7).flatmap(
    lambda size: st.builds(a_log, st.just(size), st.lists(st.integers(1, size), max_size=3))
)


def edits_of(record: Record) -> st.SearchStrategy[Record]:
    """The record with one of its fields changed."""
    texts = st.sampled_from(TEXTS).flatmap(
        lambda name: (
            st.text(max_size=5)
            .filter(lambda text: text != getattr(record, name))
            .map(lambda text: replace(record, **dict[str, Any]({name: text})))
        )
    )
    actor = record.actor
    others: list[Record] = [
        replace(record, recorded_time=NOON + timedelta(milliseconds=1)),
        replace(record, actor=replace(actor, kind="member")),
        replace(record, actor=replace(actor, subject="bob")),
        replace(record, actor=replace(actor, roles=())),
        replace(record, objects=record.objects[1:]),
        replace(record, objects=record.objects[::-1]),
        replace(record, digest="0" * 64),
        replace(record, chain_hash="0" * 64),
        replace(record, position=0),
        replace(record, position=record.position + 1),
    ]
    return texts | st.sampled_from(others)


def edits_of_head(head: Head) -> st.SearchStrategy[Head]:
    return st.sampled_from(
        [
            replace(head, service="risk"),
            replace(head, program_id="other_store"),
            replace(head, position=head.position + 1),
            replace(head, chain_hash="0" * 64),
            replace(head, signed_time=NOON + timedelta(milliseconds=1)),
            replace(head, key_id="risk.1"),
            replace(head, signature="0" * 64),
        ]
    )


@st.composite
def tampered(draw: st.DrawFn) -> Log:
    """A log in which somebody changed one thing in the database, and hid it as well as that can be done."""
    log = draw(logs)
    records = log.records
    index = draw(st.integers(0, len(records) - 1))
    before, record, after = records[:index], records[index], records[index + 1 :]
    kind = draw(st.sampled_from(["edit", "hide", "delete", "close", "insert", "swap", "cut", "head", "drop"]))
    match kind:
        case "edit":
            return replace(log, records=(*before, draw(edits_of(record)), *after))
        case "hide":  # with every digest and hash behind it made anew
            edited = draw(edits_of(record).filter(lambda each: sealed(each).digest != record.digest))
            return replace(log, records=chained([*before, edited, *after]))
        case "delete":
            return replace(log, records=(*before, *after))
        case "close":  # and the gap closed
            return replace(log, records=chained([*before, *after]))
        case "insert":
            return replace(log, records=chained([*before, a_record("aud_forged"), record, *after]))
        case "swap":
            other = draw(st.sampled_from([each for each in records if each != record]))
            exchanged = {record.position: other, other.position: record}
            swapped = [
                replace(exchanged.get(each.position, each), position=each.position) for each in records
            ]
            return replace(log, records=tuple(swapped))
        case "cut":  # with its heads in the database, not those kept apart
            heads = tuple(head for head in log.heads if head.position <= index)
            return replace(log, records=before, heads=heads)
        case "head":
            head = draw(st.sampled_from(log.heads))
            edited_head = draw(edits_of_head(head))
            return replace(log, heads=tuple(edited_head if each == head else each for each in log.heads))
    gone = draw(st.sampled_from(log.heads))
    if draw(st.booleans()):
        return replace(log, anchors=tuple(each for each in log.anchors if each != gone))
    return replace(log, heads=tuple(each for each in log.heads if each != gone))


@given(logs)
def test_a_whole_chain_has_no_fault(log: Log) -> None:
    checked = log.checked()

    assert checked.faults == []
    assert (checked.records, checked.heads, checked.anchors) == (
        len(log.records),
        len(log.heads),
        len(log.heads),
    )


@settings(max_examples=500)
@given(tampered())
def test_any_one_change_is_found(log: Log) -> None:
    assert log.codes()


CHANGES: list[tuple[str, Callable[[Log], Log], set[Code]]] = [
    (
        "a record edited",
        lambda log: replace(
            log, records=(*log.records[:2], replace(log.records[2], reason="x"), *log.records[3:])
        ),
        {Code.DIGEST_WRONG},
    ),
    (
        "a record edited with its digest",
        lambda log: replace(
            log, records=(*log.records[:2], sealed(replace(log.records[2], reason="x")), *log.records[3:])
        ),
        {Code.CHAIN_BROKEN},
    ),
    (
        "a record edited with everything behind it",
        lambda log: replace(
            log, records=chained([*log.records[:2], replace(log.records[2], reason="x"), *log.records[3:]])
        ),
        {Code.CHAIN_REWRITTEN},
    ),
    (
        "a record deleted",
        lambda log: replace(log, records=(*log.records[:2], *log.records[3:])),
        {Code.POSITION_MISSING},
    ),
    ("the first record deleted", lambda log: replace(log, records=log.records[1:]), {Code.POSITION_MISSING}),
    (
        "a record that is there twice",
        lambda log: replace(log, records=(*log.records[:2], log.records[1], *log.records[2:])),
        {Code.POSITION_TWICE},
    ),
    ("the tail cut", lambda log: replace(log, records=log.records[:3]), {Code.TAIL_CUT}),
    (
        "the tail cut with its heads",
        lambda log: replace(log, records=log.records[:3], heads=log.heads[:1]),
        {Code.TAIL_CUT, Code.HEAD_MISSING},
    ),
    (
        "everything deleted",
        lambda log: replace(log, records=(), heads=()),
        {Code.TAIL_CUT, Code.HEAD_MISSING},
    ),
    (
        "records put behind the end",
        lambda log: replace(
            log,
            records=log.records
            + chained([a_record("aud_forged")], position=5, chain_hash=log.records[-1].chain_hash),
        ),
        {Code.UNSIGNED},
    ),
    (
        "every head deleted",
        lambda log: replace(log, heads=(), anchors=()),
        {Code.UNSIGNED},
    ),
    ("a head deleted", lambda log: replace(log, heads=log.heads[1:]), {Code.HEAD_MISSING}),
    ("a head not kept apart", lambda log: replace(log, anchors=log.anchors[1:]), {Code.HEAD_UNANCHORED}),
    (
        "a head of another chain",
        lambda log: replace(log, heads=(*log.heads, replace(log.heads[-1], chain_hash="0" * 64, position=9))),
        {Code.HEAD_FORGED},
    ),
    (
        "a head that was signed for another program",
        lambda log: replace(
            log, heads=(*log.heads, a_head(replace(log.records[0], program_id="other_store")))
        ),
        {Code.HEAD_FORGED},
    ),
    (
        "a head that another service signed",
        lambda log: replace(log, heads=(*log.heads, a_head(log.records[0], service="risk"))),
        {Code.HEAD_FORGED},
    ),
    (
        "two heads signed for one position",
        lambda log: replace(log, heads=(*log.heads, a_head(replace(log.records[-1], chain_hash="0" * 64)))),
        {Code.CHAIN_REWRITTEN},
    ),
    (
        "a record that waits for its place",
        lambda log: replace(log, records=(*log.records, sealed(a_record("aud_late")))),
        {Code.UNSEQUENCED},
    ),
]


@pytest.mark.parametrize(
    ("change", "codes"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
def test_a_change_is_told_by_its_code(change: Callable[[Log], Log], codes: set[Code]) -> None:
    assert change(a_log(5, signed=[2])).codes() == codes


def test_one_change_is_not_told_for_every_record_behind_it() -> None:
    log = a_log(7)
    edited = replace(log.records[1], reason="x")

    checked = replace(log, records=(log.records[0], edited, *log.records[2:])).checked()

    assert (checked.broken, checked.faults[0].object_id) == (1, "aud_1")


@pytest.mark.parametrize("seconds", [0, 14], ids=["at once", "within the slack"])
def test_what_was_just_stored_is_no_fault(seconds: int) -> None:
    late = MUCH_LATER - timedelta(seconds=seconds)
    waiting = sealed(replace(a_record("aud_late"), recorded_time=late))
    log = a_log(2)
    (fresh,) = chained(
        [replace(waiting, record_id="aud_fresh")], position=2, chain_hash=log.records[-1].chain_hash
    )
    unanchored = replace(a_head(log.records[0]), signed_time=late, signature="")
    unanchored = replace(unanchored, signature=signature(unanchored))

    codes = replace(log, records=(*log.records, fresh, waiting), heads=(unanchored, *log.heads)).codes()

    assert codes == set()


def test_a_record_that_got_its_place_while_pages_were_read_may_come_twice() -> None:
    log = a_log(2)
    waiting = replace(log.records[1], position=0, chain_hash="", recorded_time=MUCH_LATER)
    waiting = sealed(waiting)
    (placed,) = chained([waiting], position=2, chain_hash=log.records[-1].chain_hash)

    assert replace(log, records=(*log.records, waiting, placed)).codes() == set()


def test_without_heads_kept_apart_none_is_missed() -> None:
    assert replace(a_log(3), anchors=()).checked(anchored=False).faults == []


def test_a_chain_does_not_pass_for_another_programs_or_services() -> None:
    chains = {
        origin(service=service, program_id=program)
        for service in ("members", "risk")
        for program in (PROGRAM, "other_store")
    }

    assert len(chains) == 4
