"""The documents that people read first: their links lead somewhere, and no call of a service is left out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from laurel.risk.v1 import risk_pb2
from laurel.scoring.v1 import scoring_pb2

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "services/*/*.md", "protos/*.md", "examples/*/*.md")
    for path in ROOT.glob(pattern)
)
CONTRACTS = {"members": members_pb2, "scoring": scoring_pb2, "benefits": benefits_pb2, "risk": risk_pb2}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", document.read_text())

    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("service", CONTRACTS)
def test_the_page_of_a_service_names_each_of_its_calls(service: str) -> None:
    page = (ROOT / "services" / service / "README.md").read_text()
    (contract,) = CONTRACTS[service].DESCRIPTOR.services_by_name.values()

    assert [method.name for method in contract.methods if f"`{method.name}`" not in page] == []


def name_of(part: ast.stmt) -> str:
    """What a method or a value of a class is called."""
    match part:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.Assign([ast.Name(name)]):
            return str(name)
    return ""


def kinds_that_fall_due() -> Iterator[str]:
    """What the kinds of the calendars are called, as their classes say it."""
    for file in sorted((ROOT / "services").rglob("handlers/*.py")):
        for found in (node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)):
            parts = {name_of(part): part for part in found.body}
            if {"due", "happen"} <= parts.keys():
                constants = (node for node in ast.walk(parts["name"]) if isinstance(node, ast.Constant))
                yield from (each.value for each in constants if isinstance(each.value, str))


def test_the_page_of_the_calendar_names_each_kind_that_falls_due() -> None:
    page = (ROOT / "docs/calendar.md").read_text()
    kinds = set(kinds_that_fall_due())

    assert {"dormancy", "points_expiration"} <= kinds
    assert kinds == set(re.findall(r"^\| `(\w+)` \| \w+ \|", page, re.MULTILINE))


def test_words_are_sorted_and_each_stands_for_one_term() -> None:
    table = (ROOT / "GLOSSARY.md").read_text().split("## Names to avoid")[0]
    words = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", table, re.MULTILINE)[1:]

    english, chinese = [word for word, _ in words], [term for _, term in words]
    assert english == sorted(english, key=str.lower)
    assert (len(set(english)), len(set(chinese))) == (len(words), len(words))


def test_the_example_for_partners_is_python() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "protos/README.md").read_text(), re.DOTALL)

    compile(example, "till.py", "exec")
