"""One execution of a plan: what is loaded leaves level by level, and the answer grows where it comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, is_awaitable
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.types.execution import ExecutionResult

from libs.common.errors import Unavailable
from services.gateway.context import Context
from services.gateway.loading import DataLoader, begin
from services.gateway.plans.fields import PlanField
from services.gateway.plans.places import Place, nullable_around
from services.gateway.sources import Loaded

Slot = tuple[Any, Any, dict[str, Any], Place | None]
"""What a field waits for: its key, its parent, the object it is written into, and the place of that."""
Wanted = tuple[PlanField, Loaded, list[Slot]]


class Run:
    """One execution. Everything but waiting for services is done in callbacks of what came back."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, Any],
        variables: VariableValues,
        context: Context,
        denied: frozenset[str],
    ) -> None:
        self.context, self.variables, self.denied = context, variables, denied
        self._schema, self._operation, self._fragments = schema, operation, fragments
        self._all_lost = False
        self._errors: list[GraphQLError] = []
        self._lost: dict[int, Place] = {}
        self._arguments: dict[PlanField, Mapping[str, Any] | Exception] = {}
        self._infos: dict[int, GraphQLResolveInfo[Context]] = {}
        self._wanted: dict[PlanField, Wanted] = {}
        self._ahead: dict[DataLoader[Any, Any], list[Any]] = {}
        self._waiting: dict[object, Sequence[Slot]] = {}
        self._done: asyncio.Future[None] | None = None

    async def execute(self, complete: Callable[[Any, Any, "Run"], Any]) -> ExecutionResult:
        """The result, once nothing is awaited that the answer has a place for."""
        data = None
        try:
            data = complete(None, None, self)
            self._leave()
        except GraphQLError as error:
            self._lose_all(error)
        if self._is_awaited():
            self._done = asyncio.get_running_loop().create_future()
            await self._done
        return ExecutionResult(None if self._all_lost else data, self._errors or None)

    # What fields do.

    def arguments(self, field: PlanField) -> Mapping[str, Any]:
        """The arguments of a field, coerced once for all its parents."""
        if field.constant is not None:
            return field.constant
        found = self._arguments.get(field)
        if found is None:
            try:
                found = field.coerce(self.variables)
            except Exception as error:
                found = error
            self._arguments[field] = found
        if isinstance(found, Exception):
            raise found
        return found

    def want(self, field: PlanField, source: Loaded, slot: Slot) -> None:
        """Load a value with those of the same field of other parents."""
        wanted = self._wanted.get(field)
        if wanted is None:
            self._wanted[field] = (field, source, [slot])
        else:
            wanted[2].append(slot)

    def load_ahead(self, parent: Any, fields: Sequence[tuple[PlanField, Loaded]]) -> None:
        """Have loaded what hangs on a value that is still to come, of which so much is known already.

        What is wrong with these fields is told when the value is there and asks for them.
        """
        for field, source in fields:
            if field.name not in self.denied:
                with suppress(Exception):
                    key = source.key_of(parent, self.context, self.arguments(field))
                    if key is not None:
                        self._ahead.setdefault(source.loader(self.context), []).append(key)

    def wait_for(
        self, field: PlanField, value: Awaitable[Any], out: dict[str, Any], up: Place | None
    ) -> None:
        """Write the value of a resolver that takes its time when it is there."""
        task = begin(value if asyncio.iscoroutine(value) else _awaited(value))
        self._waiting[task] = ((None, None, out, up),)
        task.add_done_callback(lambda _: self._resume(lambda: self._resolved(task, field, out, up)))

    def about(self, field: PlanField) -> GraphQLResolveInfo[Context]:
        """What is told to find out of which type a value is: the same for all values of a field."""
        known_by = id(field.nodes)  # the same of a field and of its proxy
        info = self._infos.get(known_by)
        if info is None:
            info = self._infos[known_by] = self.info(field, None)
        return info

    def info(self, field: PlanField, path: Path | None) -> GraphQLResolveInfo[Context]:
        """What a resolver is told."""
        return GraphQLResolveInfo(
            field.definition_name,
            field.nodes,
            field.definition.type,
            field.parent,
            path,  # type: ignore[arg-type]  # None where only the type of a value is asked for
            self._schema,
            self._fragments,  # type: ignore[arg-type]
            None,
            self._operation,
            self.variables,
            self.context,
            is_awaitable,
            None,
            _HELPERS,
        )

    def lose(self, place: Place, error: GraphQLError) -> None:
        """A place that may be null is null: what was still to come inside it is not waited for."""
        self._lost[id(place)] = place
        self._errors.append(error)

    # What comes back.

    def _leave(self) -> None:
        """Ask for all that is wanted; what is there already is written at once, and may want more."""
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            asking = [
                (source.loader(self.context), (field, source, slots))
                for field, source, slots in wanted.values()
            ]
            self._ask_together(asking)
            for loader, each in asking:
                slots = each[2]
                self._waiting[id(slots)] = slots

                def told(loader: DataLoader[Any, Any] = loader, each: Wanted = each) -> None:
                    self._resume(lambda: self._loaded(loader, each))

                if loader.ask([slot[0] for slot in slots], told):
                    self._loaded(loader, each)

    def _ask_together(self, asking: Sequence[tuple[DataLoader[Any, Any], Wanted]]) -> None:
        """Ask each loader once for the keys of all its fields, and for those that are loaded ahead."""
        together, self._ahead = self._ahead, {}
        if len({loader for loader, _ in asking}) < len(asking):
            for loader, (_, _, slots) in asking:
                together.setdefault(loader, []).extend([slot[0] for slot in slots])
        for loader, keys in together.items():
            loader.ask(keys, _noted)

    def _loaded(self, loader: DataLoader[Any, Any], wanted: Wanted) -> None:
        """Write what was loaded for a field of all parents; whatever is not as most is left to `_write`."""
        field, source, slots = wanted
        del self._waiting[id(slots)]
        name, nullable, complete = field.key, field.nullable, field.complete
        sees, shown_of, context = source.sees, source.shown, self.context
        for (_, parent, out, up), value in zip(
            slots, loader.answers([slot[0] for slot in slots]), strict=True
        ):
            if (self._lost or self._all_lost) and self._is_lost(up):
                continue
            try:
                if isinstance(value, BaseException):
                    raise _failure(value)
                is_shown = value is not None and (sees is None or sees(context, value))
                shown = shown_of(parent, value) if is_shown else None
                if shown is None or isinstance(shown, Exception):
                    self._write(field, shown, out, up)
                else:
                    out[name] = complete(shown, (up, name, out, nullable), self)
            except Exception as error:
                self._write(field, error, out, up)

    def _resolved(
        self, task: asyncio.Future[Any], field: PlanField, out: dict[str, Any], up: Place | None
    ) -> None:
        del self._waiting[task]
        if self._is_lost(up):
            return
        failed = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._write(field, task.result() if failed is None else _failure(failed), out, up)

    def _write(self, field: PlanField, value: Any, out: dict[str, Any], up: Place | None) -> None:
        """Write a value that came late: without it, what is around it may have to go."""
        try:
            field.write(value, out, up, self)
        except GraphQLError as error:
            place = nullable_around(up)
            if place is None:
                self._lose_all(error)
            else:
                place[2][place[1]] = None
                self.lose(place, error)

    def _lose_all(self, error: GraphQLError) -> None:
        if not self._all_lost:
            self._errors.append(error)
        self._all_lost = True
        self._wanted.clear()

    def _resume(self, work: Callable[[], None]) -> None:
        """Go on in a callback, which nobody awaits: whatever fails ends the execution."""
        done = self._done
        if done is None or done.done():
            return
        try:
            work()
            self._leave()
            if not self._is_awaited():
                done.set_result(None)
        except Exception as defect:
            done.set_exception(defect)

    def _is_awaited(self) -> bool:
        if self._all_lost or not self._waiting:
            return False
        slots = (slot for slots in self._waiting.values() for slot in slots)
        return not self._lost or any(not self._is_lost(slot[3]) for slot in slots)

    def _is_lost(self, place: Place | None) -> bool:
        """Whether a place went with one around it."""
        while self._lost and place is not None:
            if id(place) in self._lost:
                return True
            place = place[0]
        return self._all_lost


def _failure(error: BaseException) -> Exception:
    """Why a value could not be had; what was cancelled by what it waited for is out of reach, for now."""
    return error if isinstance(error, Exception) else Unavailable()


def _noted() -> None:
    """Nothing to do: whoever wants what was loaded ahead asks for it."""


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _gathered(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    return asyncio.gather(*values)


def _tracked(values: Sequence[Any]) -> None:
    """Nothing to do: what a request begins ends with it."""


_HELPERS = GraphQLResolveInfoHelpers(gather=_gathered, track=_tracked)
