"""The published schema of program documents is that of the code, and says what each part is."""

import json
import re
from pathlib import Path

import pytest

from libs.common.program import Program
from libs.common.program_schema import schema, schema_text

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "program.schema.json"
PRESETS = sorted((ROOT / "libs/common/presets").glob("*.yaml"))


def test_the_schema_is_current() -> None:
    """`make schema` writes it."""
    assert FILE.read_text(encoding="utf-8") == schema_text()


def test_every_part_says_what_it_is() -> None:
    found = json.loads(schema_text())

    parts = {name: part for name, part in found["$defs"].items() if part.get("type") == "object"}
    assert len(parts) > 50
    assert [name for name, part in parts.items() if not (part.get("description") and part.get("title"))] == []


def test_it_has_every_field_by_the_name_that_documents_use() -> None:
    found = schema()

    assert set(found["properties"]) == set(Program.model_fields)
    assert set(found["$defs"]["SegmentIs"]["properties"]) == {"segment", "is"}
    assert found["additionalProperties"] is False


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_a_preset_that_names_its_schema_names_one_that_is_there(preset: Path) -> None:
    named = re.findall(r"^# yaml-language-server: \$schema=(\S+)\n", preset.read_text(encoding="utf-8"))

    assert [each for each in named if (preset.parent / each).resolve() != FILE] == []
