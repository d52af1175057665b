"""The platform with some members, and a gateway that lists the documents of the samples."""

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx

from libs.cli import loading, pipeline, sample
from libs.cli.clients import connected, staff_token
from libs.cli.console import err
from libs.cli.data_folder import DataFolder
from libs.cli.platform import running
from tests.conformance.node import environment

PURCHASES = 300
MANIFEST = "LAUREL_PERSISTED_DOCUMENTS_FILE"


@asynccontextmanager
async def scene(folder: Path, listed: Mapping[str, str]) -> AsyncIterator[dict[str, str]]:
    """A running platform; gives the environment of whoever asks its graph."""
    manifest, purchases = folder / "documents.json", folder / "purchases.txt"
    manifest.write_text(json.dumps(dict(listed)))
    purchases.write_text("".join(sample.FILE.read_text().splitlines(keepends=True)[:PURCHASES]))
    data = DataFolder(folder / "platform")
    with _variable(MANIFEST, str(manifest)):
        async with running(data) as run:
            await sample.prepare(run)
            file = loading.read(
                purchases, source=sample.PARTNER, program_id=sample.PROGRAM, store_id=sample.STORE
            )
            await loading.load(run, data, file, err)
            token = staff_token(run, sample.PROGRAM)
            async with connected(run, token) as clients:
                await pipeline.drained(clients)
            url = f"{run.gateway_url}/graphql"
            member = await _first_member(url, token)
            yield environment(LAUREL_URL=url, LAUREL_TOKEN=token, LAUREL_MEMBER=member)


async def _first_member(url: str, token: str) -> str:
    query = {"query": "{ members(first: 1) { edges { node { memberId } } } }"}
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, trust_env=False) as http:
        answer = (await http.post(url, json=query)).json()
    member_id: str = answer["data"]["members"]["edges"][0]["node"]["memberId"]
    return member_id


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
