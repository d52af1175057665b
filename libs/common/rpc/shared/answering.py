"""One shared call as it is answered: it is decided who may read what, then each key is read once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from laurel.common.v1 import lookup_pb2
from libs.common.caller import Grant, Principal, set_caller, set_granted
from libs.common.errors import InvalidRequest
from libs.common.rpc.deadline import Within, seconds_left
from libs.common.rpc.peer import GATEWAY
from libs.common.rpc.requests import in_program, valid
from libs.common.rpc.shared.asks import Run
from libs.common.rpc.shared.assembling import DENIED, ERROR, Answered, assemble
from libs.common.rpc.shared.carried import Carried, SeenRead
from libs.common.telemetry import DENIED as DENIED_TOTAL
from libs.common.telemetry import log
from libs.common.visibility import Home, sees

if TYPE_CHECKING:
    from libs.common.rpc.shared.reads import BoundRead

READ_SECONDS_MAX = 5.0
READ_SHARE = 0.9
"""Of a call's time: a read that takes longer fails by itself, and the others are still answered."""

Homes = Callable[[str, Collection[str]], Awaitable[Mapping[str, Home]]]
Key = Hashable


@dataclass(frozen=True, slots=True)
class _Admitted:
    """A run that its caller may ask; `seen` are those of its keys that they may know of.

    Keys are told apart by what they are, or by what a message says.
    """

    run: Run
    keys: Mapping[Key, Any]
    order: Sequence[Key]
    principal: Principal
    program_id: str
    grant: Grant
    seen: frozenset[Key] = frozenset()

    def answered(self, found: Mapping[Key, Message]) -> Answered:
        return Answered(self.run.place, self.order, found, self.seen, self.grant.mask)


_Asked = _Admitted | Answered


