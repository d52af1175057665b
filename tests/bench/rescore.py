"""The row of bulk scoring: whether a hundred times as many members take more than a hundred times as long."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymongo

from libs.cli import programs
from libs.cli.clients import connected, staff_token
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.platform import running
from libs.common.clock import ProgramClock
from libs.common.program import Program, preset
from services.members.domain.members import ProgramCalendar
from tests.bench.measure import Measured
from tests.bench.models import promoted
from tests.bench.rows import Row
from tests.support.population import store_population

FEW, MANY = 10_000, 1_000_000
ROUNDS = 3
# Until scoring knows its champions.
SERVING_SECONDS = 5.0
AS_OF = "1998-06-30"


async def rescore_growth(folder: Path) -> Measured:
    """Seconds per member of a large program, by those of a small one."""
    data = DataFolder(folder / "platform")
    async with running(data) as run:
        few, many = [await _peopled(run, f"shop_of_{count}", count) for count in (FEW, MANY)]
        await asyncio.sleep(SERVING_SECONDS)
        await _seconds(data, few, folder / "warm")
        rounds = []
        for number in range(ROUNDS):
            each = [await _seconds(data, key, folder / f"{key}-{number}") for key in (many, few)]
            rounds.append(each[0] / MANY / (each[1] / FEW))
        return Measured.of(rounds)


async def _peopled(run: RunFile, key: str, members: int) -> str:
    """A program with so many members, written straight into the database."""
    document = json.loads(preset("music_store").canonical()) | {"key": key}
    program = Program.parse(json.dumps(document).encode())
    async with connected(run, staff_token(run, key)) as staff:
        await programs.publish(staff, program)
    await promoted(run, key)
    calendar = ProgramCalendar(
        program.key, program.currency, program.time_zone, ProgramClock(None), timedelta(days=36_500)
    )
    with pymongo.MongoClient[dict[str, Any]](run.mongodb_uri) as client:
        database = client["laurel_members"]
        await asyncio.to_thread(store_population, database, calendar, members=members)
    return key


async def _seconds(data: DataFolder, key: str, out: Path) -> float:
    """How long `laurel score` says that it took."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libs.cli.main", "score", "--json"),
        *("--program", key, "--as-of", AS_OF, "--out", str(out)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "LAUREL_DATA_DIR": str(data.path)},
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    figures = json.loads(told)
    assert figures["members"] == int(key.rpartition("_")[2])
    return float(figures["seconds"])


ROWS = [
    Row(
        "rescore_growth",
        good=1.3,
        goal=1.05,
        lower_is_better=True,
        how=f"seconds that `laurel score` of {MANY:,} members takes per member, by those of {FEW:,}, "
        f"with three models; on the same platform, {ROUNDS} rounds",
        measure=rescore_growth,
    ),
]
