"""GET /graphql with an upgrade: which WebSockets are accepted."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.websockets import WebSocket

from libs.common.caller import Principal
from libs.common.errors import Forbidden, Refusal
from libs.common.ids import new_id
from libs.common.tokens import TokenVerifier, bearer
from services.gateway.admission.gate import Gate
from services.gateway.answers import Answers
from services.gateway.languages import speak
from services.gateway.settings import GatewaySettings
from services.gateway.sockets.connection import Close, Connection
from services.gateway.sockets.events import Events
from services.gateway.sockets.messages import SUBPROTOCOL
from services.gateway.sockets.places import Places


@dataclass(frozen=True, slots=True)
class Sockets:
    """Serves WebSockets, each for whoever it says it is."""

    events: Events
    gate: Gate
    verifier: TokenVerifier
    settings: GatewaySettings
    places: Places

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection to its end."""
        try:
            self._require_origin(websocket)
            principal = self._principal(websocket)
        except Refusal as refusal:
            await websocket.send_denial_response(Answers.to(new_id("req"), "").refused(refusal))
            return
        if SUBPROTOCOL not in websocket.scope["subprotocols"]:
            await _refuse(websocket, Close.SUBPROTOCOL_NOT_ACCEPTABLE, f"Only {SUBPROTOCOL} is spoken")
        elif self.places.full:
            await _refuse(websocket, Close.TRY_AGAIN_LATER, "Too many connections")
        else:
            with self.places.websocket():
                await websocket.accept(SUBPROTOCOL)
                speak(websocket.headers.get("accept-language", ""))
                await self._connection(websocket, principal).run()

    def _connection(self, websocket: WebSocket, principal: Principal | None) -> Connection:
        return Connection(
            websocket,
            events=self.events,
            gate=self.gate,
            places=self.places,
            verifier=self.verifier,
            slow_seconds=self.settings.websocket_slow_seconds,
            principal=principal,
        )

    def _principal(self, websocket: WebSocket) -> Principal | None:
        """Whoever the header names; browsers can send none, and say it in the first message."""
        token = bearer(websocket.headers.getlist("authorization"))
        return None if token is None else self.verifier.principal(token)

    def _require_origin(self, websocket: WebSocket) -> None:
        """Refuse pages of other origins: for WebSockets, browsers leave that to us."""
        for origin in websocket.headers.getlist("origin"):
            own = urlsplit(origin).netloc.lower() == websocket.headers.get("host", "").lower()
            if not own and origin not in self.settings.cors_origins:
                raise Forbidden("pages of this origin may not connect")


async def _refuse(websocket: WebSocket, code: Close, reason: str) -> None:
    """Accept and close, which is all that lets a browser know why."""
    await websocket.accept()
    await websocket.close(code, reason)
