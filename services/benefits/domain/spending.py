"""Spending: points are held for something, then captured or released; what was captured may be given back.

Drawn on are the lots that expire soonest. What comes back goes to the lots
that it came from, or, where such a lot has ended meanwhile, into a new one
for some days; once, or points that are held and let go again would never end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.benefits.domain.errors import HoldExceeded, HoldStateWrong
from services.benefits.domain.holds import Charge, Hold, HoldState
from services.benefits.domain.ledger import SPENT, Account, Allocation, EventKey, Lot, Transaction
from services.benefits.domain.posting import Posting, allocated, soonest_to_expire, total
from services.benefits.domain.redemption_limits import points_missing

# What makes lots of points that had an end before, and get no other one.
_HAD_THEIR_DAYS = frozenset({"release", "return", "transfer"})

# A lot that ends so soon counts as ended: by another replica's clock it may have expired already,
# and whoever gets points back shall have time to spend them.
ENDS_SOON = timedelta(hours=1)


def hold(
    posting: Posting, charge: Charge, *, time: datetime, day: str, expires_time: datetime | None
) -> Hold:
    """Set points aside at a time of the program; by our clock the hold ends at `expires_time`, or never."""
    held = _drawn(posting, charge, time=time, day=day, expires_time=expires_time)
    transaction = _begin(posting, "hold", held, charge.key, charge.points, time)
    posting.take(transaction, posting.account(charge.member_id), held.drawn)
    posting.move(transaction, posting.held(charge.member_id), charge.points)
    return held


def redeem(posting: Posting, charge: Charge, *, time: datetime, day: str) -> Hold:
    """Spend points at once: a hold and its capture in one."""
    held = _drawn(posting, charge, time=time, day=day, expires_time=None)
    transaction = _begin(posting, "redemption", held, charge.key, charge.points, time)
    posting.take(transaction, posting.account(charge.member_id), held.drawn)
    posting.move(transaction, posting.system(SPENT), charge.points)
    return replace(held, state=HoldState.CAPTURED, captured=charge.points)


def capture(posting: Posting, held: Hold, points: int, *, time: datetime, returned_days: int) -> Hold:
    """Spend so many of the held points, and give the others back."""
    _require_open(held)
    if held.over(posting.now):
        raise HoldStateWrong(state=str(HoldState.EXPIRED))
    if not 0 < points <= held.points:
        raise HoldExceeded(left_points=held.points)
    captured = replace(held, state=HoldState.CAPTURED, captured=points)
    transaction = _begin(posting, "capture", held, held.charge.key, points, time)
    posting.move(transaction, posting.held(held.charge.member_id), -points)
    posting.move(transaction, posting.system(SPENT), points)
    _release(posting, held, held.part(points, held.points), time=time, returned_days=returned_days)
    return captured


def release(posting: Posting, held: Hold, *, time: datetime, returned_days: int) -> Hold:
    """Give all held points back; past its end, a hold has expired."""
    _require_open(held)
    _release(posting, held, held.drawn, time=time, returned_days=returned_days)
    return replace(held, state=HoldState.EXPIRED if held.over(posting.now) else HoldState.RELEASED)


def give_back(
    posting: Posting, held: Hold, points: int, *, key: EventKey, time: datetime, returned_days: int
) -> Hold:
    """Give captured points back, under a business key of its own."""
    if held.state is not HoldState.CAPTURED:
        raise HoldStateWrong(state=str(held.state))
    if not 0 < points <= held.kept:
        raise HoldExceeded(left_points=held.kept)
    given = held.part(held.kept - points, held.kept)
    transaction = _begin(posting, "return", held, key, points, time)
    posting.move(transaction, posting.system(SPENT), -points)
    _return(posting, transaction, held.charge.member_id, given, time=time, returned_days=returned_days)
    return replace(held, returned=held.returned + points)


def _drawn(
    posting: Posting, charge: Charge, *, time: datetime, day: str, expires_time: datetime | None
) -> Hold:
    """A hold on the lots that expire soonest, or a refusal that says how many points are missing."""
    return Hold(
        hold_id=posting.new_id("hld"),
        program_id=posting.program_id,
        currency=posting.currency,
        charge=charge,
        drawn=tuple(drawn(posting, charge.member_id, charge.points, time=time, point_type=charge.point_type)),
        day=day,
        held_time=posting.now,
        expires_time=expires_time,
    )


def drawn(
    posting: Posting, member_id: str, points: int, *, time: datetime, point_type: str = ""
) -> list[Allocation]:
    """So many points of what a member may spend at a time, or a refusal that names their type."""
    account = posting.account(member_id)
    lots = usable(posting, account, time)
    available = max(0, sum(lot.remaining for lot in lots) - account.arrears)
    if available < points:
        raise points_missing(points, available, point_type)
    return allocated(lots, points)


def usable(posting: Posting, account: Account, time: datetime) -> list[Lot]:
    """The lots of an account that may be drawn on at a time, in the order in which they are."""
    return soonest_to_expire(
        lot for lot in posting.lots.values() if lot.account_id == account.account_id and lot.usable(time)
    )


def _require_open(held: Hold) -> None:
    if not held.open:
        raise HoldStateWrong(state=str(held.state))


def _release(
    posting: Posting, held: Hold, given: Sequence[Allocation], *, time: datetime, returned_days: int
) -> None:
    points = total(given)
    if points:
        transaction = _begin(posting, "release", held, held.charge.key, points, time)
        posting.move(transaction, posting.held(held.charge.member_id), -points)
        _return(posting, transaction, held.charge.member_id, given, time=time, returned_days=returned_days)


def _return(
    posting: Posting,
    transaction: Transaction,
    member_id: str,
    given: Sequence[Allocation],
    *,
    time: datetime,
    returned_days: int,
) -> None:
    """Bring points back to their lots, and those whose lots have ended into a new one."""
    alive = [each for each in given if lives(posting.lots[each.lot_id], time)]
    ended = [each for each in given if not lives(posting.lots[each.lot_id], time)]
    if alive:
        posting.restore(transaction, posting.account(member_id), alive)
    if ended:
        until = _end_of_returned(posting, [posting.lots[each.lot_id] for each in ended], time, returned_days)
        posting.bring(transaction, member_id, total(ended), active_time=time, expire_time=until)


def _end_of_returned(posting: Posting, ended: Iterable[Lot], time: datetime, returned_days: int) -> datetime:
    """When points end that come back behind the ends of their lots: after some days, if they had none before.

    What comes back at once is one lot. So if some of it had its days, all of it keeps their end, or ends now.
    """
    before = [
        lot.expire_time
        for lot in ended
        if lot.expire_time is not None and posting.kinds.get(lot.origin_transaction_id) in _HAD_THEIR_DAYS
    ]
    return max(time, min(before)) if before else time + timedelta(days=returned_days)


def ends_by(lots: Iterable[Lot], time: datetime) -> list[Lot]:
    """Those of the lots to which nothing comes back at a time, if they come from what made them."""
    return [lot for lot in lots if lot.origin_transaction_id == lot.transaction_id and not lives(lot, time)]


def lives(lot: Lot, time: datetime) -> bool:
    """Whether points that come back at a time go to this lot again."""
    return lot.expire_time is None or time < lot.expire_time - ENDS_SOON


def doubtful(lots: Iterable[Lot], time: datetime) -> list[Lot]:
    """Those of the lots that live at a time, but of which all is gone: they may have expired already."""
    return [lot for lot in lots if lot.expire_time is not None and not lot.remaining and lives(lot, time)]


def coming_back(expired: Iterable[Lot], time: datetime) -> datetime:
    """When points come back: not before the ends of lots that have expired, whatever time it was there.

    It may be an earlier time where something is done late, or where a sandbox was moved meanwhile. A lot
    that got points after its expiration would have to expire twice.
    """
    return max([time, *(lot.expire_time for lot in expired if lot.expire_time is not None)])


def _begin(
    posting: Posting, kind: str, held: Hold, key: EventKey, points: int, time: datetime
) -> Transaction:
    source, external_ref, line = key
    return posting.begin(
        kind,
        source=source,
        external_ref=external_ref,
        line=line,
        occurred_time=time,
        points=points,
        hold_id=held.hold_id,
    )
