"""Occasions of contracts: that one ends is told its member, once for each number of days ahead."""

from datetime import datetime

from libs.common.program import Program
from services.benefits.domain.contract_periods import last_day
from services.benefits.domain.contracts import Contract, require_end
from services.benefits.domain.notices import NoticeCode, Occasion


def contract_ending(program: Program, contract: Contract, time: datetime) -> Occasion:
    """To be told when the reminder of a contract is due."""
    return Occasion(
        program_id=program.key,
        member_id=contract.member_id,
        code=NoticeCode.CONTRACT_ENDING,
        cause=f"{contract.contract_id}/{contract.reminder_days}",
        params={
            "contract_id": contract.contract_id,
            "plan": contract.terms.key,
            "expire_date": last_day(require_end(contract), program.time_zone).isoformat(),
            "days": str(contract.reminder_days),
        },
        occurred_time=time,
    )
