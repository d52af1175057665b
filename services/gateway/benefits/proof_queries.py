"""Queries around the books: the proof of an entry, the signed roots of days, and the report of all points."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import proofs_pb2
from laurel.benefits.v1 import reports_pb2 as pb
from services.gateway.admission.prices import REPORT
from services.gateway.benefits.types.points_report import PointsReport, report_of
from services.gateway.benefits.types.proofs import (
    EntryProof,
    LedgerRootConnection,
    page_of_roots,
    proof_of,
)
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.errors import InvalidInput
from services.gateway.pages import Cursor
from services.gateway.sources import loaded, one
from services.gateway.values import checked_first


@strawberry.type
class ProofQuery:
    @loaded(
        EntryProof | None,
        lambda context: context.proofs.proof,
        one(proof_of),
        description="The proof of one ledger entry; null when the caller may see none of this id.",
    )
    def ledger_proof(
        self,
        entry_id: Annotated[strawberry.ID, strawberry.argument(description="The entry's own `ent_…`.")],
    ) -> str:
        return entry_id

    @strawberry.field(
        description="The signed roots of the program's days, oldest first: keep and compare them."
    )
    async def ledger_roots(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> LedgerRootConnection | None:
        place = Cursor.decode(after)
        if place.skipped:
            raise InvalidInput("after is not a cursor of this list")
        request = proofs_pb2.ListLedgerRootsRequest(
            program_id=info.context.program_id, after_date=place.page_token, page_size=checked_first(first)
        )
        answer = await info.context.clients.proofs.ListLedgerRoots(request, timeout=LIST_SECONDS)
        return page_of_roots(answer, after)

    @strawberry.field(
        description="The points of the program as a whole, with the latest months.", metadata=REPORT
    )
    async def points_report(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many months, 1 to 100.")] = 24,
    ) -> PointsReport | None:
        request = pb.GetPointsReportRequest(
            program_id=info.context.program_id, page_size=checked_first(first)
        )
        answer = await info.context.clients.reports.GetPointsReport(request, timeout=LIST_SECONDS)
        return report_of(answer.report)
