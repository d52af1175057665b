"""What all tests share: a real mongod and valkey, started once."""

from tests.support.platform import mongodb_uri, redis_url

__all__ = ["mongodb_uri", "redis_url"]
