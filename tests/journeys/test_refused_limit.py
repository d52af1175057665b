"""Who was refused for a limit: announced by benefits and kept by risk, over the real streams."""

from typing import TYPE_CHECKING

import pytest

from laurel.risk.v1 import risk_pb2
from libs.common.clock import now
from libs.common.program import preset
from services.benefits.domain.errors import RedemptionsTooFrequent
from services.benefits.handlers.limit_refusals import LimitRefusals
from services.benefits.repository.store import BenefitsStore
from tests.support.builders import NOON, PROGRAM, a_registration_request
from tests.telemetry.conftest import until, whole

if TYPE_CHECKING:
    from tests.telemetry.conftest import Whole

__all__ = ["whole"]


async def test_the_staff_see_at_risk_that_a_member_was_refused_for_a_limit(whole: "Whole") -> None:
    await whole.admit()
    answer = await whole.caller("members", "partner", "shop").RegisterMembers(a_registration_request("ann"))
    member_id = answer.results[0].member.member_id
    telling = LimitRefusals(BenefitsStore(whole.platforms["benefits"].database), now)
    asked = risk_pb2.BatchGetRiskProfilesRequest(program_id=PROGRAM, member_ids=[member_id])

    for _ in range(3):
        with pytest.raises(RedemptionsTooFrequent):
            async with telling.told(preset(PROGRAM), member_id, NOON):
                raise RedemptionsTooFrequent(per_day_max=1)

    async def seen() -> bool:
        (result,) = (await whole.caller("risk", "staff").BatchGetRiskProfiles(asked)).results
        found = [(each.limit, each.days_count) for each in result.profile.refused_limits]
        return found == [("TOO_FREQUENT", 1)]

    await until(seen)
