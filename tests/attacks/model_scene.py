"""Models of a shop under attack, registered by one of the staff; requests about them."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from laurel.scoring.v1 import models_pb2
from libs.cli.clients import connected, staff_token
from libs.cli.data_folder import RunFile
from libs.common.ids import new_id
from tests.models.fitted import churn

MODELS = 2


async def models(run: RunFile, program_id: str) -> None:
    """Models that another one of the staff may promote."""
    async with connected(run, staff_token(run, program_id, ["analyst"])) as staff:
        for _ in range(MODELS):
            asked = models_pb2.RegisterModelRequest(
                program_id=program_id, request_id=new_id("req"), document=_document(program_id)
            )
            await staff.models.RegisterModel(asked)


def _document(program_id: str) -> bytes:
    of_its_own = {"program_id": program_id, "data_digest": sha256(new_id("x").encode()).hexdigest()}
    return churn().model_copy(update=of_its_own).canonical()


RPCS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "RegisterModel": lambda shop: {
        "program_id": shop.program_id,
        "request_id": new_id("req"),
        "document": _document(shop.program_id),
    },
    "PromoteModel": lambda shop: {
        "program_id": shop.program_id,
        "request_id": new_id("req"),
        "kind": "churn",
        "version": MODELS,
        "stage": "MODEL_STAGE_CHAMPION",
        "note": "calibrates better",
    },
    "ListModels": lambda shop: {"program_id": shop.program_id, "kind": "churn", "page_size": 2},
    "BatchGetModels": lambda shop: {
        "program_id": shop.program_id,
        "keys": [{"kind": "churn", "version": 1}],
    },
    "ListServingModels": lambda shop: {"program_id": shop.program_id},
}

FIELDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "models": lambda shop: {"kind": "churn", "first": 2, "after": None},
}
