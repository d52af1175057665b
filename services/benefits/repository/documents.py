"""How memberships, decisions and the ledger look as Mongo documents, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.mongo import Document
from libs.common.plain import asdict, changes
from services.benefits.domain.earning import Earning
from services.benefits.domain.earning_situations import Factor
from services.benefits.domain.effects import Effect
from services.benefits.domain.ledger import Account, Allocation, Entry, Lot, Reversal, Transaction
from services.benefits.domain.memberships import Decision, InForce, Membership, TierReceipt
from services.benefits.domain.verification import StoredEntry
from services.benefits.repository.chaining import PLACE


@dataclass(frozen=True, slots=True)
class EffectDocuments:
    """What stores effects: decisions as documents, and the statements that update memberships."""

    decisions: Sequence[Document]
    memberships: Sequence[Document]


def effect_documents(effects: Sequence[Effect], now: datetime) -> EffectDocuments:
    """What stores effects that were decided at a time."""
    return EffectDocuments(
        [_decision_document(decision, now) for effect in effects for decision in effect.decisions],
        [
            _membership_update(before, after)
            for effect in effects
            for before, after in zip(effect.before, effect.after, strict=True)
        ],
    )


def _membership_update(before: Membership, after: Membership) -> Document:
    """The statement that stores a membership: whole the first time, then what is another than before."""
    query = {"_id": after.membership_id}
    if not before.version:
        return {"q": query, "u": asdict(after), "upsert": True}
    return {"q": query, "u": {"$set": changes(before, after)}}


def membership_from(document: Document) -> Membership:
    """A membership as stored."""
    fields = _but(document, "_id", "qualifying", "override")
    override = document.get("override")
    return Membership(
        qualifying=_pairs(document["qualifying"]),
        override=None if override is None else InForce(**override),
        **fields,
    )


def _decision_document(decision: Decision, now: datetime) -> Document:
    """A decision, with its receipt as it came."""
    tier = decision.tier
    return {
        "_id": decision.decision_id,
        "membership": decision.membership_id,
        "program_id": decision.program_id,
        "member_id": decision.member_id,
        "seq": decision.seq,
        "event_seq": decision.event_seq,
        "outcome": tier.outcome,
        "from_tier": tier.from_tier,
        "to_tier": tier.to_tier,
        "as_of": tier.as_of,
        "facts": [list(fact) for fact in tier.facts],
        "digest": tier.digest,
        "receipt": tier.receipt,
        "changed": decision.changed,
        "recorded_time": now,
    }


def decision_from(document: Document) -> Decision:
    """A decision as stored."""
    tier = TierReceipt(
        outcome=document["outcome"],
        from_tier=document["from_tier"],
        to_tier=document["to_tier"],
        as_of=document["as_of"],
        facts=_pairs(document["facts"]),
        digest=document["digest"],
        receipt=bytes(document["receipt"]),
    )
    return Decision(
        decision_id=document["_id"],
        membership_id=document["membership"],
        program_id=document["program_id"],
        member_id=document["member_id"],
        seq=document["seq"],
        event_seq=document["event_seq"],
        tier=tier,
    )


def account_document(account: Account) -> Document:
    """An account, whole."""
    fields = asdict(account)
    return {"_id": fields.pop("account_id"), **fields}


def account_from(document: Document) -> Account:
    """An account as stored; older ones say what is held, which was nothing and now has its own account."""
    return Account(account_id=document["_id"], **_but(document, "_id", "held"))


def entry_document(entry: Entry) -> Document:
    """An entry with its digest."""
    fields = asdict(entry)
    return {"_id": fields.pop("entry_id"), **fields, "digest": entry.digest()}


def entry_from(document: Document) -> Entry:
    """An entry as stored, without its digest."""
    allocations = tuple(Allocation(**each) for each in document["allocations"])
    fields = _but(document, "_id", "digest", "allocations", *PLACE)
    return Entry(entry_id=document["_id"], allocations=allocations, **fields)


def stored_entry(document: Document) -> StoredEntry:
    """An entry as stored, with its digest."""
    return StoredEntry(entry_from(document), document["digest"])


def transaction_document(transaction: Transaction) -> Document:
    """A transaction with its digest; without the fields of what goes back to something, if it does not."""
    fields = asdict(transaction) | {"earnings": [each.content() for each in transaction.earnings]}
    for name in ("original_transaction_id", "reversal", "hold_id", "event_kind", "currency"):
        if not fields[name]:
            del fields[name]
    return {"_id": fields.pop("transaction_id"), **fields, "digest": transaction.digest()}


def transaction_from(document: Document) -> Transaction:
    """A transaction as stored, without its digest."""
    reversal = document.get("reversal")
    return Transaction(
        transaction_id=document["_id"],
        earnings=tuple(earning_from(each) for each in document["earnings"]),
        reversal=None if reversal is None else Reversal(**reversal),
        **_but(document, "_id", "digest", "earnings", "reversal"),
    )


def earning_from(content: Document) -> Earning:
    """An earning by its content."""
    factors = tuple(Factor(**each) for each in content.get("factors", ()))
    told = tuple((name, value) for name, value in content.get("params", ()))
    return Earning(**{**content, "factors": factors, "params": told})


def lot_document(lot: Lot) -> Document:
    """A lot with its digest."""
    fields = asdict(lot)
    return {"_id": fields.pop("lot_id"), **fields, "digest": lot.digest()}


def lot_from(document: Document) -> Lot:
    """A lot as stored, without its digest."""
    return Lot(lot_id=document["_id"], **_but(document, "_id", "digest"))


def _but(document: Document, *names: str) -> Document:
    return {name: value for name, value in document.items() if name not in names}


def _pairs(stored: list[list[object]]) -> tuple[tuple[str, int], ...]:
    """Facts are kept as pairs, as their names have dots, which paths into documents would split."""
    return tuple((str(name), int(value)) for name, value in stored)  # type: ignore[call-overload]
