"""A firewall between the members of a replica set: real packets are dropped, by who sends them and where to.

Everything of a run is in a network namespace of its own, so nobody else on the
machine is cut off. Each mongod runs in a group of its own, by which the rules
know it. This needs root, `unshare`, `ip`, `setpriv`, and nft or iptables.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

NAMESPACE = "LAUREL_FAULTS_NAMESPACE"
TOOLS = ("unshare", "ip", "setpriv")
TABLE = "laurel_faults"
RUN_SECONDS = 30


class CannotRun(Exception):
    """This machine cannot do it; the text says what it lacks."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Packets that are dropped: of a group, to a port, or both."""

    group: int | None = None
    port: int | None = None


class Firewall:
    """Drops what it is told to, until it is told otherwise."""

    def __init__(self) -> None:
        if NAMESPACE not in os.environ:
            raise CannotRun("not in a network namespace of its own")
        self._nft = shutil.which("nft") is not None
        for command in _nft_begin() if self._nft else ():
            _run(command)

    def drop(self, drops: Sequence[Drop]) -> None:
        """Drop these from now on."""
        for each in drops:
            _run(_nft_rule(each) if self._nft else _iptables_rule(each))

    def dropped(self) -> int:
        """How many packets were dropped since the last time that everything was healed."""
        if self._nft:
            listed = json.loads(_run(["nft", "-j", "list", "chain", "inet", TABLE, "out"]))["nftables"]
            statements = [each for one in listed for each in one.get("rule", {}).get("expr", [])]
            return sum(each["counter"]["packets"] for each in statements if "counter" in each)
        rules = _run(["iptables", "-L", "OUTPUT", "-v", "-x", "-n"]).splitlines()[2:]
        return sum(int(rule.split()[0]) for rule in rules)

    def heal(self) -> None:
        """Drop nothing any more."""
        _run(["nft", "flush", "chain", "inet", TABLE, "out"] if self._nft else ["iptables", "-F", "OUTPUT"])


def in_group(group: int) -> list[str]:
    """What runs the command after it in this group and no other."""
    return ["setpriv", "--regid", str(group), "--clear-groups", "--"]


def require() -> None:
    """CannotRun where this machine lets nobody drop packets, with what it lacks."""
    if os.geteuid() != 0:
        raise CannotRun("dropping packets needs root")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if shutil.which("nft") is None and shutil.which("iptables") is None:
        missing.append("nft or iptables")
    if missing:
        raise CannotRun(f"dropping packets needs {', '.join(missing)}")
    tried = [
        sys.executable,
        "-c",
        "from tests.faults.firewall import Drop, Firewall as F; F().drop([Drop(1, 1)])",
    ]
    try:
        _run(in_namespace(tried), environment={NAMESPACE: "1"})
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        raise CannotRun(f"packets cannot be dropped here: {said.strip().splitlines()[-1]}") from error


def in_namespace(command: Sequence[str]) -> list[str]:
    """The command, run in a network namespace of its own that has nothing but loopback."""
    return ["unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


def _nft_begin() -> list[list[str]]:
    chain = "{ type filter hook output priority 0; policy accept; }"
    return [["nft", "add", "table", "inet", TABLE], ["nft", "add", "chain", "inet", TABLE, "out", chain]]


def _nft_rule(drop: Drop) -> list[str]:
    group = [] if drop.group is None else ["meta", "skgid", str(drop.group)]
    port = [] if drop.port is None else ["tcp", "dport", str(drop.port)]
    return ["nft", "add", "rule", "inet", TABLE, "out", *group, *port, "counter", "drop"]


def _iptables_rule(drop: Drop) -> list[str]:
    group = [] if drop.group is None else ["-m", "owner", "--gid-owner", str(drop.group)]
    port = [] if drop.port is None else ["-p", "tcp", "--dport", str(drop.port)]
    return ["iptables", "-A", "OUTPUT", *group, *port, "-j", "DROP"]


def _run(command: Sequence[str], *, environment: dict[str, str] | None = None) -> str:
    """Run a command; gives what it says."""
    return subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        env=os.environ | (environment or {}),
    ).stdout
