"""Settings of the scoring service, read once from the environment (`LAUREL_…`)."""

import os

from pydantic import Field

from libs.common.settings import KeepingServiceSettings


class Settings(KeepingServiceSettings):
    """What the scoring service needs to run."""

    programs_held_max: int = Field(default=64, ge=1, description="compiled programs that a replica keeps")
    models_held_bytes_max: int = Field(
        default=32 << 20, ge=1 << 20, description="documents of models that a replica keeps compiled"
    )
    frame_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="frames that are scored at once"
    )
