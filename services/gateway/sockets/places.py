"""How many WebSockets, event streams and subscriptions there are, and of whom."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from libs.common.caller import Principal
from libs.common.errors import Kind, Refusal
from services.gateway.codes import Code
from services.gateway.metrics import STREAMS, SUBSCRIPTIONS, WEBSOCKETS
from services.gateway.settings import GatewaySettings

PER_CONNECTION_MAX = 10


class SubscriptionLimit(Refusal):
    reason, kind = Code.SUBSCRIPTION_LIMIT, Kind.EXHAUSTED
    text = "there are as many subscriptions as may be; end some, or ask again later"


class Places:
    """Those of one process."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._open, self._open_max = 0, settings.websockets_max
        self._subscriptions: Counter[tuple[str | None, str, str]] = Counter()
        self._max = settings.subscriptions_max
        self._per_principal_max = settings.subscriptions_per_principal_max

    @property
    def full(self) -> bool:
        """Whether there are as many WebSockets and event streams as may be."""
        return self._open >= self._open_max

    @contextmanager
    def websocket(self) -> Iterator[None]:
        """The place of a WebSocket."""
        with self._place(WEBSOCKETS):
            yield

    @contextmanager
    def stream(self) -> Iterator[None]:
        """The place of an event stream."""
        with self._place(STREAMS):
            yield

    @contextmanager
    def _place(self, gauge: Gauge) -> Iterator[None]:
        self._open += 1
        try:
            with gauge.track_inprogress():
                yield
        finally:
            self._open -= 1

    @contextmanager
    def subscription(self, principal: Principal) -> Iterator[None]:
        """The place of a subscription, or SubscriptionLimit."""
        holder = (principal.program_id, principal.kind, principal.subject)
        held, everybody = self._subscriptions[holder], self._subscriptions.total()
        if held >= self._per_principal_max or everybody >= self._max:
            raise SubscriptionLimit
        self._subscriptions[holder] += 1
        try:
            with SUBSCRIPTIONS.track_inprogress():
                yield
        finally:
            self._subscriptions -= Counter([holder])  # nothing stays of who has none left
