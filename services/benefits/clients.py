"""Calls to other services: decisions from scoring, missed events from members."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc

from laurel.common.v1 import fact_pb2, lookup_pb2
from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.scoring.v1 import receipts_pb2, scoring_pb2, scoring_pb2_grpc
from libs.common.clocks import Reading
from libs.common.rpc.client import calling, channel
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import moment, timestamp
from libs.common.tls import Certificates
from services.benefits.domain.memberships import Inbound, MemberEvent, Membership, TierReceipt
from services.benefits.domain.programs import Version
from services.benefits.messages import member_event

_SCORING = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]
_MEMBERS = members_pb2.DESCRIPTOR.services_by_name["MembersService"]

PULL_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """A membership and the events to decide on, in order."""

    membership: Membership
    events: Sequence[MemberEvent]


class ScoringClient:
    """Asks scoring for tier decisions; sends a program's document only to a replica that lacks it."""

    def __init__(
        self, address: str, *, tls: Certificates | None = None, token: Callable[[], str] | None = None
    ) -> None:
        """By certificate; where there is none, in development, with a token."""
        self._channel = channel(address, _SCORING, tls=tls, token=token)
        self._scoring = scoring_pb2_grpc.ScoringServiceStub(self._channel)

    async def decide(self, version: Version, subjects: Sequence[Subject]) -> list[list[TierReceipt]]:
        """A receipt per event of each subject."""
        request = scoring_pb2.DecideTiersRequest(
            program_digest=version.digest, subjects=[_subject(subject) for subject in subjects]
        )
        with calling("scoring"):
            try:
                response = await self._scoring.DecideTiers(request)
            except grpc.aio.AioRpcError as error:
                if reason_of(error) != "PROGRAM_UNKNOWN":
                    raise
                request.program_document = version.document
                response = await self._scoring.DecideTiers(request)
        return [[_receipt(receipt) for receipt in decided.receipts] for decided in response.decisions]

    async def close(self) -> None:
        await self._channel.close()


class MembersClient:
    """Pulls what a stream did not bring."""

    def __init__(
        self, address: str, *, tls: Certificates | None = None, token: Callable[[], str] | None = None
    ) -> None:
        """By certificate; where there is none, in development, with a token."""
        self._channel = channel(address, _MEMBERS, tls=tls, token=token)
        self._members = members_pb2_grpc.MembersServiceStub(self._channel)

    async def events_after(self, program_id: str, member_id: str, seq: int) -> Inbound:
        """The member's events after a sequence, five hundred at most."""
        request = members_pb2.ListMemberEventsRequest(
            program_id=program_id, member_id=member_id, after_seq=max(0, seq), page_size=PULL_EVENTS
        )
        with calling("members"):
            response = await self._members.ListMemberEvents(request)
        events = {event.seq: member_event(event) for event in response.events}
        return Inbound(program_id, member_id, moment(response.registered_time), events)

    async def clocks(self, program_ids: Sequence[str]) -> dict[str, Reading]:
        """The clocks of those of the programs that members knows, five hundred at most."""
        request = members_pb2.BatchGetClocksRequest(program_ids=program_ids)
        with calling("members"):
            response = await self._members.BatchGetClocks(request)
        found = [each.clock for each in response.results if each.status == lookup_pb2.LOOKUP_STATUS_FOUND]
        return {each.program_id: Reading(moment(each.time), each.ticking) for each in found}

    async def close(self) -> None:
        await self._channel.close()


def _subject(subject: Subject) -> scoring_pb2.TierSubject:
    membership = subject.membership
    return scoring_pb2.TierSubject(
        # Without the program, which the request names: with it, three long keys would be too long.
        subject_id=f"{membership.member_id}/{membership.tier_set}",
        tier_set=membership.tier_set,
        tier=membership.tier,
        decided_time=None if membership.as_of is None else timestamp(membership.as_of),
        steps=[
            scoring_pb2.TierStep(
                cause=receipts_pb2.Cause(
                    event=receipts_pb2.EventCause(event_id=event.event_id, seq=event.seq)
                ),
                occurred_time=timestamp(event.occurred_time),
                facts=[fact_pb2.Fact(name=name, value=value) for name, value in event.facts.items()],
            )
            for event in subject.events
        ],
    )


def _receipt(receipt: receipts_pb2.Receipt) -> TierReceipt:
    return TierReceipt(
        outcome=receipts_pb2.TierOutcome.Name(receipt.outcome).removeprefix("TIER_OUTCOME_"),
        from_tier=receipt.from_tier,
        to_tier=receipt.to_tier,
        as_of=moment(receipt.as_of),
        facts=tuple((fact.name, fact.value) for fact in receipt.facts),
        digest=receipt.digest,
        receipt=receipt.SerializeToString(deterministic=True),
    )
