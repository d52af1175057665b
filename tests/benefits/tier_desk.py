"""Helpers for tests of overrides: two of the staff, and what was decided of a member."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.benefits.v1 import benefits_pb2, tiers_pb2_grpc
from laurel.benefits.v1 import tiers_pb2 as pb
from laurel.scoring.v1 import receipts_pb2
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.rpc.time import timestamp
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story

SERVICE = pb.DESCRIPTOR.services_by_name["TiersService"]
GOODWILL, APPEAL, MISUSE, INVITED = (
    pb.TIER_OVERRIDE_REASON_GOODWILL,
    pb.TIER_OVERRIDE_REASON_APPEAL_UPHELD,
    pb.TIER_OVERRIDE_REASON_MISUSE,
    pb.TIER_OVERRIDE_REASON_INVITED,
)
PENDING, APPLIED, REJECTED, ENDED = (
    pb.TIER_OVERRIDE_STATE_PENDING,
    pb.TIER_OVERRIDE_STATE_APPLIED,
    pb.TIER_OVERRIDE_STATE_REJECTED,
    pb.TIER_OVERRIDE_STATE_ENDED,
)


@dataclass
class TierDesk:
    """One of the staff, who decides on the tiers of a member by hand."""

    story: Story
    stub: Any

    def _asked(self, **fields: Any) -> dict[str, Any]:
        return {"program_id": self.story.program_id, "request_id": new_id("req"), **fields}

    async def give(self, tier: str, until: datetime | None = None, **fields: Any) -> pb.TierOverride:
        asked = self._asked(
            member_id=self.story.member_id,
            tier_set="main",
            tier=tier,
            until_time=None if until is None else timestamp(until),
            reason=GOODWILL,
            explanation="case 4711",
        )
        return (await self.stub.OverrideTier(pb.OverrideTierRequest(**{**asked, **fields}))).override  # type: ignore[no-any-return]

    async def approve(self, override: pb.TierOverride, **fields: Any) -> pb.TierOverride:
        asked = self._asked(override_id=override.override_id)
        request = pb.ApproveTierOverrideRequest(**{**asked, **fields})
        return (await self.stub.ApproveTierOverride(request)).override  # type: ignore[no-any-return]

    async def end(self, override: pb.TierOverride, **fields: Any) -> pb.TierOverride:
        asked = self._asked(override_id=override.override_id, explanation="case closed")
        return (await self.stub.EndTierOverride(pb.EndTierOverrideRequest(**{**asked, **fields}))).override  # type: ignore[no-any-return]

    async def listed(self, size: int = 0, **fields: Any) -> list[pb.TierOverride]:
        """All of a list, page by page."""
        found, token = [], ""
        while True:
            request = pb.ListTierOverridesRequest(
                program_id=self.story.program_id, page_size=size, page_token=token, **fields
            )
            page = await self.stub.ListTierOverrides(request)
            found += page.overrides
            token = page.next_page_token
            if not token:
                return found


async def with_home(benefits: BenefitsWorld, story: Story, store_id: str = "") -> None:
    """Say where a member belongs."""
    await keep_homes(benefits.database, [(story.program_id, story.member_id, Home(store_id=store_id))])


async def tier_desks(benefits: BenefitsWorld, story: Story) -> tuple[TierDesk, TierDesk]:
    """Mia, who runs operations, and Otto, who sees to compliance."""
    await with_home(benefits, story)

    def desk(subject: str, role: str) -> TierDesk:
        made = tiers_pb2_grpc.TiersServiceStub
        return TierDesk(story, benefits.stub(SERVICE, made, "staff", subject, story.program_id, roles=[role]))

    return desk("mia", "operations_manager"), desk("otto", "compliance_officer")


async def membership(benefits: BenefitsWorld, story: Story) -> benefits_pb2.Membership:
    request = benefits_pb2.BatchGetMembershipsRequest(
        program_id=story.program_id, member_ids=[story.member_id]
    )
    (result,) = (await benefits.service.BatchGetMemberships(request)).results
    return result.memberships[0]


async def decided(benefits: BenefitsWorld, story: Story) -> list[receipts_pb2.Receipt]:
    """The receipts of a member's decisions but that of the registration, in order."""
    found = benefits.database.decisions.find({"member_id": story.member_id, "from_tier": {"$ne": ""}})
    return [receipts_pb2.Receipt.FromString(each["receipt"]) async for each in found.sort("seq", 1)]


async def history(benefits: BenefitsWorld, story: Story) -> list[tuple[str, str, str]]:
    """What each decision was on, what it did and the tier after it."""
    return [
        (
            receipts_pb2.TierLook.Name(each.terms.look).removeprefix("TIER_LOOK_"),
            receipts_pb2.TierOutcome.Name(each.outcome).removeprefix("TIER_OUTCOME_"),
            each.to_tier,
        )
        for each in await decided(benefits, story)
    ]
