"""The history of a run: what clients asked and heard, what was done to servers, what was read meanwhile."""

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

Outcome = Literal["ok", "fail", "info"]
Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of a client.

    An operation, named by client and index, is one wish. Its attempts are
    repetitions under the same key; `effects` name what the platform is to hold
    once afterwards, place by place: those at one place of all attempts are the
    same wish. `done` says by place whether the answer promises it.

    `ok` was answered, `fail` was refused before any work, and of `info` nobody
    knows: it may have happened, may happen yet, or not.
    """

    client: int
    index: int
    number: int
    operation: str
    program_id: str
    key: str
    digest: str
    effects: tuple[str, ...]
    node: str = ""
    deadline_seconds: float = 0.0
    steady: bool = False
    audited: bool = False
    invoked_ns: int = 0
    invoked_wall_ns: int = 0
    outcome: Outcome = "info"
    completed_ns: int = 0
    completed_wall_ns: int = 0
    code: str = ""
    result: bytes = b""
    done: tuple[bool, ...] = ()

    @property
    def wish(self) -> tuple[int, int]:
        """The operation that it is an attempt of."""
        return self.client, self.index


@dataclass(frozen=True, slots=True)
class Completion:
    """What a client heard."""

    outcome: Outcome
    code: str = ""
    result: bytes = b""
    done: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault as it happened, to which process, from when to when."""

    fault: str
    kind: str
    target: str
    pid: int
    begin_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Held:
    """What an account held at a version of it: so many entries."""

    currency: str
    balance: int
    seq: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All accounts of a program at one moment, and the digests of entries not seen before."""

    reader: str
    at_ns: int
    accounts: Mapping[str, Held]
    entries: Mapping[str, str] = field(default_factory=dict)


@dataclass
class History:
    """Everything that was recorded, in order."""

    attempts: list[Attempt] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)

    def wishes(self) -> dict[tuple[int, int], list[Attempt]]:
        """The attempts of each operation, first things first."""
        wishes: dict[tuple[int, int], list[Attempt]] = {}
        for attempt in self.attempts:
            wishes.setdefault(attempt.wish, []).append(attempt)
        return wishes


def ends_of(attempts: Sequence[Attempt]) -> list[Outcome]:
    """What is known of each effect of one operation, by place, after all its attempts.

    Refused are those alone that every attempt was refused; another payload under its key counts for nothing.
    """
    first = attempts[0]
    own = [each for each in attempts if each.effects == first.effects]
    return [_end(own, place) for place in range(len(first.effects))]


def _end(attempts: Sequence[Attempt], place: int) -> Outcome:
    if any(each.outcome == "ok" and each.done[place : place + 1] == (True,) for each in attempts):
        return "ok"
    known = any(each.outcome == "ok" for each in attempts) or all(each.outcome == "fail" for each in attempts)
    return "fail" if known else "info"


class Recorder:
    """Keeps a history, and writes each line of it to a file at once, as a run may be killed."""

    def __init__(self, file: Path | None = None, *, clock: Clock = time.monotonic_ns) -> None:
        self.history = History()
        self._clock = clock
        self._lines: IO[str] | None = None if file is None else file.open("w", encoding="utf-8")

    def now(self) -> int:
        """The time by the clock of the history."""
        return self._clock()

    def invoke(self, attempt: Attempt) -> int:
        """A request leaves; gives its place, by which it is completed. Until then nobody knows of it."""
        invoked = replace(attempt, invoked_ns=self._clock(), invoked_wall_ns=time.time_ns())
        self.history.attempts.append(invoked)
        place = len(self.history.attempts) - 1
        self._write({"type": "invoke", "place": place, **_of_attempt(invoked)})
        return place

    def complete(self, place: int, heard: Completion) -> Attempt:
        """The client has heard something, or given up; gives the attempt with it."""
        attempts = self.history.attempts
        attempts[place] = replace(
            attempts[place],
            outcome=heard.outcome,
            code=heard.code,
            result=heard.result,
            done=heard.done,
            completed_ns=self._clock(),
            completed_wall_ns=time.time_ns(),
        )
        self._write({"type": heard.outcome, "place": place, **_of_completion(attempts[place])})
        return attempts[place]

    def snapshot(self, snapshot: Snapshot) -> None:
        """Somebody has read all accounts."""
        self.history.snapshots.append(snapshot)
        self._write({"type": "snapshot", **asdict(snapshot)})

    def struck(self, struck: Struck) -> None:
        """Something was done to a process."""
        self.history.struck.append(struck)
        self._write({"type": "struck", **asdict(struck)})

    def close(self) -> None:
        """End the file."""
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._lines is not None:
            self._lines.write(json.dumps(line) + "\n")
            self._lines.flush()


_COMPLETION = ("outcome", "code", "done", "completed_ns", "completed_wall_ns")


def _of_attempt(attempt: Attempt) -> dict[str, Any]:
    fields = asdict(attempt)
    return {name: value for name, value in fields.items() if name not in {*_COMPLETION, "result"}}


def _of_completion(attempt: Attempt) -> dict[str, Any]:
    fields = {name: getattr(attempt, name) for name in _COMPLETION}
    return fields | {"result": base64.b64encode(attempt.result).decode()}


def read(lines: Iterable[str]) -> History:
    """A history from the lines of its file; what was not completed is unknown."""
    history = History()
    for line in _parsed(lines):
        kind = line.pop("type")
        if kind == "snapshot":
            accounts = {name: Held(**held) for name, held in line.pop("accounts").items()}
            history.snapshots.append(Snapshot(accounts=accounts, **line))
        elif kind == "struck":
            history.struck.append(Struck(**line))
        elif kind == "invoke":
            line.pop("place")
            history.attempts.append(Attempt(**line | {"effects": tuple(line["effects"])}))
        else:
            place = line.pop("place")
            heard = {**line, "done": tuple(line["done"]), "result": base64.b64decode(line["result"])}
            history.attempts[place] = replace(history.attempts[place], **heard)
    return history


def _parsed(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The lines that are whole: the last one is half, where the run was killed."""
    for line in lines:
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return
