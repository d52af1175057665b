"""What benefits announces, as rows of the outbox."""

from collections.abc import Sequence
from datetime import datetime

from laurel.benefits.v1 import events_pb2
from libs.common.outbox import Announcement
from libs.common.rpc.time import timestamp
from services.benefits.domain.effects import Effect
from services.benefits.domain.ledger import Account, purpose_of
from services.benefits.domain.limits import LimitRefusal
from services.benefits.domain.notices import Notice
from services.benefits.domain.posting import Posting
from services.benefits.domain.redemptions import Redemption
from services.benefits.messages import tier_change

STREAM = "benefits.events"
# Who must have read an announcement before the stream may forget it.
READERS = ("members", "risk")


def membership_changed(effect: Effect, postings: Sequence[Posting]) -> list[Announcement]:
    """One per membership; the points stand with the first, whose tier they were counted at."""
    announcements = []
    for place, (before, after) in enumerate(zip(effect.before, effect.after, strict=True)):
        message = events_pb2.MembershipChanged(
            program_id=after.program_id,
            member_id=after.member_id,
            tier_set=after.tier_set,
            seq_from=before.seq + 1,
            seq_to=after.seq,
            tier=after.tier,
            tier_changes=[
                tier_change(decision)
                for decision in effect.decisions
                if decision.membership_id == after.membership_id and decision.changed
            ],
            postings=[told for each in postings for told in _postings(after.member_id, each)]
            if place == 0
            else [],
        )
        announcements.append(Announcement(after.member_id, message))
    return announcements


def points_changed(posting: Posting) -> list[Announcement]:
    """One per member whose points were posted without a decision."""
    program_id = posting.program_id
    return [
        Announcement(
            member_id,
            events_pb2.PointsChanged(
                program_id=program_id, member_id=member_id, postings=_postings(member_id, posting)
            ),
        )
        for member_id in sorted({each.owner for each in posting.moved_accounts() if _is_spent_from(each)})
    ]


def _is_spent_from(account: Account) -> bool:
    return not purpose_of(account.account_id)


def redemption_changed(redemption: Redemption) -> list[Announcement]:
    """What tells a member of a redemption of theirs; of a grant that nobody approved, nothing."""
    message = events_pb2.RedemptionChanged(
        program_id=redemption.program_id,
        member_id=redemption.member_id,
        redemption_id=redemption.redemption_id,
        reward_id=redemption.reward_id,
        state=redemption.state.upper(),
    )
    return [Announcement(redemption.member_id, message)] if redemption.shown else []


def birthday_used(program_id: str, member_id: str, time: datetime) -> Announcement:
    """A member got something for their birthday."""
    message = events_pb2.BirthdayUsed(program_id=program_id, member_id=member_id, used_time=timestamp(time))
    return Announcement(member_id, message)


def limit_refused(refusal: LimitRefusal) -> Announcement:
    """A member wanted more, or more often, than they may."""
    message = events_pb2.LimitRefused(
        program_id=refusal.program_id,
        member_id=refusal.member_id,
        limit=refusal.limit,
        business_date=refusal.business_date,
        refused_time=timestamp(refusal.refused_time),
    )
    return Announcement(refusal.member_id, message)


def notice_created(notice: Notice) -> Announcement:
    """What tells a member, wherever they look just now, that there is something to read."""
    message = events_pb2.NoticeCreated(
        program_id=notice.program_id,
        member_id=notice.member_id,
        notice_id=notice.notice_id,
        code=notice.code,
    )
    return Announcement(notice.member_id, message)


def _postings(member_id: str, posting: Posting) -> list[events_pb2.PointsPosted]:
    """What was posted to the account that a member spends from; what is pending is no part of its balance."""
    account = posting.account(member_id)
    kinds = posting.kinds
    return [
        events_pb2.PointsPosted(
            transaction_id=entry.transaction_id,
            currency=account.currency,
            points=entry.points,
            balance_after=entry.balance_after,
            kind=kinds[entry.transaction_id],
        )
        for entry in posting.entries
        if entry.account_id == account.account_id
    ]
