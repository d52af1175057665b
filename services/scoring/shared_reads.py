"""What scoring scores in shared calls.

Scoring keeps nothing of members, so there is no record to keep from anybody:
facts come with the call. What it holds are programs and models of programs, and a
score tells of the program's cards. So each caller is verified here as well: they must be granted
BatchScore, and be of the program that they name.
"""

from collections.abc import Sequence

from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.rpc.shared.reads import SharedRead, SharedReads

SERVICE = pb.DESCRIPTOR.services_by_name["ScoringService"]


def _scores(_: str, subjects: Sequence[pb.ScoreSubject], program: pb.ReadArguments) -> pb.BatchScoreRequest:
    return pb.BatchScoreRequest(
        program_digest=program.program_digest,
        program_document=program.program_document,
        subjects=subjects,
        model_digests=program.model_digests,
    )


READS = (SharedRead("scores", "BatchScore", _scores, of_members=False),)


def shared_reads() -> SharedReads:
    """The reads of this service."""
    return SharedReads(SERVICE, *READS)
