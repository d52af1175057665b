"""Identifiers: a prefix that says of what, and a UUIDv7, so that they sort by time."""

import uuid_utils


def new_id(prefix: str) -> str:
    """A new identifier, such as `mem_019…` with 32 hexadecimal digits."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"
