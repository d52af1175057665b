"""What benefits announces, as rows of the outbox."""

from datetime import datetime

from laurel.benefits.v1 import events_pb2
from libs.common.mongo import Document
from libs.common.outbox import outbox_row
from services.benefits.domain.ledger import Entry, Posting
from services.benefits.domain.memberships import Effect, Membership
from services.benefits.messages import tier_change

STREAM = "benefits.events"
# Who must have read an announcement before the stream may forget it.
READERS = ("members",)


def membership_changed(effect: Effect, posting: Posting, *, now: datetime) -> list[Document]:
    """One row per membership; the points stand with the first, whose tier they were counted at."""
    rows = []
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
            postings=_postings(after, posting) if place == 0 else [],
        )
        rows.append(
            outbox_row(
                message,
                subject=after.membership_id,
                member_id=after.member_id,
                seq_from=before.seq + 1,
                seq_to=after.seq,
                now=now,
            )
        )
    return rows


def _postings(membership: Membership, posting: Posting) -> list[events_pb2.PointsPosted]:
    owned = {
        account.account_id: account.currency
        for account in posting.accounts.values()
        if account.owner == membership.member_id
    }
    return [_posted(entry, owned[entry.account_id]) for entry in posting.entries if entry.account_id in owned]


def _posted(entry: Entry, currency: str) -> events_pb2.PointsPosted:
    return events_pb2.PointsPosted(
        transaction_id=entry.transaction_id,
        currency=currency,
        points=entry.points,
        balance_after=entry.balance_after,
    )
