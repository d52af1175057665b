"""The gRPC edge of scoring: messages to commands, results to messages. No decisions."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from laurel.scoring.v1 import scoring_pb2 as pb
from laurel.scoring.v1 import scoring_pb2_grpc
from libs.common.caller import caller
from services.scoring.handlers import BatchScore, DecideTiers, ScoreFrames, ScoringHandlers
from services.scoring.messages import (
    facts_of,
    frame_header,
    frame_message,
    frame_of,
    name_labels,
    receipt_message,
    score_message,
    tier_subject,
)
from services.scoring.programs import NamedProgram


@dataclass(frozen=True)
class ScoringServicer(scoring_pb2_grpc.ScoringServiceServicer):
    """ScoringService over the handlers of scoring."""

    handlers: ScoringHandlers

    async def DecideTiers(self, message: pb.DecideTiersRequest, context: Any) -> pb.DecideTiersResponse:
        decisions = self.handlers.decide_tiers(
            DecideTiers(
                principal=caller(),
                program=NamedProgram(message.program_digest, message.program_document),
                subjects=[tier_subject(subject) for subject in message.subjects],
            )
        )
        return pb.DecideTiersResponse(
            decisions=[
                pb.TierDecisions(subject_id=subject.subject_id, receipts=map(receipt_message, receipts))
                for subject, receipts in zip(message.subjects, decisions, strict=True)
            ]
        )

    async def BatchScore(self, message: pb.BatchScoreRequest, context: Any) -> pb.BatchScoreResponse:
        results = self.handlers.batch_score(
            BatchScore(
                principal=caller(),
                program=NamedProgram(message.program_digest, message.program_document),
                subjects=[facts_of(subject.facts) for subject in message.subjects],
            )
        )
        return pb.BatchScoreResponse(
            results=[
                pb.SubjectScores(subject_id=subject.subject_id, scores=map(score_message, scores))
                for subject, scores in zip(message.subjects, results, strict=True)
            ]
        )

    async def ScoreFrames(
        self, messages: AsyncIterator[pb.ScoreFramesRequest], context: Any
    ) -> AsyncIterator[pb.ScoreFramesResponse]:
        header = frame_header(await anext(messages, None))
        scorer = self.handlers.frame_scorer(
            ScoreFrames(
                principal=caller(),
                program=NamedProgram(header.program_digest, header.program_document),
                facts=list(header.facts),
                score=header.score,
            )
        )
        named = False
        async for message in messages:
            frame = frame_of(message)
            answer = frame_message(frame, await self.handlers.score_frame(scorer, frame))
            if not named:
                name_labels(answer, scorer.tables)
                named = True
            yield answer
