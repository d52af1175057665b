"""Keeps a set of processes running, says when they serve, and ends them in order."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from types import TracebackType

from libs.cli.child import Child, ChildSpec
from libs.cli.errors import CommandError

RESTARTS_BEFORE_SERVING_MAX = 5
POLL_SECONDS = 0.05


class Supervisor:
    """Starts groups of children; on leaving, ends the group that was started last first."""

    def __init__(self, *, changed: Callable[[], None] = lambda: None) -> None:
        self.children: dict[str, Child] = {}
        self._changed = changed
        self._drain = AsyncExitStack()

    async def __aenter__(self) -> "Supervisor":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._drain.aclose()

    def start(self, specs: Sequence[ChildSpec]) -> None:
        """Start the processes of one group together; they will be ended together."""
        group = [Child(spec, changed=self._changed) for spec in specs]
        self.children |= {child.spec.name: child for child in group}
        self._drain.push_async_callback(_stop_all, group)
        for child in group:
            child.start()

    async def serving(self, name: str, serves: Callable[[], Awaitable[bool]], *, seconds: float = 60) -> None:
        """Wait until a child serves; a child that keeps ending never will."""
        child = self.children[name]
        try:
            async with asyncio.timeout(seconds):
                while not await serves():
                    if child.restarts >= RESTARTS_BEFORE_SERVING_MAX:
                        raise CommandError(_told(child, f"ended {child.restarts} times before it served"))
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise CommandError(_told(child, f"does not serve after {seconds:.0f} s")) from None


async def together(*work: Coroutine[object, object, None]) -> None:
    """Do all of it at once; when one part fails, give up the others and raise what went wrong."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in work:
                group.create_task(part)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _stop_all(group: list[Child]) -> None:
    await asyncio.gather(*(child.stop() for child in group))


def _told(child: Child, what: str) -> str:
    return f"{child.spec.name} {what}. The end of {child.spec.log}:\n{child.last_output()}"
