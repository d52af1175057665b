"""Every principal at every RPC of the platform: what happens is what the policy table says."""

from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodDescriptorProto

from libs.common.policy import policy
from libs.common.rpc.server import RpcServer
from libs.common.rpc.shared.asks import is_shared
from libs.common.settings import ServiceSettings
from tests.contracts.test_protos import FILES, methods, module_of
from tests.security.principals import ANONYMOUS, EVERYBODY, kind_of, principal_of, roles_of
from tests.support.builders import PROGRAM
from tests.support.services import Keys

DENIED, UNKNOWN = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture(scope="module")
async def channel(keys: Keys) -> AsyncIterator[Any]:
    """A channel to a server of every service of the contract, with nothing behind the edge."""
    server = RpcServer(
        ServiceSettings(
            development=True, port=0, metrics_port=0, key_set_file=keys.key_set_file, drain_seconds=0
        )
    )
    for register, servicer in servicers():
        server.add(register, servicer)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{await server.start()}") as channel:
        yield channel
    await server.drain()


def servicers() -> Iterator[tuple[Any, Any]]:
    for file in FILES:
        for service in import_module(module_of(file)).DESCRIPTOR.services_by_name:
            generated = import_module(f"{module_of(file)}_grpc")
            yield (
                getattr(generated, f"add_{service}Servicer_to_server"),
                getattr(generated, f"{service}Servicer")(),
            )


def identity(keys: Keys, name: str) -> list[tuple[str, str]]:
    if name == ANONYMOUS:
        return []
    program_id = None if name == "service" else PROGRAM
    token = keys.token(kind_of(name), "somebody", program_id, roles=roles_of(name))
    return [("authorization", f"Bearer {token()}")]


async def status(channel: Any, method: MethodDescriptor, metadata: list[tuple[str, str]]) -> grpc.StatusCode:
    """How an empty request ends: whoever may call hears at most what is wrong with it."""
    kind = MethodDescriptorProto()
    method.CopyToProto(kind)
    path = f"/{method.containing_service.full_name}/{method.name}"
    if kind.client_streaming:
        # Nothing is sent: where a call is over before that, grpc tells of the sending and not of the answer.
        call = channel.stream_stream(path)(metadata=metadata, timeout=5)
    elif kind.server_streaming:
        call = channel.unary_stream(path)(b"", metadata=metadata, timeout=5)
    else:
        call = channel.unary_unary(path)(b"", metadata=metadata, timeout=5)
    code: grpc.StatusCode = await call.code()
    return code


@pytest.mark.parametrize("method", methods(), ids=lambda each: f"{each.containing_service.name}.{each.name}")
async def test_an_rpc_is_open_to_those_whom_the_table_names_and_to_nobody_else(
    channel: Any, keys: Keys, method: MethodDescriptor
) -> None:
    row = policy().rpcs[f"{method.containing_service.full_name}/{method.name}"]
    met = {name: await status(channel, method, identity(keys, name)) for name in EVERYBODY}

    # Who reads for others comes without a token; by TLS it must be the gateway (test_shared_peers).
    shared = is_shared(f"{method.containing_service.full_name}/{method.name}")
    assert met.pop(ANONYMOUS) == (grpc.StatusCode.INVALID_ARGUMENT if shared else UNKNOWN)
    granted = {name for name in met if row.grant(principal_of(name, "somebody")) is not None}
    assert {name for name, code in met.items() if code not in {DENIED, UNKNOWN}} == granted
    assert granted == set(row.grants)
