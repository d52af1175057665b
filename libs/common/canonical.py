"""One way to write a value down, so that equal values have equal digests."""

import hashlib

import orjson

_SAFE_INTEGER = 2**53
# Sorted by the bytes of the keys, without spaces, and no character written otherwise than must be.
_FORM = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def canonical(value: object) -> bytes:
    """JSON in the form of RFC 8785, for texts, integers, lists and objects.

    Floats are refused: what we digest is counted, so it has none, and their
    text is where implementations differ. Keys must be ASCII, whose order is
    the same in every encoding.
    """
    _check(value)
    return orjson.dumps(value, option=_FORM)


def digest(value: object) -> str:
    """SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _check(value: object) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if not -_SAFE_INTEGER < value < _SAFE_INTEGER:
            raise ValueError(f"{value} is beyond what JSON numbers hold exactly")
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise TypeError(f"key {key!r} is not ASCII text")
            if not isinstance(item, str):  # as most are, of which there is nothing to check
                _check(item)
    else:
        raise TypeError(f"{type(value).__name__} has no canonical form")
