"""`laurel init`: makes a program, a store or a partner through the services; and keys for a new platform."""

import asyncio
from typing import Annotated

import typer

from libs.cli import programs
from libs.cli.certificates import Authority
from libs.cli.clients import connected, staff_token
from libs.cli.console import out
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.elsewhere import SERVICES, Elsewhere
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, ProgramOption, running_platform
from libs.common import clock
from libs.common.program import Program, preset_names

app = typer.Typer(no_args_is_help=True, help="Make a program, a store, a partner, or a folder of keys.")
Key = Annotated[str, typer.Argument(help="Its key within the program.", show_default=False)]
Name = Annotated[str, typer.Option("--name", help="Its name for people.")]


@app.command("program")
def init_program(
    document: Annotated[
        str,
        typer.Argument(
            metavar="PRESET|FILE",
            help=f"One of {', '.join(preset_names())}, or a YAML or JSON file.",
            show_default=False,
        ),
    ],
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Make a program document the live version; the same document again changes nothing."""
    asyncio.run(_publish(running_platform(data_dir), programs.read_program(document)))


async def _publish(run: RunFile, program: Program) -> None:
    async with connected(run, staff_token(run, program.key)) as clients:
        live = await programs.publish(clients, program)
    out.print(f"program {live.program_id}: version {live.version} is live, digest {live.digest}")


@app.command("folder")
def init_folder(
    data_dir: DataDirOption = DATA_DIR,
    address: Annotated[
        str, typer.Option(help="Where services are; {service} stands for the name of each.")
    ] = "dns:///{service}:50051",
    gateway_url: Annotated[str, typer.Option(help="Where the gateway is.")] = "http://gateway:8080",
) -> None:
    """Make keys and certificates for a platform that others run, as compose does; what is there stays."""
    folder = DataFolder(data_dir)
    folder.prepare()
    authority, now = Authority(folder.tls), clock.now()
    authority.operator(now=now)
    for name in (*SERVICES, "gateway"):
        authority.service(name, now=now)
    addresses = {service: address.format(service=service) for service in SERVICES}
    folder.describe(Elsewhere(addresses=addresses, gateway_url=gateway_url))
    out.print(f"{folder.path} has keys and certificates; its certificates end in 90 days.", highlight=False)


@app.command("store")
def init_store(
    key: Key,
    name: Name,
    sharing_group: Annotated[
        str, typer.Option(help="Stores of one group see each other's members; none by default.")
    ] = "",
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Open a store of a program."""
    asyncio.run(_create_store(running_platform(data_dir), program, key, name=name, group=sharing_group))


async def _create_store(run: RunFile, program_id: str, store_id: str, *, name: str, group: str) -> None:
    async with connected(run, staff_token(run, program_id)) as clients:
        store = await programs.create_store(clients, program_id, store_id, name, sharing_group=group)
    out.print(f"store {store.store_id}: {store.display_name}")


@app.command("partner")
def init_partner(
    key: Key,
    name: Name,
    store: Annotated[list[str], typer.Option("--store", help="A store that it speaks for; may be repeated.")],
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Admit a partner that sends members and events."""
    asyncio.run(_create_partner(running_platform(data_dir), program, key, name=name, stores=store))


async def _create_partner(
    run: RunFile, program_id: str, partner_id: str, *, name: str, stores: list[str]
) -> None:
    async with connected(run, staff_token(run, program_id)) as clients:
        partner = await programs.create_partner(clients, program_id, partner_id, name=name, stores=stores)
    files = Authority(run.tls_folder).partner(program_id, partner_id, now=clock.now())
    out.print(f"partner {partner.partner_id}: {partner.display_name}, for {', '.join(partner.store_ids)}")
    out.print(
        f"It calls with the certificate {files.certificate}\nand the key {files.key},\n"
        f"and trusts {files.authority}.",
        highlight=False,
        soft_wrap=True,
    )
