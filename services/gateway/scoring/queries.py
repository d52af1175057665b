"""Queries of the models of a program."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.scoring.v1 import models_pb2 as pb
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.pages import Cursor, page_token_at
from services.gateway.scoring.model_types import ModelConnection, page_of_models
from services.gateway.values import checked_first


@strawberry.type
class ModelsQuery:
    @strawberry.field(description="The versions of the program's models, the latest first.")
    async def models(
        self,
        info: Info,
        kind: Annotated[str, strawberry.argument(description="One kind alone, such as `churn`.")] = "",
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> ModelConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListModelsResponse:
            request = pb.ListModelsRequest(
                program_id=info.context.program_id, kind=kind, page_size=size, page_token=token
            )
            return await info.context.clients.models.ListModels(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_models(pb.ListModelsResponse(), "", after)
        return page_of_models(await page(first, page_token), page_token, after)
