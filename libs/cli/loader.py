"""Sends a file of purchases through the partner API: members first, then their events in batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import islice
from zoneinfo import ZoneInfo

from laurel.common.v1 import error_reason_pb2
from laurel.members.v1 import events_pb2, members_pb2
from libs.cli.batches import by_customer, lanes
from libs.cli.cdnow import Purchase
from libs.cli.clients import Clients
from libs.cli.retries import patiently
from libs.cli.supervisor import together
from libs.common.program import Program
from libs.common.rpc.time import timestamp

REGISTRATIONS_MAX = 500


@dataclass
class LoadResult:
    """What became of the rows of a file."""

    members_created: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: list[str] = field(default_factory=list)


class Loader:
    """Sends rows as one partner; every call can be made again under its request_id."""

    def __init__(self, clients: Clients, program: Program, *, run_id: str, store_id: str = "") -> None:
        """Members who are new join at this store of the partner, or at none."""
        self._clients, self._program, self._run_id, self._store_id = clients, program, run_id, store_id
        self._zone = ZoneInfo(program.time_zone)
        self._result = LoadResult()

    async def load(self, purchases: Sequence[Purchase], sent: Callable[[int], None]) -> LoadResult:
        """Send all rows; `sent` hears of events as they are answered."""
        rows = by_customer(purchases)
        await self._register(rows)
        await together(
            *(self._send_lane(number, batches, sent) for number, batches in enumerate(lanes(rows)))
        )
        return self._result

    async def _register(self, rows: dict[str, list[Purchase]]) -> None:
        registrations = iter(
            members_pb2.Registration(
                external_member_id=customer,
                store_id=self._store_id,
                registered_time=timestamp(self._noon(own[0].day)),
            )
            for customer, own in rows.items()
        )
        number = 0
        while batch := list(islice(registrations, REGISTRATIONS_MAX)):
            request = members_pb2.RegisterMembersRequest(
                program_id=self._program.key,
                request_id=f"{self._run_id}.m{number}",
                registrations=batch,
            )
            self._count_members(request, await self._registered(request))
            number += 1

    async def _registered(
        self, request: members_pb2.RegisterMembersRequest
    ) -> members_pb2.RegisterMembersResponse:
        return await patiently(lambda: self._clients.members.RegisterMembers(request))

    def _count_members(
        self, request: members_pb2.RegisterMembersRequest, response: members_pb2.RegisterMembersResponse
    ) -> None:
        for asked, result in zip(request.registrations, response.results, strict=True):
            self._result.members_created += result.created
            if not result.HasField("member"):
                reason = _reason(result.reason)
                self._result.rejected.append(f"member {asked.external_member_id}: {reason}")

    async def _send_lane(self, lane: int, batches: list[list[Purchase]], sent: Callable[[int], None]) -> None:
        for number, batch in enumerate(batches):
            request = members_pb2.RecordEventsRequest(
                program_id=self._program.key,
                request_id=f"{self._run_id}.e{lane}.{number}",
                events=map(self._event, batch),
            )
            response = await self._record(request)
            self._count_events(request, response)
            sent(len(batch))

    async def _record(self, request: members_pb2.RecordEventsRequest) -> members_pb2.RecordEventsResponse:
        return await patiently(lambda: self._clients.members.RecordEvents(request))

    def _count_events(
        self, request: members_pb2.RecordEventsRequest, response: members_pb2.RecordEventsResponse
    ) -> None:
        for event, result in zip(request.events, response.results, strict=True):
            if result.outcome == members_pb2.EVENT_OUTCOME_ACCEPTED:
                self._result.accepted += 1
            elif result.outcome == members_pb2.EVENT_OUTCOME_DUPLICATE:
                self._result.duplicate += 1
            else:
                told = f"{_reason(result.reason)} {result.detail}".strip()
                self._result.rejected.append(
                    f"purchase of {event.external_member_id} ({event.external_ref}): {told}"
                )

    def _event(self, purchase: Purchase) -> events_pb2.Event:
        return events_pb2.Event(
            kind=events_pb2.EVENT_KIND_PURCHASE,
            external_member_id=purchase.customer,
            external_ref=purchase.external_ref,
            occurred_time=timestamp(self._noon(purchase.day)),
            amount_minor=purchase.amount_minor,
            currency=self._program.currency,
            quantity=purchase.quantity,
        )

    def _noon(self, day: date) -> datetime:
        """The file knows days only: noon is on that day in any calendar of the program."""
        return datetime.combine(day, time(12), self._zone).astimezone(UTC)


def _reason(reason: "error_reason_pb2.ErrorReason.ValueType") -> str:
    return error_reason_pb2.ErrorReason.Name(reason).removeprefix("ERROR_REASON_")
