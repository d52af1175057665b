"""The gRPC edge of scoring: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.scoring.v1 import scoring_pb2 as pb
from laurel.scoring.v1 import scoring_pb2_grpc
from libs.common.caller import caller
from services.scoring.handlers import BatchScore, DecideTiers, ScoringHandlers
from services.scoring.messages import facts_of, receipt_message, score_message, tier_subject
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
