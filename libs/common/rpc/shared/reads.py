"""The reads of one service that shared calls combine, each over a BatchGet of its servicer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from libs.common.policy import Rule, policy
from libs.common.rpc.masking import mask
from libs.common.rpc.shared.answering import Answering, Homes
from libs.common.rpc.shared.asks import runs_of, wanted
from libs.common.rpc.shared.carried import carried


@dataclass(frozen=True, slots=True)
class SharedRead:
    """A BatchGet as a part of shared calls.

    `field` is its part of the answer. `request` makes the BatchGet's request
    of a program, keys and arguments. Unless it reads `of_members`, whose ids
    the keys are, whoever was granted it sees all that their program has.
    """

    field: str
    method: str
    request: Callable[[str, Sequence[Any], Any], Message]
    of_members: bool = True


class BoundRead:
    """A shared read of a service: its bit, its row of the policy, its messages."""

    def __init__(self, service: ServiceDescriptor, answer: type[Message], read: SharedRead) -> None:
        self.field, self.method, self.of_members = read.field, read.method, read.of_members
        self.request = read.request
        self.path = f"{service.full_name}/{read.method}"
        self.bit = wanted(answer, read.field)
        self.response: Any = GetMessageClass(service.methods_by_name[read.method].output_type)

    @property
    def rule(self) -> Rule:
        """Its row of the policy table."""
        return policy().rpcs[self.path]

    def masked(self, result: Message, paths: tuple[str, ...]) -> Message:
        """A copy of a result as it is shown with a mask of the BatchGet's answer."""
        answer = self.response(results=[result])
        mask(answer, paths)
        masked: Message = answer.results[0]
        return masked


class SharedReads:
    """Answers the shared calls of one service; `homes` tells where members belong.

    A BatchGet is called as somebody who sees the whole of one program, for
    keys of which it was decided who may have them. So it may look at nothing
    else of its caller.
    """

    def __init__(self, service: ServiceDescriptor, *reads: SharedRead, homes: Homes | None = None) -> None:
        messages = service.file.message_types_by_name
        self._answer: Any = GetMessageClass(messages["BatchReadResponse"])
        self._arguments = GetMessageClass(messages["ReadArguments"]) if "ReadArguments" in messages else None
        self._reads = [BoundRead(service, self._answer, read) for read in reads]
        self._homes = homes

    async def answer(self, servicer: object, request: Any, context: Any) -> Any:
        """The BatchReadResponse of a BatchReadRequest."""
        runs, arguments = runs_of(request), list(getattr(request, "arguments", ()))
        nothing = None if self._arguments is None else self._arguments()
        answering = Answering(servicer, context, carried(), [nothing, *arguments], self._homes)
        asked = [(read, [run for run in runs if run.want & read.bit]) for read in self._reads]
        answer = self._answer()
        await answering.fill(answer, [(read, of_read) for read, of_read in asked if of_read])
        return answer
