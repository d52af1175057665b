"""What the graph shows of the models of a program."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import relay

from laurel.scoring.v1 import models_pb2 as pb
from services.gateway.pages import cursors, page_info
from services.gateway.values import known, time_of


@strawberry.enum(description="Where a version of a model stands.")
class ModelStage(Enum):
    CANDIDATE = strawberry.enum_value(
        pb.MODEL_STAGE_CANDIDATE, description="Registered, and not promoted yet."
    )
    CHALLENGER = strawberry.enum_value(
        pb.MODEL_STAGE_CHALLENGER, description="Scored beside the champion in bulk, to be compared."
    )
    CHAMPION = strawberry.enum_value(pb.MODEL_STAGE_CHAMPION, description="What scores.")
    RETIRED = strawberry.enum_value(pb.MODEL_STAGE_RETIRED, description="No longer used.")


@strawberry.type(description="A figure of a model.")
class ModelMetric:
    name: str = strawberry.field(description="Such as `auc`.")
    value: str = strawberry.field(description="As a decimal number.")


@strawberry.type(description="What became of a version of a model.")
class ModelStep:
    stage: ModelStage | None = strawberry.field(description="To which stage it came.")
    actor: str = strawberry.field(description="Who did it.")
    note: str = strawberry.field(description="Why.")
    create_time: datetime | None = strawberry.field(description="When.")


@strawberry.type(description="A version of a kind of model.")
class Model:
    kind: str = strawberry.field(description="Such as `churn`.")
    version: int = strawberry.field(description="1, 2, 3, …")
    stage: ModelStage | None = strawberry.field(description="Where it stands.")
    digest: str = strawberry.field(description="SHA-256 of its document.")
    data_digest: str = strawberry.field(description="SHA-256 of what it was trained on.")
    metrics: list[ModelMetric] = strawberry.field(description="How good it is, as training found it.")
    history: list[ModelStep] = strawberry.field(description="Who did what with it, in order.")


@strawberry.type(description="A version in a list.")
class ModelEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: Model = strawberry.field(description="The version.")


@strawberry.type(description="A page of versions of models.")
class ModelConnection:
    edges: list[ModelEdge] = strawberry.field(description="The versions with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def page_of_models(page: pb.ListModelsResponse, page_token: str, after: str | None) -> ModelConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.models))
    return ModelConnection(
        edges=[
            ModelEdge(cursor=cursor, node=_model(each))
            for cursor, each in zip(places, page.models, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def _model(model: pb.Model) -> Model:
    return Model(
        kind=model.kind,
        version=model.version,
        stage=known(ModelStage, model.stage),
        digest=model.digest,
        data_digest=model.data_digest,
        metrics=[ModelMetric(name=each.name, value=each.value) for each in model.metrics],
        history=[
            ModelStep(
                stage=known(ModelStage, each.stage),
                actor=each.actor,
                note=each.note,
                create_time=time_of(each, "create_time"),
            )
            for each in model.history
        ],
    )
