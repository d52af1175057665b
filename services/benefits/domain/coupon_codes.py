"""Codes of coupons: how they are made, read as people type them, and recognised without being kept."""

import hashlib
import hmac
import unicodedata
from collections.abc import Callable

# Without what is taken for something else (0 O, 1 I L). Their number is prime, so that by the check character
# tills find, without asking, every single wrong character and any two that were swapped.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
RANDOM_LENGTH = 15
GROUP = 4
ENDING = 4
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_PRIME = len(ALPHABET)


def new_code(below: Callable[[int], int]) -> str:
    """A code of 74 random bits and a check character; `below` gives a random number below another."""
    number, characters = below(_PRIME**RANDOM_LENGTH), []
    for _ in range(RANDOM_LENGTH):
        number, value = divmod(number, _PRIME)
        characters.append(ALPHABET[value])
    code = "".join(characters)
    return code + ALPHABET[-_weighed(code + ALPHABET[0]) % _PRIME]


def read(typed: str) -> str:
    """A code as it was typed, without what means nothing."""
    text = unicodedata.normalize("NFKC", typed).upper()
    return "".join(character for character in text if character.isalnum())


def grouped(code: str) -> str:
    """A code as people read it, in groups."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def code_digest(key: bytes, program_id: str, code: str) -> bytes:
    """What is kept of a code: without the key nobody can try codes against it."""
    return hmac.digest(key, f"{program_id}\0{code}".encode(), hashlib.sha256)


def _weighed(code: str) -> int:
    """The sum of the values, each times its place from the end."""
    return sum(place * _VALUES[character] for place, character in enumerate(reversed(code), start=1))
