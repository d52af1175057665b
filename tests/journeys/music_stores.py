"""Music stores of a story's own, and what a platform says has become of one."""

from libs.cli import figures, ledger, pipeline, programs, sample
from libs.cli.certificates import Authority
from libs.cli.clients import Clients, connected, staff_token
from libs.cli.data_folder import RunFile
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.program import Program, preset
from tests.journeys.expected import TIERS, Expected


async def a_music_store(run: RunFile, partner: str = sample.PARTNER) -> Program:
    """The music store again under a name of its own, with a store and a partner."""
    program = preset(sample.PROGRAM).model_copy(update={"key": new_id("music")})
    async with connected(run, staff_token(run, program.key)) as staff:
        await programs.publish(staff, program)
        await programs.create_store(staff, program.key, sample.STORE, "Online")
        await programs.create_partner(staff, program.key, partner, name=partner, stores=[sample.STORE])
    Authority(run.tls_folder).partner(program.key, partner, now=now())
    return program


async def proven_figures(staff: Clients, program: Program, *, purchases: int) -> figures.Figures:
    """What a program holds once it is drained; its ledger must be whole, with so many transactions."""
    await pipeline.drained(staff)
    counted = await figures.count(staff, program)
    verified = await ledger.verify(staff, program_id=program.key)
    assert (verified.sum_points, verified.broken_count) == (0, 0)
    assert verified.transactions_count == purchases
    return counted


def as_expected(counted: figures.Figures, *, purchases: int) -> Expected:
    """Figures in the form of the right answers."""
    return Expected(
        members=counted.members,
        purchases=purchases,
        spend_minor=counted.spend_minor,
        points=counted.points_issued,
        tiers=counted.members_by_tier(key for key, _ in TIERS),
    )
