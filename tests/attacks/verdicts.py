"""What is wrong with an answer to an attack: it is a fault, shows our insides, or is another than expected.

Pure, so that a test can plant each of them.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from laurel.common.v1.error_reason_pb2 import ErrorReason
from services.gateway.codes import Code

Kind = Literal["status_5xx", "leak", "unexpected"]

# Codes of gRPC, and of the graph, that say that we failed.
FAULTS = {"INTERNAL", "UNKNOWN", "DATA_LOSS"}
# Reasons that a quiet platform has no cause to give.
TROUBLE = {*FAULTS, "UNAVAILABLE", "DEADLINE_EXCEEDED", "OVERLOADED", "CONTENTION", "RATE_LIMITED"}
REASONS = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118 - no mapping
DOCUMENTED = ({*Code} | REASONS) - TROUBLE
STATUSES = {"200", "400", "401", "403", "404", "405", "413", "415", "429"}
GRPC_CODES = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "RESOURCE_EXHAUSTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
}
LEAKS = {
    "traceback": r"Traceback|File \"|, line \d+",
    "module": r"\b(libs|services)\.[a-z_]+\.?[a-z_]*|\w+\.py\b",
    "exception": r"\b[A-Z][a-z]\w*(Error|Exception|Warning)\b",
    "object": r"<class '|<\w[\w.]* object at|0x[0-9a-f]{8,}",
    "library": r"(?i)\b(pymongo|motor|bson|mongodb|mongod|redis|valkey|grpc\._\w+|starlette|uvicorn|httptools"
    r"|strawberry|asyncio|orjson|pydantic|protovalidate|uvloop)\b",
    "database": r"E11000|WriteConflict|codeName|errmsg|duplicate key|\$clusterTime",
    "path": r"(?<![\w:/.])/(usr|home|work|tmp|opt|root|var|etc|proc|srv|app)/",
    # That a field needs a selection is said in words of its own, of the field that was sent.
    "suggestion": r"Did you mean (?!'\w+ \{ \.\.\. \}'\?)",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: in short, whole, whether it refuses what was asked, and after which time.

    The outcome of HTTP is status and code, `400 DEPTH_LIMIT`; of gRPC code and
    reason, `INVALID_ARGUMENT MALFORMED_REQUEST`; what was answered well ends in
    `OK`, and then in the reasons for which parts of it were refused.
    """

    outcome: str
    text: str = ""
    refused: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to try. `ask` is told how often it was asked before."""

    group: str
    name: str
    ask: Callable[[int], Awaitable[Answer]]
    # The outcomes that are right; any that the documents name when empty.
    expected: tuple[str, ...] = ()
    # What an answer may repeat.
    sent: str = ""
    # Whether its refusal is timed: not where it waits for somebody, or may be asked once only.
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    group: str
    case: str
    detail: str


def findings(case: Case, answer: Answer) -> list[Finding]:
    """Everything that is wrong with the answer to a case."""
    found = faults(case.group, case.name, answer, sent=case.sent)
    if not is_expected(answer.outcome, case.expected) and not any(
        each.kind == "status_5xx" for each in found
    ):
        wanted = " or ".join(case.expected) or "a documented outcome"
        detail = f"{answer.outcome} instead of {wanted}: {answer.text[:300]}; sent {case.sent[:200]!r}"
        found.append(Finding("unexpected", case.group, case.name, detail))
    return found


def faults(group: str, name: str, answer: Answer, *, sent: str = "") -> list[Finding]:
    """What no answer may be or hold, whatever was asked."""
    found = [
        Finding("leak", group, name, f"{what}: {text}")
        for what, text in leaks(answer.text, sent=sent).items()
    ]
    if is_fault(answer.outcome):
        found.append(Finding("status_5xx", group, name, f"{answer.outcome}: {answer.text[:300]}"))
    return found


def is_fault(outcome: str) -> bool:
    """Whether the outcome is a status of 500 and above, or says that we failed."""
    first, *reasons = words(outcome)
    return bool(re.fullmatch(r"5\d\d", first)) or not FAULTS.isdisjoint({first, *reasons})


def is_expected(outcome: str, expected: tuple[str, ...]) -> bool:
    """Whether the outcome is one of these; without any, whether it is made of documented parts."""
    if expected:
        return outcome in expected
    first, *reasons = words(outcome)
    if first not in STATUSES | GRPC_CODES:
        return False
    documented = all(reason in DOCUMENTED or reason == "OK" for reason in reasons)
    return documented and (first in {"OK", "UNIMPLEMENTED"} or bool(reasons))


def leaks(text: str, *, sent: str = "") -> dict[str, str]:
    """What of our insides stands in a text, by what it is; what was sent there may come back."""
    found: dict[str, str] = {}
    for what, pattern in LEAKS.items():
        for match in re.finditer(pattern, text):
            if match[0] not in sent:
                found[what] = text[max(0, match.start() - 40) : match.end() + 40]
                break
    return found


def words(outcome: str) -> list[str]:
    """The parts of an outcome."""
    return re.split(r"[ +]", outcome)
