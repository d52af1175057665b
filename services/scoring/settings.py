"""Settings of the scoring service, read once from the environment (`LAUREL_…`)."""

import os

from pydantic import Field

from libs.common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the scoring service needs to run."""

    programs_held_max: int = Field(default=64, ge=1, description="compiled programs that a replica keeps")
    frame_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="frames that are scored at once"
    )
