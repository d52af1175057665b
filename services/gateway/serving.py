"""Which models score the members of a program: asked of scoring now and then, and kept meanwhile."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import grpc

from laurel.scoring.v1 import models_pb2 as pb
from libs.common.errors import Refusal
from libs.common.telemetry import log

if TYPE_CHECKING:
    from laurel.scoring.v1.models_pb2_grpc import ModelServiceAsyncStub

Told = Callable[[], None]

PROGRAMS_KEPT = 64
FRESH_SECONDS = 2.0
"""So long nobody asks again."""
KNOWN_SECONDS = 10.0
"""So long what is known is shown while it is asked for again; later its answer is waited for."""
ASK_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class _Known:
    """What is known of a program, since when; who asks for it now, and who waits for that."""

    champions: Sequence[pb.ServingModel] = ()
    since: float = float("-inf")
    asking: "asyncio.Task[None] | None" = None
    waiting: list[Told] = field(default_factory=list)


class ServingModels:
    """The champions of programs. Where scoring does not answer, those that were known, or none."""

    def __init__(
        self, models: "ModelServiceAsyncStub", *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._models, self._clock = models, clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def ask(self, program_id: str, told: Told) -> bool:
        """Whether the champions of a program are known; else `told` is called once, when they are."""
        known = self._known.get(program_id)
        if known is None:
            known = self._known[program_id] = _Known()
        self._known.move_to_end(program_id)
        if len(self._known) > PROGRAMS_KEPT:
            self._known.popitem(last=False)
        age = self._clock() - known.since
        if age >= FRESH_SECONDS and known.asking is None:
            known.asking = asyncio.get_running_loop().create_task(self._ask(program_id, known))
        if age < KNOWN_SECONDS:
            return True
        # As whoever waits, and not as whoever asks.
        known.waiting.append(partial(copy_context().run, told))
        return False

    def champions(self, program_id: str) -> Sequence[pb.ServingModel]:
        """The champions of a program, as they are known."""
        known = self._known.get(program_id)
        return () if known is None else known.champions

    def forget(self, program_id: str) -> None:
        """Ask again before anything more is shown: scoring does not know what is known."""
        self._known.pop(program_id, None)

    async def _ask(self, program_id: str, known: _Known) -> None:
        """Ask in the name of whoever came first: all who may have scores are told the same."""
        try:
            request = pb.ListServingModelsRequest(program_id=program_id)
            answer = await self._models.ListServingModels(request, timeout=ASK_SECONDS)
            known.champions = [each for each in answer.models if each.stage == pb.MODEL_STAGE_CHAMPION]
        except (grpc.RpcError, Refusal, TimeoutError) as error:
            log("models").warning("not told which models serve", error=type(error).__name__)
        finally:
            known.since, known.asking = self._clock(), None
            waiting, known.waiting = known.waiting, []
            for told in waiting:
                told()
