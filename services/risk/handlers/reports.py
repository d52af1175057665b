"""Use cases around reports: make one, decide one, list them, and end those whose time is over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.homes import visible
from libs.common.mongo import Request
from services.risk.domain.errors import MemberUnknown, ReportUnknown
from services.risk.domain.profiles import Profile
from services.risk.domain.reports import Decision, Finding, Reason, Report, Reporter, Status
from services.risk.domain.standing import Standing, expired, judged, reported
from services.risk.outbox import profile_changed
from services.risk.repository.store import RiskStore

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class ReportMember:
    """Somebody reports a member."""

    program_id: str
    member_id: str
    reporter: Reporter
    reason: Reason
    note: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DecideReport:
    """An officer says what they find of a report."""

    program_id: str
    report_id: str
    decision: Decision
    officer: str
    explanation: str


class ReportHandlers:
    """Keeps reports, and with each what follows from it for the member."""

    def __init__(
        self, store: RiskStore, *, now: Callable[[], datetime], new_id: Callable[[str], str]
    ) -> None:
        self._store, self._now, self._new_id = store, now, new_id

    async def report_member(
        self, command: ReportMember, request: Request[M], answer: Callable[[Report], M]
    ) -> M:
        program_id, member_id = command.program_id, command.member_id
        if not await visible(self._store.database, program_id, [member_id]):
            raise MemberUnknown

        async def attempt(risk: RiskStore) -> M:
            before = await _standing(risk, program_id, member_id)
            report, after = reported(
                before,
                command.reporter,
                command.reason,
                command.note,
                report_id=self._new_id("rep"),
                now=self._now(),
            )
            await self._keep(risk, after)
            act = Act(
                request,
                objects=[member_id, report.report_id],
                reason=report.reason.upper(),
                before=_audited(before.profile),
                after=_audited(after.profile, report),
            )
            await trail.record(risk.database, risk.session, act, now=self._now())
            return answer(report)

        return await self._store.once(request, attempt, now=self._now)

    async def decide_report(
        self, command: DecideReport, request: Request[M], answer: Callable[[Report, Profile], M]
    ) -> M:
        async def attempt(risk: RiskStore) -> M:
            found = await risk.report(command.program_id, command.report_id)
            if found is None:
                raise ReportUnknown
            before = await _standing(risk, found.program_id, found.member_id)
            finding = Finding(command.officer, self._now(), command.explanation)
            report, after = judged(before, found, command.decision, finding)
            await self._keep(risk, after)
            act = Act(
                request,
                objects=[report.member_id, report.report_id],
                reason=command.explanation,
                before=_audited(before.profile, found),
                after=_audited(after.profile, report),
            )
            await trail.record(risk.database, risk.session, act, now=self._now())
            return answer(report, after.profile)

        return await self._store.once(request, attempt, now=self._now)

    async def reports(
        self, program_id: str, *, status: Status | None, member_id: str, after: str | None, limit: int
    ) -> tuple[list[Report], bool]:
        """A page, and whether there are more."""
        found = await self._store.list_reports(
            program_id, status=status, member_id=member_id, after=after, limit=limit + 1
        )
        return found[:limit], len(found) > limit

    async def due(self, limit: int) -> list[tuple[str, str]]:
        """Program and id of members of whom a report's time is over."""
        return await self._store.due_members(self._now(), limit)

    async def expire(self, program_id: str, member_id: str) -> None:
        """End the reports of a member whose time is over; nothing when another replica did."""

        async def attempt(risk: RiskStore) -> None:
            before = await _standing(risk, program_id, member_id)
            after = expired(before, now=self._now())
            if after != before:
                await self._keep(risk, after)

        await self._store.transaction(attempt)

    async def _keep(self, risk: RiskStore, standing: Standing) -> None:
        announced = [profile_changed(change.after, now=self._now()) for change in standing.changes]
        await risk.keep([standing.profile], standing.changes, standing.touched, announced)


async def _standing(risk: RiskStore, program_id: str, member_id: str) -> Standing:
    """The standing of a member of the program, or MemberUnknown: another program's answers like nobody."""
    standing = await risk.standing(program_id, member_id)
    if standing is None:
        raise MemberUnknown
    return standing


def _audited(profile: Profile, report: Report | None = None) -> Mapping[str, object]:
    """What an audit record says of a member's standing; never what a reporter wrote."""
    standing: dict[str, object] = {
        "integrity": profile.integrity.score,
        "level": profile.integrity.level.upper(),
    }
    return standing if report is None else {**standing, "status": report.status.upper()}
