"""Where members belong, and so which of them a principal sees."""

from dataclasses import dataclass

from laurel.common.v1 import home_pb2
from libs.common.caller import Principal, Scope, caller, granted

PROGRAM_WIDE = frozenset[Scope]({"program", "all"})
"""Scopes that reach every member of the principal's program."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a member belongs: their store, its sharing group, and the partner that registered them."""

    store_id: str = ""
    sharing_group: str = ""
    partner_id: str = ""

    def message(self) -> home_pb2.Home:
        """As it is announced."""
        return home_pb2.Home(
            store_id=self.store_id, sharing_group=self.sharing_group, partner_id=self.partner_id
        )


def home_of(message: home_pb2.Home) -> Home:
    """A home as it was announced."""
    return Home(message.store_id, message.sharing_group, message.partner_id)


def sees(principal: Principal, scope: Scope, member_id: str, home: Home) -> bool:
    """Whether a grant of this scope reaches a member of the principal's program."""
    if scope in PROGRAM_WIDE:
        return True
    if scope == "self":
        return member_id == principal.subject
    if principal.kind == "partner":
        return home.partner_id == principal.subject
    shared = scope == "group" and home.sharing_group != "" and home.sharing_group in principal.sharing_groups
    return shared or (home.store_id != "" and home.store_id in principal.stores)


def caller_sees(member_id: str, home: Home) -> bool:
    """Whether the present caller's grant reaches a member of their program."""
    return sees(caller(), granted().scope, member_id, home)
