"""Node and the packages that the suites and samples need, installed as their locks say."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.contracts.code import ROOT

BUILD = ROOT / "build" / "conformance"
FRONTENDS = ROOT / "examples" / "frontends"
SUITES = Path(__file__).with_name("others")
SCHEMA = ROOT / "services" / "gateway" / "schema.graphql"
RELEASED = ROOT / "protos" / "released.graphql"
NODE_MAJOR = 20
INSTALL_SECONDS = 900
LOCK = "package-lock.json"


class Missing(Exception):
    """The suites cannot run here; the text says what is needed."""


def require_node() -> None:
    """Node and npm, or Missing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing(f"Node {NODE_MAJOR} or newer with npm is needed, and is not on the PATH")
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(told.removeprefix("v").split(".")[0]) < NODE_MAJOR:
        raise Missing(f"Node {NODE_MAJOR} or newer is needed; this is {told}")


def installed(source: Path) -> Path:
    """A fresh copy of a folder in the build folder, with its packages; those are kept while its lock is."""
    target = BUILD / source.name
    packages, lock = target / "node_modules", (source / LOCK).read_bytes()
    mark = packages / ".installed"
    if mark.exists() and mark.read_bytes() != lock:
        shutil.rmtree(packages)
    for entry in target.iterdir() if target.exists() else ():
        if entry != packages:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(
        source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "build")
    )
    if not mark.exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(
            command, cwd=target, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
        if done.returncode:
            raise Missing(f"npm ci of {source.relative_to(ROOT)} failed:\n{done.stderr}")
        mark.write_bytes(lock)
    shutil.copy(SCHEMA, target / SCHEMA.name)
    return target


def environment(**more: str) -> dict[str, str]:
    """What a suite finds in its environment."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return inherited | {"NO_COLOR": "1", "CI": "true"} | more
