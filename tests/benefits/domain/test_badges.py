"""Badges by their rules: what a record says in which part, and what its leaf covers."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from libs.common.badge_policy import Badge
from libs.common.canonical import digest
from libs.common.documents import Text
from libs.common.errors import ProgramInvalid
from libs.common.program import Program, preset
from services.benefits.domain.badges import BadgeAct, BadgeRecord, Deed, HeldBadge, issued, leaf, revoked
from services.benefits.domain.errors import BadgeRevoked, ProgramFieldFixed
from services.benefits.domain.programs import require_continuous

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TERMS = Badge(key="founder", name=Text(zh="创始会员", en="Founding member"), limit=20)
DEED = Deed("bdr_1", NOON, "mia", "case 1", "salt", "pepper")
OTHER = Deed("bdr_2", NOON + timedelta(days=1), "otto", "case 2", "sugar", "spice")
RECORD = issued(DEED, TERMS, 7, program_id="shop", badge_id="bdg_1", member_id="mem_1")


def a_program(*badges: Badge) -> Program:
    return preset("ecommerce_five").model_copy(update={"badges": badges})


def test_an_issue_says_the_badge_its_owner_and_who_did_it_apart() -> None:
    assert RECORD.badge_part() == {
        "record_id": "bdr_1",
        "act": "issued",
        "program_id": "shop",
        "badge_id": "bdg_1",
        "key": "founder",
        "serial": 7,
        "limit": 20,
        "recorded_time": "2026-11-20T12:00:00.000+00:00",
    }
    assert RECORD.owner_part() == {"record_id": "bdr_1", "member_id": "mem_1", "salt": "salt"}
    assert RECORD.act_part() == {
        "record_id": "bdr_1",
        "by": "mia",
        "explanation": "case 1",
        "salt": "pepper",
    }


def test_the_leaf_is_over_the_digests_of_the_parts() -> None:
    parts = [digest(each) for each in (RECORD.badge_part(), RECORD.owner_part(), RECORD.act_part())]

    assert RECORD.leaf() == leaf(badge=parts[0], owner=parts[1], act=parts[2])


@pytest.mark.parametrize("name", [each.name for each in fields(BadgeRecord)])
def test_the_leaf_covers_every_field(name: str) -> None:
    changed: dict[str, Any] = {
        "act": BadgeAct.REVOKED,
        "serial": 8,
        "limit": 0,
        "recorded_time": NOON + timedelta(milliseconds=1),
    }

    other = replace(RECORD, **{name: changed.get(name, "another")})

    assert other.leaf() != RECORD.leaf()


def test_one_without_end_says_no_limit() -> None:
    terms = TERMS.model_copy(update={"limit": None})

    assert issued(DEED, terms, 1, program_id="shop", badge_id="bdg_1", member_id="mem_1").limit == 0


def test_a_revocation_is_of_the_same_badge_and_its_own_deed() -> None:
    end = revoked(OTHER, HeldBadge(RECORD))

    assert (end.badge_id, end.serial, end.member_id) == ("bdg_1", 7, "mem_1")
    assert (end.act, end.record_id, end.by, end.explanation) == (BadgeAct.REVOKED, "bdr_2", "otto", "case 2")
    assert (end.owner_salt, end.by_salt) == ("sugar", "spice")
    assert end.recorded_time == OTHER.recorded_time


def test_what_was_revoked_is_not_revoked_again() -> None:
    gone = HeldBadge(RECORD, revoked(OTHER, HeldBadge(RECORD)))

    with pytest.raises(BadgeRevoked):
        revoked(OTHER, gone)


# In the program


def test_badges_of_one_key_are_refused() -> None:
    with pytest.raises(ProgramInvalid) as refused:
        Program.parse(a_program(TERMS, TERMS).document())

    assert "badges share a key: founder" in str(refused.value.facts)


@pytest.mark.parametrize("limit", [0, -1, 1_000_001])
def test_a_limit_is_of_some(limit: int) -> None:
    with pytest.raises(ValidationError):
        Badge(key="founder", name=TERMS.name, limit=limit)


@pytest.mark.parametrize(
    "after",
    [(), (TERMS.model_copy(update={"limit": 21}),), (TERMS.model_copy(update={"limit": None}),)],
    ids=["gone", "one more", "without end"],
)
def test_a_badge_stays_and_so_does_how_many_there_are(after: tuple[Badge, ...]) -> None:
    with pytest.raises(ProgramFieldFixed) as refused:
        require_continuous(a_program(TERMS), a_program(*after))

    assert refused.value.facts == {"badges": "founder of 20"}


def test_a_badge_may_come_and_be_called_otherwise() -> None:
    renamed = TERMS.model_copy(update={"name": Text(zh="元老", en="Elder")})

    require_continuous(a_program(TERMS), a_program(renamed, TERMS.model_copy(update={"key": "captain"})))
