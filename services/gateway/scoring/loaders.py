"""Loads from scoring, which keeps nothing of members: facts and the program are read first and sent along."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import grpc

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from laurel.scoring.v1 import models_pb2
from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.errors import ProgramUnknown, Unavailable
from libs.common.rpc.errors import reason_of
from services.gateway.benefits.documents import PROGRAMS_KEPT, score_facts
from services.gateway.benefits.loaders import BenefitsLoaders
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, Batch, DataLoader, begin
from services.gateway.members.loaders import FactsAsked, FactsKey, MembersLoaders
from services.gateway.serving import ServingModels
from services.gateway.shared.runs import Values
from services.gateway.shared.sharer import Shared

MODEL_UNKNOWN = "MODEL_UNKNOWN"

_facts_read: OrderedDict[str, tuple[str, ...]] = OrderedDict()
"""What the scores of a program read when they were asked for last: a guess, and never more than that."""


class ScoringLoaders:
    """What one request reads from scoring."""

    def __init__(
        self,
        shared: Shared,
        serving: ServingModels,
        members: MembersLoaders,
        benefits: BenefitsLoaders,
        program_id: str,
    ) -> None:
        self.scores = _Scores(shared, serving, members, benefits, program_id)


class ToldScore(NamedTuple):
    """A score, and the model that it is by, if it is by one."""

    score: pb.Score
    model: models_pb2.ServingModel | None


class _Scores(DataLoader[FactsKey, Sequence[ToldScore] | None]):
    """Scores, step by step: the program, its champions, the facts that they read, the scores.

    Each step begins in the callback of the one before: a task that waits for all three costs more.
    """

    __slots__ = ("_benefits", "_members", "_program_id", "_serving", "_shared")

    def __init__(
        self,
        shared: Shared,
        serving: ServingModels,
        members: MembersLoaders,
        benefits: BenefitsLoaders,
        program_id: str,
    ) -> None:
        self._shared, self._serving, self._members, self._benefits = shared, serving, members, benefits
        self._program_id, self._keys_max = program_id, KEYS_MAX
        self._begin_empty()

    def _begun(self, keys: list[FactsKey]) -> Iterable[Batch[FactsKey]]:
        return self._left(keys)

    def _leaves(self, batch: Batch[FactsKey]) -> bool:
        guess = _facts_read.get(self._program_id)
        if guess:
            # With the program, which says what is right: then they are on their way.
            self._members.facts.ask(_facts_of(batch, guess), lambda: None)
        self._serving.ask(self._program_id, lambda: None)
        program = self._benefits.program
        self._go_on(batch, program, [self._program_id], lambda: self._with_program(batch))
        return batch.keys[0] in self._coming

    def _with_program(self, batch: Batch[FactsKey]) -> None:
        program = self._benefits.program.answer(self._program_id)
        if isinstance(program, BaseException):
            raise program
        if program is None:
            self._settle(batch, dict.fromkeys(batch.keys, None))
        elif self._serving.ask(
            self._program_id, lambda: self._guarded(batch, lambda: self._with_models(batch, program))
        ):
            self._with_models(batch, program)

    def _with_models(self, batch: Batch[FactsKey], program: benefits_pb2.Program) -> None:
        if batch.keys[0] not in self._coming:
            return  # whoever asked is gone
        models = self._serving.champions(self._program_id)
        read = [*score_facts(program.document), *(fact for model in models for fact in model.facts)]
        names = tuple(dict.fromkeys(read))
        _remember(self._program_id, names)
        if not names:
            self._settle(batch, dict.fromkeys(batch.keys, ()))
            return
        facts, keys = self._members.facts, _facts_of(batch, names)
        self._go_on(batch, facts, keys, lambda: self._with_facts(batch, program, models, facts.answers(keys)))

    def _with_facts(
        self,
        batch: Batch[FactsKey],
        program: benefits_pb2.Program,
        models: Sequence[models_pb2.ServingModel],
        facts: list[Any],
    ) -> None:
        found = dict(zip(batch.keys, facts, strict=True))
        there = [key for key in batch.keys if isinstance(found[key], members_pb2.FactsResult)]
        if there:
            subjects = [subject_of(key.member_id, found[key]) for key in there]
            self._score(_Scored(batch, found, there, subjects, program, models))
        else:
            self._settle(batch, found)

    def _score(self, scored: "_Scored", document: bytes = b"") -> None:
        """Score by the program's digest, and with its document where a replica does not know it yet."""
        arguments = pb.ReadArguments(
            program_digest=scored.program.digest,
            program_document=document,
            model_digests=[model.digest for model in scored.models],
        )
        coming = begin(self._shared.read("scores", scored.subjects, arguments, seconds=READ_SECONDS))
        coming.add_done_callback(
            lambda values: self._guarded(scored.batch, lambda: self._with_scores(scored, values, document))
        )

    def _with_scores(self, scored: "_Scored", coming: asyncio.Future[Values], document: bytes) -> None:
        values = coming.result()
        if not document and any(_is_for(each, ProgramUnknown.reason) for each in values):
            self._score(scored, scored.program.document)
            return
        if scored.models and any(_is_for(each, MODEL_UNKNOWN) for each in values):
            # Better the program's own scores than none.
            self._serving.forget(self._program_id)
            self._score(replace(scored, models=()), document)
            return
        told = (_told(each, scored.models) if isinstance(each, pb.SubjectScores) else each for each in values)
        self._settle(scored.batch, scored.found | dict(zip(scored.there, told, strict=True)))

    def _go_on(
        self, batch: Batch[FactsKey], loader: DataLoader[Any, Any], keys: list[Any], step: Callable[[], None]
    ) -> None:
        """Take a step when keys of another loader are there."""

        def there() -> None:
            self._guarded(batch, step)

        if loader.ask(keys, there):
            there()

    def _guarded(self, batch: Batch[FactsKey], step: Callable[[], None]) -> None:
        """Take a step; where it fails, so do the keys of its batch."""
        try:
            step()
        except asyncio.CancelledError:
            self._settle(batch, dict.fromkeys(batch.keys, Unavailable()))
        except Exception as error:
            self._settle(batch, dict.fromkeys(batch.keys, error))


