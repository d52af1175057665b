"""The gRPC edge of walks: messages to commands, results to messages. No decisions."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from laurel.scoring.v1 import walks_pb2 as pb
from laurel.scoring.v1 import walks_pb2_grpc
from libs.common.caller import caller
from libs.common.rpc.time import moment
from services.scoring.messages import LOOKS
from services.scoring.programs import NamedProgram
from services.scoring.walk_messages import walk_frame, walk_header, walked_message
from services.scoring.walking import WalkingHandlers, WalkTiers


@dataclass(frozen=True)
class WalkServicer(walks_pb2_grpc.WalkServiceServicer):
    """WalkService over its handlers."""

    handlers: WalkingHandlers

    async def WalkTiers(
        self, messages: AsyncIterator[pb.WalkTiersRequest], context: Any
    ) -> AsyncIterator[pb.WalkTiersResponse]:
        header = walk_header(await anext(messages, None))
        walking = self.handlers.walking(
            WalkTiers(
                principal=caller(),
                programs=[
                    NamedProgram(each.program_digest, each.program_document) for each in header.programs
                ],
                facts=list(header.facts),
                dates=[moment(each) for each in header.dates],
                look=LOOKS[header.look],
            )
        )
        named = True
        async for message in messages:
            frame = walk_frame(message)
            ladders = await walking.walk(frame)
            yield pb.WalkTiersResponse(
                frame_id=frame.frame_id, ladders=[walked_message(each, named=named) for each in ladders]
            )
            named = False
