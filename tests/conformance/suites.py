"""What the graph is held against: suites and tools of others, and samples with frontends' clients."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.node import RELEASED

SECONDS = 180.0


@dataclass
class Found:
    """What one suite found."""

    ok: int = 0
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Suite:
    """Commands that run one after another in a folder, and what they have to say."""

    name: str
    commands: Sequence[Sequence[str]]
    says: Sequence[str] = ()
    """Patterns of which each has to be found in what the commands print; none where they print verdicts."""

    async def run(self, folder: Path, environment: Mapping[str, str]) -> Found:
        """Run it to its end, or to the first command that fails."""
        found, printed = Found(), ""
        for command in self.commands:
            code, out, err = await _run(command, folder, environment)
            printed += out
            found.warnings += [line for line in err.splitlines() if line.strip()] if code == 0 else []
            if code:
                found.errors.append(f"{' '.join(command)} ended with {code}: {(out + err)[-2_000:]}")
                break
        for line in printed.splitlines() if not self.says else ():
            _count(found, line)
        if not (self.says or found.ok or found.errors):
            found.ok = len(self.commands)  # their ends are all that they say
        for pattern in self.says if not found.errors else ():
            if re.search(pattern, printed, re.MULTILINE):
                found.ok += 1
            else:
                found.errors.append(f"{pattern!r} is not in what it printed: {printed[-500:]}")
        return found


def _count(found: Found, line: str) -> None:
    """Count a verdict; what is none is told along the way."""
    try:
        verdict = json.loads(line)
        status, what = verdict["status"], verdict["what"]
    except (ValueError, TypeError, KeyError):
        return
    if status == "ok":
        found.ok += 1
    elif status == "warning":
        found.warnings.append(what)
    elif status == "error":
        found.errors.append(what)


async def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return 1, "", f"not ended after {SECONDS:.0f} s"
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace")


def _tool(name: str) -> str:
    return f"node_modules/.bin/{name}"


MEMBER = r"mem_[0-9a-f]{32}"
# In the folder of the suites.
OTHERS = [
    Suite("graphql-over-http", [["node", "audits.js"]]),
    Suite("federation-composition", [["node", "compose.js"]]),
    Suite("federation-router", [["node", "router.js"]]),
    Suite(
        "graphql-inspector",
        [
            [_tool("graphql-inspector"), "diff", str(RELEASED), "schema.graphql"],
        ],
    ),
]
# In the folder of the samples, before the platform starts: what they generate is what the gateway lists.
GENERATED = [
    Suite(
        "graphql-codegen",
        [[_tool("graphql-codegen"), "--config", "codegen.ts"], [_tool("tsc"), "-p", "."]],
    ),
    Suite(
        "relay-compiler",
        [
            ["node", "-e", "fs.writeFileSync('relay/persisted.json', '{}')"],
            [_tool("relay-compiler")],
            [_tool("relay-compiler"), "--validate"],
        ],
    ),
]
SAMPLES = [
    Suite(
        "graphql-request",
        [["node", "graphql-request.js"]],
        [f"^{MEMBER} \\w+ \\d+$", "^refused: BAD_USER_INPUT$"],
    ),
    Suite(
        "apollo-client",
        [["node", "apollo.js"]],
        ["^members in two pages: 4$", "^sent with their text: 1 by hash alone: 2$", "^cached by id: 4$"],
    ),
    Suite("urql", [["node", "urql.js"]], [f"^member: {MEMBER}$", f"^first event of: {MEMBER}$"]),
    Suite(
        "graphql-ws",
        [["node", "subscribe.js"]],
        [f"^event of: {MEMBER} at: \\S+$", f"^resumed of: {MEMBER}$", "^refused: BAD_USER_INPUT$"],
    ),
    Suite(
        "graphql-sse",
        [["node", "stream.js"]],
        [f"^event of: {MEMBER} at: \\S+$", f"^resumed of: {MEMBER}$", "^refused: BAD_USER_INPUT$"],
    ),
    Suite("typed-query", [["node", "build/typed/members.js"]], [f"^{MEMBER} \\w+ \\d+$", "^by id: 2$"]),
    Suite("relay", [["node", "relay/members.js"]], ["^members: 2$", f"^again by node: {MEMBER}$"]),
]
