"""Models as Mongo keeps them, bound to the transaction they are used in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message
from pymongo import ReturnDocument

from libs.common import mongo
from libs.common.mongo import Database, Document, Request, Session, at_once
from libs.common.plain import asdict
from services.scoring.domain.models import SERVING, Label, ModelVersion, Stage, Step

M = TypeVar("M", bound=Message)

SERVING_MAX = 10_000
"""So many models serve at a time, of all programs together."""
_WITHOUT_DOCUMENT = {"document": 0}
_SERVING: Document = {"stage": {"$in": [str(each) for each in SERVING]}}


@dataclass(frozen=True, slots=True)
class ModelStore:
    """Reads and writes of one moment: inside a session, or outside any."""

    database: Database
    session: Session | None = None

    async def once(
        self,
        request: Request[M],
        work: Callable[["ModelStore"], Awaitable[M]],
        *,
        now: Callable[[], datetime],
    ) -> M:
        """Answer from the stored answer, or run work in one transaction and store the answer with it."""
        return await mongo.once(
            self.database, request, lambda session: work(ModelStore(self.database, session)), now=now
        )

    async def next_serial(self, program_id: str) -> int:
        """Count one more model of a program: all who register one take turns here."""
        counted = await self.database.model_counts.find_one_and_update(
            {"_id": program_id},
            {"$inc": {"models": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=self.session,
        )
        serial: int = counted["models"]
        return serial

    async def next_number(self, program_id: str, kind: str) -> int:
        """The number of the next version of a kind."""
        wanted = {"program_id": program_id, "kind": kind}
        latest = await self.database.models.find_one(
            wanted, {"version": 1}, sort=[("version", -1)], session=self.session
        )
        return 1 if latest is None else latest["version"] + 1

    async def by_digest(self, program_id: str, digest: str) -> ModelVersion | None:
        """The version that has a document."""
        return await self._one({"digest": digest, "program_id": program_id})

    async def one(self, program_id: str, kind: str, number: int) -> ModelVersion | None:
        """A version of a kind."""
        return await self._one({"_id": _id(program_id, kind, number)})

    async def serving_of(self, program_id: str, kind: str) -> list[ModelVersion]:
        """The champion and the challenger of a kind."""
        return await self._several({"program_id": program_id, "kind": kind, **_SERVING}, limit=len(SERVING))

    async def serving(self) -> list[ModelVersion]:
        """The champions and challengers of all programs."""
        return await self._several(_SERVING, limit=SERVING_MAX)

    async def page(self, program_id: str, kind: str, *, before: int | None, limit: int) -> list[ModelVersion]:
        """Versions that were registered before one, the latest first; of all kinds when it is empty."""
        wanted: Document = {"program_id": program_id}
        if kind:
            wanted["kind"] = kind
        if before is not None:
            wanted["serial"] = {"$lt": before}
        return await self._several(wanted, limit=limit, sort="serial")

    async def with_documents(
        self, program_id: str, keys: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], tuple[ModelVersion, bytes]]:
        """Those of some versions that there are, with their documents."""
        ids = [_id(program_id, kind, number) for kind, number in set(keys)]
        found = self.database.models.find({"_id": {"$in": ids}}, session=self.session)
        return {
            (each["kind"], each["version"]): (_version_from(each), bytes(each["document"]))
            async for each in found
        }

    async def document(self, program_id: str, digest: str) -> tuple[ModelVersion, bytes] | None:
        """A version by its digest, with its document."""
        found = await self.database.models.find_one({"digest": digest, "program_id": program_id})
        return None if found is None else (_version_from(found), bytes(found["document"]))

    async def add(self, version: ModelVersion, document: bytes) -> None:
        """Store a new version."""
        stored = _document_of(version) | {"document": document}
        await self.database.models.insert_one(stored, session=self.session)

    async def keep(self, version: ModelVersion) -> None:
        """Store where a version stands now."""
        stored = _document_of(version)
        await self.database.models.update_one(
            {"_id": stored["_id"]},
            {"$set": {"stage": stored["stage"], "history": stored["history"]}},
            session=self.session,
        )

    async def _one(self, wanted: Document) -> ModelVersion | None:
        found = await self.database.models.find_one(wanted, _WITHOUT_DOCUMENT, session=self.session)
        return None if found is None else _version_from(found)

    async def _several(self, wanted: Document, *, limit: int, sort: str = "") -> list[ModelVersion]:
        found = self.database.models.find(wanted, _WITHOUT_DOCUMENT, session=self.session).limit(limit)
        if sort:
            found = found.sort(sort, -1)
        return [_version_from(each) async for each in at_once(found, limit)]


def _id(program_id: str, kind: str, number: int) -> str:
    return f"{program_id}/{kind}/{number}"


def _document_of(version: ModelVersion) -> Document:
    fields: Document = asdict(version)
    number, stage = fields.pop("number"), str(fields.pop("stage"))
    # Facts have dots in their names, and metrics could.
    fields["metrics"] = [[name, value] for name, value in version.metrics.items()]
    fields["history"] = [{**asdict(each), "stage": str(each.stage)} for each in version.history]
    return {
        "_id": _id(version.program_id, version.kind, number),
        "version": number,
        "stage": stage,
        **fields,
    }


def _version_from(document: Document) -> ModelVersion:
    return ModelVersion(
        program_id=document["program_id"],
        kind=document["kind"],
        number=document["version"],
        serial=document["serial"],
        stage=Stage(document["stage"]),
        digest=document["digest"],
        data_digest=document["data_digest"],
        metrics=dict(document["metrics"]),
        facts=tuple(document["facts"]),
        labels=tuple(Label(**each) for each in document["labels"]),
        author=document["author"],
        history=tuple(Step(**{**each, "stage": Stage(each["stage"])}) for each in document["history"]),
    )
