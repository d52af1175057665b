"""Documents that are read again and again: the last good one stands, whatever becomes of the place."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from libs.common import watched
from libs.common.settings import ConfigurationError
from libs.common.watched import BYTES_MAX, FileSource, Source, UrlSource, Watched, watch
from tests.common.key_host import KeyHost, a_key_host


def parsed(content: bytes) -> str:
    """What the document says, unless it is bad."""
    if content.startswith(b"bad"):
        raise ValueError("is bad")
    return content.decode()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[KeyHost]:
    with a_key_host(tmp_path) as host:
        host.body = b"first"
        yield host


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "document"
    path.write_text("first")
    return path


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    for source in (FileSource, UrlSource):
        monkeypatch.setattr(source, "every_seconds", 0.02)
        monkeypatch.setattr(source, "pause_seconds", 0.01)


class Watching:
    """A document that is being watched."""

    def __init__(self, source: Source) -> None:
        self.changes = 0
        self.document = Watched(source, parsed, changed=self._count)

    def _count(self) -> None:
        self.changes += 1

    async def says(self, text: str) -> None:
        await until(lambda: self.document.value == text)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


class Watches:
    """Begins to watch, and ends with the test."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    async def __call__(self, source: Source) -> Watching:
        watching = Watching(source)
        await watching.document.load()
        self.tasks.append(asyncio.create_task(watch(watching.document)))
        return watching


@pytest.fixture
async def watches() -> AsyncIterator[Watches]:
    watches = Watches()
    yield watches
    for task in watches.tasks:
        task.cancel()
    await asyncio.gather(*watches.tasks, return_exceptions=True)


def of(host: KeyHost) -> UrlSource:
    return UrlSource(host.url, host.ca_file)


# Files


def write(file: Path, text: str) -> None:
    file.write_text(text)


def replace_under_its_date(file: Path, text: str) -> None:
    was, fresh = file.stat(), file.with_suffix(".new")
    fresh.write_text(text)
    os.utime(fresh, ns=(was.st_atime_ns, was.st_mtime_ns))
    fresh.replace(file)


@pytest.mark.usefixtures("_often")
async def test_a_file_that_changes_is_read_again(file: Path, watches: Watches) -> None:
    watching = await watches(FileSource(file))

    write(file, "second")

    await watching.says("second")
    assert watching.changes == 2


@pytest.mark.usefixtures("_often")
async def test_a_file_that_is_replaced_under_its_old_date_is_read_again(file: Path, watches: Watches) -> None:
    watching = await watches(FileSource(file))

    replace_under_its_date(file, "other")

    await watching.says("other")


@pytest.mark.usefixtures("_often")
@pytest.mark.parametrize(
    "harm",
    [lambda file: write(file, "bad"), Path.unlink, lambda file: write(file, "x" * (BYTES_MAX + 1))],
    ids=["bad", "gone", "too long"],
)
async def test_a_file_that_goes_bad_leaves_what_it_said(
    file: Path, watches: Watches, harm: Callable[[Path], None]
) -> None:
    watching = await watches(FileSource(file))

    harm(file)
    await asyncio.sleep(0.2)
    after = watching.document.value
    write(file, "second")

    assert after == "first"
    await watching.says("second")


async def test_a_file_as_it_was_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileSource(file)
    first = source.read()

    monkeypatch.setattr(Path, "open", None)

    assert source.read() == first


# URLs


@pytest.mark.usefixtures("_often")
async def test_a_url_is_asked_again_and_again(host: KeyHost, watches: Watches) -> None:
    watching = await watches(of(host))

    host.body = b"second"

    await watching.says("second")


@pytest.mark.usefixtures("_often")
async def test_the_same_answer_again_is_no_change(host: KeyHost, watches: Watches) -> None:
    watching = await watches(of(host))

    await until(lambda: len(host.asked) >= 5)

    assert watching.changes == 1


