"""Scoring's messages of models: to what the domain knows, and back."""

from collections.abc import Mapping

from laurel.scoring.v1 import models_pb2 as pb
from libs.common.rpc.time import timestamp
from services.scoring.domain.models import ModelVersion, Stage
from services.scoring.registry import PromoteModel

STAGES: Mapping[int, Stage] = {
    pb.MODEL_STAGE_CANDIDATE: Stage.CANDIDATE,
    pb.MODEL_STAGE_CHALLENGER: Stage.CHALLENGER,
    pb.MODEL_STAGE_CHAMPION: Stage.CHAMPION,
    pb.MODEL_STAGE_RETIRED: Stage.RETIRED,
}
_NUMBERS = {stage: number for number, stage in STAGES.items()}


def promotion(message: pb.PromoteModelRequest) -> PromoteModel:
    """What is to become of which version."""
    return PromoteModel(
        message.program_id, message.kind, message.version, STAGES[message.stage], message.note
    )


def model_message(version: ModelVersion, document: bytes = b"") -> pb.Model:
    """A version on the wire."""
    return pb.Model(
        program_id=version.program_id,
        kind=version.kind,
        version=version.number,
        stage=_number(version.stage),
        digest=version.digest,
        data_digest=version.data_digest,
        metrics=[pb.ModelMetric(name=name, value=f"{value:.6g}") for name, value in version.metrics.items()],
        history=[
            pb.ModelStep(
                stage=_number(each.stage),
                actor=each.actor,
                note=each.note,
                create_time=timestamp(each.create_time),
            )
            for each in version.history
        ],
        document=document,
    )


def serving_message(version: ModelVersion) -> pb.ServingModel:
    """A version that serves, as those who score by it need to know it."""
    return pb.ServingModel(
        kind=version.kind,
        version=version.number,
        stage=_number(version.stage),
        digest=version.digest,
        facts=version.facts,
        labels=[
            pb.ModelLabel(key=each.key, name_zh=each.name_zh, name_en=each.name_en) for each in version.labels
        ],
    )


def _number(stage: Stage) -> pb.ModelStage.ValueType:
    return pb.ModelStage.ValueType(_NUMBERS[stage])
