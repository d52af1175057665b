"""Use cases of scoring: find the program, decide or score. Nothing is saved."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from libs.common.caller import Principal
from libs.common.errors import InvalidRequest
from services.scoring.domain.errors import ScoreUnknown
from services.scoring.domain.frames import Frame, FrameScorer, ScoredFrame
from services.scoring.domain.model_scores import ModelScore, NamedModel, model_scores
from services.scoring.domain.receipts import Receipt
from services.scoring.domain.scores import Score, score
from services.scoring.domain.tiers import Standing, Step, decide_in_row
from services.scoring.held_models import HeldModels
from services.scoring.kernels import Kernels
from services.scoring.programs import CompiledProgram, HeldPrograms, NamedProgram

STEPS_MAX = 500
# So many take the time that it takes to give a frame to a thread and to hear of it.
LOOKUPS_AT_ONCE_MAX = 80_000

Scored = tuple[Sequence[Score], Sequence[ModelScore]]
"""Of one subject: the scores by the program's policies, and those by models."""


@dataclass(frozen=True, slots=True)
class TierSubject:
    """One membership, and what to decide for it in order; by the rules of a region where one is named."""

    tier_set: str
    standing: Standing
    steps: Sequence[Step]
    variant: str = ""


@dataclass(frozen=True, slots=True)
class DecideTiers:
    """Decide the steps of memberships by a program."""

    principal: Principal
    program: NamedProgram
    subjects: Sequence[TierSubject]


@dataclass(frozen=True, slots=True)
class BatchScore:
    """Score the facts of members by a program and by models of it, for somebody who must be of it."""

    principal: Principal
    program: NamedProgram
    subjects: Sequence[Mapping[str, int]]
    model_digests: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ScoreFrames:
    """Score frames whose columns are these facts, by a program, for somebody who must be of it.

    By these scores, or all that the program has, and by models of it. `kinds` are those of the columns.
    """

    principal: Principal
    program: NamedProgram
    facts: Sequence[str]
    kinds: Sequence["np.dtype[Any]"]
    scores: Sequence[str]
    model_digests: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ScoringHandlers:
    """What scoring does, for the facts in the request and nothing else.

    `threads` score large frames.
    """

    programs: HeldPrograms
    models: HeldModels
    kernels: Kernels
    threads: Executor

    def decide_tiers(self, command: DecideTiers) -> list[list[Receipt]]:
        """The receipts of each subject's steps, in order."""
        steps = sum(len(subject.steps) for subject in command.subjects)
        if steps > STEPS_MAX:
            raise InvalidRequest(subjects=f"have {steps} steps, {STEPS_MAX} are allowed in one request")
        program = self.programs.find(command.program, command.principal)
        return [
            decide_in_row(
                program.ladder(subject.tier_set).local(subject.variant), subject.standing, subject.steps
            )
            for subject in command.subjects
        ]

    async def batch_score(self, command: BatchScore) -> Iterator[Scored]:
        """The scores of each subject as it is come to: one per policy of the program, then one per model."""
        program = self.programs.find(command.program, command.principal)
        models = await self._models(program, command.model_digests)
        cards = program.cards.values()
        by_models = [model_scores(each, command.subjects) for each in models]
        return (
            ([score(card, facts) for card in cards], [next(each) for each in by_models])
            for facts in command.subjects
        )

    async def frame_scorer(self, command: ScoreFrames) -> FrameScorer:
        """What scores the frames of a stream."""
        program = self.programs.find(command.program, command.principal)
        models = await self._models(program, command.model_digests)
        cards = [program.card(name) for name in command.scores or program.cards]
        if not cards and not models:
            raise ScoreUnknown(program_id=program.program.key)
        return FrameScorer(cards, command.facts, command.kinds, models)

    async def _models(self, program: CompiledProgram, digests: Sequence[str]) -> Sequence[NamedModel]:
        return await self.models.find(program.program.key, digests) if digests else ()

    async def score_frame(self, scorer: FrameScorer, frame: Frame) -> ScoredFrame:
        """The scores of a frame. A large one is given to a thread, and nobody else waits for it."""
        score = partial(scorer.score, frame, self.kernels.best)
        if scorer.lookups_count(frame) <= LOOKUPS_AT_ONCE_MAX:
            return score()
        return await asyncio.get_running_loop().run_in_executor(self.threads, score)
