"""Settings of the members service, read once from the environment (`LAUREL_…`)."""

from pydantic import Field

from libs.common.settings import StoredServiceSettings


class Settings(StoredServiceSettings):
    """What the members service needs to run."""

    benefits_address: str
    intake_waiting_max: int = Field(default=64, ge=1, description="batches that may wait for their turn")
    reveals_per_day_max: int = Field(
        default=30, ge=0, description="members whom one of the staff may reveal on a business day"
    )
    break_glass_seconds: int = Field(
        default=1_800, ge=60, le=3_600, description="how long a break-glass stays open"
    )
