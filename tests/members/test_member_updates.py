"""What events change of a stored member: all that is another, and no field in vain."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.activity import Activity, joined
from services.members.domain.facts import Counts
from services.members.domain.members import Identity, Member
from services.members.repository.documents import member_document, member_from, member_update

T0 = datetime(2026, 3, 1, tzinfo=UTC)
TIMES = st.integers(0, 60).map(lambda days: T0 + timedelta(days=days))
COUNTS = st.builds(Counts, st.integers(1, 9), st.integers(0, 900), st.integers(0, 9))
ACTIVITIES = st.builds(
    Activity,
    st.sampled_from(["active", "dormant"]),
    TIMES,
    st.none() | TIMES,
    st.integers(0, 3),
    st.none() | TIMES,
    st.booleans(),
)
MEMBERS = st.builds(
    Member,
    member_id=st.just("mem_1"),
    program_id=st.just("music_store"),
    store_id=st.just("online"),
    sharing_group=st.just(""),
    identities=st.just((Identity("till", "c1"),)),
    registered_time=st.just(T0),
    activity=ACTIVITIES,
    verification=st.just("unverified"),
    seq=st.integers(0, 5),
    lifetime=st.dictionaries(st.sampled_from(["purchase", "refund", "login"]), COUNTS),
    last_login_time=st.none() | TIMES,
    last_activity_time=st.none() | TIMES,
    change_seq=st.integers(0, 5),
    tiers=st.just({}),
    birthday=st.just(""),
    birthday_used_time=st.none(),
    version=st.just(1),
)


def updated(document: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """The document after an update, as the database makes it."""
    for path, value in update["$set"].items():
        *parents, name = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        assert place.get(name, ...) != value, f"{path} is what it was"
        place[name] = value
    for name, value in update.get("$min", {}).items():
        document[name] = min(document.get(name) or value, value)
    document["version"] += update["$inc"]["version"]
    return document


@given(MEMBERS, MEMBERS)
def test_a_document_comes_to_be_the_member_after_the_events(before: Member, after: Member) -> None:
    after = after._replace(lifetime={**before.lifetime, **after.lifetime})  # no event takes a kind away

    document = updated(member_document(before), member_update(before, after)["u"])

    assert member_from(document) == after._replace(version=2)


@given(MEMBERS, MEMBERS)
def test_the_calendar_finds_a_member_no_later_than_before_and_than_last_seen(
    before: Member, after: Member
) -> None:
    found = updated(member_document(before), member_update(before, after)["u"])["absent_since"]

    since = [each.activity.absent_since for each in (before, after) if each.activity.absent_since is not None]
    assert found is None if not since else found == min(since)


@given(MEMBERS)
def test_an_event_of_who_is_about_leaves_the_index_of_the_calendar_alone(before: Member) -> None:
    before = before._replace(activity=joined(T0))
    after = before._replace(activity=joined(T0)._replace(absent_since=T0 + timedelta(days=2)))

    assert "$min" not in member_update(before, after)["u"]
