"""Settings of the benefits service, read once from the environment (`LAUREL_…`)."""

from pathlib import Path
from typing import Self

from pydantic import IPvAnyNetwork, model_validator

from libs.common.settings import StoredServiceSettings


class Settings(StoredServiceSettings):
    """What the benefits service needs to run."""

    members_address: str
    scoring_address: str
    risk_address: str
    # Seals the secrets that webhooks are signed with: keys of 32 bytes in base64, the newest first.
    webhook_key_file: Path
    # Who signed the certificates of endpoints, where the machine's own authorities did not.
    webhook_ca_file: Path | None = None
    # Networks that no webhook is sent to, besides all that are not public.
    webhook_denied_networks: tuple[IPvAnyNetwork, ...] = ()
    # Lets webhooks go to this machine, by http too.
    webhook_loopback: bool = False

    @model_validator(mode="after")
    def _loopback_in_development(self) -> Self:
        if self.webhook_loopback and not self.development:
            raise ValueError("LAUREL_WEBHOOK_LOOPBACK=true needs LAUREL_DEVELOPMENT=true")
        return self
