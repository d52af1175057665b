"""Ids of members as clients give them: the graph's own, or the platform's."""

import re

from strawberry import relay

from services.gateway.errors import InvalidInput

_MEMBER_ID = re.compile(r"mem_[0-9a-f]{32}")


def member_key(text: str) -> str:
    """The platform's id in a global id or in itself."""
    return text if _MEMBER_ID.fullmatch(text) else key_of_global_id(text)


def key_of_global_id(text: str) -> str:
    """The platform's id in a global id."""
    try:
        global_id = relay.GlobalID.from_id(text)
    except relay.GlobalIDValueError as error:
        raise InvalidInput("not an id of the graph") from error
    if global_id.type_name != "Member" or not _MEMBER_ID.fullmatch(global_id.node_id):
        raise InvalidInput("not the id of a member")
    return global_id.node_id
