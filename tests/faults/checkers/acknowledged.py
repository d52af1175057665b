"""D1, D2, I1: what was acknowledged is there once, what was refused is not, and a key has one answer."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from tests.faults.checkers.findings import Finding, broken, doubled, lost
from tests.faults.final import Final
from tests.faults.history import Attempt, History


def check(history: History, final: Final) -> Iterator[Finding]:
    """Every operation by itself, then every key."""
    for attempts in history.wishes().values():
        yield from _refused(attempts, final)
        yield from _granted(attempts, final)
    yield from _answers(history)


def _granted(attempts: Sequence[Attempt], final: Final) -> Iterator[Finding]:
    """Each wish is there once if an answer promised it, and never twice, however often it was repeated.

    What a refused attempt named besides is no part of the wish: another payload under a used key is none.
    """
    living = [each for each in attempts if each.outcome != "fail"]
    for place, named in enumerate(zip_longest(*(each.effects for each in living))):
        effects = sorted({effect for effect in named if effect is not None})
        count = sum(final.effects[effect] for effect in effects)
        promised = any(each.outcome == "ok" and each.done[place : place + 1] == (True,) for each in living)
        told = f"{living[0].operation} {' or '.join(effects)}"
        if promised and count == 0:
            yield lost("D1", told, f"acknowledged under {living[0].key}, and not there")
        if count > 1:
            yield doubled("I1", told, f"there {count} times after {len(living)} attempts")


def _refused(attempts: Sequence[Attempt], final: Final) -> Iterator[Finding]:
    """What only refused attempts named is absent."""
    living = {effect for each in attempts if each.outcome != "fail" for effect in each.effects}
    for effect in sorted({effect for each in attempts for effect in each.effects} - living):
        if final.effects[effect]:
            yield broken("D2", effect, "refused before any work, and there")


def _answers(history: History) -> Iterator[Finding]:
    """All answers under a key are the same, and there are answers to one payload only."""
    answered: dict[tuple[str, str, str], Attempt] = {}
    for attempt in history.attempts:
        if attempt.outcome != "ok":
            continue
        first = answered.setdefault((attempt.program_id, attempt.operation, attempt.key), attempt)
        if first.digest != attempt.digest:
            yield broken("I1", attempt.key, "two payloads were answered under one key")
        elif first.result != attempt.result:
            yield broken("I1", attempt.key, "two answers that differ under one key")
