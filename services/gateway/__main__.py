"""`python -m services.gateway`: serve the graph until asked to stop."""

import uvloop

from services.gateway.server import serve
from services.gateway.settings import GatewaySettings

if __name__ == "__main__":
    uvloop.run(serve(GatewaySettings()))
