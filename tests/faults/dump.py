"""Reads what the databases hold of a program, when everything has had its effect, into plain records."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from laurel.benefits.v1 import events_pb2 as benefits_pb2
from laurel.members.v1 import events_pb2 as members_pb2
from libs.common import mongo
from libs.common.mongo import Client, Database, Document, Session
from tests.faults.final import Account, Decision, Entry, Event, Final, Hold, Row, Transaction
from tests.faults.goods_dump import read_goods
from tests.faults.operations.purchases import event_effect
from tests.faults.operations.tills import capture_effect, hold_effect, release_effect, return_effect
from tests.faults.witness import digest

PREFIX = "laurel_"
ISSUER = "issuer"


def database(client: Client, service: str) -> Database:
    """The database of a service."""
    return client[f"{PREFIX}{service}"]


async def dumped(client: Client, program_id: str, *, audited: set[str]) -> Final:
    """Everything of a program, of one moment. `audited` are the acts that clients may have done."""
    final = Final()
    async with mongo.snapshot(client) as session:
        read = _Reader(client, program_id, session)
        await _members(read, final)
        await _ledger(read, final)
        await read_goods(read.all, program_id, final)
        await _decisions(read, final)
        await _risk(read, final, audited)
        for service in ("members", "benefits", "risk"):
            await _outbox(read, final, service)
    return final


class _Reader:
    """Documents of the program in any database."""

    def __init__(self, client: Client, program_id: str, session: Session) -> None:
        self._client, self._session = client, session
        self._of_program = {"program_id": program_id}

    def all(self, service: str, collection: str, **wanted: object) -> AsyncIterator[Document]:
        """Those of the program, or, where `wanted` says other things, those."""
        found = database(self._client, service)[collection].find(
            wanted or self._of_program, session=self._session
        )
        return aiter(found)


async def _members(read: _Reader, final: Final) -> None:
    async for each in read.all("members", "members"):
        final.members[each["_id"]] = each["seq"]
        final.effects.update(f"member/{one['source']}/{one['external_id']}" for one in each["identities"])
        for tier_set, held in each["tiers"].items():
            final.projected[f"{each['program_id']}/{each['_id']}/{tier_set}"] = held["seq"]
    async for each in read.all("members", "events"):
        effect = event_effect(each["source"], each["external_ref"], each["line"])
        final.effects[effect] += 1
        final.events.append(Event(each["member_id"], each["seq"], effect, each["kind"] == "purchase"))


async def _ledger(read: _Reader, final: Final) -> None:
    async for each in read.all("benefits", "accounts"):
        _, owner, *_, last = each["_id"].split("/")
        may_owe = owner == ISSUER or each.get("arrears", 0) > 0
        spender = owner if owner in final.members and last == each["currency"] else ""
        final.accounts.append(
            Account(each["_id"], each["currency"], each["balance"], each["seq"], may_owe, spender)
        )
    async for each in read.all("benefits", "entries"):
        final.entries.append(
            Entry(
                each["_id"],
                each["transaction_id"],
                each["account_id"],
                each["seq"],
                each["points"],
                each["balance_after"],
                digest(each),
            )
        )
    async for each in read.all("benefits", "transactions"):
        key = (each["source"], each["external_ref"], each["line"])
        final.transactions.append(
            Transaction(
                each["_id"], each["kind"], event_effect(*key), each["points"], each.get("hold_id") or ""
            )
        )
        if each["kind"] == "return":
            final.effects[return_effect(*key)] += 1
    async for each in read.all("benefits", "holds"):
        _hold(each, final)


def _hold(document: Document, final: Final) -> None:
    """A hold, which is an effect by itself, and what became of it another one."""
    key = (document["source"], document["external_ref"], document["line"])
    final.effects[hold_effect(*key)] += 1
    if document["state"] == "captured":
        final.effects[capture_effect(*key)] += 1
    if document["state"] == "released":
        final.effects[release_effect(*key)] += 1
    counts = [document[name] for name in ("points", "captured", "returned")]
    final.holds.append(Hold(document["_id"], document["state"], *counts))


async def _decisions(read: _Reader, final: Final) -> None:
    async for each in read.all("benefits", "decisions"):
        final.decisions.append(
            Decision(each["membership"], each["member_id"], each["seq"], each["event_seq"])
        )
    applied = final.positions.setdefault("benefits", {})
    async for each in read.all("benefits", "memberships"):
        final.decided[each["_id"]] = each["seq"]
        member_id, seq = each["member_id"], each["applied_seq"]
        applied[member_id] = min(seq, applied.get(member_id, seq))


async def _risk(read: _Reader, final: Final, audited: set[str]) -> None:
    final.positions["risk"] = {
        each["_id"]: each["applied_seq"] async for each in read.all("risk", "profiles")
    }
    async for each in read.all("risk", "reports"):
        final.effects[f"report/{each['member_id']}/{each['reporter']['subject']}"] += 1
    for service in ("members", "benefits", "risk"):
        async for each in read.all(service, "audit"):
            if each["act"] in audited:
                final.audit[each["request_id"]] += 1


async def _outbox(read: _Reader, final: Final, service: str) -> None:
    subjects = {"$in": sorted(final.members)}
    rows = [each async for each in read.all(service, "outbox", subject=subjects)]
    heads = {"$in": sorted({_head(each) for each in rows})}
    sent = {each["_id"]: "sent_time" in each async for each in read.all(service, "outbox", _id=heads)}
    final.rows += [row(service, each, sent=sent.get(_head(each), False)) for each in rows]
    letters: Counter[str] = Counter()
    async for each in read.all(service, "dead_letters", subject=subjects):
        letters[each["stream"]] += 1
    final.waiting += [f"{service}: {count} dead letters of {stream}" for stream, count in letters.items()]


def _head(document: Document) -> str:
    """The row with which a row is sent and marked, which may be itself: ids follow from that of the head."""
    return str(document["_id"]).partition(".")[0]


def row(service: str, document: Document, *, sent: bool) -> Row:
    """A row of an outbox with what its message tells: events of members, or transactions."""
    first, last, transactions = _told(document["type"], bytes(document["payload"]))
    return Row(
        service=service,
        subject=document["subject"],
        change_seq=document["change_seq"],
        first=first,
        last=last,
        transactions=transactions,
        sent=sent,
    )


def _told(kind: str, payload: bytes) -> tuple[int, int, tuple[str, ...]]:
    match kind:
        case "MemberRegistered":
            return 0, 0, ()
        case "FactsChanged":
            facts = members_pb2.FactsChanged.FromString(payload)
            return facts.seq_from, facts.seq_to, ()
        case "MembershipChanged" | "PointsChanged":
            message: Any = getattr(benefits_pb2, kind).FromString(payload)
            return 0, -1, tuple(each.transaction_id for each in message.postings)
    return 0, -1, ()
