"""What all tests share: a real mongod and valkey, started once, and how generated examples are run."""

from hypothesis import settings

from tests.support.platform import mongodb_uri, redis_url

__all__ = ["mongodb_uri", "redis_url"]

# A slow example says something of the machine, not of us.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
