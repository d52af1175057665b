"""The policy table as a program reads it: default deny, widest role, and what is no table."""

from typing import Any

import pytest

from libs.common.caller import Grant, Principal
from libs.common.policy import ROLES, Rule, parsed

RULE = Rule(
    {
        "member": Grant("self"),
        "consultant": Grant("store", ("note",)),
        "store_manager": Grant("group", ("note",)),
        "operations_manager": Grant("program", ("note",)),
        "compliance_officer": Grant("program"),
    }
)
MASKED = {"scope": "store", "mask": ["a.b"]}
GROUP = {"may": {"member": "self"}, "fields": {"Member": ["id"]}}


def staff(*roles: str) -> Principal:
    return Principal("ann", "staff", "music_store", roles)


def test_who_has_no_cell_gets_nothing() -> None:
    assert RULE.grant(Principal("shop", "partner", "music_store")) is None
    assert RULE.grant(staff("analyst")) is None
    assert RULE.grant(staff()) is None


def test_staff_get_the_widest_of_their_roles() -> None:
    assert RULE.grant(staff("store_manager", "consultant")) == Grant("group", ("note",))


def test_of_equal_scopes_the_one_that_shows_more_is_given() -> None:
    assert RULE.grant(staff("operations_manager", "compliance_officer")) == Grant("program")


@pytest.mark.parametrize("role", ["member", "service", "partner", "root", "Consultant"])
def test_a_role_that_is_none_of_the_six_gives_nothing(role: str) -> None:
    assert Rule({**RULE.grants, "service": Grant("all")}).grant(staff(role)) is None


@pytest.mark.parametrize("role", ROLES)
def test_roles_of_who_is_not_staff_give_nothing(role: str) -> None:
    assert RULE.grant(Principal("m", "partner", "music_store", (role,))) is None


@pytest.mark.parametrize(
    "document",
    [
        {"rpcs": {"S": {"M": {"member": "everything"}}}, "graph": []},
        {"rpcs": {"S": {"M": {"boss": "all"}}}, "graph": []},
        {"rpcs": {"S": {"M": {"audit": "sometimes"}}}, "graph": []},
        {"rpcs": {}, "graph": [GROUP, GROUP]},
        {"rpcs": {}},
    ],
    ids=["an unknown scope", "an unknown principal", "an unknown audit", "a field twice", "no graph"],
)
def test_what_is_no_table_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's is one
        parsed(document)


def test_a_cell_is_a_scope_or_a_scope_with_what_is_masked() -> None:
    table = parsed(
        {
            "rpcs": {"S": {"M": {"member": "self", "consultant": {"scope": "store", "mask": ["a.b"]}}}},
            "graph": [],
        }
    )

    assert dict(table.rpcs["S/M"].grants) == {
        "member": Grant("self"),
        "consultant": Grant("store", ("a.b",)),
    }
