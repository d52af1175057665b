"""Profiles: what announcements change of a member's standing, in any order and however often."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.risk.domain.integrity import Verification, integrity
from services.risk.domain.profiles import Announced, Cause, Change, Profile, after, apply_all
from tests.support.builders import DAY, NOON, PROGRAM

LATER = NOON + DAY


def announced(verification: Verification = "unverified", seq: int = 0, member_id: str = "ann") -> Announced:
    return Announced(PROGRAM, member_id, verification, seq)


def first(verification: Verification = "unverified", seq: int = 0) -> Profile:
    return after(None, announced(verification, seq), now=NOON)


def test_the_first_announcement_makes_the_profile() -> None:
    profile = first("verified", 4)

    assert profile == Profile(
        PROGRAM, "ann", "verified", 0, integrity("verified", 0), 1, 4, NOON, Cause("registered")
    )


def test_a_newer_announcement_of_the_same_identity_moves_the_position_only() -> None:
    profile = after(first(), announced(seq=7), now=LATER)

    assert profile == replace(first(), applied_seq=7)


def test_a_newer_announcement_of_another_identity_changes_the_score() -> None:
    profile = after(first(), announced("verified", 7), now=LATER)

    assert (profile.integrity.score, profile.verification) == (80, "verified")
    assert (profile.seq, profile.applied_seq, profile.changed_time) == (2, 7, LATER)
    assert profile.cause == Cause("verification_changed")


def test_an_announcement_that_is_not_newer_changes_nothing() -> None:
    profile = first("verified", 7)

    assert after(profile, announced("suspect", 7), now=LATER) is profile
    assert after(profile, announced("suspect", 6), now=LATER) is profile


def test_the_reporters_of_a_member_stay_when_the_identity_changes() -> None:
    reported = replace(first(), reporters=2, integrity=integrity("unverified", 2))

    profile = after(reported, announced("verified", 1), now=LATER)

    assert profile.reporters == 2
    assert profile.integrity == integrity("verified", 2)


def test_members_do_not_touch_each_other() -> None:
    profiles, _ = apply_all({}, [announced("verified"), announced("suspect", 1, "bob")], now=NOON)

    scores = {member_id: profile.integrity.score for member_id, profile in profiles.items()}
    assert scores == {"ann": 80, "bob": 20}


def test_each_change_of_a_batch_is_told_with_the_integrity_before_it() -> None:
    told = [announced("unverified"), announced("verified", 1), announced("verified", 2)]

    _, changes = apply_all({}, told, now=NOON)

    assert changes == [
        Change(None, first("unverified")),
        Change(integrity("unverified", 0), after(first("unverified"), told[1], now=NOON)),
    ]


# What was announced under a sequence is always the same.
histories: st.SearchStrategy[list[Verification]] = st.lists(
    st.sampled_from(["verified", "unverified", "suspect"]), min_size=1, max_size=6
)


@given(histories, st.data())
def test_order_repeats_and_batches_make_no_difference_to_where_a_member_stands(
    history: list[Verification], data: st.DataObject
) -> None:
    told = [announced(verification, seq) for seq, verification in enumerate(history)]
    mixed = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=4))]))
    cut = data.draw(st.integers(0, len(mixed)))

    profiles, changes = apply_all({}, mixed[:cut], now=NOON)
    later, more = apply_all(profiles, mixed[cut:], now=NOON)
    profiles |= later

    profile = profiles["ann"]
    assert (profile.verification, profile.applied_seq) == (history[-1], len(history) - 1)
    assert profile.integrity == integrity(history[-1], 0)
    assert [each.after.seq for each in [*changes, *more]] == list(range(1, profile.seq + 1))
