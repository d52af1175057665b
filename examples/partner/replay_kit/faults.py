"""What can be done to a call, and in which order it is."""

import random
from enum import Enum

import grpc
from google.rpc import error_details_pb2, status_pb2

ASKED_SECONDS = 0.3
REFUSAL_TEXT = "refused by the replay kit"


class Fault(Enum):
    """What is done to a call."""

    NONE = "passed on"
    TWICE = "sent twice at the same time"
    AGAIN = "passed on, and after it an old request once more"
    HELD = "held back until a later one has passed"
    LOST = "done, and the answer lost with the connection"
    CUT = "lost with the connection before it arrived"
    UNAVAILABLE = "refused as UNAVAILABLE, with RetryInfo"
    EXHAUSTED = "refused as RESOURCE_EXHAUSTED, with RetryInfo"
    LATE = "done, and answered after its deadline"


HARMLESS = (Fault.NONE, Fault.TWICE, Fault.AGAIN)
REFUSALS = {
    Fault.UNAVAILABLE: (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
    Fault.EXHAUSTED: (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
}


class Deck:
    """Each fault once and nearly as many calls left alone, in an order of the seed's; then anew.

    After so many in a row that cost the client its answer, one passes: a client may stop trying some time.
    """

    def __init__(self, chance: random.Random, *, in_a_row_max: int) -> None:
        self._chance, self._in_a_row_max = chance, in_a_row_max
        self._cards: list[Fault] = []
        self._in_a_row = 0

    def draw(self) -> Fault:
        """What to do to the next call."""
        if not self._cards:
            self._cards = [*Fault, *[Fault.NONE] * (len(Fault) - 2)]
            self._chance.shuffle(self._cards)
        costs = self._cards[-1] not in HARMLESS
        if costs and self._in_a_row >= self._in_a_row_max:
            self._in_a_row = 0
            return Fault.NONE
        self._in_a_row = self._in_a_row + 1 if costs else 0
        return self._cards.pop()


def refusal_details(code: grpc.StatusCode, reason: str) -> bytes:
    """What Laurel would say with a refusal that passes: why, and when to come again."""
    number: int = code.value[0]
    status = status_pb2.Status(code=number, message=REFUSAL_TEXT)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="laurel"))
    delay = error_details_pb2.RetryInfo()
    delay.retry_delay.FromMilliseconds(round(ASKED_SECONDS * 1000))
    status.details.add().Pack(delay)
    return bytes(status.SerializeToString())
