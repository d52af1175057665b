"""Backup and restore of every database of a platform, as of one moment."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pymongo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure, PyMongoError

from libs.cli.dump import FORMAT, Collection, Dump, Manifest, Told
from libs.cli.errors import CommandError
from libs.common.migration import RESTORING

Client = pymongo.MongoClient[dict[str, Any]]
Database = pymongo.database.Database[dict[str, Any]]

EPHEMERAL = frozenset({"leases", "migrations"})
"""What belongs to processes and to one server: who works now, and what was migrated."""

SNAPSHOT_GONE = frozenset({239, 246})  # SnapshotTooOld, SnapshotUnavailable
BATCH_DOCUMENTS = 1_000
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_INDEX_FIELDS_OF_THE_SERVER = frozenset({"v", "ns"})


def documents_count(client: Client, databases: Mapping[str, str]) -> int:
    """About how many documents there are to back up."""
    return sum(
        client[database][name].estimated_document_count()
        for database in databases.values()
        for name in _collections(client[database])
    )


def back_up(client: Client, databases: Mapping[str, str], dump: Dump, told: Told) -> Manifest:
    """Write each service's database as of now, by one snapshot of the cluster.

    `databases` are their names by service. What is written meanwhile is not
    in it, nor is any part of it. CommandError when the server has dropped the
    snapshot before the end.
    """
    moment: Timestamp = client.admin.command("ping")["operationTime"]
    try:
        collections = [
            _back_up_collection(client[database], service, name, dump, moment, told)
            for service, database in sorted(databases.items())
            for name in _collections(client[database])
        ]
    except OperationFailure as error:
        if error.code not in SNAPSHOT_GONE:
            raise
        raise CommandError(
            "The backup took longer than the server keeps a snapshot. Raise its parameter "
            "minSnapshotHistoryWindowInSeconds (300 unless set), then back up into another folder."
        ) from error
    return Manifest(
        format=FORMAT,
        taken_time=datetime.now(UTC).isoformat(timespec="seconds"),
        cluster_time=(moment.time, moment.inc),
        collections=collections,
    )


def _collections(database: Database) -> list[str]:
    names = database.list_collection_names(filter={"type": "collection"})
    return sorted(name for name in names if not name.startswith("system.") and name not in EPHEMERAL)


def _back_up_collection(
    database: Database, service: str, name: str, dump: Dump, moment: Timestamp, told: Told
) -> Collection:
    (described,) = database.list_collections(filter={"name": name})
    metadata = {
        "options": described["options"],
        "indexes": list(database[name].list_indexes()),
        "collectionName": name,
        "type": "collection",
    }
    return dump.write_documents(service, name, metadata, _batches(database, name, moment), told)


def _batches(database: Database, name: str, moment: Timestamp) -> Iterator[bytes]:
    """The documents of a collection at a moment, in the order of their ids, as BSON one behind the other."""
    command: dict[str, Any] = {
        "find": name,
        "sort": {"_id": 1},
        "batchSize": BATCH_DOCUMENTS,
        "readConcern": {"level": "snapshot", "atClusterTime": moment},
    }
    batch = "firstBatch"
    with database.client.start_session() as session:
        while command:
            cursor: Any = database.command(command, codec_options=_RAW, session=session)["cursor"]
            yield b"".join(document.raw for document in cursor[batch])
            more = {"getMore": cursor["id"], "collection": name, "batchSize": BATCH_DOCUMENTS}
            command, batch = more if cursor["id"] else {}, "nextBatch"


def require_empty(client: Client, databases: Mapping[str, str]) -> None:
    """CommandError unless there is nothing yet, or what an interrupted restore has left."""
    targets = [client[name] for name in databases.values()]
    if any(database[RESTORING].find_one() is not None for database in targets):
        return  # of all of them: a restore marks every database before it writes to one
    for database in targets:
        if any(database[name].find_one() is not None for name in _collections(database)):
            raise CommandError(
                f"The database {database.name} is not empty, and a backup never goes over what is there: "
                "restore into a new data folder or an empty server."
            )


def restore(client: Client, databases: Mapping[str, str], dump: Dump, manifest: Manifest, told: Told) -> None:
    """Write a backup into empty databases, with the options and indexes that the collections had.

    Until all of it is there, a mark in the databases tells another restore
    that it may begin anew, and services that they must not begin at all.
    """
    require_empty(client, databases)
    dump.require_whole(manifest)
    try:
        for database in databases.values():
            client[database][RESTORING].insert_one({"taken_time": manifest.taken_time})
        for database in databases.values():
            for name in set(client[database].list_collection_names()) - {RESTORING}:
                client[database].drop_collection(name)
        for collection in manifest.collections:
            _restore_collection(client[databases[collection.service]], dump, collection, told)
        for database in databases.values():
            client[database].drop_collection(RESTORING)
    except PyMongoError as error:
        raise CommandError(
            f"The restore failed: {error}. What is there is not whole: restore again."
        ) from error


def _restore_collection(database: Database, dump: Dump, collection: Collection, told: Told) -> None:
    metadata = dump.metadata(collection)
    target = database.create_collection(collection.name, **metadata["options"])
    documents = (RawBSONDocument(each) for each in dump.documents(collection))
    while batch := list(islice(documents, BATCH_DOCUMENTS)):
        target.insert_many(batch, ordered=False)
        told(len(batch))
    for index in metadata["indexes"]:
        if index["name"] != "_id_":
            options = {
                name: value
                for name, value in index.items()
                if name not in _INDEX_FIELDS_OF_THE_SERVER | {"key"}
            }
            target.create_index(list(index["key"].items()), **options)
