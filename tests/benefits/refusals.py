"""What a call was refused with."""

from collections.abc import Awaitable

import grpc
import pytest

from libs.common.rpc.errors import error_info


async def refusal(call: Awaitable[object]) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """The code, the reason and the facts of a refusal."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    info = error_info(refused.value)
    assert info is not None
    return refused.value.code(), info.reason, dict(info.metadata)
