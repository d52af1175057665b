"""Documents that are shipped: the presets of programs, their modifiers and sets of segments, by name."""

from pathlib import Path
from typing import Any, Literal

import yaml

from libs.common.errors import ProgramUnknown

_PRESETS = Path(__file__).parent / "presets"

Kind = Literal["programs", "modifiers", "segments"]
_FOLDERS: dict[Kind, Path] = {
    "programs": _PRESETS,
    "modifiers": _PRESETS / "modifiers",
    "segments": _PRESETS / "segments",
}


def names(kind: Kind) -> list[str]:
    """What is shipped of a kind."""
    return sorted(file.stem for file in _FOLDERS[kind].glob("*.yaml"))


def document(kind: Kind, name: str) -> dict[str, Any]:
    """A shipped document, or ProgramUnknown."""
    if name not in names(kind):
        raise ProgramUnknown(preset=name)
    found: dict[str, Any] = yaml.safe_load((_FOLDERS[kind] / f"{name}.yaml").read_text(encoding="utf-8"))
    return found
