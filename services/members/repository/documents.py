"""How members and events look as Mongo documents, and back."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from pymongo import UpdateOne

from libs.common.clock import ProgramClock
from libs.common.mongo import Document
from services.members.domain.activity import Activity
from services.members.domain.facts import Counts, Tally
from services.members.domain.intake import BusinessKey, Event
from services.members.domain.members import Identity, Member, ProgramCalendar


def program_from(document: Document) -> ProgramCalendar:
    """A program as remembered, with its clock as it was moved."""
    moved = timedelta(milliseconds=document["moved_ms"])
    return ProgramCalendar(
        document["_id"],
        document["currency"],
        document["time_zone"],
        ProgramClock(document["replay_from"], document["started_time"], moved),
        timedelta(days=document["dormancy_days"]),
    )


def program_update(program: ProgramCalendar) -> UpdateOne:
    """What is remembered of a program from its live version: of its clock only where it begins."""
    first = {
        "currency": program.currency,
        "time_zone": program.time_zone,
        "replay_from": program.clock.replay_from,
        "started_time": None,
        "moved_ms": 0,
    }
    latest = {"dormancy_days": program.dormancy.days}
    return UpdateOne({"_id": program.program_id}, {"$setOnInsert": first, "$set": latest}, upsert=True)


def tally_document(tally: Tally) -> Document:
    """Counts by kind, as stored on days, members and events alike."""
    return {
        kind: {"count": counts.count, "amount_minor": counts.amount_minor, "quantity": counts.quantity}
        for kind, counts in tally.items()
    }


def tally_from(document: Document) -> dict[str, Counts]:
    """Counts by kind, from a document."""
    return {
        kind: Counts(counts.get("count", 0), counts.get("amount_minor", 0), counts.get("quantity", 0))
        for kind, counts in document.items()
    }


def member_document(member: Member) -> Document:
    """A new member. The calendar finds them by `absent_since`, which may be earlier than their activity's.

    What is in an index is expensive to change, so events leave it as it is.
    """
    return {
        "_id": member.member_id,
        "program_id": member.program_id,
        "store_id": member.store_id,
        "sharing_group": member.sharing_group,
        "identities": [
            {"source": identity.source, "external_id": identity.external_id} for identity in member.identities
        ],
        "registered_time": member.registered_time,
        "verification": member.verification,
        "seq": member.seq,
        "lifetime": tally_document(member.lifetime),
        "last_login_time": member.last_login_time,
        "last_activity_time": member.last_activity_time,
        "tiers": {},
        "activity": _activity_document(member.activity),
        "absent_since": member.activity.absent_since,
        "change_seq": member.change_seq,
        "version": member.version,
    }


def _activity_document(activity: Activity) -> Document:
    return {
        "state": activity.state,
        "since": activity.since,
        "absent_since": activity.absent_since,
        "spell": activity.spell,
        "spell_since": activity.spell_since,
        "woken": activity.woken,
    }


def asleep_update(member: Member) -> UpdateOne:
    """What the calendar changes of a member who falls asleep."""
    fields = {"activity": _activity_document(member.activity), "change_seq": member.change_seq}
    update = {"$set": fields, "$unset": {"absent_since": ""}, "$inc": {"version": 1}}
    return UpdateOne({"_id": member.member_id}, update)


def birthday_update(member: Member) -> UpdateOne:
    """What another birthday changes of a member; of one that was taken out nothing is left."""
    kept: Document = {"$set": {"change_seq": member.change_seq}, "$inc": {"version": 1}}
    if member.birthday:
        kept["$set"]["birthday"] = member.birthday
    else:
        kept["$unset"] = {"birthday": ""}
    return UpdateOne({"_id": member.member_id}, kept)


def seen_update(member: Member) -> UpdateOne:
    """The calendar looks after a member from when they were last seen."""
    return UpdateOne({"_id": member.member_id}, {"$set": {"absent_since": member.activity.absent_since}})


def _activity_from(document: Document) -> Activity:
    activity: Document = document["activity"]
    return Activity(
        state=activity["state"],
        since=activity["since"],
        # Documents of the past have it in the field of the index alone.
        absent_since=activity.get("absent_since", document.get("absent_since")),
        spell=activity["spell"],
        spell_since=activity["spell_since"],
        woken=activity["woken"],
    )


def member_from(document: Document) -> Member:
    """A member as stored."""
    return Member(
        member_id=document["_id"],
        program_id=document["program_id"],
        store_id=document["store_id"],
        sharing_group=document["sharing_group"],
        identities=tuple(Identity(each["source"], each["external_id"]) for each in document["identities"]),
        registered_time=document["registered_time"],
        activity=_activity_from(document),
        verification=document["verification"],
        seq=document["seq"],
        lifetime=tally_from(document["lifetime"]),
        last_login_time=document["last_login_time"],
        last_activity_time=document["last_activity_time"],
        tiers={tier_set: held["tier"] for tier_set, held in document["tiers"].items()},
        birthday=document.get("birthday", ""),
        birthday_used_time=document.get("birthday_used_time"),
        change_seq=document["change_seq"],
        version=document["version"],
    )


def event_document(event: Event) -> Document:
    """An event."""
    return {
        "_id": event.event_id,
        "program_id": event.program_id,
        "member_id": event.member_id,
        "seq": event.seq,
        "kind": event.key.kind,
        "source": event.source,
        "external_ref": event.key.external_ref,
        "line": event.key.line,
        "occurred_time": event.occurred_time,
        "recorded_time": event.recorded_time,
        "business_date": midnight(event.business_date),
        "store_id": event.store_id,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "quantity": event.quantity,
        "original": None if event.original is None else _key_document(event.original),
        "attributes": dict(event.attributes),
        "payload_digest": event.payload_digest,
        "after": tally_document(event.after),
    }


def event_from(document: Document) -> Event:
    """An event as stored."""
    original: dict[str, Any] | None = document["original"]
    return Event(
        event_id=document["_id"],
        program_id=document["program_id"],
        member_id=document["member_id"],
        seq=document["seq"],
        source=document["source"],
        key=BusinessKey(document["external_ref"], document["line"], document["kind"]),
        occurred_time=document["occurred_time"],
        recorded_time=document["recorded_time"],
        business_date=document["business_date"].date(),
        store_id=document["store_id"],
        amount_minor=document["amount_minor"],
        currency=document["currency"],
        quantity=document["quantity"],
        original=None
        if original is None
        else BusinessKey(original["external_ref"], original["line"], "purchase"),
        attributes=document["attributes"],
        payload_digest=document["payload_digest"],
        after=tally_from(document["after"]),
    )


def _key_document(key: BusinessKey) -> Document:
    return {"external_ref": key.external_ref, "line": key.line}


def member_update(before: Member, after: Member) -> Document:
    """What events change of a member, and no field that stays as it is: each costs the database a little."""
    fields = {
        name: getattr(after, name)
        for name in ("seq", "change_seq", "last_login_time", "last_activity_time")
        if getattr(after, name) != getattr(before, name)
    }
    fields |= {
        f"lifetime.{kind}": {
            "count": counts.count,
            "amount_minor": counts.amount_minor,
            "quantity": counts.quantity,
        }
        for kind, counts in after.lifetime.items()
        if counts != before.lifetime.get(kind)
    }
    fields |= {
        f"activity.{name}": value
        for name, was, value in zip(Activity._fields, before.activity, after.activity, strict=True)
        if value != was
    }
    update: Document = {"$set": fields, "$inc": {"version": 1}}
    since, is_since = before.activity.absent_since, after.activity.absent_since
    if is_since is not None and (since is None or is_since < since):
        update["$min"] = {"absent_since": is_since}
    return {"q": {"_id": after.member_id}, "u": update}


def day_update(member_id: str, day: date, kinds: dict[str, Counts]) -> Document:
    """What events add to a member's day."""
    added = {}
    for kind, counts in kinds.items():
        added[f"kinds.{kind}.count"] = counts.count
        added[f"kinds.{kind}.amount_minor"] = counts.amount_minor
        added[f"kinds.{kind}.quantity"] = counts.quantity
    return {
        "q": {"_id": f"{member_id}/{day.isoformat()}"},
        "u": {"$inc": added, "$setOnInsert": {"member_id": member_id, "date": midnight(day)}},
        "upsert": True,
    }


@lru_cache(maxsize=1_000)
def midnight(day: date) -> datetime:
    """A business day as Mongo keeps it, which has no dates."""
    return datetime.combine(day, time(), UTC)
