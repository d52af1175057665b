"""Versions of programs on the wire."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from laurel.benefits.v1 import programs_pb2 as pb
from libs.common.rpc.time import timestamp
from services.benefits.domain.program_changes import Change, Recalculation


def version_message(change: Change) -> pb.ProgramVersion:
    """A version on its way, without its document."""
    return pb.ProgramVersion(
        program_id=change.program_id,
        version=change.number,
        digest=change.digest,
        state=pb.ProgramVersionState.Value(f"PROGRAM_VERSION_STATE_{change.state.name}"),
        note=change.note,
        proposed_by=change.proposed_by,
        proposed_time=_time(change.proposed_time),
        based_on=change.based_on,
        decided_by=change.decided_by,
        decided_time=_time(change.decided_time),
        reason=change.reason,
        effective_time=_time(change.effective_time),
        recalculation=None if change.recalculation is None else _run_message(change.recalculation),
        simulation_id=change.simulation_id,
    )


def _run_message(run: Recalculation) -> pb.Recalculation:
    return pb.Recalculation(
        run_id=run.run_id,
        decided_count=run.decided,
        upgraded_count=run.upgraded,
        downgraded_count=run.downgraded,
        start_time=_time(run.start_time),
        end_time=_time(run.end_time),
        membership_count=run.memberships,
    )


def _time(time: datetime | None) -> Timestamp | None:
    return None if time is None else timestamp(time)
