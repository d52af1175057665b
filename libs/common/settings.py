"""Settings that every service has, read once from the environment (`LAUREL_…`), or from files if secret."""

import ipaddress
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import Field, HttpUrl, UrlConstraints, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

HttpsUrl = Annotated[HttpUrl, UrlConstraints(allowed_schemes=["https"])]


class ConfigurationError(Exception):
    """A process cannot run as it is set up; the text says what to change."""


S = TypeVar("S", bound=BaseSettings)


def read_settings(kind: type[S]) -> S:
    """The settings in the environment, or ConfigurationError.

    What nobody should read in a list of processes may be in files instead, in
    LAUREL_SECRETS_DIR, each named like its variable; the environment wins.
    """
    folder = os.environ.get("LAUREL_SECRETS_DIR") or None
    if folder is not None and not Path(folder).is_dir():
        raise ConfigurationError(f"LAUREL_SECRETS_DIR: {folder} is no folder")
    try:
        return kind(_secrets_dir=folder)
    except SettingsError as error:
        raise ConfigurationError(str(error)) from error
    except ValidationError as error:
        raise ConfigurationError("; ".join(map(_told, error.errors()))) from error


def _told(problem: ErrorDetails) -> str:
    """What is wrong with which variable; some rules are about several."""
    variables = [f"LAUREL_{field}: ".upper() for field in problem["loc"][:1]]
    return "".join(variables) + problem["msg"].removeprefix("Value error, ")


@contextmanager
def starting(service: str) -> Iterator[None]:
    """End the process with one line when it cannot run as it is set up."""
    try:
        yield
    except ConfigurationError as error:
        sys.exit(f"{service} cannot start: {error}")


class Telemetry(BaseSettings):
    """How much a process tells of what it does; where spans go is OpenTelemetry's own setting."""

    model_config = SettingsConfigDict(env_prefix="LAUREL_", env_ignore_empty=True, frozen=True)

    # The share of traces that are recorded, of those that begin here and not with a caller.
    trace_ratio: float = Field(default=0.01, ge=0, le=1)
    # Whether logs hold what exceptions say, which may be personal data.
    log_error_texts: bool = False


class Identity(BaseSettings):
    """Who this process is, and how it knows who others are: by certificates, and by signed tokens."""

    model_config = SettingsConfigDict(
        env_prefix="LAUREL_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    # Allows gRPC without TLS, on loopback.
    development: bool = False
    key_set_file: Path | None = None
    key_set_url: HttpsUrl | None = None
    # Who signed the certificate of the key set's host, where the machine's own authorities did not.
    key_set_ca_file: Path | None = None
    revocations_file: Path | None = None
    token_issuer: str = Field(default="laurel", min_length=1)
    token_audience: str = Field(default="laurel", min_length=1)
    token_ttl_max: timedelta = Field(default=timedelta(minutes=15), gt=timedelta())
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    tls_ca_file: Path | None = None
    trust_domain: str = Field(default="laurel", pattern=r"^[a-z0-9._-]{1,255}$")

    @property
    def has_tls(self) -> bool:
        """Whether gRPC is spoken by certificates."""
        return self.tls_certificate_file is not None

    @model_validator(mode="after")
    def _one_key_set(self) -> Self:
        if (self.key_set_file is None) == (self.key_set_url is None):
            raise ValueError("set one of LAUREL_KEY_SET_FILE and LAUREL_KEY_SET_URL: they verify tokens")
        return self

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        files = (self.tls_certificate_file, self.tls_key_file, self.tls_ca_file)
        names = "LAUREL_TLS_CERTIFICATE_FILE, LAUREL_TLS_KEY_FILE and LAUREL_TLS_CA_FILE"
        if len({file is None for file in files}) > 1:
            raise ValueError(f"set {names} together, or none of them")
        if not self.has_tls and not self.development:
            raise ValueError(f"set {names}; only development, LAUREL_DEVELOPMENT=true, goes without")
        return self


class ServiceSettings(Identity):
    """What a gRPC service needs to run."""

    host: str = "127.0.0.1"
    port: int
    metrics_port: int
    concurrent_calls_max: int = Field(default=200, ge=1)
    message_bytes_max: int = Field(default=4 * 1024 * 1024, ge=1024)
    drain_seconds: float = Field(default=10, ge=0)
    # Watches have places of their own; one that takes no answer for so long is ended.
    watchers_max: int = Field(default=1_000, ge=1)
    watchers_per_principal_max: int = Field(default=100, ge=1)
    watcher_slow_seconds: float = Field(default=30, gt=0)
    # Where probes of Kubernetes are answered, without TLS; nowhere unless set.
    probe_port: int | None = None
    connection_seconds_max: int = Field(default=30 * 60, ge=1)

    @model_validator(mode="after")
    def _plain_on_loopback(self) -> Self:
        if not self.has_tls and not is_loopback(self.host):
            raise ValueError(
                "without TLS a service listens on loopback only: set LAUREL_HOST=127.0.0.1, or set "
                "LAUREL_TLS_CERTIFICATE_FILE, LAUREL_TLS_KEY_FILE and LAUREL_TLS_CA_FILE"
            )
        return self


class DatabaseSettings(BaseSettings):
    """Where a service's database is: all that is needed to migrate it."""

    model_config = SettingsConfigDict(
        env_prefix="LAUREL_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    mongodb_uri: str
    database_prefix: str = "laurel_"


class KeepingServiceSettings(DatabaseSettings, ServiceSettings):
    """What a service needs that keeps a database."""

    # Whether indexes are made at the start, or beforehand, by `--migrate`.
    migrate_at_start: bool = True
    # Signs the heads of the audit chains.
    audit_key_file: Path
    # Where the heads are kept apart from the database, beside the log.
    audit_heads_file: Path | None = None


class StoredServiceSettings(KeepingServiceSettings):
    """What a service needs that keeps a database and streams."""

    redis_url: str
    outbox_unsent_max: int = Field(default=200_000, ge=1)
    stream_unread_max: int = Field(default=50_000, ge=1)
    watch_heartbeat_seconds: float = Field(default=30, gt=0)


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
