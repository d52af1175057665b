"""The gRPC edge of tills: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import tills_pb2 as pb
from laurel.benefits.v1 import tills_pb2_grpc
from libs.common.caller import caller
from libs.common.mongo import request
from services.benefits.domain.quotes import Basket, QuotedLine
from services.benefits.handlers.quotes import QuoteHandlers
from services.benefits.handlers.tills import Line, Reversing, TillHandlers
from services.benefits.point_messages import hold_message, quote_message


@dataclass(frozen=True)
class TillsServicer(tills_pb2_grpc.TillsServiceServicer):
    """TillsService over its handlers."""

    tills: TillHandlers
    quotes: QuoteHandlers

    async def Quote(self, message: pb.QuoteRequest, context: Any) -> pb.QuoteResponse:
        lines = [
            QuotedLine(each.ref, each.amount_minor, dict(each.attributes), each.quantity)
            for each in message.lines
        ]
        basket = Basket(lines, source=caller().subject, store_id=message.store_id)
        return quote_message(
            await self.quotes.quote(message.program_id, message.member_id, basket, message.point_type)
        )

    async def Reserve(self, message: pb.ReserveRequest, context: Any) -> pb.ReserveResponse:
        asked = request(message.program_id, "Reserve", message.request_id, message, pb.ReserveResponse)
        return await self.tills.reserve(
            Line(message.program_id, message.check_ref, message.line),
            message.member_id,
            message.points,
            asked,
            lambda held: pb.ReserveResponse(hold=hold_message(held)),
            point_type=message.point_type,
        )

    async def Capture(self, message: pb.CaptureRequest, context: Any) -> pb.CaptureResponse:
        asked = request(message.program_id, "Capture", message.request_id, message, pb.CaptureResponse)
        return await self.tills.capture(
            Line(message.program_id, message.check_ref, message.line),
            message.points,
            asked,
            lambda held: pb.CaptureResponse(hold=hold_message(held)),
        )

    async def Cancel(self, message: pb.CancelRequest, context: Any) -> pb.CancelResponse:
        asked = request(message.program_id, "Cancel", message.request_id, message, pb.CancelResponse)
        return await self.tills.cancel(
            Line(message.program_id, message.check_ref, message.line),
            asked,
            lambda held: pb.CancelResponse(hold=hold_message(held)),
        )

    async def Reverse(self, message: pb.ReverseRequest, context: Any) -> pb.ReverseResponse:
        asked = request(message.program_id, "Reverse", message.request_id, message, pb.ReverseResponse)
        return await self.tills.reverse(
            Reversing(
                program_id=message.program_id,
                check_ref=message.check_ref,
                return_ref=message.return_ref,
                lines={each.line: each.points for each in message.lines},
            ),
            asked,
            lambda found: pb.ReverseResponse(holds=map(hold_message, found)),
        )
