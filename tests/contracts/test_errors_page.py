"""docs/errors.md: each error has a row that agrees with the code, and no row is about another."""

import re
from collections.abc import Iterator

import grpc
import pytest

from laurel.common.v1 import error_reason_pb2
from libs.common.errors import Refusal
from libs.common.rpc.errors import refusal_status
from services.benefits.domain import errors as benefits_errors
from services.gateway.answers import _STATUSES as HTTP_STATUSES
from services.gateway.codes import Code
from services.members.domain import errors as members_errors
from services.risk.domain import errors as risk_errors
from services.scoring.domain import errors as scoring_errors
from tests.contracts.code import ROOT

LOADED = (benefits_errors, members_errors, risk_errors, scoring_errors)  # so that their refusals are there
REASONS = [name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()[1:]]
STATUSES = {status.value[0]: status.name for status in grpc.StatusCode}
PASSING = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"}

PAGE = (ROOT / "docs/errors.md").read_text()
FRONTENDS, PARTNERS = PAGE.split("## For partners")
PARTNERS = PARTNERS.partition("A status **without**")[0]


def rows(part: str) -> dict[str, list[str]]:
    """The other cells of a table, by the name in the first."""
    found = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", part, re.MULTILINE)
    assert len({name for name, _ in found}) == len(found)
    return {name: cells.split(" | ") for name, cells in found}


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Every kind of refusal that the services know."""
    for refusal in kind.__subclasses__():
        yield refusal
        yield from refusals(refusal)


def statuses_of(reason: str) -> set[str]:
    """The gRPC statuses that services refuse with for a reason."""
    raised = [each for each in refusals() if each.reason == reason and ".gateway." not in each.__module__]
    return {STATUSES[refusal_status(each()).code] for each in raised}


def test_partners_find_every_reason_and_no_other() -> None:
    assert list(rows(PARTNERS)) == REASONS


@pytest.mark.parametrize("reason", REASONS)
def test_partners_are_told_the_status_that_a_reason_comes_with(reason: str) -> None:
    status, *_ = rows(PARTNERS)[reason]

    told = set(re.findall(r"`([A-Z_]+)`", status))
    assert told == statuses_of(reason) | ({"INTERNAL"} if reason == "INTERNAL" else set())
    assert told or "*result*" in status


@pytest.mark.parametrize("reason", REASONS)
def test_partners_are_told_to_repeat_what_may_pass_and_nothing_else(reason: str) -> None:
    status, _, again = rows(PARTNERS)[reason]

    passes = not PASSING.isdisjoint(re.findall(r"`([A-Z_]+)`", status))
    assert again.startswith("yes, same id" if passes else "no")


def test_frontends_find_every_code_and_no_other() -> None:
    assert list(rows(FRONTENDS)) == list(Code)


@pytest.mark.parametrize("code", Code)
def test_frontends_are_told_the_http_status_that_a_code_comes_with(code: Code) -> None:
    http, *_ = rows(FRONTENDS)[code]

    told = {int(number) for number in re.findall(r"[0-9]{3}", http)}
    assert told
    assert told <= {200, HTTP_STATUSES.get(code, 400)}
    assert code not in HTTP_STATUSES or HTTP_STATUSES[code] in told
