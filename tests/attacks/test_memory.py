"""The measure of memory itself: what a process keeps, or held for a moment, is found."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.cli.data_folder import Process, RunFile
from tests.attacks import memory
from tests.attacks.judge import Judge
from tests.attacks.report import Report

PROGRAM = "kept = bytes\nprint(flush=True)\nwhile line := input():\n    kept = {}\n    print(flush=True)\n"
LEAKS = "b'x' * int(line) * 2**20"
HOLDS_IT_FOR_A_MOMENT = f"len({LEAKS})"


@asynccontextmanager
async def a_process(program: str) -> AsyncIterator[tuple[RunFile, Callable[[int], asyncio.Future[bytes]]]]:
    """A platform of one process, and what lets that take so many megabytes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM.format(program), stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def take(megabytes: int) -> asyncio.Future[bytes]:
        stdin.write(f"{megabytes}\n".encode())
        return asyncio.ensure_future(stdout.readline())

    await stdout.readline()
    started = Process(pid=process.pid, restarts=0, address="")
    try:
        yield a_run(dict.fromkeys(memory.SERVICES, started)), take
    finally:
        process.kill()
        await process.wait()


def a_run(processes: dict[str, Process]) -> RunFile:
    nowhere = Path()
    return RunFile(
        started_time=datetime(2026, 1, 1, tzinfo=UTC),
        supervisor_pid=0,
        mongodb_uri="",
        redis_url="",
        gateway_url="",
        signing_key_file=nowhere,
        tls_folder=nowhere,
        processes=processes,
    )


@pytest.mark.parametrize("program", [LEAKS, HOLDS_IT_FOR_A_MOMENT])
async def test_a_process_that_takes_too_much_fails_the_run(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "SAMPLED_SECONDS", 0.001)
    async with a_process(program) as (run, take):
        async with memory.watched(run) as watched:
            for _ in range(20):
                await take(60)
        report = Report(Judge(), seed=1, growth_mb=watched.growth_mb())

    assert [each.partition(" is ")[0] for each in report.missed()] == ["rss_growth_mb"]


async def test_what_was_there_before_is_no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SAMPLED_SECONDS", 0.001)
    async with a_process(LEAKS) as (run, take):
        await take(60)
        async with memory.watched(run) as watched:
            await asyncio.sleep(0.1)
        report = Report(Judge(), seed=1, growth_mb=watched.growth_mb())

    assert report.missed() == []
