"""What the graph tells of changes of a member."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from typing import Annotated

import strawberry

from services.gateway.benefits.types.contracts import Contract, ContractChangeKind
from services.gateway.benefits.types.memberships import TierChange
from services.gateway.benefits.types.points import EntryKind
from services.gateway.benefits.types.redemptions import RedemptionState
from services.gateway.context import may_see
from services.gateway.live.cursor import Service
from services.gateway.members.inputs import EventKind
from services.gateway.members.types import Member, member_of
from services.gateway.risk.types import RiskLevel
from services.gateway.sources import loaded, one
from services.gateway.values import ActivityState, Long

WHEN = "When it was stored."


@strawberry.type(description="The member joined.")
class MemberJoined:
    recorded_time: datetime | None = strawberry.field(description=WHEN)


@strawberry.type(description="Things that the member did were recorded, and so facts have changed.")
class EventsRecorded:
    recorded_time: datetime | None = strawberry.field(description=WHEN)
    seq_from: Long = strawberry.field(
        description="The first of them, in the member's own sequence of events."
    )
    seq_to: Long = strawberry.field(description="The last.")
    kinds: list[EventKind] = strawberry.field(description="What was done, each kind once.")


@strawberry.type(description="The member fell asleep, or is back.")
class ActivityChanged:
    recorded_time: datetime | None = strawberry.field(description=WHEN)
    state: ActivityState | None = strawberry.field(description="What they are now.")
    since: datetime | None = strawberry.field(description="Since when, by the program's clock.")
    spell: Long = strawberry.field(description="Which spell of dormancy begins or ends: 1, 2, 3, …")
    wake_up: bool = strawberry.field(description="Whether they are to be woken up: once in a spell.")


@strawberry.type(description="Points were posted.")
class PointsPosted:
    transaction_id: strawberry.ID = strawberry.field(description="The transaction of the ledger.")
    currency: str = strawberry.field(description="Of which points.")
    points: Long = strawberry.field(description="How many; negative when they went.")
    balance_after: Long = strawberry.field(description="The balance after it.")
    kind: EntryKind | None = strawberry.field(description="What the transaction does.")


@strawberry.type(description="Decisions about a tier were taken, also such as left it as it was.")
class MembershipChanged:
    recorded_time: datetime | None = strawberry.field(description=WHEN)
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tier_key: str = strawberry.field(description="Key of the tier held after them.")
    tier_changes: list[TierChange] = strawberry.field(description="The changes of tier among them, in order.")
    postings: list[PointsPosted] = strawberry.field(description="The points that were posted with them.")


@strawberry.type(description="Points were posted without a decision.")
class PointsChanged:
    recorded_time: datetime | None = strawberry.field(description=WHEN)
    postings: list[PointsPosted] = strawberry.field(description="Which, in order.")


@strawberry.type(description="A contract was sold, began, ended or changed.")
class ContractChanged:
    recorded_time: datetime | None = strawberry.field(description=WHEN)
    kind: ContractChangeKind | None = strawberry.field(description="What happened.")
    contract: Contract = strawberry.field(description="The contract after it.")


@strawberry.type(description="There is something to tell the member.")
class NoticeCreated:
    recorded_time: datetime | None = strawberry.field(description=WHEN)
    notice_id: strawberry.ID = strawberry.field(description="Id of the notice.")
    code: str = strawberry.field(description="What it is about, for programs.")


@strawberry.type(description="A reward was reserved for the member, given to them or taken back.")
class RedemptionChanged:
    recorded_time: datetime | None = strawberry.field(description=WHEN)
    redemption_id: strawberry.ID = strawberry.field(description="Id of the redemption.")
    reward_id: strawberry.ID = strawberry.field(description="Of which reward.")
    state: RedemptionState | None = strawberry.field(description="How far it is.")


@strawberry.type(description="How far the member can be trusted has changed.")
class StandingChanged:
    recorded_time: datetime | None = strawberry.field(description=WHEN)
    level: RiskLevel | None = strawberry.field(description="How careful to be after it.")
    integrity: int = strawberry.field(description="Integrity after it, from 0 to 100.")


Change = Annotated[
    MemberJoined
    | EventsRecorded
    | ActivityChanged
    | MembershipChanged
    | PointsChanged
    | ContractChanged
    | NoticeCreated
    | RedemptionChanged
    | StandingChanged,
    strawberry.union("Change", description="Something that changed about a member."),
]


@strawberry.type(description="Changes of a member, and the member after them.")
class MemberChange:
    key: strawberry.Private[str]
    cursor: str = strawberry.field(
        description="Where the stream stands: to go on from here, subscribe with it as `after`."
    )
    changes: list[Change] = strawberry.field(
        description="What changed since the event before, in the order of each service; may be nothing."
    )
    waiting_for: list[Service] = strawberry.field(
        description=(
            "Services whose changes do not come at the moment; they are told when they do, without a gap."
        )
    )

    @loaded(
        Member | None,
        lambda context: context.members.member,
        one(member_of),
        sees=lambda context, member: may_see(context, "MemberChange.member", member),
        description="The member as they are now, so at least with these changes.",
    )
    def member(self) -> str:
        return self.key
