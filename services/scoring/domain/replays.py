"""Replays: whether a receipt, decided again, gives the same bits, and if not, what differs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

DIFFERENCES_MAX = 50
# Those that are read and not found: one of these differs first.
INPUTS = (
    "schema_version",
    "program_id",
    "program_version",
    "program_digest",
    "tier_set",
    "variant",
    "as_of",
    "cause",
    "facts",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in which two documents differ, and what stands there; nothing where one has no such place."""

    path: str
    was: str
    now: str


def differences(was: Mapping[str, object], now: Mapping[str, object]) -> list[Difference]:
    """Where two receipts as JSON values differ, inputs first, fifty places at most."""
    ordered = [*INPUTS, *sorted({*was, *now} - set(INPUTS))]
    found = (each for name in ordered for each in _differing(name, was.get(name), now.get(name)))
    return [each for each, _ in zip(found, range(DIFFERENCES_MAX), strict=False)]


def _differing(path: str, was: object, now: object) -> Iterator[Difference]:
    if was == now:
        return
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in sorted({*was, *now}):
            yield from _differing(f"{path}.{name}", was.get(name), now.get(name))
    elif _listed(was) and _listed(now):
        assert isinstance(was, Sequence)
        assert isinstance(now, Sequence)
        for place in range(max(len(was), len(now))):
            one, other = (each[place] if place < len(each) else None for each in (was, now))
            yield from _differing(f"{path}[{place}]", one, other)
    else:
        yield Difference(path, _shown(was), _shown(now))


def _listed(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _shown(value: object) -> str:
    return "" if value is None else str(value)
