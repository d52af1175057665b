"""Heads kept apart: a file that is only appended to, and says which of its lines are none."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from libs.common.chains.chain import Head
from libs.common.chains.heads import append_heads, head_line, heads_file, read_heads
from libs.common.settings import ConfigurationError
from tests.support.builders import NOON, PROGRAM


def a_head(position: int) -> Head:
    time = NOON + timedelta(milliseconds=position)
    return Head("members", PROGRAM, position, f"{position:064x}", time, "members.key", f"{position:0128x}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where heads are kept in a test."""
    return tmp_path / "members.heads.jsonl"


def test_heads_are_read_as_they_were_appended(file: Path) -> None:
    append_heads(file, [a_head(1), a_head(2)])
    append_heads(file, [a_head(3)])

    assert list(read_heads(file)) == [a_head(1), a_head(2), a_head(3)]
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_never_written_again(file: Path) -> None:
    append_heads(file, [a_head(1)])
    before = file.read_bytes()

    append_heads(file, [a_head(1), a_head(2)])

    assert file.read_bytes().startswith(before)
    assert list(read_heads(file)) == [a_head(1), a_head(1), a_head(2)]


@pytest.mark.parametrize("length", [1, 50, -1], ids=["its first byte", "half of it", "all but its last byte"])
def test_a_line_that_a_crash_tore_is_appended_again_and_is_no_fault(file: Path, length: int) -> None:
    append_heads(file, [a_head(1)])
    with file.open("ab") as torn:
        torn.write(head_line(a_head(2))[:length])

    append_heads(file, [a_head(2), a_head(3)])

    assert list(read_heads(file)) == [a_head(1), a_head(2), a_head(3)]


def test_a_line_that_lacks_only_its_end_is_whole(file: Path) -> None:
    file.write_bytes(head_line(a_head(1)))

    append_heads(file, [a_head(2)])

    assert list(read_heads(file)) == [a_head(1), a_head(2)]


GARBLED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("not JSON", lambda line: line[:-1]),
    ("a list", lambda line: b"[" + line + b"]"),
    ("a field less", lambda line: line.replace(b'"position":2,', b"")),
    ("a field of another type", lambda line: line.replace(b'"position":2,', b'"position":"2",')),
    ("a time that is none", lambda line: line.replace(b"1998-03-02", b"1998-02-31")),
    ("a space more", lambda line: line.replace(b'"position":2,', b'"position": 2,')),
    ("a field twice", lambda line: line.replace(b'"position":2,', b'"position":2,"position":2,')),
    ("no text", lambda line: b"\xff" + line),
    ("very deep", lambda line: b"[" * 3_000),
    ("very long", lambda line: line + b" " * 10_000),
]


@pytest.mark.parametrize("garble", [each[1] for each in GARBLED], ids=[each[0] for each in GARBLED])
def test_a_line_that_says_no_head_is_told_by_its_number(file: Path, garble: Callable[[bytes], bytes]) -> None:
    lines = [head_line(a_head(1)), garble(head_line(a_head(2))), head_line(a_head(3))]
    file.write_bytes(b"\n".join(lines) + b"\n")

    found = list(read_heads(file))

    assert found[:2] == [a_head(1), a_head(3)]
    assert 2 in found[2:]


def test_a_line_that_is_just_being_written_is_passed_over(file: Path) -> None:
    append_heads(file, [a_head(1)])
    with file.open("ab") as writing:
        writing.write(head_line(a_head(2))[:40])

    assert list(read_heads(file)) == [a_head(1)]


def test_every_line_of_a_file_of_garbage_is_told(file: Path) -> None:
    file.write_bytes(b"".join(b"garbage %d\n" % number for number in range(1_000)))

    assert sorted(found for found in read_heads(file) if isinstance(found, int)) == list(range(1, 1_001))


def test_a_file_that_cannot_be_appended_to_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"LAUREL_AUDIT_HEADS_FILE: .*No such file"):
        heads_file(tmp_path / "nowhere" / "members.heads.jsonl")

    assert heads_file(None) is None


@pytest.mark.parametrize("appended", [[], [a_head(1)]], ids=["no file of heads", "with heads"])
def test_nothing_to_append_changes_nothing(file: Path, appended: list[Head]) -> None:
    append_heads(file, appended)
    before = file.read_bytes()

    append_heads(file, [])

    assert file.read_bytes() == before
