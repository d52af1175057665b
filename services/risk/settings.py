"""Settings of the risk service, read once from the environment (`LAUREL_…`)."""

from libs.common.settings import StoredServiceSettings


class Settings(StoredServiceSettings):
    """What the risk service needs to run."""
