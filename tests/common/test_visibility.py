"""Whom a grant reaches, scope by scope; the filter of lists agrees with it member by member."""

import pytest

from libs.common.caller import Principal, PrincipalKind, Scope
from libs.common.visibility import Home, sees

ONLINE = Home("online", "east", "shop")
HOMELESS = Home("", "", "shop")


def a_principal(
    kind: PrincipalKind, subject: str = "x", stores: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> Principal:
    return Principal(subject, kind, "music_store", (), stores, groups)


@pytest.mark.parametrize("scope", ["program", "all"])
def test_wide_scopes_reach_everybody(scope: Scope) -> None:
    assert sees(a_principal("staff"), scope, "mem_1", HOMELESS)


def test_self_reaches_the_member_alone() -> None:
    ann = a_principal("member", "mem_1")

    assert sees(ann, "self", "mem_1", ONLINE)
    assert not sees(ann, "self", "mem_2", ONLINE)


def test_a_partner_reaches_whom_it_registered() -> None:
    assert sees(a_principal("partner", "shop"), "store", "mem_1", ONLINE)
    assert not sees(a_principal("partner", "rival"), "store", "mem_1", ONLINE)


def test_a_partner_reaches_nobody_by_a_store_that_its_token_claims() -> None:
    assert not sees(a_principal("partner", "rival", ("online",)), "store", "mem_1", ONLINE)


def test_staff_of_a_store_reach_its_members_and_not_those_of_its_group() -> None:
    assert sees(a_principal("staff", stores=("online",)), "store", "mem_1", ONLINE)
    assert not sees(a_principal("staff", stores=("uptown",), groups=("east",)), "store", "mem_1", ONLINE)


def test_staff_of_a_sharing_group_reach_the_members_of_its_stores() -> None:
    assert sees(a_principal("staff", stores=("uptown",), groups=("east",)), "group", "mem_1", ONLINE)
    assert not sees(a_principal("staff", stores=("uptown",), groups=("west",)), "group", "mem_1", ONLINE)


@pytest.mark.parametrize("scope", ["store", "group"])
def test_an_empty_claim_reaches_nobody_who_has_no_home(scope: Scope) -> None:
    assert not sees(a_principal("staff", stores=("",), groups=("",)), scope, "mem_1", HOMELESS)
