"""The services that store, each behind a real channel, for what must hold for all of them."""

from tests.benefits.conftest import benefits
from tests.members.conftest import members
from tests.risk.conftest import risk
from tests.scoring.conftest import models

__all__ = ["benefits", "members", "models", "risk"]
