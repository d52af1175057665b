"""Settings of the benefits service, read once from the environment (`LAUREL_…`)."""

from libs.common.settings import StoredServiceSettings


class Settings(StoredServiceSettings):
    """What the benefits service needs to run."""

    members_address: str
    scoring_address: str
