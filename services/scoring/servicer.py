"""The gRPC edge of scoring: messages to commands, results to messages. No decisions."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from laurel.scoring.v1 import scoring_pb2 as pb
from laurel.scoring.v1 import scoring_pb2_grpc
from libs.common.caller import caller
from libs.common.rpc.shared.reads import SharedReads
from services.scoring.handlers import BatchScore, DecideTiers, ScoreFrames, ScoringHandlers
from services.scoring.messages import facts_of, fill_receipt, tier_subject
from services.scoring.programs import NamedProgram
from services.scoring.score_messages import (
    COLUMN_KINDS,
    AnswerRoom,
    FrameAnswers,
    fill_model_score,
    fill_score,
    frame_header,
    frame_of,
)


@dataclass(frozen=True)
class ScoringServicer(scoring_pb2_grpc.ScoringServiceServicer):
    """ScoringService over the handlers of scoring."""

    handlers: ScoringHandlers
    shared: SharedReads

    async def DecideTiers(self, message: pb.DecideTiersRequest, context: Any) -> pb.DecideTiersResponse:
        decisions = self.handlers.decide_tiers(
            DecideTiers(
                principal=caller(),
                program=NamedProgram(message.program_digest, message.program_document),
                subjects=[tier_subject(subject) for subject in message.subjects],
            )
        )
        response = pb.DecideTiersResponse()
        for subject, receipts in zip(message.subjects, decisions, strict=True):
            decided = response.decisions.add(subject_id=subject.subject_id)
            for receipt in receipts:
                fill_receipt(decided.receipts.add(), receipt)
        return response

    async def BatchScore(self, message: pb.BatchScoreRequest, context: Any) -> pb.BatchScoreResponse:
        results = await self.handlers.batch_score(
            BatchScore(
                principal=caller(),
                program=NamedProgram(message.program_digest, message.program_document),
                subjects=[facts_of(subject.facts) for subject in message.subjects],
                model_digests=message.model_digests,
            )
        )
        response, room = pb.BatchScoreResponse(), AnswerRoom()
        for subject, (scores, by_models) in zip(message.subjects, results, strict=True):
            if response.results:
                # A dozen scores of 500 members take as long as hundreds of calls: those are answered between.
                await asyncio.sleep(0)
            scored = response.results.add(subject_id=subject.subject_id)
            for score in scores:
                fill_score(scored.scores.add(), score)
            for by_model in by_models:
                fill_model_score(scored.scores.add(), by_model)
            room.take(scored)
        return response

    async def BatchRead(self, message: pb.BatchReadRequest, context: Any) -> pb.BatchReadResponse:
        response: pb.BatchReadResponse = await self.shared.answer(self, message, context)
        return response

    async def ScoreFrames(
        self, messages: AsyncIterator[pb.ScoreFramesRequest], context: Any
    ) -> AsyncIterator[pb.ScoreFramesResponse]:
        header = frame_header(await anext(messages, None))
        scorer = await self.handlers.frame_scorer(
            ScoreFrames(
                principal=caller(),
                program=NamedProgram(header.program_digest, header.program_document),
                facts=list(header.facts),
                kinds=[COLUMN_KINDS[kind] for kind in header.kinds],
                scores=[header.score] if header.score else list(header.scores),
                model_digests=header.model_digests,
            )
        )
        answers = FrameAnswers(scorer.tables, scorer.models, single=bool(header.score))
        async for message in messages:
            frame = frame_of(message)
            yield answers.message(frame, await self.handlers.score_frame(scorer, frame))
