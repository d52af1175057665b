"""The sample that Laurel brings: a program, a store, a partner, and the purchases of an online music shop."""

from pathlib import Path

from libs.cli import programs
from libs.cli.certificates import Authority
from libs.cli.clients import connected, staff_token
from libs.cli.data_folder import RunFile
from libs.common import clock
from libs.common.program import preset

PROGRAM = "music_store"
STORE = "online"
PARTNER = "cdnow"
FILE = Path(__file__).parents[2] / "examples/cdnow/CDNOW_sample.txt"


async def prepare(run: RunFile) -> None:
    """Make what the sample hangs on; what is there already stays."""
    async with connected(run, staff_token(run, PROGRAM)) as clients:
        await programs.publish(clients, preset(PROGRAM))
        await programs.create_store(clients, PROGRAM, STORE, "CDNOW online")
        await programs.create_partner(clients, PROGRAM, PARTNER, name="CDNOW", stores=[STORE])
    Authority(run.tls_folder).partner(PROGRAM, PARTNER, now=clock.now())
