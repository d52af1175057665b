"""The till's journal: what was answered, kept on disk, so that the till may be killed at any moment."""

import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

Answer = list[dict[str, Any]]


class JournalError(Exception):
    """A journal that is not this till's, or cannot be read."""


class Journal:
    """A line of JSON that names the journal and what it is for, then one for each step that was answered.

    The request_id of a step is made of the journal's own id and the step's name. So a step that was sent, and
    whose answer never came or was not written down, is sent again under the id that it had.
    """

    def __init__(self, path: Path, subject: dict[str, Any]) -> None:
        """Open the journal of this subject, or begin it; another subject's is refused."""
        _begin(path, {"journal": uuid.uuid4().hex, **subject})
        self._file = path.open("a+b")
        _drop_half_a_line(self._file)
        try:
            head, *answered = [json.loads(line) for line in self._file.readlines()]
            self._answers: dict[str, Answer] = {each["step"]: each["answer"] for each in answered}
            self._id = head.pop("journal")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JournalError(f"{path} is no journal, or it was damaged: {error!r}") from error
        if head != subject:
            raise JournalError(f"{path} is the journal of {head}, not of {subject}: name another file")

    def once(self, step: str, send: Callable[[str], Answer]) -> Answer:
        """The answer to a step: as it was written down, or what `send` gives under the step's request_id."""
        if step not in self._answers:
            answer = send(f"{self._id}.{step}")
            self._append({"step": step, "answer": answer})
            self._answers[step] = answer
        return self._answers[step]

    def _append(self, entry: dict[str, Any]) -> None:
        _write(self._file, entry)


def _begin(path: Path, head: dict[str, Any]) -> None:
    """Put a journal with this first line in place, whole, unless there is one."""
    fresh = path.with_name(f"{path.name}.{head['journal']}")
    with fresh.open("xb") as file:
        _write(file, head)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _drop_half_a_line(file: BinaryIO) -> None:
    """Cut off a last line that the till did not live to finish."""
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
    file.seek(0)


def _write(file: BinaryIO, entry: dict[str, Any]) -> None:
    """Write a line, and come back when it is on disk."""
    file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())
