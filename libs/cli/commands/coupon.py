"""`laurel coupon`: campaigns, their codes into a file, and what became of the coupons."""

import asyncio
import json
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict
from rich.box import SIMPLE
from rich.table import Table

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.cli import clocks, coupon_run, coupons
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.coupon_run import CodeRun
from libs.cli.data_folder import RunFile
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.common.rpc.time import timestamp

app = typer.Typer(
    no_args_is_help=True, help="Make campaigns of coupons and their codes, and see what was used."
)
Kind = StrEnum(  # type: ignore[misc]
    "Kind", {name: name.removeprefix("COUPON_KIND_").lower() for name in pb.CouponKind.keys()[1:]}
)


class Birthday(StrEnum):
    """What of a birthday a coupon is for."""

    DAY = "day"
    MONTH = "month"


CampaignArgument = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="Key of the campaign.", show_default=False)
]
Minor = Annotated[int, typer.Option(min=0, help="In minor units of the program's currency.")]


@app.command("create")
def create(
    campaign: CampaignArgument,
    *,
    kind: Annotated[Kind, typer.Option(help="What a coupon takes off.", show_default=False)],
    name_zh: Annotated[str, typer.Option("--zh", help="Name in Chinese.", show_default=False)],
    name_en: Annotated[str, typer.Option("--en", help="Name in English.", show_default=False)],
    start: Annotated[
        str, typer.Option("--from", help="First day, or a time; by the program.", show_default=False)
    ],
    until: Annotated[
        str, typer.Option("--until", help="Last day, or a time that is out.", show_default=False)
    ],
    off_bp: Annotated[int, typer.Option(min=0, max=10_000, help="Share, in basis points: 500 is 5 %.")] = 0,
    off_minor: Minor = 0,
    steps: Annotated[
        list[str] | None, typer.Option("--step", help="FROM:OFF, in minor units; may be repeated.")
    ] = None,
    off_max_minor: Annotated[int, typer.Option(min=0, help="The most off a check; 0: no bound.")] = 0,
    uses_per_coupon: Annotated[int, typer.Option(min=1, help="Uses of each coupon.")] = 1,
    uses_per_member: Annotated[int, typer.Option(min=0, help="Uses of one member; 0: no bound.")] = 0,
    uses: Annotated[int, typer.Option(min=0, help="Uses in all; 0: no bound.")] = 0,
    budget_minor: Annotated[int, typer.Option(min=0, help="The most off in all; 0: no bound.")] = 0,
    exclusive: Annotated[bool, typer.Option("--exclusive", help="Goes with no other coupon.")] = False,
    priority: Annotated[int, typer.Option(min=0, max=1000, help="What is higher goes first.")] = 0,
    tiers: Annotated[list[str] | None, typer.Option("--tier", help="For this tier; may be repeated.")] = None,
    basket_min_minor: Annotated[int, typer.Option(min=0, help="The least that the goods cost.")] = 0,
    first_order: Annotated[bool, typer.Option("--first-order", help="For first orders only.")] = False,
    birthday: Annotated[
        Birthday | None, typer.Option(help="For the birthday, once a year: the day, or its month.")
    ] = None,
    returnable: Annotated[
        bool, typer.Option("--returnable", help="A returned check gives its use back.")
    ] = False,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Make a campaign, which is live from then on; its terms never change."""

    def terms(time_zone: str) -> pb.CouponTerms:
        return pb.CouponTerms(
            kind=pb.CouponKind.Value(kind.name),
            off_bp=off_bp,
            off_minor=off_minor,
            steps=[coupons.step(each) for each in steps or []],
            off_max_minor=off_max_minor,
            start_time=timestamp(coupons.beginning(start, time_zone)),
            end_time=timestamp(coupons.ending(until, time_zone)),
            uses_per_coupon_max=uses_per_coupon,
            uses_per_member_max=uses_per_member,
            uses_max=uses,
            budget_minor=budget_minor,
            stacking=pb.COUPON_STACKING_EXCLUSIVE if exclusive else pb.COUPON_STACKING_STACKABLE,
            priority=priority,
            tiers=tiers or [],
            basket_min_minor=basket_min_minor,
            first_order_only=first_order,
            birthday=pb.CouponBirthday.Value(
                f"COUPON_BIRTHDAY_{birthday.name if birthday else 'UNSPECIFIED'}"
            ),
            returnable=returnable,
        )

    made = asyncio.run(
        _create(running_platform(data_dir), program, campaign, terms, name_zh=name_zh, name_en=name_en)
    )
    out.print(f"campaign {made.campaign} of {program} is there", highlight=False)


async def _create(
    run: RunFile,
    program: str,
    campaign: str,
    terms: Callable[[str], pb.CouponTerms],
    *,
    name_zh: str,
    name_en: str,
) -> pb.CouponCampaign:
    async with connected(run, staff_token(run, program)) as clients:
        zone = (await clocks.clock(clients, program)).time_zone
        return await coupons.create(
            clients, program, campaign, name_zh=name_zh, name_en=name_en, terms=terms(zone)
        )


@app.command("generate")
def generate(
    campaign: CampaignArgument,
    count: Annotated[int, typer.Argument(min=1, max=1_000_000, help="How many codes.")],
    file: Annotated[
        Path, typer.Option("--out", help="File of the codes, which are told this once.", show_default=False)
    ],
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Make codes into a CSV file; the same command again goes on with what an interrupted one left."""
    platform = running_platform(data_dir)
    with coupon_run.opened(file, program, campaign, count) as run:
        asyncio.run(_generate(platform, run))
    out.print(f"{count} codes of {campaign} are in {file}", markup=False, highlight=False)


async def _generate(platform: RunFile, run: CodeRun) -> None:
    manifest = run.manifest
    async with connected(platform, staff_token(platform, manifest.program_id)) as clients:
        with progress_bar(err) as progress:
            bar = progress.add_task("Codes", total=manifest.count, completed=manifest.written)
            await run.go_on(clients, lambda more: progress.advance(bar, more))


@app.command("list")
def list_(
    program: ProgramOption = PROGRAM, as_json: JsonOption = False, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Print the campaigns of a program, with what was used of each."""
    found = asyncio.run(_campaigns(running_platform(data_dir), program))
    if as_json:
        listed = [
            MessageToDict(each, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
            for each in found
        ]
        print(json.dumps(listed))  # noqa: T201 - for programs, so without colours
    elif found:
        out.print(_table(found))
    else:
        err.print(f"{program} has no campaigns: make one with `laurel coupon create`.")


async def _campaigns(run: RunFile, program: str) -> list[pb.CouponCampaign]:
    async with connected(run, staff_token(run, program)) as clients:
        return await coupons.campaigns(clients, program)


def _table(found: list[pb.CouponCampaign]) -> Table:
    """What fits into 80 columns; --json has the rest."""
    table = Table(title="Coupon campaigns", title_justify="left", box=SIMPLE, pad_edge=False)
    table.add_column("campaign", overflow="fold")
    table.add_column("what", no_wrap=True)
    for column in ("coupons", "used", "taken off", "budget"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in found:
        table.add_row(*_cells(each))
    return table


def _cells(campaign: pb.CouponCampaign) -> list[str]:
    counts, budget = campaign.counts, campaign.terms.budget_minor
    kind = Kind[pb.CouponKind.Name(campaign.terms.kind)].value.replace("_", " ")
    return [
        campaign.campaign,
        "stopped" if campaign.status == pb.COUPON_CAMPAIGN_STATUS_PAUSED else kind,
        f"{counts.codes_count + counts.issued_count:,}",
        f"{counts.used_count:,}",
        f"{counts.reserved_minor + counts.used_minor:,}",
        f"{budget:,}" if budget else "none",
    ]


@app.command("export")
def export(
    campaign: CampaignArgument,
    file: Annotated[Path, typer.Option("--out", help="File to write.", show_default=False)],
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Write the coupons of a campaign, and how far each is, into a CSV file: without their codes."""
    count = asyncio.run(_export(running_platform(data_dir), program, campaign, file))
    out.print(f"{count} coupons of {campaign} are in {file}", markup=False, highlight=False)


async def _export(run: RunFile, program: str, campaign: str, file: Path) -> int:
    """Write whole or not at all."""
    count, fresh = 0, file.with_name(f"{file.name}.new")
    async with connected(run, staff_token(run, program)) as clients:
        file.parent.mkdir(parents=True, exist_ok=True)
        with progress_bar(err) as progress, fresh.open("w", encoding="utf-8", newline="") as opened:
            bar = progress.add_task("Coupons", total=None)
            opened.write(coupons.HEADER)
            async for page in coupons.coupons(clients, program, campaign):
                opened.writelines(map(coupons.row, page))
                count += len(page)
                progress.update(bar, completed=count)
            opened.flush()
            os.fsync(opened.fileno())
    fresh.replace(file)
    return count


@app.command("pause")
def pause(
    campaign: CampaignArgument, program: ProgramOption = PROGRAM, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Reserve nothing more of a campaign; what is reserved may be used."""
    asyncio.run(_switch(running_platform(data_dir), program, campaign, paused=True))


@app.command("resume")
def resume(
    campaign: CampaignArgument, program: ProgramOption = PROGRAM, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Let a campaign go on."""
    asyncio.run(_switch(running_platform(data_dir), program, campaign, paused=False))


async def _switch(run: RunFile, program: str, campaign: str, *, paused: bool) -> None:
    async with connected(run, staff_token(run, program)) as clients:
        await coupons.set_paused(clients, program, campaign, paused=paused)
    out.print(f"campaign {campaign} is {'stopped' if paused else 'live'}", highlight=False)
