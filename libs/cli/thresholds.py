"""What tiers had better ask for, by benefits: asked for, and followed to the result."""

from collections.abc import Callable

from laurel.benefits.v1 import thresholds_pb2 as pb
from libs.cli.clients import Clients
from libs.cli.retries import patiently


async def suggestions(
    clients: Clients,
    request: pb.SuggestThresholdsRequest,
    told: Callable[[pb.ThresholdProgress], None],
) -> pb.ThresholdSuggestions:
    """The result; `told` hears how far it is. What was cut off is asked anew, since nothing is kept of it."""

    async def answered() -> pb.ThresholdSuggestions:
        found = pb.ThresholdSuggestions()
        async for answer in clients.thresholds.SuggestThresholds(request):
            if answer.HasField("progress"):
                told(answer.progress)
            else:
                found = answer.suggestions
        return found

    return await patiently(answered)
