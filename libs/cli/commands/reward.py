"""`laurel reward`: what members may redeem for points, and how many are left of it."""

import asyncio
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict
from rich.markup import escape
from rich.table import Table

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.cli import programs, rewards
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out
from libs.cli.data_folder import RunFile
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform

app = typer.Typer(no_args_is_help=True, help="Keep the catalogue of rewards that members redeem for points.")
Kind = StrEnum(  # type: ignore[misc]
    "Kind", {name: name.removeprefix("REWARD_KIND_").lower() for name in pb.RewardKind.keys()[1:]}
)
GOODS = Kind("goods")
RewardArgument = Annotated[
    str, typer.Argument(metavar="REWARD", help="Id of the reward, such as free_coffee.", show_default=False)
]


@app.command("list")
def list_(
    archived: Annotated[
        bool, typer.Option("--archived", help="With those that are out of the catalogue.")
    ] = False,
    program: ProgramOption = PROGRAM,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print the catalogue of a program: what each reward costs, and how many are left."""
    found = asyncio.run(_catalogue(running_platform(data_dir), program, archived=archived))
    if as_json:
        listed = [MessageToDict(each, preserving_proto_field_name=True) for each in found]
        print(json.dumps(listed))  # noqa: T201 - for programs, so without colours
    else:
        _show(program, found)


async def _catalogue(run: RunFile, program: str, *, archived: bool) -> list[pb.Reward]:
    async with connected(run, staff_token(run, program)) as clients:
        await programs.live(clients, program)
        return await rewards.catalogue(clients, program, archived=archived)


def _show(program: str, found: Sequence[pb.Reward]) -> None:
    if not found:
        err.print(f"{program} offers nothing: add a reward with `laurel reward add`.")
        return
    table = Table(title="Rewards", title_justify="left")
    for column in ("reward", "name", "for"):
        table.add_column(column, overflow="fold")
    for column in ("points", "left", "of"):
        table.add_column(column, justify="right")
    for each in found:
        terms = each.terms
        table.add_row(
            each.reward_id + (" (archived)" if each.archived else ""),
            escape(terms.name_en),
            f"{terms.tier} and above" if terms.tier else "all",
            f"{terms.price_points:,}",
            f"{each.left_count:,}" if each.HasField("left_count") else "any",
            f"{each.stocked_count:,}" if each.HasField("stocked_count") else "",
        )
    out.print(table)


@app.command("add")
def add(
    reward: RewardArgument,
    points: Annotated[int, typer.Option(min=1, help="Price in points.", show_default=False)],
    name: Annotated[str, typer.Option(help="Name in English.", show_default=False)],
    name_zh: Annotated[str, typer.Option(help="Name in Chinese; the English one without it.")] = "",
    kind: Annotated[Kind, typer.Option(help="What it is.")] = GOODS,
    value_minor: Annotated[
        int, typer.Option(min=0, help="What it is worth in minor units, for the cap of a day.")
    ] = 0,
    stock: Annotated[
        int | None, typer.Option(min=0, help="How many there are; without it, it does not run out.")
    ] = None,
    tier: Annotated[str, typer.Option(help="Lowest tier that may have it, as TIER_SET.TIER.")] = "",
    per_member: Annotated[int | None, typer.Option(min=1, help="How often a member may have it.")] = None,
    wait_minutes: Annotated[int, typer.Option(min=1, help="How long it waits for the member.")] = 1440,
    coupon: Annotated[
        str, typer.Option(help="Campaign whose coupon it gives; its kind is coupon then.")
    ] = "",
    point_type: Annotated[str, typer.Option(help="Type of the points that it costs.")] = "",
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Add a reward to the catalogue. Its other conditions are set through the graph or gRPC."""
    tier_set, _, tier_key = tier.rpartition(".")
    terms = pb.RewardTerms(
        kind=pb.REWARD_KIND_COUPON if coupon else pb.RewardKind.Value(kind.name),
        name_zh=name_zh or name,
        name_en=name,
        price_points=points,
        value_minor=value_minor,
        tier_set=tier_set,
        tier=tier_key,
        limits=pb.RewardLimits(member_max=per_member),
        reserve_minutes=wait_minutes,
        coupon_campaign=coupon,
        point_type=point_type,
    )
    made = asyncio.run(_add(running_platform(data_dir), program, reward, terms, stock))
    out.print(f"{made.reward_id} costs {made.terms.price_points:,} points, {_left(made)}")


async def _add(
    run: RunFile, program: str, reward_id: str, terms: pb.RewardTerms, stock: int | None
) -> pb.Reward:
    async with connected(run, staff_token(run, program)) as clients:
        return await rewards.add(clients, program, reward_id, terms, stock)


@app.command("restock")
def restock(
    reward: RewardArgument,
    by: Annotated[int, typer.Option(help="How many come to it; below 0, how many go.", show_default=False)],
    why: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Add to the stock of a reward, or take off it what is broken or gone."""
    kept = asyncio.run(_restock(running_platform(data_dir), program, reward, by, why))
    out.print(f"{kept.reward_id}: {_left(kept)}")


async def _restock(run: RunFile, program: str, reward_id: str, by: int, why: str) -> pb.Reward:
    async with connected(run, staff_token(run, program)) as clients:
        return await rewards.restock(clients, program, reward_id, by, why)


def _left(reward: pb.Reward) -> str:
    if not reward.HasField("left_count"):
        return "and does not run out"
    return f"{reward.left_count:,} left of {reward.stocked_count:,}"
