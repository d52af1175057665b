"""Where a field has its value from, said once: for resolvers and for plans.

Most fields are attributes of what is shown, or methods of it without arguments. What is kept elsewhere is
declared with `loaded`: by which loader, under which key, and how it is shown. All else is a resolver.
"""

import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry

from services.gateway.context import Context
from services.gateway.loading import DataLoader

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
S = TypeVar("S")

_SOURCE = "source"
_CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A value that a loader has under a key; null where the key is None, or nothing is kept under it."""

    loader: Callable[[Context], DataLoader[Any, Any]]
    key: Callable[..., Any]
    shown: Callable[[Any, Any], Any]
    sees: Callable[[Context, Any], bool] | None
    ahead: Callable[[Any], Any] | None
    takes_context: bool

    def key_of(self, parent: Any, context: Context, arguments: Mapping[str, Any]) -> Any:
        """The key of a parent's value under these arguments."""
        if self.takes_context:
            return self.key(parent, context=context, **arguments)
        return self.key(parent, **arguments)

    def show(self, parent: Any, context: Context, record: Any) -> Any:
        """What is shown of a parent's record."""
        if record is None or (self.sees is not None and not self.sees(context, record)):
            return None
        return self.shown(parent, record)

    async def load(self, parent: Any, context: Context, arguments: Mapping[str, Any]) -> Any:
        """The value of one parent."""
        key = self.key_of(parent, context, arguments)
        record = None if key is None else await self.loader(context).load(key)
        return self.show(parent, context, record)


def loaded(
    kind: Any,
    loader: Callable[[Context], DataLoader[K, R | None]],
    shown: Callable[[Any, R], object],
    *,
    description: str,
    sees: Callable[[Context, R], bool] | None = None,
    ahead: Callable[[K], object] | None = None,
) -> Callable[[Callable[..., K | None]], Any]:
    """A field of this type that a loader has: the method gives the key, `shown` what is shown of the record.

    The method's arguments are the field's; one named `context` is the request's and no argument. A record
    that the request `sees` not is null. `ahead` makes of a key what is known of the value before it is there:
    plans load with it what hangs on it, which costs a query one wait less.
    """

    def field(key: Callable[..., K | None]) -> Any:
        parameters = inspect.signature(key).parameters
        source = Loaded(loader, key, shown, sees, ahead, _CONTEXT in parameters)

        async def resolve(self: Any, info: strawberry.Info[Context, None], **arguments: Any) -> Any:
            return await source.load(self, info.context, arguments)

        resolve.__name__, resolve.__module__ = key.__name__, key.__module__
        resolve.__signature__ = _signature(parameters, kind)  # type: ignore[attr-defined]
        return strawberry.field(resolve, description=description, metadata={_SOURCE: source})

    return field


def source_of(metadata: Mapping[Any, Any]) -> Loaded | None:
    """What the metadata of a field declares; None where it declares nothing."""
    source: Loaded | None = metadata.get(_SOURCE)
    return source


def one(show: Callable[[R], S]) -> Callable[[Any, R], S]:
    """Shows a record, whoever its parent is."""
    return lambda _, record: show(record)


def each(show: Callable[[R], S]) -> Callable[[Any, Iterable[R]], list[S]]:
    """Shows each of some records, whoever their parent is."""
    return lambda _, records: [show(record) for record in records]


def _signature(parameters: Mapping[str, inspect.Parameter], kind: Any) -> inspect.Signature:
    """The resolver's: the request's information in place of its context."""
    info = inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info)
    first, *others = (each for each in parameters.values() if each.name != _CONTEXT)
    return inspect.Signature([first, info, *others], return_annotation=kind)