class Answering:
    """One shared call: what answers it, whom it carries, and its arguments, those of nobody first."""

    def __init__(
        self, servicer: object, context: Any, carrying: Carried, arguments: Sequence[Any], homes: Homes | None
    ) -> None:
        self._servicer, self._context, self._carrying = servicer, context, carrying
        self._arguments, self._homes = arguments, homes

    async def fill(self, answer: Any, asked: Sequence[tuple["BoundRead", Sequence[Run]]]) -> None:
        """Fill an answer with what its runs get of each read."""
        decided = await self._seen(
            [(read, [self._admitted(read, run) for run in runs]) for read, runs in asked]
        )
        loaded = await asyncio.gather(*(self._loaded(read, of_read) for read, of_read in decided))
        audited = await self._audited(decided, loaded)
        for (read, _), of_read in zip(decided, audited, strict=True):
            part = getattr(answer, read.field)
            part.SetInParent()
            assemble(part, of_read, read.masked)

    # Who may know of what

    def _admitted(self, read: "BoundRead", run: Run) -> _Asked:
        """A run with what the policy grants its caller, or how it is refused."""
        keys = {_identity(key): key for key in run.keys}
        order = [_identity(key) for key in run.keys]
        principal = self._carrying.callers[run.caller]
        if isinstance(principal, int):
            return Answered(run.place, order, outcome=principal)
        grant = read.rule.grant(principal)
        if grant is None or principal.program_id is None:
            DENIED_TOTAL.labels(read.path, principal.kind).inc()
            log("rpc").warning("denied", method=read.path, kind=principal.kind, roles=principal.roles)
            return Answered(run.place, order, outcome=DENIED)
        return _Admitted(run, keys, order, principal, principal.program_id, grant)

    async def _seen(
        self, asked: Sequence[tuple["BoundRead", Sequence[_Asked]]]
    ) -> list[tuple["BoundRead", list[_Asked]]]:
        """The runs with those keys that their callers may know of; homes are read only where they count."""
        wanted: dict[str, set[Any]] = {}
        for read, runs in asked:
            for each in runs:
                if isinstance(each, _Admitted) and _counts_homes(read, each):
                    wanted.setdefault(each.program_id, set()).update(each.order)
        homes: dict[str, Mapping[str, Home] | Exception] = {
            program_id: await self._homes_of(program_id, keys) for program_id, keys in wanted.items()
        }

        def seen(read: "BoundRead", each: _Asked) -> _Asked:
            if isinstance(each, Answered):
                return each
            of_program = homes.get(each.program_id, {})
            if _counts_homes(read, each) and isinstance(of_program, Exception):
                return self._failed(read, each, of_program)
            assert not isinstance(of_program, Exception)
            return replace(each, seen=frozenset(_known(read, each, of_program)))

        return [(read, [seen(read, each) for each in runs]) for read, runs in asked]

    async def _homes_of(self, program_id: str, keys: Collection[str]) -> Mapping[str, Home] | Exception:
        assert self._homes is not None, "a service of members knows where they belong"
        try:
            return await self._homes(program_id, keys)
        except Exception as error:
            return error

    # What is read

    async def _loaded(self, read: "BoundRead", asked: Sequence[_Asked]) -> list[Answered]:
        """What each run gets of one read, in order."""
        answered = {each.place: each for each in asked if isinstance(each, Answered)}
        groups: dict[tuple[str, int], list[_Admitted]] = {}
        for each in asked:
            if isinstance(each, _Admitted):
                groups.setdefault((each.program_id, each.run.arguments), []).append(each)
        for group in await asyncio.gather(*(self._load(read, group) for group in groups.values())):
            answered |= {each.place: each for each in group}
        return [answered[place] for place in sorted(answered)]

    async def _load(self, read: "BoundRead", group: Sequence[_Admitted]) -> list[Answered]:
        """Read what runs of one program and with the same arguments may see, each key once.

        A rule that is broken may be of one run's keys, or of too many
        together: then each is read by itself, and hears of its own.
        """
        try:
            found = await self._found(read, group)
        except InvalidRequest as error:
            if len(group) > 1:
                return [answered for each in group for answered in await self._load(read, [each])]
            return [self._failed(read, group[0], error)]
        except Exception as error:
            failed = self._failed(read, group[0], error)
            return [replace(failed, place=each.run.place, keys=each.order) for each in group]
        return [each.answered(found) for each in group]

    async def _found(self, read: "BoundRead", group: Sequence[_Admitted]) -> dict[Key, Message]:
        """What the BatchGet answers to somebody who sees the whole program, and nothing beyond."""
        program_id, arguments = group[0].program_id, self._arguments[group[0].run.arguments]
        every = {name: key for each in group for name, key in each.keys.items()}
        request = valid(read.request(program_id, list(every.values()), arguments))
        seen = frozenset[Key]().union(*(each.seen for each in group))
        keys = [name for name in every if name in seen]
        if not keys:
            return {}
        if len(keys) < len(every):
            request = read.request(program_id, [every[name] for name in keys], arguments)
        set_caller(Principal(GATEWAY, "staff", program_id))
        set_granted(Grant("program"))
        with Within(seconds_left(READ_SECONDS_MAX) * READ_SHARE):
            response = await getattr(self._servicer, read.method)(in_program(request), self._context)
        named = zip(keys, response.results, strict=True)
        return {name: result for name, result in named if not _is_missing(result)}

    def _failed(self, read: "BoundRead", each: _Admitted, error: Exception) -> Answered:
        """What a run gets that failed: what a call of its own would have ended with."""
        _, status = self._carrying.ending(read.path, error)
        return Answered(each.run.place, each.order, outcome=ERROR, status=status.SerializeToString())

    # What is recorded of it

    async def _audited(
        self,
        asked: Sequence[tuple["BoundRead", Sequence[_Asked]]],
        answered: Sequence[Sequence[Answered]],
    ) -> Sequence[Sequence[Answered]]:
        """The answers, once it is recorded what staff read; theirs alone fail where that cannot be."""
        watched = {
            (read, each.run.place): each
            for read, runs in asked
            if read.rule.audit == "read"
            for each in runs
            if isinstance(each, _Admitted) and each.principal.kind == "staff"
        }
        reads = [
            self._seen_read(read, watched[read, each.place], each)
            for (read, _), of_read in zip(asked, answered, strict=True)
            for each in of_read
            if not each.outcome and (read, each.place) in watched
        ]
        if not reads or self._carrying.audit is None:
            return answered
        try:
            await self._carrying.audit(reads)
        except Exception as error:
            return [
                [
                    self._failed(read, found, error) if (found := watched.get((read, each.place))) else each
                    for each in of_read
                ]
                for (read, _), of_read in zip(asked, answered, strict=True)
            ]
        return answered

    def _seen_read(self, read: "BoundRead", each: _Admitted, answered: Answered) -> SeenRead:
        """What the BatchGet would record: the request of this caller, and what they are shown."""
        found = answered.found or {}
        shown = [found[key] for key in each.order if key in each.seen and key in found]
        request = read.request(each.program_id, each.run.keys, self._arguments[each.run.arguments])
        return each.principal, read.path, request, read.response(results=shown)


def _identity(key: Any) -> Key:
    """What tells a key from others: itself, or what a message says."""
    return key.SerializeToString(deterministic=True) if isinstance(key, Message) else key


def _counts_homes(read: "BoundRead", asked: _Admitted) -> bool:
    """Whether the caller sees members by where they are at home."""
    return read.of_members and asked.grant.scope in {"store", "group"}


def _known(read: "BoundRead", asked: _Admitted, homes: Mapping[str, Home]) -> Collection[Key]:
    """Those of a run's keys that its caller may know of."""
    if not read.of_members or asked.grant.scope in {"program", "all"}:
        return asked.order
    if asked.grant.scope == "self":
        return {asked.principal.subject} & set(asked.order)
    return [
        key
        for key in asked.order
        if isinstance(key, str)
        and (home := homes.get(key)) is not None
        and sees(asked.principal, asked.grant.scope, key, home)
    ]


def _is_missing(result: Any) -> bool:
    """Whether a result is of a key that has no record; what has no status always is there."""
    named = result.DESCRIPTOR.fields_by_name
    return "status" in named and result.status == lookup_pb2.LOOKUP_STATUS_MISSING
