"""A scoring service with a registry on a real mongod, and callers of it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import grpc

from laurel.scoring.v1 import models_pb2 as pb
from laurel.scoring.v1 import models_pb2_grpc, scoring_pb2, scoring_pb2_grpc
from libs.common.ids import new_id
from libs.common.mongo import Database
from libs.common.rpc.client import channel
from libs.models.documents import ModelDocument
from services.scoring.held_models import HeldModels
from services.scoring.repository.indexes import ensure_indexes
from services.scoring.server import Registry, make_server
from services.scoring.settings import Settings
from tests.models.fitted import churn
from tests.support.builders import PROGRAM
from tests.support.platform import emptied
from tests.support.services import Keys

if TYPE_CHECKING:
    from laurel.scoring.v1.models_pb2_grpc import ModelServiceAsyncStub
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub

MODELS = pb.DESCRIPTOR.services_by_name["ModelService"]
SCORING = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]
CHAMPION, CHALLENGER = pb.MODEL_STAGE_CHAMPION, pb.MODEL_STAGE_CHALLENGER
CANDIDATE, RETIRED = pb.MODEL_STAGE_CANDIDATE, pb.MODEL_STAGE_RETIRED


def a_model(program_id: str = PROGRAM, model: ModelDocument | None = None) -> bytes:
    """The document of a model that nobody has registered."""
    of_its_own = {"program_id": program_id, "data_digest": sha256(new_id("x").encode()).hexdigest()}
    return (model or churn()).model_copy(update=of_its_own).canonical()


def a_registration(document: bytes, program_id: str = PROGRAM) -> pb.RegisterModelRequest:
    """A model to register, under a request id of its own."""
    return pb.RegisterModelRequest(program_id=program_id, request_id=new_id("req"), document=document)


def a_promotion(model: pb.Model, stage: pb.ModelStage.ValueType = CHAMPION) -> pb.PromoteModelRequest:
    """A version to bring to a stage, under a request id of its own."""
    return pb.PromoteModelRequest(
        program_id=model.program_id,
        request_id=new_id("req"),
        kind=model.kind,
        version=model.version,
        stage=stage,
        note="calibrates better",
    )


@dataclass
class ModelsWorld:
    """A running service, and callers of it."""

    address: str
    keys: Keys
    registry: Registry
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.registry.keeping.database

    @property
    def held(self) -> HeldModels:
        """What the replica holds."""
        return self.registry.handlers.held

    def a_program(self) -> str:
        """A program that nobody else has models of."""
        return f"shop_{new_id('x')[-12:]}"

    def staff(
        self, subject: str, role: str = "operations_manager", program_id: str = PROGRAM
    ) -> "ModelServiceAsyncStub":
        """One of the staff; the world keeps the channel open."""
        made: ModelServiceAsyncStub = self.stub(
            MODELS, models_pb2_grpc.ModelServiceStub, subject, [role], program_id
        )
        return made

    def analyst(self, program_id: str = PROGRAM) -> "ModelServiceAsyncStub":
        """Who registers models."""
        return self.staff("ann", "analyst", program_id)

    def officer(self, program_id: str = PROGRAM) -> "ModelServiceAsyncStub":
        """Who promotes them."""
        return self.staff("olaf", program_id=program_id)

    def scoring(self, program_id: str = PROGRAM) -> "ScoringServiceAsyncStub":
        """Who has members scored."""
        made: ScoringServiceAsyncStub = self.stub(
            SCORING, scoring_pb2_grpc.ScoringServiceStub, "olga", ["compliance_officer"], program_id
        )
        return made

    def stub(
        self, service: Any, made: Callable[[Any], Any], subject: str, roles: Sequence[str], program_id: str
    ) -> Any:
        """A stub that calls as one of the staff."""
        token = self.keys.token("staff", subject, program_id, roles=roles)
        self._channels.append(channel(self.address, service, token=token, timeout=10))
        return made(self._channels[-1])

    async def registered(self, program_id: str = PROGRAM, model: ModelDocument | None = None) -> pb.Model:
        """A model of a program."""
        asked = a_registration(a_model(program_id, model), program_id)
        return (await self.analyst(program_id).RegisterModel(asked)).model

    async def promoted(self, model: pb.Model, stage: pb.ModelStage.ValueType = CHAMPION) -> pb.Model:
        """A model after its promotion."""
        return (await self.officer(model.program_id).PromoteModel(a_promotion(model, stage))).model

    async def stages(self, program_id: str) -> dict[int, pb.ModelStage.ValueType]:
        """Where the versions of a program stand, by number."""
        answer = await self.officer(program_id).ListModels(pb.ListModelsRequest(program_id=program_id))
        return {model.version: model.stage for model in answer.models}


@asynccontextmanager
async def models_world(
    mongodb_uri: str, keys: Keys, *, emptied_after: bool = True
) -> AsyncIterator[ModelsWorld]:
    """A scoring service; it looks for what serves when a test says so."""
    common = keys.settings(mongodb_uri, "")
    del common["redis_url"]
    settings = Settings(**common)
    registry = Registry.of(settings)
    await ensure_indexes(registry.keeping.database)
    server = make_server(settings, registry=registry)
    world = ModelsWorld(f"127.0.0.1:{await server.start()}", keys, registry)
    try:
        yield world
    finally:
        await server.drain()
        if emptied_after:
            await emptied(world.database)
        await registry.keeping.close()
