"""Documents of an identity provider that are read again and again: from a file, or from an https URL."""

import asyncio
import http.client
import ssl
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from libs.common.settings import ConfigurationError
from libs.common.telemetry import log

BYTES_MAX = 256 * 1024
SECONDS_MAX = 5.0
HTTP_OK = 200

T = TypeVar("T")


class Source(Protocol):
    """Where a document is read, how often, and how soon again when somebody is in a hurry."""

    every_seconds: float
    pause_seconds: float

    def read(self) -> bytes:
        """The document as it is now; OSError when it cannot be had."""


class FileSource:
    """A file; one that did not change is not read again."""

    every_seconds, pause_seconds = 2.0, 1.0

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._content = b""

    def __str__(self) -> str:
        return str(self._file)

    def read(self) -> bytes:
        state = self._file.stat()
        seen = (state.st_mtime_ns, state.st_ino, state.st_size)
        if seen != self._seen:
            with self._file.open("rb") as file:
                self._content = file.read(BYTES_MAX + 1)
            self._seen = seen
        return self._content


class UrlSource:
    """An https URL, asked without following any redirect."""

    every_seconds, pause_seconds = 30.0, 5.0

    def __init__(self, url: str, ca_file: Path | None = None) -> None:
        self._url = url
        # Knows https alone: no other scheme, no redirect, no proxy.
        self._opener = urllib.request.OpenerDirector()
        context = ssl.create_default_context(cafile=ca_file)
        self._opener.add_handler(urllib.request.HTTPSHandler(context=context))

    def __str__(self) -> str:
        return self._url

    def read(self) -> bytes:
        try:
            with self._opener.open(self._url, timeout=SECONDS_MAX) as response:
                if response.status != HTTP_OK:
                    raise OSError(f"answers with status {response.status}")
                return bytes(response.read(BYTES_MAX + 1))
        except http.client.HTTPException as error:
            raise OSError(f"speaks no HTTP: {error!r}") from error


class Watched(Generic[T]):
    """What a document says: as it was read last, or as long as that fails, as it was before."""

    value: T

    def __init__(
        self, source: Source, parse: Callable[[bytes], T], *, changed: Callable[[], None] = lambda: None
    ) -> None:
        """`parse` raises ValueError for a document that is none; `changed` is told after the value did."""
        self._source, self._parse, self._changed = source, parse, changed
        self._content: bytes | None = None
        self._reading: asyncio.Future[bytes] | None = None
        self._hurried = asyncio.Event()
        self._trouble = ""

    async def load(self) -> None:
        """Read it for the first time, or ConfigurationError."""
        try:
            await self._read_once()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self._source}: {error or 'does not answer in time'}") from error

    def hurry(self) -> None:
        """Ask for it to be read at once: somebody named what it does not have."""
        self._hurried.set()

    async def run(self) -> None:
        """Read it again and again; when in a hurry at once, but for a pause after the last time."""
        source = self._source
        while True:
            await asyncio.sleep(source.pause_seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(source.every_seconds - source.pause_seconds):
                    await self._hurried.wait()
            self._hurried.clear()
            await self._refresh()

    async def _refresh(self) -> None:
        trouble = ""
        try:
            await self._read_once()
        except (OSError, ValueError) as error:
            trouble = repr(error)
        except Exception as defect:  # must not end the watch
            trouble = repr(defect)
            log("identity").exception("defect", source=str(self._source))
        if trouble and trouble != self._trouble:  # once, not every two seconds
            log("identity").error("the last good document stands", source=str(self._source), error=trouble)
        self._trouble = trouble

    async def _read_once(self) -> None:
        content = await self._read()
        if content == self._content:
            return
        if len(content) > BYTES_MAX:
            raise ValueError(f"has more than {BYTES_MAX} bytes")
        self.value = self._parse(content)
        self._content = content
        self._changed()

    async def _read(self) -> bytes:
        """The content, read by a thread; one that hangs is waited for again, and no second one started."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._source.read))
            self._reading.add_done_callback(_heard)
        try:
            async with asyncio.timeout(SECONDS_MAX):
                return await asyncio.shield(self._reading)
        finally:
            if self._reading.done():
                self._reading = None


def _heard(reading: "asyncio.Future[bytes]") -> None:
    """Hear how a thread ended that nobody waits for any more."""
    if not reading.cancelled():
        reading.exception()


async def watch(*documents: Watched[Any]) -> None:
    """Keep documents as they are where they are published."""
    async with asyncio.TaskGroup() as group:
        for document in documents:
            group.create_task(document.run())
