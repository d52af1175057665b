"""`laurel backup` and `laurel restore`: the whole platform as of one moment, and back."""

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated

import pymongo
import redis
import typer
from rich.progress import Progress
from rich.table import Table

from libs.cli import backup as backups
from libs.cli import foreground
from libs.cli.audit_heads import heads_of, keep_heads
from libs.cli.console import err, out, progress_bar
from libs.cli.data_folder import STORING_SERVICES, DataFolder
from libs.cli.dump import Dump, Manifest, Told
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, DataDirOption, JsonOption
from libs.cli.platform import database_alone
from libs.common.redis import PARTITIONS, stream_key

AUDIT_KEYS = "audit_keys.json"
PREFIX = "laurel_"
MongoOption = Annotated[
    str,
    typer.Option("--mongodb-uri", envvar="LAUREL_MONGODB_URI", help="A server instead of the data folder's."),
]
RedisOption = Annotated[
    str, typer.Option("--redis-url", envvar="LAUREL_REDIS_URL", help="Its streams; with --mongodb-uri.")
]
PrefixOption = Annotated[
    str, typer.Option("--database-prefix", envvar="LAUREL_DATABASE_PREFIX", help="What databases begin with.")
]


def backup(
    *,
    folder: Annotated[Path, typer.Argument(help="Where to; a folder that does not exist yet.")],
    mongodb_uri: MongoOption = "",
    database_prefix: PrefixOption = PREFIX,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Back up every database as of now, while the platform runs; keys stay where they are."""
    started = time.monotonic()
    source = DataFolder(data_dir)
    uri = mongodb_uri or source.running().mongodb_uri
    dump, databases = Dump(folder), _databases(database_prefix)
    dump.begin()
    with _client(uri) as client, progress_bar(err) as progress:
        told = _bar(progress, "Backing up documents", backups.documents_count(client, databases))
        manifest = backups.back_up(client, databases, dump, told)
    _keep_files(source, dump)
    dump.end(manifest)
    _show(manifest, "Backed up", started, as_json=as_json)


def restore(
    *,
    folder: Annotated[Path, typer.Argument(help="A folder that `laurel backup` has written.")],
    mongodb_uri: MongoOption = "",
    redis_url: RedisOption = "",
    database_prefix: PrefixOption = PREFIX,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Restore a backup into a new data folder, or an empty server on which no service runs."""
    started = time.monotonic()
    dump = Dump(folder)
    manifest = dump.manifest()
    databases = _databases(database_prefix)
    if mongodb_uri:
        _require_no_streams(redis_url)
        _restore(mongodb_uri, databases, dump, manifest)
    else:
        restored = foreground.run(_into_folder(DataFolder(data_dir), databases, dump, manifest))
        if restored is None:
            raise typer.Exit(130)
    _show(manifest, "Restored", started, as_json=as_json)
    if not as_json:
        out.print(
            "Next: start the platform, then `laurel verify` and `laurel audit verify` for each program."
        )


def _databases(prefix: str) -> dict[str, str]:
    return {service: f"{prefix}{service}" for service in STORING_SERVICES}


def _client(uri: str) -> backups.Client:
    return pymongo.MongoClient(uri, appname="laurel", tz_aware=True)


def _bar(progress: Progress, text: str, total: int) -> Told:
    bar = progress.add_task(text, total=total)
    return lambda count: progress.update(bar, advance=count)


def _restore(uri: str, databases: dict[str, str], dump: Dump, manifest: Manifest) -> None:
    with _client(uri) as client, progress_bar(err) as progress:
        told = _bar(progress, "Restoring documents", manifest.documents)
        backups.restore(client, databases, dump, manifest, told)


async def _into_folder(
    target: DataFolder, databases: dict[str, str], dump: Dump, manifest: Manifest
) -> DataFolder:
    """Restore with a mongod of the folder's own, which ends again."""
    if target.streams.exists() and any(target.streams.iterdir()):
        raise CommandError(f"A platform has run in {target.path}: restore into a new data folder.")
    async with database_alone(target) as uri:
        with target.being_restored(), _client(uri) as client:
            await asyncio.to_thread(_restore, uri, databases, dump, manifest)
            _restore_files(client, databases, dump, target)
    return target


def _keep_files(source: DataFolder, dump: Dump) -> None:
    """Keep what proves the audit chains beside their databases: public keys, and the heads kept apart."""
    files = {AUDIT_KEYS: source.audit_key_set_file}
    files |= {f"{service}.heads.jsonl": source.audit_heads_file(service) for service in STORING_SERVICES}
    for name, file in files.items():
        if file.exists():
            dump.keep_file(name, file.read_bytes())


def _restore_files(client: backups.Client, databases: dict[str, str], dump: Dump, target: DataFolder) -> None:
    """Bring back the public keys, and of the heads kept apart those that the restored chains have."""
    if dump.file(AUDIT_KEYS).exists():
        target.add_audit_keys(dump.file(AUDIT_KEYS).read_bytes())
    for service in STORING_SERVICES:
        kept = dump.file(f"{service}.heads.jsonl")
        if kept.exists():
            keep_heads(kept, target.audit_heads_file(service), of=heads_of(client[databases[service]]))


def _require_no_streams(url: str) -> None:
    """Refuse streams that know more, or other things, than the databases will."""
    if not url:
        raise CommandError("Name the Valkey as well, with --redis-url: its streams must be empty.")
    streams = [f"{service}.events" for service in STORING_SERVICES]
    keys = [stream_key(stream, partition) for stream in streams for partition in range(PARTITIONS)]
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        if client.exists(*keys):
            raise CommandError(
                "The Valkey holds streams of a platform. Stop its services and empty it: "
                "streams are filled again from the restored databases."
            )


def _show(manifest: Manifest, what: str, started: float, *, as_json: bool) -> None:
    services = {
        service: [each for each in manifest.collections if each.service == service]
        for service in STORING_SERVICES
    }
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        counts = {service: sum(each.documents for each in found) for service, found in services.items()}
        told = {"documents": manifest.documents, "services": counts, "seconds": seconds}
        typer.echo(json.dumps(told))
        return
    table = Table(title=f"{what} as of {manifest.taken_time}, in {seconds} s", title_justify="left")
    table.add_column("database")
    for column in ("collections", "documents", "MB"):
        table.add_column(column, justify="right")
    for service, found in services.items():
        size = sum(each.bytes for each in found) / 1e6
        table.add_row(service, str(len(found)), str(sum(each.documents for each in found)), f"{size:.1f}")
    out.print(table)
