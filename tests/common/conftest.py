"""A database, streams and keys of a test's own, on the real servers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from laurel.common.v1 import audit_pb2_grpc
from libs.cli.data_folder import DataFolder
from libs.common.audit.log import AuditLog
from libs.common.audit.service import AuditServicer
from libs.common.caller import Principal, set_caller
from libs.common.ids import new_id
from libs.common.mongo import Database, connect, ensure_common_indexes
from libs.common.redis import connect_redis
from libs.common.rpc.deadline import set_deadline
from libs.common.settings import ServiceSettings
from tests.common.audit_world import AuditWorld
from tests.common.streams_world import Effects, Streams
from tests.support.platform import emptied
from tests.support.services import Keys, serving


@pytest.fixture
async def database(mongodb_uri: str) -> AsyncIterator[Database]:
    """An empty database with what every storing service keeps."""
    client = connect(mongodb_uri)
    database = client[f"t{new_id('x')[-12:]}"]
    await ensure_common_indexes(database)
    yield database
    await emptied(database)
    client.close()


@pytest.fixture
async def streams(database: Database, redis_url: str) -> AsyncIterator[Streams]:
    """Announcements on a number of the Valkey where nobody else's are."""
    redis = connect_redis(f"{redis_url.removesuffix('/0')}/5")
    await redis.flushdb()
    yield Streams(database, redis)
    await redis.aclose()


@pytest.fixture
def effects(streams: Streams) -> Effects:
    """What a consumer of them brings about."""
    return Effects(streams)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The signing key of a test."""
    return Keys.made_in(tmp_path_factory.mktemp("keys"))


@pytest.fixture
async def audited(database: Database, keys: Keys, tmp_path: Path) -> AsyncIterator[AuditWorld]:
    """An audit log with its keys and its heads, served to compliance officers."""
    folder = DataFolder(tmp_path)
    folder.prepare()
    settings = ServiceSettings(development=True, port=0, metrics_port=0, key_set_file=keys.key_set_file)
    register = audit_pb2_grpc.add_AuditServiceServicer_to_server
    async with serving(settings, register, AuditServicer(AuditLog(database))) as at:
        world = AuditWorld(database, folder, keys, at)
        yield world
        await world.close()


@pytest.fixture
def _a_caller_with_time() -> Iterator[None]:
    """A partner's call, before whose end there is as much time as anybody wants."""
    set_caller(Principal("shop", "partner", "music_store"))
    set_deadline(None)
    yield
    set_deadline(None)
