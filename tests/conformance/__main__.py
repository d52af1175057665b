"""`make conformance`: hold the graph against others' suites and clients, write build/conformance.json."""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from libs.cli.console import err, out
from tests.conformance.node import BUILD, FRONTENDS, SUITES, Missing, environment, installed, require_node
from tests.conformance.scene import scene
from tests.conformance.suites import GENERATED, OTHERS, SAMPLES, Found, Suite

FILE = BUILD.parent / "conformance.json"


def main() -> int:
    """Install, run everything, tell; 1 where anything was found, or nothing could be run."""
    try:
        require_node()
        err.print("Installing the suites and samples into build/conformance …")
        frontends, suites = installed(FRONTENDS), installed(SUITES)
    except Missing as missing:
        err.print(f"make conformance: {missing}", highlight=False)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="laurel-conformance-"))
    try:
        found = asyncio.run(_held(folder, frontends, suites))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    FILE.write_text(json.dumps({name: asdict(each) for name, each in found.items()}, indent=2) + "\n")
    _show(found)
    return 1 if any(each.warnings or each.errors for each in found.values()) else 0


async def _held(folder: Path, frontends: Path, suites: Path) -> dict[str, Found]:
    found = await _run(GENERATED, frontends, environment())
    listed = _listed(frontends)
    async with scene(folder, listed) as asking:
        found |= await _run(OTHERS, suites, asking)
        found |= await _run(SAMPLES, frontends, asking)
    return found


async def _run(suites: Iterable[Suite], folder: Path, asking: Mapping[str, str]) -> dict[str, Found]:
    found = {}
    for suite in suites:
        err.print(f"{suite.name} …", highlight=False)
        found[suite.name] = await suite.run(folder, asking)
    return found


def _listed(frontends: Path) -> dict[str, str]:
    """The documents that codegen and Relay's compiler wrote down for the allow-list."""
    manifests = (frontends / "typed/gql/persisted-documents.json", frontends / "relay/persisted.json")
    return {
        key: text
        for manifest in manifests
        if manifest.exists()
        for key, text in json.loads(manifest.read_text()).items()
    }


def _show(found: Mapping[str, Found]) -> None:
    table = Table("suite", "ok", "warnings", "errors")
    for name, each in found.items():
        table.add_row(name, *map(str, (each.ok, len(each.warnings), len(each.errors))))
    out.print(table)
    for name, each in found.items():
        for what in (*each.warnings, *each.errors):
            out.print(f"{name}: {what}", highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(main())
