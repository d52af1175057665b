"""The models that this replica holds, compiled, by the digest of their documents; and which of them serve."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Gauge
from pymongo.errors import PyMongoError

from libs.common.errors import Unavailable
from libs.common.telemetry import log
from libs.models.documents import parse
from libs.models.serving import compiled
from services.scoring.domain.errors import ModelNotHeld
from services.scoring.domain.model_scores import NamedModel
from services.scoring.domain.models import ModelVersion
from services.scoring.repository.models import ModelStore

EVERY_SECONDS = 2.0
LOOK_SECONDS = 10.0
"""A database that does not answer in this time is away, whatever the connection says."""

LOOKED = Gauge("laurel_models_looked_timestamp_seconds", "When it was last read which models serve.")
UNUSABLE = Gauge("laurel_models_unusable", "Models that serve and that this replica cannot read.")


@dataclass(frozen=True, slots=True)
class HeldModel:
    """A model that is ready to score, and how long its document is."""

    named: NamedModel
    bytes_count: int


class HeldModels:
    """A bounded cache; what was used longest ago leaves first.

    Champions and challengers are looked for again and again. What is held scores on while the database is
    away, and what is not held is read when a request names it.
    """

    def __init__(self, store: ModelStore, bytes_max: int) -> None:
        """`bytes_max`: of the documents of all that is held."""
        self._store, self._bytes_max = store, bytes_max
        self._held: OrderedDict[str, HeldModel] = OrderedDict()
        self._bytes_count = 0
        self._coming: dict[tuple[str, str], asyncio.Task[NamedModel]] = {}
        self._serving: Mapping[str, Sequence[ModelVersion]] | None = None
        self._unusable: set[str] = set()
        # While its database is away, what is not held is refused at once and not waited for.
        self.is_away = False

    def serving(self, program_id: str) -> Sequence[ModelVersion]:
        """The champions and challengers of a program, by kind; Unavailable before they were read once."""
        if self._serving is None:
            raise Unavailable
        return self._serving.get(program_id, ())

    async def find(self, program_id: str, digests: Sequence[str]) -> list[NamedModel]:
        """Models of a program, in order; ModelNotHeld where there is none of a digest."""
        return [self._at_hand(program_id, each) or await self._read(program_id, each) for each in digests]

    def _at_hand(self, program_id: str, digest: str) -> NamedModel | None:
        held = self._held.get(digest)
        if held is None or held.named.program_id != program_id:
            return None
        self._held.move_to_end(digest)
        return held.named

    async def _read(self, program_id: str, digest: str) -> NamedModel:
        """Read a model and hold it: once for all who ask, whichever of them goes away."""
        if self.is_away:
            raise ModelNotHeld(model_digest=digest)  # at once: who asks scores by something else
        asked = (program_id, digest)
        coming = self._coming.get(asked)
        if coming is None:
            coming = self._coming[asked] = asyncio.create_task(self._load(program_id, digest))
            coming.add_done_callback(lambda done: self._came(asked, done))
        return await asyncio.shield(coming)

    def _came(self, asked: tuple[str, str], done: "asyncio.Task[NamedModel]") -> None:
        del self._coming[asked]
        if not done.cancelled():
            done.exception()  # those who asked have it

    async def _load(self, program_id: str, digest: str) -> NamedModel:
        async with asyncio.timeout(LOOK_SECONDS):
            found = await self._store.document(program_id, digest)
        if found is None:
            raise ModelNotHeld(model_digest=digest)
        version, document = found
        model = await asyncio.to_thread(lambda: compiled(parse(document)))
        named = NamedModel(program_id, version.name, model)
        self._hold(digest, HeldModel(named, len(document)))
        return named

    def _hold(self, digest: str, held: HeldModel) -> None:
        self._held[digest] = held
        self._bytes_count += held.bytes_count
        while self._bytes_count > self._bytes_max and len(self._held) > 1:
            _, gone = self._held.popitem(last=False)
            self._bytes_count -= gone.bytes_count

    async def follow(self) -> None:
        """Look which models serve until cancelled; what was known stays while the database is away."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.look()
            except (PyMongoError, TimeoutError) as error:
                self.is_away = True
                log("models").warning("the registry is away", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Look once which models serve, and hold those that there is room for."""
        found = sorted(await self._store.serving(), key=lambda each: (each.kind, each.number))
        by_program: dict[str, list[ModelVersion]] = {}
        for each in found:
            by_program.setdefault(each.program_id, []).append(each)
        self._unusable &= {each.digest for each in found}
        self.is_away = False
        for each in found:
            if self._bytes_count >= self._bytes_max:
                break  # the rest is read when it is asked for
            if each.digest not in self._held and each.digest not in self._unusable:
                await self._prepare(each)
        self._serving = {
            program: [each for each in versions if each.digest not in self._unusable]
            for program, versions in by_program.items()
        }
        UNUSABLE.set(len(self._unusable))
        LOOKED.set_to_current_time()

    async def _prepare(self, version: ModelVersion) -> None:
        """Hold a model; one that this code cannot read is told once, and serves nobody here."""
        try:
            await self._read(version.program_id, version.digest)
        except (PyMongoError, TimeoutError):
            raise
        except Exception:
            self._unusable.add(version.digest)
            log("models").exception("not usable", model=version.name, program_id=version.program_id)
