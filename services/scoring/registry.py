"""Use cases of the registry of models: register, promote, list. What serves is told from what is held."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.caller import caller
from libs.common.mongo import Request
from libs.models.documents import Churn, LifetimeValue, ModelDocument, ModelInvalidError, parse
from services.scoring.domain.errors import ModelInvalid, ModelsFull, ModelUnknown
from services.scoring.domain.models import MODELS_MAX, Label, ModelVersion, Stage, Step, moved
from services.scoring.held_models import HeldModels
from services.scoring.repository.models import ModelStore

M = TypeVar("M", bound=Message)
Answer = Callable[[ModelVersion], M]

REGISTERED = "registered"
PROBLEMS_MAX = 20
PROBLEM_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class PromoteModel:
    """Bring a version of a kind to a stage."""

    program_id: str
    kind: str
    number: int
    stage: Stage
    note: str


@dataclass(frozen=True, slots=True)
class RegistryHandlers:
    """Keeps models by program, kind and version, and who made of them what."""

    store: ModelStore
    held: HeldModels
    now: Callable[[], datetime]

    async def register(self, program_id: str, document: bytes, request: Request[M], answer: Answer[M]) -> M:
        """Keep a document as the next version of its kind, or answer the version that it is."""
        model, digest = _read(program_id, document), hashlib.sha256(document).hexdigest()

        async def work(store: ModelStore) -> M:
            version = await store.by_digest(program_id, digest)
            if version is None:
                version = await self._next(store, model, digest)
                await store.add(version, document)
            act = Act(request, [version.name], reason=REGISTERED, after={"digest": digest})
            await trail.record(store.database, store.session, act, now=self.now())
            return answer(version)

        return await self.store.once(request, work, now=self.now)

    async def _next(self, store: ModelStore, model: ModelDocument, digest: str) -> ModelVersion:
        serial = await store.next_serial(model.program_id)
        if serial > MODELS_MAX:
            raise ModelsFull(limit=MODELS_MAX)
        author = caller().subject
        return ModelVersion(
            program_id=model.program_id,
            kind=model.kind,
            number=await store.next_number(model.program_id, model.kind),
            serial=serial,
            stage=Stage.CANDIDATE,
            digest=digest,
            data_digest=model.data_digest,
            metrics=model.metrics,
            facts=model.facts,
            labels=_labels(model),
            author=author,
            history=(Step(Stage.CANDIDATE, author, REGISTERED, self.now()),),
        )

    async def promote(self, command: PromoteModel, request: Request[M], answer: Answer[M]) -> M:
        """Bring a version to a stage; what stood there of its kind is retired with it."""

        async def work(store: ModelStore) -> M:
            before = await store.one(command.program_id, command.kind, command.number)
            if before is None:
                raise ModelUnknown(kind=command.kind, version=command.number)
            step = Step(command.stage, caller().subject, command.note, self.now())
            serving = await store.serving_of(command.program_id, command.kind)
            after, retired = moved(before, step, serving)
            # Those that make place first: an index holds one champion and one challenger of a kind.
            for each in (*retired, after) if after is not before else ():
                await store.keep(each)
            act = Act(
                request,
                [each.name for each in (after, *retired)],
                reason=command.note,
                before={"stage": str(before.stage)},
                after={"stage": str(after.stage)},
            )
            await trail.record(store.database, store.session, act, now=self.now())
            return answer(after)

        return await self.store.once(request, work, now=self.now)

    async def page(
        self, program_id: str, kind: str, *, before: int | None, limit: int
    ) -> tuple[list[ModelVersion], bool]:
        """Versions, the latest first, and whether there are more."""
        found = await self.store.page(program_id, kind, before=before, limit=limit + 1)
        return found[:limit], len(found) > limit

    async def with_documents(
        self, program_id: str, keys: Sequence[tuple[str, int]]
    ) -> Mapping[tuple[str, int], tuple[ModelVersion, bytes]]:
        """Those of some versions that there are, with their documents."""
        return await self.store.with_documents(program_id, keys)

    def serving(self, program_id: str) -> Sequence[ModelVersion]:
        """The champions and challengers of a program, as this replica knows them."""
        return self.held.serving(program_id)


def _read(program_id: str, document: bytes) -> ModelDocument:
    """The model of a document of this program that is written as it must be."""
    try:
        model = parse(document)
    except ModelInvalidError as error:
        problems = list(error.fields.items())[:PROBLEMS_MAX]
        raise ModelInvalid(**{path: text[:PROBLEM_CHARACTERS_MAX] for path, text in problems}) from error
    if model.program_id != program_id:
        raise ModelInvalid(program_id="is not the program of the request")
    if model.canonical() != document:
        raise ModelInvalid(document="is not in its canonical form")
    return model


def _labels(model: ModelDocument) -> tuple[Label, ...]:
    if isinstance(model, LifetimeValue):
        return ()
    named = model.bands if isinstance(model, Churn) else model.segments
    return tuple(Label(each.key, each.name.zh, each.name.en) for each in named)