@dataclass(slots=True, eq=False)
class _Scored:
    """A batch that is being scored: what was found of its keys, and the subjects of those that have facts."""

    batch: Batch[FactsKey]
    found: dict[FactsKey, Any]
    there: Sequence[FactsKey]
    subjects: Sequence[pb.ScoreSubject]
    program: benefits_pb2.Program
    models: Sequence[models_pb2.ServingModel]


def _told(subject: pb.SubjectScores, models: Sequence[models_pb2.ServingModel]) -> list[ToldScore]:
    """Scores by the program's policies, and then one by each model."""
    own = len(subject.scores) - len(models)
    return [ToldScore(score, None if i < own else models[i - own]) for i, score in enumerate(subject.scores)]


def _facts_of(batch: Batch[FactsKey], names: tuple[str, ...]) -> list[tuple[str, FactsAsked]]:
    return [(key.member_id, (key.as_of, names)) for key in batch.keys]


def _remember(program_id: str, names: tuple[str, ...]) -> None:
    _facts_read[program_id] = names
    _facts_read.move_to_end(program_id)
    if len(_facts_read) > PROGRAMS_KEPT:
        _facts_read.popitem(last=False)


def _is_for(value: object, reason: str) -> bool:
    return isinstance(value, grpc.aio.AioRpcError) and reason_of(value) == reason


def subject_of(member_id: str, facts: members_pb2.FactsResult) -> pb.ScoreSubject:
    """Somebody to score. Time and facts have the same numbers in both messages, and bytes copy fastest."""
    subject = pb.ScoreSubject.FromString(facts.SerializeToString())
    subject.DiscardUnknownFields()  # its status
    subject.subject_id = member_id
    return subject
