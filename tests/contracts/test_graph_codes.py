"""Codes of the graph: what is raised is listed, and what is listed says what to do."""

import importlib
import pkgutil
from collections.abc import Iterator

import services.gateway
from laurel.common.v1 import error_reason_pb2
from libs.common.errors import Refusal
from services.gateway.codes import MEANINGS, Code

REASONS = {each.name.removeprefix("ERROR_REASON_") for each in error_reason_pb2.ErrorReason.DESCRIPTOR.values}


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Every refusal that the gateway itself may raise."""
    for each in kind.__subclasses__():
        if each.__module__.startswith("services.gateway"):
            yield each
        yield from refusals(each)


def test_every_refusal_of_the_gateway_has_a_code_that_is_listed() -> None:
    for module in pkgutil.walk_packages(services.gateway.__path__, "services.gateway."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    raised = {each.reason for each in refusals()} - {Refusal.reason}

    assert len(raised) > 15
    assert raised - set(Code) - REASONS == set()


def test_every_code_says_what_it_means_in_one_line() -> None:
    assert set(MEANINGS) == set(Code)
    assert all(meaning.endswith(".") and len(meaning) < 100 for meaning in MEANINGS.values())


def test_a_code_is_its_own_name() -> None:
    assert [code.name for code in Code] == [code.value for code in Code]
