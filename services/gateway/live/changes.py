"""From what services tell of a change to what the graph shows of it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import strawberry

from laurel.benefits.v1 import benefits_pb2, rewards_pb2
from laurel.benefits.v1 import events_pb2 as benefits_events_pb2
from services.gateway.benefits.types.contracts import ContractChangeKind, contract_of
from services.gateway.benefits.types.memberships import tier_change_of
from services.gateway.benefits.types.points import EntryKind
from services.gateway.benefits.types.redemptions import RedemptionState
from services.gateway.live import types
from services.gateway.members.inputs import EventKind
from services.gateway.risk.types import RiskLevel
from services.gateway.values import ActivityState, Long, known, time_of

_ENTRY_KINDS = {name.removeprefix("ENTRY_KIND_"): number for name, number in benefits_pb2.EntryKind.items()}

_REDEMPTION_STATES = {
    name.removeprefix("REDEMPTION_STATE_"): number for name, number in rewards_pb2.RedemptionState.items()
}


def change_of(answer: Any) -> types.Change:
    """The change in an answer to WatchMember."""
    kind = answer.WhichOneof("change")
    shown: types.Change = _SHOWN[kind](getattr(answer, kind), time_of(answer, "recorded_time"))
    return shown


def _events_recorded(recorded: Any, when: datetime | None) -> types.EventsRecorded:
    kinds = (known(EventKind, kind) for kind in recorded.kinds)
    return types.EventsRecorded(
        recorded_time=when,
        seq_from=Long(recorded.event_seq_from),
        seq_to=Long(recorded.event_seq_to),
        kinds=[kind for kind in kinds if kind is not None],
    )


def _activity_changed(change: Any, when: datetime | None) -> types.ActivityChanged:
    return types.ActivityChanged(
        recorded_time=when,
        state=known(ActivityState, change.state),
        since=time_of(change, "since_time"),
        spell=Long(change.spell),
        wake_up=change.wake_up,
    )


def _membership_changed(changed: Any, when: datetime | None) -> types.MembershipChanged:
    return types.MembershipChanged(
        recorded_time=when,
        tier_set=changed.tier_set,
        tier_key=changed.tier,
        tier_changes=[tier_change_of(changed.tier_set, change) for change in changed.tier_changes],
        postings=_postings(changed.postings),
    )


def _postings(postings: Iterable[benefits_events_pb2.PointsPosted]) -> list[types.PointsPosted]:
    return [
        types.PointsPosted(
            transaction_id=strawberry.ID(posted.transaction_id),
            currency=posted.currency,
            points=Long(posted.points),
            balance_after=Long(posted.balance_after),
            kind=known(EntryKind, _ENTRY_KINDS.get(posted.kind.upper(), 0)),
        )
        for posted in postings
    ]


_SHOWN: Mapping[str, Callable[[Any, datetime | None], Any]] = MappingProxyType(
    {
        "joined": lambda _, when: types.MemberJoined(recorded_time=when),
        "events_recorded": _events_recorded,
        "activity_changed": _activity_changed,
        "membership_changed": _membership_changed,
        "points_changed": lambda changed, when: types.PointsChanged(
            recorded_time=when, postings=_postings(changed.postings)
        ),
        "contract_changed": lambda changed, when: types.ContractChanged(
            recorded_time=when,
            kind=known(ContractChangeKind, changed.change),
            contract=contract_of(changed.contract),
        ),
        "notice_created": lambda notice, when: types.NoticeCreated(
            recorded_time=when, notice_id=strawberry.ID(notice.notice_id), code=notice.code
        ),
        "redemption_changed": lambda changed, when: types.RedemptionChanged(
            recorded_time=when,
            redemption_id=strawberry.ID(changed.redemption_id),
            reward_id=strawberry.ID(changed.reward_id),
            state=known(RedemptionState, _REDEMPTION_STATES.get(changed.state, 0)),
        ),
        "standing_changed": lambda standing, when: types.StandingChanged(
            recorded_time=when, level=known(RiskLevel, standing.level), integrity=standing.integrity
        ),
    }
)
