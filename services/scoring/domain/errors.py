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


class ModelUnknown(Refusal):
    reason, kind, text = "MODEL_UNKNOWN", Kind.NOT_FOUND, "the program has no such version of a model"


class ModelNotHeld(Refusal):
    reason, kind, text = "MODEL_UNKNOWN", Kind.PRECONDITION, "the program has no model of this digest"


class ModelInvalid(Refusal):
    reason, kind, text = "MODEL_INVALID", Kind.INVALID, "the document of the model breaks a rule"


class ModelsFull(Refusal):
    reason, kind, text = "MODELS_FULL", Kind.PRECONDITION, "the program has as many models as are kept"


class ModelOfOwn(Refusal):
    reason, kind = "MODEL_OF_OWN", Kind.PRECONDITION
    text = "who registered a model does not promote it"
