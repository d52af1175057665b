"""Terms that contradict themselves are refused, and codes are read as people type them."""

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.benefits.domain.coupon_codes import ALPHABET, code_digest, grouped, new_code, read
from services.benefits.domain.coupons import CouponKind, CouponStatus, Shown, faults
from tests.benefits.domain.coupon_builders import ENDS, OPENS, a_campaign, a_coupon, some_terms, steps
from tests.support.builders import NOON

KEY = b"k" * 32


def is_well_formed(code: str) -> bool:
    """As docs/coupons.md tells tills to look for typing errors."""
    values = [ALPHABET.index(character) for character in reversed(code)]
    return sum(place * value for place, value in enumerate(values, start=1)) % len(ALPHABET) == 0


codes = st.integers(0, 31**15 - 1).map(lambda number: new_code(lambda _: number))


# Terms

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "ends before it begins": ({"start_time": ENDS, "end_time": OPENS}, "end_time"),
    "ends when it begins": ({"start_time": OPENS, "end_time": OPENS}, "end_time"),
    "a share without how much": ({"kind": CouponKind.PERCENTAGE}, "kind"),
    "a share and an amount": ({"kind": CouponKind.PERCENTAGE, "off_bp": 5, "off_minor": 5}, "kind"),
    "an amount of nothing": ({"off_minor": 0}, "kind"),
    "a threshold without steps": ({"kind": CouponKind.THRESHOLD}, "kind"),
    "cashback both ways": ({"kind": CouponKind.CASHBACK, "off_bp": 5, "off_minor": 5}, "kind"),
    "free shipping with an amount": ({"kind": CouponKind.FREE_SHIPPING, "off_minor": 5}, "kind"),
    "steps that go down": ({"kind": CouponKind.THRESHOLD, "steps": steps((200, 20), (100, 30))}, "steps"),
    "a step with more off than on": ({"kind": CouponKind.THRESHOLD, "steps": steps((100, 101))}, "steps"),
    "a tier that there is not": ({"tiers": ("gold", "golden")}, "tiers"),
}


@pytest.mark.parametrize(("fields", "wrong"), WRONG.values(), ids=WRONG)
def test_terms_that_make_no_sense_are_refused_by_field(fields: dict[str, Any], wrong: str) -> None:
    assert list(faults(some_terms(**fields), {"gold"})) == [wrong]


GOOD: dict[str, dict[str, Any]] = {
    "a share": {"kind": CouponKind.PERCENTAGE, "off_bp": 500},
    "an amount": {"off_minor": 1},
    "a threshold": {"kind": CouponKind.THRESHOLD, "steps": steps((100, 10), (200, 30))},
    "cashback by share": {"kind": CouponKind.CASHBACK, "off_bp": 500},
    "cashback by amount": {"kind": CouponKind.CASHBACK, "off_minor": 500},
    "free shipping for gold": {"kind": CouponKind.FREE_SHIPPING, "tiers": ("gold",)},
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
def test_good_terms_have_no_faults(fields: dict[str, Any]) -> None:
    assert faults(some_terms(**fields), {"gold"}) == {}


# Coupons

STATES: dict[str, tuple[dict[str, Any], int, Any, CouponStatus]] = {
    "fresh": ({}, 0, NOON, CouponStatus.ISSUED),
    "kept for a check": ({"taken_count": 1}, 1, NOON, CouponStatus.RESERVED),
    "used": ({"taken_count": 1}, 0, NOON, CouponStatus.USED),
    "used, long ago": ({"taken_count": 1}, 0, ENDS, CouponStatus.USED),
    "the moment before the end": ({}, 0, ENDS - (ENDS - OPENS) / 10**6, CouponStatus.ISSUED),
    "at the end": ({}, 0, ENDS, CouponStatus.EXPIRED),
    "void": ({"void": True, "taken_count": 1}, 1, ENDS, CouponStatus.VOID),
}


@pytest.mark.parametrize(("fields", "reserved", "time", "status"), STATES.values(), ids=STATES)
def test_how_far_a_coupon_is(fields: dict[str, Any], reserved: int, time: Any, status: CouponStatus) -> None:
    campaign = a_campaign()

    assert Shown(a_coupon(campaign, **fields), campaign, reserved, time).status == status


def test_a_coupon_of_several_uses_is_good_until_the_last_is_taken() -> None:
    campaign = a_campaign(uses_per_coupon_max=3)

    found = [Shown(a_coupon(campaign, taken_count=taken), campaign, 1, NOON).status for taken in (1, 2, 3)]

    assert found == ["ISSUED", "ISSUED", "RESERVED"]


# Codes


def test_codes_are_long_random_and_in_groups() -> None:
    made = {new_code(secrets.randbelow) for _ in range(1_000)}

    assert len(made) == 1_000
    assert {len(each) for each in made} == {16}
    assert set("".join(made)) == set(ALPHABET)
    assert grouped("ABCDEFGHJKMNPQRS") == "ABCD-EFGH-JKMN-PQRS"


@given(codes)
def test_a_code_has_its_check_character(code: str) -> None:
    assert is_well_formed(code)


@given(codes, st.integers(0, 15), st.sampled_from(ALPHABET))
def test_one_wrong_character_shows(code: str, place: int, character: str) -> None:
    mistyped = code[:place] + character + code[place + 1 :]

    assert is_well_formed(mistyped) == (mistyped == code)


@given(codes, st.integers(0, 15), st.integers(0, 15))
def test_two_swapped_characters_show(code: str, one: int, other: int) -> None:
    characters = list(code)
    characters[one], characters[other] = characters[other], characters[one]

    assert is_well_formed("".join(characters)) == (characters == list(code))


@pytest.mark.parametrize(
    "typed",
    [
        "abcd-efgh-jkmn-pqrs",
        " ABCD EFGH JKMN PQRS ",
        "ABCD–EFGH–JKMN–PQRS",
        "ＡＢＣＤＥＦＧＨＪＫＭＮＰＱＲＳ",
    ],
    ids=["small letters", "spaces", "dashes", "full width"],
)
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert read(typed) == "ABCDEFGHJKMNPQRS"


def test_a_digest_is_of_a_key_and_a_program() -> None:
    digests = {code_digest(key, program, "ABCD") for key in (KEY, b"o" * 32) for program in ("one", "two")}

    assert len(digests) == 4
    assert code_digest(KEY, "one", "ABCD") in digests
