"""A backup that is taken while purchases come in, restored elsewhere, is whole as of one moment."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from libs.cli import ledger, pipeline, sample
from libs.cli.cdnow import Purchase, parse
from libs.cli.certificates import Authority
from libs.cli.clients import connected, connected_partner, staff_token
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.loader import Loader, LoadResult
from libs.cli.platform import running
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.program import Program
from tests.journeys.expected import Purchases
from tests.journeys.music_stores import a_music_store, as_expected, proven_figures


async def laurel(folder: Path, *arguments: str) -> str:
    """What a command says that must succeed."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libs.cli.main", *arguments),
        env={**os.environ, "LAUREL_DATA_DIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await command.communicate()
    assert command.returncode == 0, told.decode()
    return told.decode()


async def loaded(
    run: RunFile, program: Program, purchases: Sequence[Purchase], half: asyncio.Event
) -> LoadResult:
    """Load purchases, and say when half of them are answered."""
    answered = 0

    def count(more: int) -> None:
        nonlocal answered
        answered += more
        if answered * 2 > len(purchases):
            half.set()

    async with connected_partner(run, program.key, sample.PARTNER) as partner:
        return await Loader(partner, program, run_id=new_id("run")).load(purchases, count)


@pytest.mark.timeout(180)
async def test_a_backup_during_a_load_is_whole_elsewhere_and_the_load_goes_on_there(
    run: RunFile, some_purchases: Purchases, tmp_path: Path
) -> None:
    program = await a_music_store(run)
    purchases = parse(some_purchases.file.read_text().splitlines())
    half = asyncio.Event()

    loading = asyncio.create_task(loaded(run, program, purchases, half))
    await half.wait()
    await laurel(run.tls_folder.parent, "backup", str(tmp_path / "backup"))
    await loading
    await laurel(tmp_path / "elsewhere", "restore", str(tmp_path / "backup"))

    async with running(DataFolder(tmp_path / "elsewhere")) as restored:
        async with connected(restored, staff_token(restored, program.key)) as staff:
            await pipeline.drained(staff)
            before = await ledger.verify(staff, program_id=program.key)
        audited = await laurel(tmp_path / "elsewhere", "audit", "verify", "--program", program.key, "--json")
        Authority(restored.tls_folder).partner(program.key, sample.PARTNER, now=now())
        again = await loaded(restored, program, purchases, half)
        async with connected(restored, staff_token(restored, program.key)) as staff:
            found = await proven_figures(staff, program, purchases=len(purchases))

    assert (before.sum_points, before.broken_count) == (0, 0)
    assert before.transactions_count == again.duplicate
    assert again.duplicate > 0
    assert (again.accepted + again.duplicate, again.rejected) == (len(purchases), [])
    assert '"broken": 0' in audited
    assert as_expected(found, purchases=len(purchases)) == some_purchases.expected
