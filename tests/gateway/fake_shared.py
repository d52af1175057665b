"""Shared calls of the fakes: each run's BatchGets one by one, as its caller; slow, and easy to believe."""

import asyncio
from collections.abc import Sequence
from contextvars import copy_context
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from laurel.common.v1 import lookup_pb2
from libs.common.caller import set_caller, set_granted
from libs.common.policy import policy
from libs.common.rpc.masking import mask
from libs.common.rpc.shared.asks import Run, runs_of, wanted
from libs.common.rpc.shared.assembling import DENIED, ERROR, MISSING
from libs.common.rpc.shared.carried import carried
from libs.common.rpc.shared.reads import SharedRead

Outcome = tuple[list[int], list[Message], bytes]


async def batch_read(servicer: Any, reads: Sequence[SharedRead], request: Any, context: Any) -> Any:
    """Answer a BatchReadRequest with what the BatchGets of a servicer answer to each caller."""
    file = request.DESCRIPTOR.file
    (service,) = (each for each in file.services_by_name.values() if "BatchRead" in each.methods_by_name)
    answer: Any = GetMessageClass(file.message_types_by_name["BatchReadResponse"])()
    runs = runs_of(request)
    for read in reads:
        wanting = [run for run in runs if run.want & wanted(type(answer), read.field)]
        path = f"{service.full_name}/{read.method}"
        asked = [_of_run(servicer, read, path, run, request, context) for run in wanting]
        part = getattr(answer, read.field)
        if wanting:
            part.SetInParent()
        for run, (results, items, status) in zip(wanting, await asyncio.gather(*asked), strict=True):
            part.results.extend(each + len(part.items) if each >= 0 else each for each in results)
            part.items.extend(items)
            if status:
                part.errors.add(run=run.place, status=status)
    return answer


async def _of_run(
    servicer: Any, read: SharedRead, path: str, run: Run, request: Any, context: Any
) -> Outcome:
    principal = carried().callers[run.caller]
    if isinstance(principal, int):
        return [principal] * len(run.keys), [], b""
    grant = policy().rpcs[path].grant(principal)
    if grant is None:
        return [DENIED] * len(run.keys), [], b""
    kind = (
        GetMessageClass(request.DESCRIPTOR.file.message_types_by_name["ReadArguments"])
        if hasattr(request, "arguments")
        else None
    )
    arguments = request.arguments[run.arguments - 1] if run.arguments else kind and kind()

    async def called() -> Any:
        set_caller(principal)
        set_granted(grant)
        asked = read.request(principal.program_id or "", run.keys, arguments)
        return await getattr(servicer, read.method)(asked, context)

    try:
        response = await asyncio.create_task(called(), context=copy_context())
    except Exception as error:
        _, status = carried().ending(path, error)
        return [ERROR] * len(run.keys), [], status.SerializeToString()
    mask(response, grant.mask)
    results: list[int] = []
    items: list[Message] = []
    for result in response.results:
        if getattr(result, "status", None) == lookup_pb2.LOOKUP_STATUS_MISSING:
            results.append(MISSING)
        else:
            results.append(len(items))
            items.append(result)
    return results, items, b""
