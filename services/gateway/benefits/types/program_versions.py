"""What the graph shows of how a program changes: its versions, from the proposal to their effect."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import relay

from laurel.benefits.v1 import programs_pb2 as pb
from services.gateway.benefits.types.simulations import Simulation, simulation_of
from services.gateway.pages import cursors, page_info
from services.gateway.sources import loaded, one
from services.gateway.values import Long, known, time_of


@strawberry.enum(description="Where a version is in its life.")
class ProgramVersionState(Enum):
    DRAFT = strawberry.enum_value(pb.PROGRAM_VERSION_STATE_DRAFT, description="Proposed.")
    SIMULATED = strawberry.enum_value(
        pb.PROGRAM_VERSION_STATE_SIMULATED,
        description="Proposed, and a simulation shows what it would do.",
    )
    APPROVED = strawberry.enum_value(
        pb.PROGRAM_VERSION_STATE_APPROVED, description="Approved by another person."
    )
    SCHEDULED = strawberry.enum_value(
        pb.PROGRAM_VERSION_STATE_SCHEDULED, description="Takes effect at a time."
    )
    LIVE = strawberry.enum_value(pb.PROGRAM_VERSION_STATE_LIVE, description="In effect.")
    RETIRED = strawberry.enum_value(pb.PROGRAM_VERSION_STATE_RETIRED, description="Was in effect.")
    REJECTED = strawberry.enum_value(pb.PROGRAM_VERSION_STATE_REJECTED, description="Never took effect.")


@strawberry.type(description="All members of a program decided on again by a version.")
class Recalculation:
    run_id: strawberry.ID = strawberry.field(description="Names the decisions that it took.")
    memberships: Long | None = strawberry.field(
        description="Memberships that there were when it began; null before it has looked."
    )
    decided: Long = strawberry.field(description="Memberships that were decided on so far.")
    upgraded: Long = strawberry.field(description="How many of them went up.")
    downgraded: Long = strawberry.field(description="How many went down.")
    start_time: datetime | None = strawberry.field(description="When it began.")
    end_time: datetime | None = strawberry.field(description="When it was through; null before.")


@strawberry.type(description="A version of a program on its way.")
class ProgramVersion:
    version: int = strawberry.field(description="1, 2, 3, …")
    state: ProgramVersionState | None = strawberry.field(description="Where it is in its life.")
    digest: str = strawberry.field(
        description="SHA-256 of the document as canonical JSON; whoever approves it says it."
    )
    note: str = strawberry.field(description="What changes, for people.")
    based_on: int | None = strawberry.field(
        description="The version that it was proposed against; null of versions that were published directly."
    )
    proposed_by: str | None = strawberry.field(
        description="Who proposed it; null of versions that were published directly."
    )
    proposed_time: datetime | None = strawberry.field(description="When.")
    decided_by: str | None = strawberry.field(
        description="Who approved or rejected it; null before, and where nobody did."
    )
    decided_time: datetime | None = strawberry.field(description="When.")
    reason: str | None = strawberry.field(description="Why it was rejected, or rolled back to.")
    effective_time: datetime | None = strawberry.field(description="From when it decides, or did.")
    recalculation: Recalculation | None = strawberry.field(
        description="How far all members have been decided on again by it; null before it takes effect."
    )

    simulation_id: strawberry.Private[str] = ""

    @loaded(
        Simulation | None,
        lambda context: context.simulations.simulation,
        one(simulation_of),
        description="The last simulation that shows what it would do; null before there is one.",
    )
    def simulation(self) -> str | None:
        return self.simulation_id or None

    @loaded(
        str | None,
        lambda context: context.program_versions.document,
        one(bytes.decode),
        description="Its document as canonical JSON; at most 20 of them in one request.",
    )
    def document(self) -> int:
        return self.version


@strawberry.type(description="A version in a list.")
class ProgramVersionEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: ProgramVersion = strawberry.field(description="The version.")


@strawberry.type(description="A page of versions.")
class ProgramVersionConnection:
    edges: list[ProgramVersionEdge] = strawberry.field(description="The versions with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def version_of(version: pb.ProgramVersion) -> ProgramVersion:
    """A version as the graph shows it."""
    run = version.recalculation if version.HasField("recalculation") else None
    return ProgramVersion(
        version=version.version,
        state=known(ProgramVersionState, version.state),
        digest=version.digest,
        note=version.note,
        based_on=version.based_on or None,
        proposed_by=version.proposed_by or None,
        proposed_time=time_of(version, "proposed_time"),
        decided_by=version.decided_by or None,
        decided_time=time_of(version, "decided_time"),
        reason=version.reason or None,
        effective_time=time_of(version, "effective_time"),
        recalculation=None if run is None else _recalculation(run),
        simulation_id=version.simulation_id,
    )


def _recalculation(run: pb.Recalculation) -> Recalculation:
    return Recalculation(
        run_id=strawberry.ID(run.run_id),
        memberships=Long(run.membership_count) if run.membership_count else None,
        decided=Long(run.decided_count),
        upgraded=Long(run.upgraded_count),
        downgraded=Long(run.downgraded_count),
        start_time=time_of(run, "start_time"),
        end_time=time_of(run, "end_time"),
    )


def page_of_versions(
    page: pb.ListProgramVersionsResponse, page_token: str, after: str | None
) -> ProgramVersionConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.versions))
    return ProgramVersionConnection(
        edges=[
            ProgramVersionEdge(cursor=cursor, node=version_of(each))
            for cursor, each in zip(places, page.versions, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )
