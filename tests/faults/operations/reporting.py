"""Reports of members: a privileged act at risk."""

import random

from laurel.risk.v1 import reports_pb2, risk_pb2
from tests.faults.operations.asking import DEADLINE_SECONDS, Answer, Ask, bytes_of, digest_of
from tests.faults.world import World


class ReportMember:
    """Somebody of the staff reports a member: a privileged act, with its audit record."""

    name, service, weight, steady, audited = "ReportMember", "risk", 3, False, True

    def ask(self, world: World, key: str, chance: random.Random) -> Ask:
        """By a reporter who has reported nobody yet."""
        return self._ask(world, key, chance.choice(world.reported), "as told")

    def _ask(self, world: World, key: str, member_id: str, note: str) -> Ask:
        reporter = f"staff-{key}"
        bearer = f"Bearer {world.staff_token(reporter, ['compliance_officer'])}"
        request = risk_pb2.ReportMemberRequest(
            program_id=world.program_id,
            request_id=key,
            member_id=member_id,
            reason=reports_pb2.REPORT_REASON_OTHER,
            note=note,
        )

        async def send() -> Answer:
            answer = await world.risk.ReportMember(
                request, timeout=DEADLINE_SECONDS, metadata=[("authorization", bearer)]
            )
            return Answer(bytes_of(answer), (bool(answer.report.report_id),))

        effects = (f"report/{member_id}/{reporter}",)
        return Ask(effects, digest_of(request), send, lambda: self._ask(world, key, member_id, "otherwise"))
