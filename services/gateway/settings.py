"""Every setting of the gateway, read once from the environment (`LAUREL_…`)."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from libs.common.settings import Identity
from services.gateway.admission.limits import Limits

# As browsers send it: nothing after the port, not even a slash, and no pattern.
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.\-\[\]:]+$")]


class GatewaySettings(Limits, Identity):
    """What the gateway needs to run."""

    host: str = "127.0.0.1"
    port: int
    metrics_port: int
    members_address: str
    scoring_address: str
    benefits_address: str
    risk_address: str
    # Names by which the gateway may be asked for, without ports.
    trusted_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    cors_origins: tuple[Origin, ...] = ()
    # `{id: document}`, or Apollo's manifest; in production these alone may be served.
    persisted_documents_file: Path | None = None
    persisted_documents_only: bool = False
    request_bytes_max: int = Field(default=32 * 1024, ge=1024)
    request_seconds_max: float = Field(default=5.0, gt=0)
    drain_seconds: int = Field(default=10, ge=0)
    # Shared calls to a service that are under way at once: while they are, what else is asked gathers.
    shared_calls_max: int = Field(default=1, ge=1, le=16)
    websockets_max: int = Field(default=500, ge=1)
    # A client that takes nothing for so long is cut off, and resumes where it was.
    websocket_slow_seconds: float = Field(default=10, gt=0)
    subscriptions_max: int = Field(default=1_000, ge=1)
    subscriptions_per_principal_max: int = Field(default=50, ge=1)

    @model_validator(mode="after")
    def _has_a_list(self) -> Self:
        if self.persisted_documents_only and self.persisted_documents_file is None:
            raise ValueError("LAUREL_PERSISTED_DOCUMENTS_ONLY needs LAUREL_PERSISTED_DOCUMENTS_FILE")
        return self
