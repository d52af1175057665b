"""What the graph shows of tiers that staff give by hand: those in force, and the list of them all."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import relay

from laurel.benefits.v1 import tiers_pb2 as pb
from laurel.scoring.v1 import receipts_pb2
from services.gateway.pages import cursors, page_info
from services.gateway.values import known, time_of


@strawberry.enum(description="Why staff give a tier by hand.")
class TierOverrideReason(Enum):
    INVITED = strawberry.enum_value(pb.TIER_OVERRIDE_REASON_INVITED, description="They are invited to it.")
    APPEAL_UPHELD = strawberry.enum_value(
        pb.TIER_OVERRIDE_REASON_APPEAL_UPHELD, description="Their appeal against a decision was upheld."
    )
    GOODWILL = strawberry.enum_value(
        pb.TIER_OVERRIDE_REASON_GOODWILL, description="To make up for something."
    )
    CORRECTION = strawberry.enum_value(
        pb.TIER_OVERRIDE_REASON_CORRECTION, description="What was recorded is wrong, or not recorded yet."
    )
    STATUS_MATCH = strawberry.enum_value(
        pb.TIER_OVERRIDE_REASON_STATUS_MATCH, description="They hold it in another program."
    )
    MISUSE = strawberry.enum_value(
        pb.TIER_OVERRIDE_REASON_MISUSE, description="They misused what the tier gives."
    )


@strawberry.enum(description="What became of an override.")
class TierOverrideState(Enum):
    PENDING = strawberry.enum_value(
        pb.TIER_OVERRIDE_STATE_PENDING, description="Waits for somebody else to approve it."
    )
    APPLIED = strawberry.enum_value(
        pb.TIER_OVERRIDE_STATE_APPLIED, description="In force, until its time if it has one."
    )
    REJECTED = strawberry.enum_value(pb.TIER_OVERRIDE_STATE_REJECTED, description="Rejected, or withdrawn.")
    ENDED = strawberry.enum_value(
        pb.TIER_OVERRIDE_STATE_ENDED, description="Ended before its time, or by another one."
    )


@strawberry.type(description="What staff decided of a tier by hand, while that is in force.")
class TierOverrideInForce:
    code: str = strawberry.field(description="Why, such as `APPEAL_UPHELD`.")
    until_time: datetime | None = strawberry.field(description="When it is over; null where it has no end.")
    earned_tier_key: str = strawberry.field(
        description="Key of the tier that rules give beneath it, which is held when it is over."
    )


@strawberry.type(description="A tier that staff give a member by hand.")
class TierOverride:
    id: strawberry.ID = strawberry.field(description="Id of the override.")
    member_id: strawberry.ID = strawberry.field(description="Whose tier: `mem_…`.")
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tier_key: str = strawberry.field(description="Key of the tier.")
    until_time: datetime | None = strawberry.field(description="Until when; null where it has no end.")
    reason: TierOverrideReason | None = strawberry.field(description="Why, as the member is told.")
    explanation: str = strawberry.field(description="Why, in the words of who asked for it.")
    about_decision_id: strawberry.ID | None = strawberry.field(
        description="The decision that it is about; null where it is about none."
    )
    state: TierOverrideState | None = strawberry.field(description="What became of it.")
    asked_by: str = strawberry.field(description="Who asked for it.")
    asked_time: datetime | None = strawberry.field(description="When it was asked for.")
    decided_by: str | None = strawberry.field(
        description="Who approved or rejected it; null before, and where nobody had to."
    )
    decided_time: datetime | None = strawberry.field(description="When it was applied or rejected.")
    ended_by: str | None = strawberry.field(
        description="Who ended it; null where nobody did, or another one was applied."
    )
    ended_time: datetime | None = strawberry.field(description="When it was ended before its time.")
    decision_id: strawberry.ID | None = strawberry.field(
        description="The tier decision that applied it; null before."
    )


@strawberry.type(description="An override in a list.")
class TierOverrideEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: TierOverride = strawberry.field(description="The override.")


@strawberry.type(description="A page of overrides.")
class TierOverrideConnection:
    edges: list[TierOverrideEdge] = strawberry.field(description="The overrides with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def in_force_of(override: receipts_pb2.TermOverride) -> TierOverrideInForce:
    """What is in force, as the graph shows it."""
    return TierOverrideInForce(
        code=override.code,
        until_time=time_of(override, "until_time"),
        earned_tier_key=override.earned_tier,
    )


def override_of(override: pb.TierOverride) -> TierOverride:
    """An override as the graph shows it."""
    return TierOverride(
        id=strawberry.ID(override.override_id),
        member_id=strawberry.ID(override.member_id),
        tier_set=override.tier_set,
        tier_key=override.tier,
        until_time=time_of(override, "until_time"),
        reason=known(TierOverrideReason, override.reason),
        explanation=override.explanation,
        about_decision_id=_id(override.decision_id),
        state=known(TierOverrideState, override.state),
        asked_by=override.asked_by,
        asked_time=time_of(override, "asked_time"),
        decided_by=override.decided_by or None,
        decided_time=time_of(override, "decided_time"),
        ended_by=override.ended_by or None,
        ended_time=time_of(override, "ended_time"),
        decision_id=_id(override.applied_decision_id),
    )


def _id(value: str) -> strawberry.ID | None:
    return strawberry.ID(value) if value else None


def page_of_overrides(
    page: pb.ListTierOverridesResponse, page_token: str, after: str | None
) -> TierOverrideConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.overrides))
    return TierOverrideConnection(
        edges=[
            TierOverrideEdge(cursor=cursor, node=override_of(each))
            for cursor, each in zip(places, page.overrides, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )
