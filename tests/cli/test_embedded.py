"""The embedded servers: real ones, found again at another port, and guarded as the services rely on."""

from pathlib import Path

import pymongo
import redis

from libs.cli.ports import Ports
from tests.support.platform import running_mongod, running_valkey


def test_a_mongod_keeps_its_data_when_its_port_changes(tmp_path: Path) -> None:
    with Ports() as ports:
        with running_mongod(tmp_path, ports.any()) as uri, pymongo.MongoClient[dict[str, int]](uri) as client:
            client["laurel"]["kept"].insert_one({"_id": 1})

        with running_mongod(tmp_path, ports.any()) as uri, pymongo.MongoClient[dict[str, int]](uri) as client:
            assert client["laurel"]["kept"].count_documents({}) == 1


def test_a_transaction_of_a_killed_process_ends_after_seconds(mongodb_uri: str) -> None:
    with pymongo.MongoClient[dict[str, int]](mongodb_uri) as client:
        found = client.admin.command({"getParameter": 1, "transactionLifetimeLimitSeconds": 1})

    assert found["transactionLifetimeLimitSeconds"] == 5


def test_mongod_speaks_no_compression_and_listens_on_loopback_only(mongodb_uri: str) -> None:
    with pymongo.MongoClient[dict[str, int]](mongodb_uri) as client:
        options = client.admin.command("getCmdLineOpts")["parsed"]["net"]

    assert options["compression"]["compressors"] == "disabled"
    assert options["bindIp"] == "127.0.0.1"


def test_valkey_keeps_its_data(tmp_path: Path) -> None:
    with Ports() as ports:
        for expected in (1, 2):
            with running_valkey(tmp_path, ports.any()) as url, redis.Redis.from_url(url) as client:
                assert client.incr("count") == expected
