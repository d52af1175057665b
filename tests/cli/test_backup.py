"""Backup and restore: one moment of every database, and nothing goes over what is there."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pymongo.database
import pytest
from bson.timestamp import Timestamp

from libs.cli import backup as backups
from libs.cli.dump import Dump, Manifest
from libs.cli.errors import CommandError
from libs.common.ids import new_id
from libs.common.migration import RESTORING, require_restored
from libs.common.mongo import connect
from libs.common.settings import ConfigurationError

SERVICES = ("members", "benefits")


@pytest.fixture
def client(mongodb_uri: str) -> Iterator[backups.Client]:
    """A client of the real mongod."""
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, tz_aware=True) as client:
        yield client


@pytest.fixture
def dump(tmp_path: Path) -> Dump:
    """A folder for a backup."""
    return Dump(tmp_path / "backup")


def databases() -> dict[str, str]:
    """Names of databases that nobody else uses."""
    prefix = new_id("bak")
    return {service: f"{prefix}_{service}" for service in SERVICES}


def filled(client: backups.Client, *, count: int = 2_500) -> dict[str, str]:
    """Databases with a collection of accounts, with a validator and indexes."""
    names = databases()
    for name in names.values():
        database = client[name]
        database.create_collection("accounts", validator={"$jsonSchema": {"required": ["balance"]}})
        database.accounts.create_index([("owner", 1)], unique=True)
        database.accounts.create_index(
            "held", partialFilterExpression={"held": {"$exists": True}}, name="held_ones"
        )
        database.accounts.insert_many({"_id": n, "owner": f"o{n}", "balance": n} for n in range(count))
        database.leases.insert_one({"_id": "relay", "holder": "somebody"})
    return names


def back_up(client: backups.Client, names: dict[str, str], dump: Dump) -> Manifest:
    """A whole backup."""
    dump.begin()
    manifest = backups.back_up(client, names, dump, lambda _: None)
    dump.end(manifest)
    return manifest


def restored(client: backups.Client, dump: Dump) -> dict[str, str]:
    """Databases that a backup was restored into."""
    names = databases()
    backups.restore(client, names, dump, dump.manifest(), lambda _: None)
    return names


def test_documents_options_and_indexes_come_back(client: backups.Client, dump: Dump) -> None:
    before = filled(client)
    back_up(client, before, dump)

    after = restored(client, dump)

    for service in SERVICES:
        old, new = client[before[service]], client[after[service]]
        assert list(new.accounts.find().sort("_id", 1)) == list(old.accounts.find().sort("_id", 1))
        assert new.accounts.index_information() == old.accounts.index_information()
        assert new.accounts.options() == old.accounts.options()


def test_leases_are_nobodys_in_a_backup(client: backups.Client, dump: Dump) -> None:
    back_up(client, filled(client, count=1), dump)

    after = restored(client, dump)

    assert client[after["members"]].list_collection_names() == ["accounts"]


def test_what_is_written_meanwhile_is_in_no_part_of_it(client: backups.Client, dump: Dump) -> None:
    names = filled(client)
    first, second = (client[name].accounts for name in names.values())

    def move(_: int) -> None:
        """Move one from an account of a service to one of the other, at each batch that is read."""
        with client.start_session() as session, session.start_transaction():
            first.update_one({"_id": 0}, {"$inc": {"balance": -1}}, session=session)
            second.update_one({"_id": 2_499}, {"$inc": {"balance": 1}}, session=session)

    dump.begin()
    dump.end(backups.back_up(client, names, dump, move))

    after = restored(client, dump)
    sums = [sum(each["balance"] for each in client[name].accounts.find()) for name in after.values()]
    assert sums == [sum(range(2_500))] * 2
    assert first.find_one({"_id": 0}) != {"_id": 0, "owner": "o0", "balance": 0}


def test_a_snapshot_that_the_server_has_dropped_is_told(
    client: backups.Client, dump: Dump, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = filled(client, count=1)
    # As old as the snapshot of a backup that takes too long.
    old = {"operationTime": Timestamp(1, 1)}
    monkeypatch.setattr(pymongo.database.Database, "command", _ping_answers(old))
    dump.begin()

    with pytest.raises(CommandError, match="minSnapshotHistoryWindowInSeconds"):
        backups.back_up(client, names, dump, lambda _: None)


def _ping_answers(answer: dict[str, Any]) -> Any:
    command = pymongo.database.Database.command

    def answered(self: Any, asked: Any, *arguments: Any, **options: Any) -> Any:
        return answer if asked == "ping" else command(self, asked, *arguments, **options)

    return answered


def test_a_restore_never_goes_over_what_is_there(client: backups.Client, dump: Dump) -> None:
    names = filled(client, count=1)
    back_up(client, names, dump)

    with pytest.raises(CommandError, match="is not empty"):
        backups.restore(client, names, dump, dump.manifest(), lambda _: None)

    assert client[names["members"]].accounts.count_documents({}) == 1


def test_an_interrupted_restore_begins_anew(client: backups.Client, dump: Dump) -> None:
    before = filled(client)
    back_up(client, before, dump)
    names = databases()

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backups.restore(client, names, dump, dump.manifest(), interrupted)
    assert all(client[name][RESTORING].find_one() for name in names.values())
    backups.restore(client, names, dump, dump.manifest(), lambda _: None)

    for service in SERVICES:
        assert client[names[service]].accounts.count_documents({}) == 2_500
        assert RESTORING not in client[names[service]].list_collection_names()


def test_marks_that_are_left_in_some_databases_are_enough_to_begin_anew(
    client: backups.Client, dump: Dump
) -> None:
    before = filled(client)
    back_up(client, before, dump)
    names = restored(client, dump)
    client[names["benefits"]][RESTORING].insert_one({})

    backups.restore(client, names, dump, dump.manifest(), lambda _: None)

    assert client[names["members"]].accounts.count_documents({}) == 2_500


async def test_no_service_begins_on_half_of_a_backup(mongodb_uri: str, client: backups.Client) -> None:
    name = new_id("bak")
    database = connect(mongodb_uri)[name]
    await require_restored(database)
    client[name][RESTORING].insert_one({})

    with pytest.raises(ConfigurationError, match="laurel restore"):
        await require_restored(database)

    database.client.close()


def test_an_interrupted_backup_is_none(client: backups.Client, dump: Dump) -> None:
    dump.begin()
    backups.back_up(client, filled(client, count=1), dump, lambda _: None)

    with pytest.raises(CommandError, match="no whole backup"):
        dump.manifest()


def test_a_backup_goes_into_an_empty_folder_only(dump: Dump) -> None:
    dump.begin()
    (dump.folder / "a").touch()

    with pytest.raises(CommandError, match="is not empty"):
        dump.begin()


def test_metadata_that_is_not_what_it_was_is_not_restored(client: backups.Client, dump: Dump) -> None:
    back_up(client, filled(client, count=2), dump)
    file = dump.documents_file("benefits", "accounts").with_name("accounts.metadata.json.gz")
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b"balance", b"bananas")))

    with pytest.raises(CommandError, match="not what the manifest says"):
        restored(client, dump)


def test_a_damaged_file_is_told_as_one(client: backups.Client, dump: Dump) -> None:
    back_up(client, filled(client), dump)
    file = dump.documents_file("benefits", "accounts")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)

    with pytest.raises(CommandError, match=r"cannot be read|not what the manifest says"):
        restored(client, dump)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content.replace(b"o0", b"oX"), "not what the manifest says"),
        (lambda content: content[:-7], "cannot be read"),
        (lambda content: content[: -len(content)], "not what the manifest says"),
        (lambda content: b"\xff\xff\xff\xff" + content, "cannot be read"),
    ],
    ids=["changed", "cut within a document", "emptied", "an impossible length"],
)
def test_a_file_that_is_not_what_it_was_is_not_restored(
    client: backups.Client, dump: Dump, change: Any, told: str
) -> None:
    back_up(client, filled(client, count=2), dump)
    file = dump.documents_file("benefits", "accounts")
    file.write_bytes(gzip.compress(change(gzip.decompress(file.read_bytes()))))

    with pytest.raises(CommandError, match=told):
        restored(client, dump)


def test_another_format_is_not_guessed_at(client: backups.Client, dump: Dump) -> None:
    manifest = back_up(client, filled(client, count=1), dump)
    (dump.folder / "manifest.json").unlink()
    dump.end(manifest.model_copy(update={"format": 2}))

    with pytest.raises(CommandError, match="format 2"):
        dump.manifest()


def test_files_of_a_backup_are_private(client: backups.Client, dump: Dump) -> None:
    back_up(client, filled(client, count=1), dump)

    modes = {path.stat().st_mode & 0o077 for path in [dump.folder, *dump.folder.rglob("*")]}
    assert modes == {0}
