"""BatchRead: each caller is scored by the program of their own token, as a call of their own would."""

import asyncio
from typing import Any

from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.program import Program
from services.scoring.shared_reads import READS, SERVICE
from tests.scoring.conftest import ScoringPlace
from tests.scoring.test_batch_score import MUSIC, a_subject
from tests.support.sharing import Asking, everybody, sharing

(SCORES,) = READS
BEST, NEW = a_subject("best", days=10, count=9, amount=20_000), a_subject("new")


def by(program: Program, *, sent: bool = True) -> pb.ReadArguments:
    document = program.canonical() if sent else b""
    return pb.ReadArguments(program_digest=program.digest(), program_document=document)


async def test_whoever_is_scored_together_with_others_hears_what_they_hear_alone(
    place: ScoringPlace,
) -> None:
    tokens = everybody(place.keys, MUSIC.key, {"ann": "mem_" + "1" * 32}, "other_store")
    async with sharing(place.address, SERVICE, place.stub, tokens) as world:
        asked = [Asking(who, SCORES, [BEST, NEW, BEST], by(MUSIC)) for who in sorted(tokens)]
        asked.append(Asking("shop", SCORES, [NEW], by(MUSIC)))

        together = await asyncio.gather(*(world.together(each) for each in asked))

        assert together == [await world.alone(each) for each in asked]
        heard: dict[str, Any] = dict(zip(sorted(tokens), together, strict=False))
        assert heard["an analyst"] == ["FORBIDDEN"] * 3
        assert heard["a forger"] == ["UNAUTHENTICATED"] * 3
        assert heard["somebody of another program"] == ["PROGRAM_UNKNOWN"] * 3
        assert [each.subject_id for each in heard["member ann"]] == ["best", "new", "best"]


async def test_a_program_that_is_not_held_is_asked_for_by_those_who_named_it(place: ScoringPlace) -> None:
    tokens = everybody(place.keys, MUSIC.key, {}, "other_store")
    async with sharing(place.address, SERVICE, place.stub, tokens) as world:
        asked = [Asking("shop", SCORES, [BEST], by(MUSIC, sent=False))]

        assert await world.together(asked[0]) == ["PROGRAM_UNKNOWN"]
        await world.together(Asking("rival", SCORES, [NEW], by(MUSIC)))

        assert await world.together(asked[0]) == await world.alone(asked[0])
