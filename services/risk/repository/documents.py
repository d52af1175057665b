"""How profiles, their changes and reports look as Mongo documents, and back."""

from dataclasses import asdict

from pymongo import UpdateOne

from libs.common.mongo import Document
from services.risk.domain.integrity import Integrity, Part
from services.risk.domain.profiles import Cause, Change, Profile
from services.risk.domain.reports import Finding, Report, Reporter
from services.risk.domain.restrictions import Restriction


def profile_update(profile: Profile) -> UpdateOne:
    """Stores a profile, as a write even where nothing changes: here all that decide from it meet."""
    changed: Document = {"$set": _profile_fields(profile), "$inc": {"version": 1}}
    if profile.next_change_time is None:
        changed["$unset"] = {"next_change_time": ""}  # so that its index holds only who has something due
    return UpdateOne({"_id": profile.member_id}, changed, upsert=True)


def _profile_fields(profile: Profile) -> Document:
    fields: Document = {
        "program_id": profile.program_id,
        "verification": profile.verification,
        "reporters": profile.reporters,
        **_integrity_fields(profile.integrity),
        "restrictions": [asdict(each) for each in profile.restrictions],
        "cause": asdict(profile.cause),
        "seq": profile.seq,
        "applied_seq": profile.applied_seq,
        "changed_time": profile.changed_time,
    }
    if profile.next_change_time is not None:
        fields["next_change_time"] = profile.next_change_time
    return fields


def profile_from(member_id: str, document: Document) -> Profile:
    """A profile as stored; one from before there were reports says nothing of them."""
    return Profile(
        program_id=document["program_id"],
        member_id=member_id,
        verification=document["verification"],
        reporters=document["reporters"],
        integrity=_integrity_from(document),
        seq=document["seq"],
        applied_seq=document["applied_seq"],
        changed_time=document["changed_time"],
        cause=Cause(**document.get("cause", {"kind": "registered"})),
        restrictions=tuple(Restriction(**each) for each in document.get("restrictions", [])),
        next_change_time=document.get("next_change_time"),
    )


def _integrity_fields(integrity: Integrity) -> Document:
    parts = [asdict(part) for part in integrity.parts]
    return {"integrity": integrity.score, "level": integrity.level, "parts": parts}


def _integrity_from(document: Document) -> Integrity:
    parts = tuple(Part(**part) for part in document["parts"])
    return Integrity(document["integrity"], document["level"], parts)


def change_document(change: Change) -> Document:
    """A change: the integrity before it and the whole profile after it."""
    profile = change.after
    return {
        "_id": f"{profile.member_id}/{profile.seq}",
        "program_id": profile.program_id,
        "member_id": profile.member_id,
        "seq": profile.seq,
        "before": None if change.before is None else _integrity_fields(change.before),
        "after": _profile_fields(profile),
    }


def change_from(document: Document) -> Change:
    """A change as stored."""
    before = document["before"]
    return Change(
        None if before is None else _integrity_from(before),
        profile_from(document["member_id"], document["after"]),
    )


def report_update(report: Report) -> UpdateOne:
    """Stores a report: a new one whole, of one that is there what became of it."""
    made: Document = {
        "program_id": report.program_id,
        "member_id": report.member_id,
        "reporter": asdict(report.reporter),
        "reason": report.reason,
        "note": report.note,
        "reported_time": report.reported_time,
    }
    became: Document = {
        "status": report.status,
        "counts": report.counts,
        "finding": None if report.finding is None else asdict(report.finding),
    }
    return UpdateOne({"_id": report.report_id}, {"$setOnInsert": made, "$set": became}, upsert=True)


def report_from(document: Document) -> Report:
    """A report as stored; without its note where that was not read."""
    finding = document["finding"]
    return Report(
        report_id=document["_id"],
        program_id=document["program_id"],
        member_id=document["member_id"],
        reporter=Reporter(**document["reporter"]),
        reason=document["reason"],
        reported_time=document["reported_time"],
        status=document["status"],
        counts=document["counts"],
        finding=None if finding is None else Finding(**finding),
        note=document.get("note", ""),
    )