def redirects(host: KeyHost) -> None:
    host.status, host.location = 302, host.url + "/elsewhere"


def fails(host: KeyHost) -> None:
    host.status = 500


def says_too_much(host: KeyHost) -> None:
    host.body = b"x" * (BYTES_MAX + 1)


def says_nonsense(host: KeyHost) -> None:
    host.body = b"bad"


def hangs(host: KeyHost) -> None:
    host.seconds = 60


HARMS = [redirects, fails, says_too_much, says_nonsense, hangs]


@pytest.mark.usefixtures("_often")
@pytest.mark.parametrize("harm", HARMS)
async def test_a_url_that_goes_bad_leaves_what_it_said(
    host: KeyHost, watches: Watches, monkeypatch: pytest.MonkeyPatch, harm: Callable[[KeyHost], None]
) -> None:
    watching = await watches(of(host))
    monkeypatch.setattr(watched, "SECONDS_MAX", 0.1)

    harm(host)
    before = len(host.asked)
    await until(lambda: len(host.asked) > before)
    await asyncio.sleep(0.2)
    after = watching.document.value
    host.let_go.set()
    host.status, host.location, host.body, host.seconds = 200, "", b"second", 0

    assert after == "first"
    await watching.says("second")
    assert set(host.asked) == {"/keys"}


@pytest.mark.parametrize("harm", HARMS)
async def test_a_url_that_is_bad_at_first_ends_the_start(
    host: KeyHost, monkeypatch: pytest.MonkeyPatch, harm: Callable[[KeyHost], None]
) -> None:
    monkeypatch.setattr(watched, "SECONDS_MAX", 0.1)
    harm(host)

    with pytest.raises(ConfigurationError, match=host.url):
        await Watching(of(host)).document.load()


async def test_a_host_that_an_unknown_authority_vouches_for_is_not_believed(host: KeyHost) -> None:
    with pytest.raises(ConfigurationError, match="CERTIFICATE_VERIFY_FAILED"):
        await Watching(UrlSource(host.url)).document.load()


@pytest.mark.usefixtures("_often")
async def test_a_host_that_hangs_is_asked_once_and_not_again_meanwhile(
    host: KeyHost, watches: Watches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "SECONDS_MAX", 0.05)
    trickle = Trickle(of(host), host)
    watching = await watches(trickle)
    hangs(host)

    await asyncio.sleep(0.5)

    assert trickle.under_way_max == 1
    assert watching.document.value == "first"


class Trickle:
    """A host that sends a byte now and then, so that no time-out of the socket ends it."""

    def __init__(self, source: UrlSource, host: KeyHost) -> None:
        self.every_seconds, self.pause_seconds = source.every_seconds, source.pause_seconds
        self._source, self._host = source, host
        self.under_way = self.under_way_max = 0

    def read(self) -> bytes:
        self.under_way += 1
        self.under_way_max = max(self.under_way_max, self.under_way)
        self._host.let_go.wait(self._host.seconds)
        self.under_way -= 1
        return self._source.read()


# In a hurry


async def test_somebody_in_a_hurry_does_not_wait_for_the_next_time(
    host: KeyHost, watches: Watches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UrlSource, "pause_seconds", 0.01)
    watching = await watches(of(host))
    host.body = b"second"

    watching.document.hurry()

    await watching.says("second")


async def test_however_many_are_in_a_hurry_the_host_is_asked_once_in_a_while(
    host: KeyHost, watches: Watches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UrlSource, "pause_seconds", 0.3)
    watching = await watches(of(host))
    before = len(host.asked)

    for _ in range(50):
        watching.document.hurry()
        await asyncio.sleep(0.01)

    assert len(host.asked) - before <= 2


def test_a_url_is_asked_every_half_minute_and_no_more_than_every_five_seconds() -> None:
    assert (UrlSource.every_seconds, UrlSource.pause_seconds) == (30, 5)
    assert watched.SECONDS_MAX == 5
    assert FileSource.every_seconds <= 30
