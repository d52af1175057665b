"""The gRPC edge of models: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.scoring.v1 import models_pb2 as pb
from laurel.scoring.v1 import models_pb2_grpc
from libs.common.errors import PageTokenInvalid
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from services.scoring.model_messages import model_message, promotion, serving_message
from services.scoring.registry import RegistryHandlers

PAGE_SIZE = 20


@dataclass(frozen=True)
class ModelServicer(models_pb2_grpc.ModelServiceServicer):
    """ModelService over the handlers of the registry."""

    registry: RegistryHandlers

    async def RegisterModel(self, message: pb.RegisterModelRequest, context: Any) -> pb.RegisterModelResponse:
        asked = request(
            message.program_id, "RegisterModel", message.request_id, message, pb.RegisterModelResponse
        )
        return await self.registry.register(
            message.program_id,
            message.document,
            asked,
            lambda version: pb.RegisterModelResponse(model=model_message(version)),
        )

    async def PromoteModel(self, message: pb.PromoteModelRequest, context: Any) -> pb.PromoteModelResponse:
        asked = request(
            message.program_id, "PromoteModel", message.request_id, message, pb.PromoteModelResponse
        )
        return await self.registry.promote(
            promotion(message),
            asked,
            lambda version: pb.PromoteModelResponse(model=model_message(version)),
        )

    async def ListModels(self, message: pb.ListModelsRequest, context: Any) -> pb.ListModelsResponse:
        filters = (message.program_id, message.kind)
        versions, more = await self.registry.page(
            message.program_id,
            message.kind,
            before=_serial(page_after(message.page_token, *filters)),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListModelsResponse(
            models=map(model_message, versions),
            next_page_token=page_token(str(versions[-1].serial), *filters) if more else "",
        )

    async def BatchGetModels(
        self, message: pb.BatchGetModelsRequest, context: Any
    ) -> pb.BatchGetModelsResponse:
        keys = [(key.kind, key.version) for key in message.keys]
        found = await self.registry.with_documents(message.program_id, keys)
        return pb.BatchGetModelsResponse(models=[model_message(*found[key]) for key in keys if key in found])

    async def ListServingModels(
        self, message: pb.ListServingModelsRequest, context: Any
    ) -> pb.ListServingModelsResponse:
        return pb.ListServingModelsResponse(
            models=map(serving_message, self.registry.serving(message.program_id))
        )


def _serial(after: str | None) -> int | None:
    """The serial that a page ended with."""
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= len(str(2**31))):
        raise PageTokenInvalid
    return int(after)
