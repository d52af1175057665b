"""The gRPC edge of members: messages to commands, results to messages. No decisions."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import protovalidate

from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import events_pb2, members_pb2_grpc
from laurel.members.v1 import members_pb2 as pb
from libs.common.caller import caller
from libs.common.mongo import Request, request
from libs.common.paging import page_after, page_token
from libs.common.pipeline import PipelineReader
from libs.common.rpc.lookup import in_order
from libs.common.rpc.parts import has_few_parts
from libs.common.rpc.requests import WHOLE, violation_texts
from libs.common.rpc.shared.reads import SharedReads
from libs.common.rpc.time import moment, timestamp
from libs.common.watch import Watches
from services.members.domain.facts import Counts
from services.members.domain.members import Partner, Store
from services.members.handlers.attributes import AttributeHandlers
from services.members.handlers.birthdays import BirthdayHandlers
from services.members.handlers.columns import ColumnHandlers, ColumnsRequest
from services.members.handlers.intake import IntakeHandlers
from services.members.handlers.programs import ProgramHandlers
from services.members.handlers.reads import FactsKey, ReadHandlers
from services.members.messages import (
    KINDS,
    VERIFICATIONS,
    clock_message,
    clock_moved,
    event_results,
    facts_messages,
    fill_recorded,
    incoming_event,
    member_message,
    registered,
    registration,
    watched,
)

PAGE_SIZE = 50
EVENTS_PAGE_SIZE = 100
NANOS = 1_000_000_000
FAULT_LENGTH_MAX = 500

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class MembersServicer(members_pb2_grpc.MembersServiceServicer):
    """MembersService over the handlers of members."""

    programs: ProgramHandlers
    intake: IntakeHandlers
    reads: ReadHandlers
    columns: ColumnHandlers
    attributes: AttributeHandlers
    birthdays: BirthdayHandlers
    pipeline: PipelineReader
    watches: Watches
    shared: SharedReads

    async def CreateStore(self, message: pb.CreateStoreRequest, context: Any) -> pb.CreateStoreResponse:
        store = Store(message.program_id, message.store_id, message.display_name, message.sharing_group)
        asked = request(store.program_id, "CreateStore", message.request_id, message, pb.CreateStoreResponse)
        return await self.programs.create_store(store, asked, _store)

    async def CreatePartner(self, message: pb.CreatePartnerRequest, context: Any) -> pb.CreatePartnerResponse:
        partner = Partner(
            message.program_id, message.partner_id, message.display_name, tuple(sorted(message.store_ids))
        )
        asked = request(
            partner.program_id, "CreatePartner", message.request_id, message, pb.CreatePartnerResponse
        )
        return await self.programs.create_partner(partner, asked, _partner)

    async def RegisterMembers(
        self, message: pb.RegisterMembersRequest, context: Any
    ) -> pb.RegisterMembersResponse:
        source = caller().subject
        asked = request(
            message.program_id, "RegisterMembers", message.request_id, message, pb.RegisterMembersResponse
        )
        registrations = [registration(each) for each in message.registrations]
        return await self.intake.register_members(
            message.program_id, source, registrations, asked, registered
        )

    async def SetBirthday(self, message: pb.SetBirthdayRequest, context: Any) -> pb.SetBirthdayResponse:
        asked = request(
            message.program_id, "SetBirthday", message.request_id, message, pb.SetBirthdayResponse
        )
        return await self.birthdays.set(
            message.program_id,
            message.member_id,
            message.birthday,
            asked,
            lambda changed: pb.SetBirthdayResponse(changed=changed),
        )

    async def BatchGetMembers(
        self, message: pb.BatchGetMembersRequest, context: Any
    ) -> pb.BatchGetMembersResponse:
        found = await self.reads.members(message.program_id, message.member_ids)
        return pb.BatchGetMembersResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.MemberResult(status=FOUND, member=member_message(each)),
                missing=pb.MemberResult(status=MISSING),
            )
        )

    async def ListMembers(self, message: pb.ListMembersRequest, context: Any) -> pb.ListMembersResponse:
        tier = (message.tier.tier_set, message.tier.tier) if message.HasField("tier") else None
        filters = (message.program_id, *(tier or ()))
        members, more = await self.reads.list_members(
            message.program_id,
            after=page_after(message.page_token, *filters),
            tier=tier,
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListMembersResponse(
            members=[member_message(member) for member in members],
            next_page_token=page_token(members[-1].member_id, *filters) if more else "",
        )

    async def RecordEvents(self, message: pb.RecordEventsRequest, context: Any) -> pb.RecordEventsResponse:
        return await self._record(message)

    async def StreamEvents(
        self, messages: AsyncIterator[pb.StreamEventsRequest], context: Any
    ) -> AsyncIterator[pb.StreamEventsResponse]:
        async for message in messages:
            answer = await self._record(message.batch)
            yield pb.StreamEventsResponse(results=answer.results)

    async def _record(self, message: pb.RecordEventsRequest) -> pb.RecordEventsResponse:
        source = caller().subject
        asked: Request[pb.RecordEventsResponse] = request(
            message.program_id, "RecordEvents", message.request_id, message, pb.RecordEventsResponse
        )
        batch = [incoming_event(event, _fault(event)) for event in message.events]
        return await self.intake.record_events(
            message.program_id,
            source,
            batch,
            asked,
            lambda results: pb.RecordEventsResponse(results=event_results(results)),
        )

    async def BatchGetFacts(self, message: pb.BatchGetFactsRequest, context: Any) -> pb.BatchGetFactsResponse:
        keys = [
            FactsKey(
                key.member_id,
                moment(key.as_of) if key.HasField("as_of") else None,
                key.through_seq,
                [(KINDS[each.kind], Counts(1, each.amount_minor, each.quantity)) for each in key.possible],
            )
            for key in message.keys
        ]
        results = []
        for facts_at in await self.reads.facts(message.program_id, keys, message.names):
            if facts_at is None:
                results.append(pb.FactsResult(status=MISSING))
                continue
            results.append(
                pb.FactsResult(
                    status=FOUND,
                    as_of=timestamp(facts_at.as_of),
                    facts=facts_messages(facts_at.facts),
                )
            )
        return pb.BatchGetFactsResponse(results=results)

    async def BatchRead(self, message: pb.BatchReadRequest, context: Any) -> pb.BatchReadResponse:
        response: pb.BatchReadResponse = await self.shared.answer(self, message, context)
        return response

    async def ListMemberEvents(
        self, message: pb.ListMemberEventsRequest, context: Any
    ) -> pb.ListMemberEventsResponse:
        member, events, more = await self.reads.list_events(
            message.program_id,
            message.member_id,
            after_seq=message.after_seq,
            limit=message.page_size or EVENTS_PAGE_SIZE,
        )
        response = pb.ListMemberEventsResponse(
            more=more,
            registered_time=timestamp(member.registered_time),
            verification=VERIFICATIONS[member.verification],
        )
        for event in events:
            fill_recorded(response.events.add(), event)
        return response

    def WatchMember(
        self, message: pb.WatchMemberRequest, context: Any
    ) -> AsyncGenerator[pb.WatchMemberResponse, None]:
        latest = partial(self.reads.latest_change, message.program_id, message.member_id)
        return self.watches.answer(message, latest, watched)

    async def StreamFactColumns(
        self, message: pb.StreamFactColumnsRequest, context: Any
    ) -> AsyncIterator[pb.StreamFactColumnsResponse]:
        asked = ColumnsRequest(
            program_id=message.program_id,
            as_of=moment(message.as_of) if message.HasField("as_of") else None,
            facts=list(message.facts),
            after=message.after_member_id,
            through=message.through_member_id,
            more_dates=[moment(each) for each in message.more_dates],
        )
        async for found in self.columns.stream(asked):
            first, *more = found.dates
            yield pb.StreamFactColumnsResponse(
                member_ids=found.member_ids,
                columns=first.columns,
                as_of=timestamp(first.as_of),
                members_total=found.members_total,
                more_dates=[
                    pb.FactColumnsAt(as_of=timestamp(each.as_of), columns=each.columns) for each in more
                ],
            )

    async def StreamMemberAttributes(
        self, message: pb.StreamMemberAttributesRequest, context: Any
    ) -> AsyncIterator[pb.StreamMemberAttributesResponse]:
        names = [
            pb.MemberAttribute.Name(each).removeprefix("MEMBER_ATTRIBUTE_").lower()
            for each in message.attributes
        ]
        async for ids, columns in self.attributes.stream(message.program_id, names):
            yield pb.StreamMemberAttributesResponse(
                member_ids=ids,
                columns=[pb.AttributeColumn(values=each.values, places=each.places) for each in columns],
            )

    async def DivideMembers(self, message: pb.DivideMembersRequest, context: Any) -> pb.DivideMembersResponse:
        ends, total = await self.columns.divide(message.program_id, message.parts_count)
        return pb.DivideMembersResponse(through_member_ids=ends, members_total=total)

    async def BatchGetClocks(
        self, message: pb.BatchGetClocksRequest, context: Any
    ) -> pb.BatchGetClocksResponse:
        found = await self.programs.clocks([each for each in message.program_ids if caller().may_know(each)])
        return pb.BatchGetClocksResponse(
            results=in_order(
                message.program_ids,
                found,
                lambda each: pb.ClockResult(status=FOUND, clock=clock_message(*each)),
                missing=pb.ClockResult(status=MISSING),
            )
        )

    async def MoveClock(self, message: pb.MoveClockRequest, context: Any) -> pb.MoveClockResponse:
        asked = request(message.program_id, "MoveClock", message.request_id, message, pb.MoveClockResponse)
        target = (
            moment(message.to_time) if message.HasField("to_time") else timedelta(seconds=message.by_seconds)
        )
        return await self.programs.move_clock(message.program_id, target, asked, clock_moved)

    async def GetPipelineStatus(
        self, message: pb.GetPipelineStatusRequest, context: Any
    ) -> pb.GetPipelineStatusResponse:
        return pb.GetPipelineStatusResponse(status=await self.pipeline.status(caller()))


def _fault(event: events_pb2.Event) -> str:
    """Which rules of its proto an event breaks; a broken event is rejected by itself."""
    broken = protovalidate.collect_violations(event, fail_fast=True)
    # To describe all that is wrong takes long for what is large, and the answer is kept for replays.
    if broken and has_few_parts(event):
        broken = protovalidate.collect_violations(event)
    violations = violation_texts(broken)
    if not 0 <= event.occurred_time.nanos < NANOS:
        violations["occurred_time"] = "nanos are out of range"
    told = (text if path == WHOLE else f"{path}: {text}" for path, text in violations.items())
    return "; ".join(told)[:FAULT_LENGTH_MAX]


def _store(store: Store) -> pb.CreateStoreResponse:
    message = pb.Store(
        program_id=store.program_id,
        store_id=store.store_id,
        display_name=store.display_name,
        sharing_group=store.sharing_group,
    )
    return pb.CreateStoreResponse(store=message)


def _partner(partner: Partner) -> pb.CreatePartnerResponse:
    message = pb.Partner(
        program_id=partner.program_id,
        partner_id=partner.partner_id,
        display_name=partner.display_name,
        store_ids=partner.store_ids,
    )
    return pb.CreatePartnerResponse(partner=message)
