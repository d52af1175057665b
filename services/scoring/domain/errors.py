"""Reasons for which scoring refuses."""

from libs.common.errors import Kind, Refusal


class ProgramNotHeld(Refusal):
    reason, kind = "PROGRAM_UNKNOWN", Kind.PRECONDITION
    text = "this replica does not hold the program; send the request again with the document"


class TierUnknown(Refusal):
    reason, kind, text = "TIER_UNKNOWN", Kind.INVALID, "the program has no such tier set or tier"


class ScoreUnknown(Refusal):
    reason, kind = "SCORE_UNKNOWN", Kind.PRECONDITION
    text = "the program has no policy for this score"


class FrameInvalid(Refusal):
    reason, kind, text = "FRAME_INVALID", Kind.INVALID, "the stream or a frame is not as was announced"
