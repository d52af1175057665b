"""What carries notices out of the platform: any number of channels behind one interface."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.benefits.domain.notices import Notice
from services.benefits.repository.store import BenefitsStore


class Channel(Protocol):
    """Takes notices that are due, within the transaction that makes them SENT.

    It writes down what is to be carried, and carries it later: nothing leaves
    the platform before the transaction has committed, and the work may run
    again. `store` is bound to that transaction. Notices are of one program,
    each comes once, and those of one member come in the order in which they
    are to be told, over all calls. `now` is the machine's time.
    """

    @property
    def name(self) -> str:
        """What it is called in logs."""

    async def take(self, store: BenefitsStore, notices: Sequence[Notice], *, now: datetime) -> None:
        """Keep these notices to be carried."""
