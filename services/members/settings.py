"""Settings of the members service, read once from the environment (`LAUREL_…`)."""

from pydantic import Field

from libs.common.settings import StoredServiceSettings


class Settings(StoredServiceSettings):
    """What the members service needs to run."""

    benefits_address: str
    intake_waiting_max: int = Field(default=64, ge=1, description="batches that may wait for their turn")
