"""The promises about rewards, coupons and contracts, as rules over what is stored: R1, R2, C1 and P1.

Tests hold them against a program after each race, `make faults` after a
platform was hurt. Each gives what is broken as sentences, nothing when the
promise is kept.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from libs.common.mongo import Document
from services.benefits.domain.contracts import Contract

FOR_EVER = datetime.max.replace(tzinfo=UTC)
# What became of the hold of a redemption in each of its states, and how many of its points came back.
PAID = {
    "reserved": ("open", 0),
    "fulfilled": ("captured", 0),
    "cancelled": ("released", 0),
    "expired": ("released", 0),
    "cancelled after all": ("captured", 1),
}
LIVE = {"reserved", "fulfilled"}
COUNTING = {"open", "used", "returned"}


def payment_faults(
    redemptions: Sequence[Document], holds: Iterable[Document], moves: Iterable[Document]
) -> Iterator[str]:
    """R1: a redemption and its hold are one to one, and what is taken back came back once.

    `holds` are those of rewards, `moves` the ledger's transactions for any holds.
    """
    by_id = {each["_id"]: each for each in holds}
    paid = [each for each in redemptions if each["grant"] is None]
    if {each.get("hold_id") for each in paid} != set(by_id) or len(paid) != len(by_id):
        yield "holds and redemptions are not one to one"
    for each in paid:
        if (hold := by_id.get(each["hold_id"])) is not None:
            yield from _hold_faults(each, hold)
    yield from _moved_twice(moves, by_id)


def _hold_faults(redemption: Document, hold: Document) -> Iterator[str]:
    state = redemption["state"]
    if redemption["fulfilled_time"] and redemption["ended_time"]:
        state = f"{state} after all"
    expected, returned = PAID[state]
    if (hold["state"], hold["returned"]) != (expected, returned * hold["points"]):
        yield f"{redemption['_id']} is {state}, its hold {hold['state']}"
    if hold["external_ref"] != redemption["_id"] or hold["points"] != redemption["price_points"]:
        yield f"{redemption['_id']}: its hold is another's"


def _moved_twice(moves: Iterable[Document], hold_ids: Iterable[str]) -> Iterator[str]:
    """Whatever happened to a hold more than once; release and return are one thing: the reversal."""
    wanted, counts = set(hold_ids), Counter[tuple[str, str]]()
    for each in moves:
        if each.get("hold_id") in wanted:
            kind = "reversal" if each["kind"] in {"release", "return"} else each["kind"]
            counts[each["hold_id"], kind] += 1
    yield from (f"{hold_id}: {kind} {count} times" for (hold_id, kind), count in counts.items() if count > 1)


def stock_faults(rewards: Iterable[Document], redemptions: Iterable[Document]) -> Iterator[str]:
    """R2: what is taken of a reward is what is reserved and fulfilled, and no more than there was."""
    live = Counter(each["reward_id"] for each in redemptions if each["state"] in LIVE)
    for reward in rewards:
        reward_id, taken = reward["reward_id"], reward["taken"]
        if reward["counted"] and taken != live[reward_id]:
            yield f"{reward_id}: {taken} taken, {live[reward_id]} live"
        if reward["counted"] and reward["stocked"] is not None and taken > reward["stocked"]:
            yield f"{reward_id}: more taken than stocked"


def coupon_faults(
    campaigns: Sequence[Document],
    coupons: Iterable[Document],
    takers: Iterable[Document],
    reservations: Iterable[Document],
) -> Iterator[str]:
    """C1: a counter is the sum of what is reserved or used, within its limit; and all within the window."""
    terms = {each["_id"]: each["terms"] for each in campaigns}
    uses: Counter[str] = Counter()
    money: Counter[str] = Counter()
    for reservation in reservations:
        if reservation["status"] in COUNTING:
            for item in _kept(reservation):
                uses.update(
                    [item["campaign_id"], item["coupon_id"], *(each["key"] for each in item["takers"])]
                )
                money[item["campaign_id"]] += item["off_minor"]
                window = terms[item["campaign_id"]]
                if not window["start_time"] <= reservation["reserved_time"] < window["end_time"]:
                    yield f"{reservation['_id']} was made outside the window of {item['campaign_id']}"
    yield from _campaign_faults(campaigns, uses, money)
    for each in coupons:
        if each["taken_count"] != uses[each["_id"]]:
            yield f"{each['_id']} counts {each['taken_count']}, not {uses[each['_id']]}"
        if each["taken_count"] > terms[each["campaign_id"]]["uses_per_coupon_max"]:
            yield f"{each['_id']} is used too often"
    for each in takers:
        # Of a member in a campaign; what is counted otherwise, a first order or a birthday, is had once.
        of_campaign = terms.get(each["_id"].rpartition("/")[0])
        most = 1 if of_campaign is None else of_campaign["uses_per_member_max"]
        if each["taken_count"] != uses[each["_id"]] or each["taken_count"] > most:
            yield f"{each['_id']} counts {each['taken_count']}, not {uses[each['_id']]} of {most}"


def _kept(reservation: Document) -> list[Document]:
    """The coupons of a reservation that were not given back."""
    back = reservation["returned_coupon_ids"]
    return [each for each in reservation["items"] if each["coupon_id"] not in back]


def _campaign_faults(campaigns: Iterable[Document], uses: Counter[str], money: Counter[str]) -> Iterator[str]:
    for each in campaigns:
        terms, taken = each["terms"], (each["taken_count"], each["taken_minor"])
        if taken != (uses[each["_id"]], money[each["_id"]]):
            yield f"{each['_id']} counts {taken[0]} and {taken[1]}"
        if taken[0] > (terms["uses_max"] or taken[0]):
            yield f"{each['_id']} is used too often"
        if taken[1] > (terms["budget_minor"] or taken[1]):
            yield f"{each['_id']} is beyond its budget"


def contract_faults(contracts: Sequence[Contract]) -> list[str]:
    """P1: contracts neither overlap nor gap, one payment is one period, and a refund ends what it granted."""
    rows: dict[tuple[str, str], list[Contract]] = defaultdict(list)
    for each in contracts:
        if each.refund is None:
            rows[each.member_id, each.terms.group].append(each)
    faults = [fault for row in rows.values() for fault in _row_faults(row)]
    faults += [fault for each in contracts for fault in _faults(each, contracts)]
    return [*faults, *_twice(contracts)]


def _row_faults(row: list[Contract]) -> Iterator[str]:
    """Of the contracts of a member and a group that were not refunded."""
    row.sort(key=lambda each: each.period.start_time)
    for before, after in pairwise(row):
        end_time = before.period.end_time or FOR_EVER
        if max(end_time, before.until_time or FOR_EVER) > after.period.start_time:
            yield f"{before.contract_id} and {after.contract_id} overlap"
        if after.follows == before.contract_id and end_time != after.period.start_time:
            yield f"between {before.contract_id} and {after.contract_id} is a gap"


def _faults(contract: Contract, contracts: Sequence[Contract]) -> Iterator[str]:
    name, refund = contract.contract_id, contract.refund
    known = {each.contract_id: each for each in contracts}
    pending = [contract.pooled, contract.reminder_time, contract.closing_time]
    if refund is not None and contract.stands(max(refund.time, contract.period.start_time)):
        yield f"{name} was refunded and grants"
    if refund is not None and not 0 <= refund.amount_minor <= contract.sale.amount_minor:
        yield f"{name} gave back {refund.amount_minor} of {contract.sale.amount_minor}"
    if (refund is not None or contract.period.end_time is None) and any(pending):
        yield f"{name} has no end to come, and waits for it"
    if contract.followed_by and known[contract.followed_by].follows != name:
        yield f"{name} is followed by what does not follow it"
    if contract.followed_by and (contract.reminder_time is not None or contract.pooled):
        yield f"{name} is followed, and its end is told or in the pool"


def _twice(contracts: Iterable[Contract]) -> Iterator[str]:
    """One charge to a period, and one refund to a reference."""
    payments = Counter((each.sale.source, each.sale.payment_reference) for each in contracts)
    refunds = Counter((each.refund.source, each.refund.reference) for each in contracts if each.refund)
    periods = Counter(
        (each.member_id, each.terms.group, each.period.start_time) for each in contracts if not each.refund
    )
    for counted in (payments, refunds, periods):
        yield from (f"{what} counts {count} times" for what, count in counted.items() if count > 1)
