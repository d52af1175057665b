"""The services that store, each behind a real channel, for what must hold for all of them."""

from tests.benefits.conftest import benefits
from tests.members.conftest import members
from tests.risk.conftest import risk

__all__ = ["benefits", "members", "risk"]
