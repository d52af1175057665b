"""Versions of a program on the terminal: a table, and what became of one in a line."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from laurel.benefits.v1 import programs_pb2 as pb
from libs.common.rpc.time import moment

COLOURS = {
    pb.PROGRAM_VERSION_STATE_DRAFT: "yellow",
    pb.PROGRAM_VERSION_STATE_SIMULATED: "bright_yellow",
    pb.PROGRAM_VERSION_STATE_APPROVED: "cyan",
    pb.PROGRAM_VERSION_STATE_SCHEDULED: "blue",
    pb.PROGRAM_VERSION_STATE_LIVE: "bold green",
    pb.PROGRAM_VERSION_STATE_RETIRED: "dim",
    pb.PROGRAM_VERSION_STATE_REJECTED: "red",
}
_PREFIX = "PROGRAM_VERSION_STATE_"


def table(found: Sequence[pb.ProgramVersion], zone: ZoneInfo) -> Table:
    """What fits into 80 columns; --json has the rest."""
    shown = Table(title="Versions", title_justify="left", box=SIMPLE, pad_edge=False)
    shown.add_column("", justify="right", no_wrap=True)
    shown.add_column("state", no_wrap=True)
    shown.add_column("what changes", overflow="fold", ratio=1)
    shown.add_column("by", overflow="fold", max_width=14)
    shown.add_column("from", no_wrap=True)
    shown.add_column("moved", justify="right", no_wrap=True)
    for each in found:
        shown.add_row(*_cells(each, zone), style=COLOURS.get(each.state, ""))
    return shown


def state(version: pb.ProgramVersion) -> str:
    """Where a version is in its life, in a word."""
    return pb.ProgramVersionState.Name(version.state).removeprefix(_PREFIX).lower()


def line(version: pb.ProgramVersion, zone: ZoneInfo) -> str:
    """What became of a version."""
    text = f"version {version.version} of {version.program_id} is "
    match version.state:
        case pb.PROGRAM_VERSION_STATE_DRAFT:
            return f"{text}proposed, digest {version.digest[:12]}"
        case pb.PROGRAM_VERSION_STATE_APPROVED:
            return f"{text}approved by {version.decided_by}, digest {version.digest[:12]}"
        case pb.PROGRAM_VERSION_STATE_SCHEDULED:
            return f"{text}live from {_time(version.effective_time, zone):%Y-%m-%d %H:%M} {zone.key} on"
        case pb.PROGRAM_VERSION_STATE_LIVE:
            return f"{text}live{_moved(version)}"
    return f"{text}{state(version)}"


def _moved(version: pb.ProgramVersion) -> str:
    run = version.recalculation
    if not run.HasField("end_time"):
        return ""
    counts = f"{run.upgraded_count:,} went up, {run.downgraded_count:,} down"
    return f": {run.decided_count:,} memberships were decided on, {counts}"


def _cells(version: pb.ProgramVersion, zone: ZoneInfo) -> list[str]:
    effective = version.effective_time if version.HasField("effective_time") else None
    return [
        str(version.version),
        state(version),
        escape(version.note or version.reason),
        escape("\n".join(each for each in (version.proposed_by, version.decided_by) if each)),
        "" if effective is None else f"{_time(effective, zone):%Y-%m-%d}",
        _share(version.recalculation) if version.HasField("recalculation") else "",
    ]


def _share(run: pb.Recalculation) -> str:
    """How many went up and down, or how far it is with those that there were when it began."""
    if run.HasField("end_time"):
        return f"{run.upgraded_count:,} up\n{run.downgraded_count:,} down"
    return f"{run.decided_count * 100 // max(run.membership_count, run.decided_count, 1)} % so far"


def _time(time: Timestamp, zone: ZoneInfo) -> datetime:
    return moment(time).astimezone(zone)
