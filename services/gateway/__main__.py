"""`python -m services.gateway`: serve the graph until asked to stop."""

import uvloop

from libs.common.observing import observing
from libs.common.settings import read_settings, starting
from services.gateway.server import serve
from services.gateway.settings import GatewaySettings

if __name__ == "__main__":
    with starting("gateway"), observing("gateway"):
        uvloop.run(serve(read_settings(GatewaySettings)))
