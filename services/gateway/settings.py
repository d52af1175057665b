"""Every setting of the gateway, read once from the environment (`LAUREL_…`)."""

from pydantic import Field

from libs.common.settings import Identity


class GatewaySettings(Identity):
    """What the gateway needs to run."""

    host: str = "127.0.0.1"
    port: int
    metrics_port: int
    members_address: str
    scoring_address: str
    benefits_address: str
    risk_address: str
    cors_origins: tuple[str, ...] = ()
    request_bytes_max: int = Field(default=256 * 1024, ge=1024)
    request_seconds_max: float = Field(default=5.0, gt=0)
    drain_seconds: int = Field(default=10, ge=0)
