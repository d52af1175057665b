"""Settings of the scoring service, read once from the environment (`LAUREL_…`)."""

import os

from pydantic import Field

from libs.common.settings import KeepingServiceSettings


class Settings(KeepingServiceSettings):
    """What the scoring service needs to run."""

    # A frame of a million rows is told that it has too many, not only that its bytes are; one that is
    # served has 16 MB at most.
    message_bytes_max: int = Field(default=32 << 20, ge=1024)
    programs_held_max: int = Field(default=64, ge=1, description="compiled programs that a replica keeps")
    models_held_bytes_max: int = Field(
        default=32 << 20, ge=1 << 20, description="documents of models that a replica keeps compiled"
    )
    frame_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="frames that are scored at once"
    )
