"""The numbers of badges as `laurel verify` checks them."""

import json

import pytest

from libs.cli.badge_chain import Serials


def said(act: str, key: str, serial: int, badge_id: str = "", limit: int = 0) -> str:
    return json.dumps(
        {
            "act": act,
            "key": key,
            "serial": serial,
            "badge_id": badge_id or f"bdg_{key}_{serial}",
            "limit": limit,
        }
    )


def faults(*records: str) -> list[str]:
    serials = Serials()
    for place, each in enumerate(records):
        serials.add(f"bdr_{place}", each)
    return [each.split()[0] for each in serials.end()]


def test_numbers_from_one_on_are_as_they_must_be_in_any_order() -> None:
    records = [said("issued", "gold", 2), said("revoked", "gold", 1), said("issued", "gold", 1)]

    assert faults(*records, said("issued", "iron", 1, limit=1)) == []


def test_a_record_that_comes_twice_is_one() -> None:
    serials = Serials()
    for _ in range(2):
        serials.add("bdr_1", said("issued", "gold", 1))
        serials.add("bdr_2", said("revoked", "gold", 1))

    assert serials.end() == []


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([said("issued", "gold", 1), said("issued", "gold", 3)], ["SERIAL_MISSING"]),
        ([said("issued", "gold", 1, "bdg_a"), said("issued", "gold", 1, "bdg_b")], ["SERIAL_TWICE"]),
        (
            [said("issued", "gold", 1, limit=1), said("issued", "gold", 2, limit=1)],
            ["SERIAL_ABOVE_LIMIT"],
        ),
        ([said("issued", "gold", 1, limit=5), said("issued", "gold", 2, limit=9)], ["LIMIT_CHANGED"]),
        ([said("revoked", "gold", 1)], ["REVOKED_UNISSUED"]),
        ([said("issued", "gold", 1, "bdg_a"), said("revoked", "gold", 1, "bdg_b")], ["REVOKED_UNISSUED"]),
        (
            [said("issued", "gold", 1), said("revoked", "gold", 1), said("revoked", "gold", 1)],
            ["REVOKED_TWICE"],
        ),
        (["unreadable: ValueError"], ["RECORD_UNREADABLE"]),
        (["{}"], ["RECORD_UNREADABLE"]),
    ],
    ids=[
        "a gap",
        "one number for two",
        "more than there may be",
        "another limit",
        "an end without a begin",
        "the end of another",
        "two ends",
        "no JSON",
        "nothing",
    ],
)
def test_what_is_wrong_with_numbers_is_told(records: list[str], found: list[str]) -> None:
    assert faults(*records) == found
