"""How something good is broken, by chance that can be repeated."""

import random
from collections.abc import Sequence

CHANGES_MAX = 6


def mutated_bytes(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some flipped, left out, doubled, moved or put in."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, CHANGES_MAX)):
        start = chance.randrange(len(changed) + 1)
        end = min(len(changed), start + chance.choice((1, 1, 2, 4, 16)))
        match chance.randrange(6):
            case 0 if start < len(changed):
                changed[start] ^= 1 << chance.randrange(8)
            case 1:
                del changed[start:end]
            case 2:
                changed[start:start] = changed[start:end] * chance.choice((1, 2, 50))
            case 3:
                changed[start:start] = chance.randbytes(chance.choice((1, 2, 8)))
            case 4:
                changed[start:end] = chance.choice((b"\xff", b"\x00", b"\x80", b"\x7f")) * (end - start)
            case _:
                del changed[end:]
    return bytes(changed)


def mutated_text(text: str, words: Sequence[str], chance: random.Random) -> str:
    """A text with words put in, left out, doubled or taken from elsewhere in it."""
    for _ in range(chance.randint(1, CHANGES_MAX)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((1, 3, 10, 40)))
        match chance.randrange(5):
            case 0 | 1:
                text = text[:start] + chance.choice(words) + text[start:]
            case 2:
                text = text[:start] + text[end:]
            case 3:
                text = text[:start] + text[start:end] * chance.choice((2, 3, 30)) + text[end:]
            case _:
                other = chance.randrange(len(text) + 1)
                text = text[:start] + text[other : other + 20] + text[end:]
    return text
