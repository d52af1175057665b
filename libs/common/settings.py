"""Settings that every service has, read once from the environment (`LAUREL_…`)."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Identity(BaseSettings):
    """What tokens are verified with."""

    model_config = SettingsConfigDict(env_prefix="LAUREL_", frozen=True)

    key_set_file: Path
    token_ttl_max: timedelta = timedelta(minutes=15)


class ServiceSettings(Identity):
    """What a gRPC service needs to run."""

    host: str = "127.0.0.1"
    port: int
    metrics_port: int
    concurrent_calls_max: int = Field(default=200, ge=1)
    message_bytes_max: int = Field(default=4 * 1024 * 1024, ge=1024)
    drain_seconds: float = Field(default=10, ge=0)


class StoredServiceSettings(ServiceSettings):
    """What a service needs that keeps a database and streams."""

    # Signs the tokens of its own calls to other services; who only answers holds no key.
    signing_key_file: Path
    mongodb_uri: str
    redis_url: str
    database_prefix: str = "laurel_"
    outbox_unsent_max: int = Field(default=200_000, ge=1)
    stream_unread_max: int = Field(default=50_000, ge=1)
