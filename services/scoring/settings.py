"""Settings of the scoring service, read once from the environment (`LAUREL_…`)."""

from pydantic import Field

from libs.common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the scoring service needs to run."""

    programs_held_max: int = Field(default=64, ge=1, description="compiled programs that a replica keeps")
