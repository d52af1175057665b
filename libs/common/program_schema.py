"""The JSON schema of program documents, for editors that check and complete them."""

import json
from typing import Any

from libs.common.program import Program

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The shape of a program document. Publishing checks more: what its parts say of each other."""
    return {"$schema": _DIALECT, **Program.model_json_schema()}


def schema_text() -> str:
    """The schema as a file."""
    return json.dumps(schema(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
