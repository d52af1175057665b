"""The compiled programs that this replica holds, by the digest of their documents."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from libs.common.caller import Principal
from libs.common.errors import ProgramInvalid
from libs.common.program import Program
from services.scoring.domain.cards import Card, cards_of
from services.scoring.domain.errors import ProgramNotHeld, ScoreUnknown, TierUnknown
from services.scoring.domain.tiers import Ladder, ladders

# Of one program at a time: the live one, the one before for decisions under way, and drafts.
VERSIONS_MAX = 4


@dataclass(frozen=True, slots=True)
class NamedProgram:
    """A program as a request names it: always by digest, the second time with its document."""

    digest: str
    document: bytes


@dataclass(frozen=True, slots=True)
class CompiledProgram:
    """A program with its tier sets and score policies compiled."""

    program: Program
    ladders: Mapping[str, Ladder]
    cards: Mapping[str, Card]

    def ladder(self, tier_set: str) -> Ladder:
        """The tier set of a key."""
        if tier_set not in self.ladders:
            raise TierUnknown(tier_set=tier_set)
        return self.ladders[tier_set]

    def card(self, score: str) -> Card:
        """The card of a score."""
        if score not in self.cards:
            raise ScoreUnknown(score=score)
        return self.cards[score]


class HeldPrograms:
    """A bounded cache; what was used longest ago leaves first."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._held: OrderedDict[str, CompiledProgram] = OrderedDict()

    def find(self, named: NamedProgram, principal: Principal) -> CompiledProgram:
        """The program of a digest, from the request's document where it is not held.

        Only for who may know of it, and held only then. A program holds a few
        versions at most, so that nobody drives other programs out with
        documents of their own making.
        """
        held = self._held.get(named.digest)
        if held is not None and principal.may_know(held.program.key):
            self._held.move_to_end(named.digest)
            return held
        compiled = _compile(named)
        principal.require_program(compiled.program.key)
        self._hold(named.digest, compiled)
        return compiled

    def _hold(self, digest: str, compiled: CompiledProgram) -> None:
        versions = [known for known, held in self._held.items() if held.program.key == compiled.program.key]
        if len(versions) >= VERSIONS_MAX:
            del self._held[versions[0]]
        self._held[digest] = compiled
        if len(self._held) > self._size_max:
            self._held.popitem(last=False)


def _compile(named: NamedProgram) -> CompiledProgram:
    if not named.document:
        raise ProgramNotHeld(program_digest=named.digest)
    # Of the bytes as they are: a stored document keeps its digest when later fields have defaults.
    if hashlib.sha256(named.document).hexdigest() != named.digest:
        raise ProgramInvalid(program_digest="is not the SHA-256 of the document")
    program = Program.parse(named.document)
    return CompiledProgram(program, ladders(program, named.digest), cards_of(program))
