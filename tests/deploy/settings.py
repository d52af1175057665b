"""What settings a process gets where it is deployed, read as the process itself would read them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from libs.common.settings import Telemetry, read_settings
from services.benefits.settings import Settings as BenefitsSettings
from services.gateway.settings import GatewaySettings
from services.members.settings import Settings as MembersSettings
from services.risk.settings import Settings as RiskSettings
from services.scoring.settings import Settings as ScoringSettings

SETTINGS: dict[str, type[BaseSettings]] = {
    "members": MembersSettings,
    "scoring": ScoringSettings,
    "benefits": BenefitsSettings,
    "risk": RiskSettings,
    "gateway": GatewaySettings,
}
# Read before there are settings, or by the `laurel` command.
OTHERS = {"LAUREL_SECRETS_DIR"}


def names(*kinds: type[BaseSettings]) -> set[str]:
    """The variables that these settings are read from."""
    readers: tuple[type[BaseSettings], ...] = (*kinds, Telemetry)
    return {f"LAUREL_{name.upper()}" for kind in readers for name in kind.model_fields} | OTHERS


def unknown(variables: Mapping[str, str], *kinds: type[BaseSettings]) -> set[str]:
    """The variables that nobody reads; OpenTelemetry reads its own."""
    return {name for name in variables if not name.startswith("OTEL_")} - names(*kinds)


def addresses(kind: type[BaseSettings]) -> set[str]:
    """The services that one with these settings calls."""
    return {name.removesuffix("_address") for name in kind.model_fields if name.endswith("_address")}


def read(
    kind: type[BaseSettings],
    variables: Mapping[str, str],
    secrets: Mapping[str, str],
    folder: Path,
    patch: Any,
) -> BaseSettings:
    """The settings as a process reads them from this environment and these mounted secrets."""
    for name in [name for name in os.environ if name.startswith("LAUREL_")]:
        patch.delenv(name)
    for name, value in variables.items():
        patch.setenv(name, value)
    if secrets:
        for name, value in secrets.items():
            (folder / name).write_text(value)
        patch.setenv("LAUREL_SECRETS_DIR", str(folder))
    return read_settings(kind)
