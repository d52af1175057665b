"""A second gateway of the platform under attack, which serves the documents of a list alone."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.cli.platform import SERVICE_PORTS
from libs.cli.ports import HOST, Ports
from tests.attacks.graph import Graph
from tests.attacks.verdicts import Answer
from tests.attacks.world import World

READY_SECONDS = 60.0
QUERY = {"query": "{ __typename }"}


@asynccontextmanager
async def listing_gateway(world: World, documents: Mapping[str, str]) -> AsyncIterator[Graph]:
    """It serves these documents, by their ids, until the block ends."""
    listed = world.folder.path / "documents.json"
    listed.write_text(json.dumps(documents))
    with Ports() as ports:
        port, metrics_port = ports.any(), ports.any()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.gateway"),
            env=os.environ
            | _settings(world)
            | {
                "LAUREL_PORT": str(port),
                "LAUREL_METRICS_PORT": str(metrics_port),
                "LAUREL_PERSISTED_DOCUMENTS_FILE": str(listed),
                "LAUREL_PERSISTED_DOCUMENTS_ONLY": "true",
            },
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        try:
            graph = Graph(f"http://{HOST}:{port}")
            async with asyncio.timeout(READY_SECONDS):
                while (await _knocked(graph)).outcome != "401 UNAUTHENTICATED":
                    await asyncio.sleep(0.1)
            yield graph
        finally:
            process.kill()
            await process.wait()


def _settings(world: World) -> dict[str, str]:
    tls = world.authority.files("gateway")
    return {
        "LAUREL_HOST": HOST,
        "LAUREL_KEY_SET_FILE": str(world.folder.key_set_file),
        "LAUREL_TOKEN_TTL_MAX": "PT12H",
        "LAUREL_TLS_CERTIFICATE_FILE": str(tls.certificate),
        "LAUREL_TLS_KEY_FILE": str(tls.key),
        "LAUREL_TLS_CA_FILE": str(tls.authority),
        **{f"LAUREL_{name.upper()}_ADDRESS": world.run.address(name) for name in SERVICE_PORTS},
    }


async def _knocked(graph: Graph) -> Answer:
    try:
        return await graph.post(QUERY, token="")
    except OSError:
        return Answer("nobody")
