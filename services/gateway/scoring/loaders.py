"""Loads from scoring, which keeps nothing: facts and the program are read first and sent along."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

import grpc

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.errors import ProgramUnknown
from libs.common.rpc.errors import reason_of
from services.gateway.benefits.documents import PROGRAMS_KEPT, score_facts
from services.gateway.benefits.loaders import BenefitsLoaders
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader
from services.gateway.members.loaders import FactsKey, MembersLoaders
from services.gateway.shared.sharer import Shared

_facts_read: OrderedDict[str, tuple[str, ...]] = OrderedDict()
"""What the scores of a program read when they were asked for last: a guess, and never more than that."""


class ScoringLoaders:
    """What one request reads from scoring."""

    def __init__(
        self,
        shared: Shared,
        members: MembersLoaders,
        benefits: BenefitsLoaders,
        program_id: str,
    ) -> None:
        load = partial(_load_scores, shared, members, benefits, program_id)
        self.scores: DataLoader[FactsKey, Sequence[pb.Score] | None] = DataLoader(
            load, max_batch_size=KEYS_MAX
        )


async def _load_scores(
    shared: Shared,
    members: MembersLoaders,
    benefits: BenefitsLoaders,
    program_id: str,
    keys: list[FactsKey],
) -> Sequence[Sequence[pb.Score] | BaseException | None]:
    guess = _facts_read.get(program_id)
    if guess:
        # With the program, which says what is right: then they are on their way.
        members.facts.ask([(key.member_id, (key.as_of, guess)) for key in keys], lambda: None)
    program = await benefits.program.load(program_id)
    names = score_facts(program.document) if program is not None else ()
    _remember(program_id, names)
    if program is None or not names:
        return [None if program is None else [] for _ in keys]
    facts = await members.facts.each([(key.member_id, (key.as_of, names)) for key in keys])
    answers: list[Any] = [each if isinstance(each, BaseException) else None for each in facts]
    there = [index for index, each in enumerate(facts) if isinstance(each, members_pb2.FactsResult)]
    subjects = [_subject(keys[index].member_id, facts[index]) for index in there]
    scores = await _score(shared, program, subjects) if subjects else []
    for index, scored in zip(there, scores, strict=True):
        answers[index] = scored.scores if isinstance(scored, pb.SubjectScores) else scored
    return answers


async def _score(
    shared: Shared, program: benefits_pb2.Program, subjects: Sequence[pb.ScoreSubject]
) -> Sequence[pb.SubjectScores | Exception | None]:
    """Score by the program's digest, and with its document where a replica does not know it yet."""
    arguments = pb.ReadArguments(program_digest=program.digest)
    values = await shared.read("scores", subjects, arguments, seconds=READ_SECONDS)
    if any(_is_program_unknown(each) for each in values):
        arguments.program_document = program.document
        values = await shared.read("scores", subjects, arguments, seconds=READ_SECONDS)
    return values


def _remember(program_id: str, names: tuple[str, ...]) -> None:
    _facts_read[program_id] = names
    _facts_read.move_to_end(program_id)
    if len(_facts_read) > PROGRAMS_KEPT:
        _facts_read.popitem(last=False)


def _is_program_unknown(value: object) -> bool:
    return isinstance(value, grpc.aio.AioRpcError) and reason_of(value) == ProgramUnknown.reason


def _subject(member_id: str, facts: Any) -> pb.ScoreSubject:
    return pb.ScoreSubject(subject_id=member_id, as_of=facts.as_of, facts=facts.facts)
