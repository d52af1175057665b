"""The other side of rows that store: the documents that a round has written, written again by hand."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any

import pymongo
import pymongo.database

from libs.cli.data_folder import RunFile

Document = dict[str, Any]
Client = pymongo.MongoClient[Document]
Database = pymongo.database.Database[Document]


def mongo(run: RunFile) -> Client:
    """A client of a platform's database, whose writes are as safe as those of the services."""
    return pymongo.MongoClient(run.mongodb_uri)


def counts(database: Database, names: Sequence[str]) -> dict[str, int]:
    """How many documents there are in each of these collections."""
    return {name: database[name].estimated_document_count() for name in names}


def written(
    database: Database, before: Mapping[str, int], updates: Mapping[str, int], number: int
) -> dict[str, list[Document]]:
    """Copies of the documents that a round has written: the new ones, and one for each update."""
    documents = {}
    for name, count in before.items():
        wanted = updates.get(name) or database[name].estimated_document_count() - count
        latest = list(database[name].find().sort("$natural", -1).limit(wanted))
        copies = ({**each, "_id": f"{number}.{place}"} for place, each in enumerate(cycle(latest)))
        documents[name] = list(islice(copies, wanted))
    return documents


def part(documents: list[Document], place: int, parts: int) -> list[Document]:
    """One of so many equal parts."""
    return documents[place * len(documents) // parts : (place + 1) * len(documents) // parts]
