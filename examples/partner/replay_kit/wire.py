"""TCP connections in front of a port of this machine, any of which can be cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536


class Wire:
    """Carries bytes between clients and a port; gRPC itself offers no way to break a connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: dict[int, tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Take connections until the block ends, which cuts them all; gives the address."""
        server = await asyncio.start_server(self._carry, HOST, 0)
        try:
            yield f"{HOST}:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for port in list(self._ends):
                self._cut(port)

    def cut(self, peer: str) -> None:
        """Cut a connection, by the address that the server sees at its other end."""
        self._cut(int(peer.rpartition(":")[2]))

    def _cut(self, port: int) -> None:
        for end in self._ends.get(port, ()):
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, self._port)
        port = inner_writer.get_extra_info("sockname")[1]
        self._ends[port] = writer, inner_writer
        pumps = {
            asyncio.create_task(_pump(reader, inner_writer)),
            asyncio.create_task(_pump(inner_reader, writer)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._ends[port]
            for pump in pumps:
                pump.cancel()
            inner_writer.close()
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
