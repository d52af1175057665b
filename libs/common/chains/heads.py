"""Heads and roots of chains kept apart from the database: a file of JSON lines, only ever appended to."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import TypeAdapter

from libs.common.canonical import canonical
from libs.common.chains.chain import Head, Root, Statement, signed_content
from libs.common.settings import ConfigurationError

LINE_BYTES_MAX = 4_096
TORN_MAX = 100
_STATEMENT: TypeAdapter[Statement] = TypeAdapter(Head | Root)


def head_line(head: Statement) -> bytes:
    """A head or a root as a line of the file, without its end."""
    return canonical({**signed_content(head), "signature": head.signature})


def heads_file(file: Path | None) -> Path | None:
    """The file, if heads can be appended to it, or ConfigurationError."""
    if file is not None:
        try:
            append_heads(file, [])
        except OSError as error:
            raise ConfigurationError(f"LAUREL_AUDIT_HEADS_FILE: {error}") from error
    return file


def append_heads(file: Path, heads: Iterable[Statement]) -> None:
    """Append heads and roots, on the disk when this returns.

    A line that a crash has torn stays as it is, and whole ones begin behind it.
    Several chains of a service share the file, so one waits for the other.
    """
    lines = b"".join(head_line(head) + b"\n" for head in heads)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        end = opened.seek(0, os.SEEK_END)
        if end:
            opened.seek(end - 1)
            lines = lines if opened.read(1) == b"\n" else b"\n" + lines
        opened.write(lines)
        opened.flush()
        os.fsync(opened.fileno())


def read_heads(file: Path) -> Iterator[Statement | int]:
    """The heads and roots of a file in their order, and the numbers of the lines that say none.

    A torn line is none of these: heads that were not written whole are
    appended again, so it is the beginning of a line further down. Nor is a
    last line without its end, which is just being written.
    """
    torn: dict[bytes, int] = {}
    with file.open("rb") as opened:
        number = 0
        while line := opened.readline(LINE_BYTES_MAX):
            number += 1
            text = line.removesuffix(b"\n")
            head = _head(text)
            if head is not None:
                yield head
                for begun in [each for each in torn if text.startswith(each)]:
                    del torn[begun]
            elif len(torn) == TORN_MAX:
                yield number
            elif line != text or len(line) == LINE_BYTES_MAX:
                torn[text] = number
    yield from torn.values()


def _head(line: bytes) -> Statement | None:
    """The head or root that a line says; it must be the line that we would write."""
    try:
        head = _STATEMENT.validate_json(line, strict=True)
        return head if head_line(head) == line else None
    except ValueError:
        return None
