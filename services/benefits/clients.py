"""Calls to other services: decisions from scoring, missed events from members, trust from risk."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import grpc

from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import events_pb2, members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from laurel.scoring.v1 import (
    explanations_pb2,
    explanations_pb2_grpc,
    receipts_pb2,
    scoring_pb2,
    scoring_pb2_grpc,
)
from libs.common.clocks import Reading
from libs.common.rpc.client import calling, channel
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import moment, optional_timestamp, timestamp
from libs.common.tls import Certificates
from services.benefits.domain.memberships import Inbound, Membership, Order, Step, TierReceipt
from services.benefits.domain.occasions import NEWS
from services.benefits.domain.programs import Version
from services.benefits.messages import in_force, member_event, term_message

_SCORING = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]
_EXPLANATION = explanations_pb2.DESCRIPTOR.services_by_name["ExplanationService"]
_MEMBERS = members_pb2.DESCRIPTOR.services_by_name["MembersService"]
_RISK = risk_pb2.DESCRIPTOR.services_by_name["RiskService"]

A = TypeVar("A")

# The reason of a receipt for a higher tier that waits for risk.
UPGRADE_HELD = "UPGRADE_HELD"
PULL_EVENTS = 500
FACTS_KEYS_MAX = 500
# Whole programs, which are read while they are counted.
STREAM_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A membership and what to decide of it, in order; by the rules of a region where one is named."""

    membership: Membership
    steps: Sequence[Step]
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Possible:
    """What an event that did not happen would count."""

    kind: str
    amount_minor: int = 0
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class FactsKey:
    """A member at a time, by the events up to a sequence or all when it is 0, and by possible ones then."""

    member_id: str
    as_of: datetime
    through_seq: int
    possible: Sequence[Possible] = ()


class ScoringClient:
    """Asks scoring for tier decisions; sends a program's document only to a replica that lacks it."""

    def __init__(
        self, address: str, *, tls: Certificates | None = None, token: Callable[[], str] | None = None
    ) -> None:
        """By certificate; where there is none, in development, with a token."""
        self._channel = channel(address, _SCORING, tls=tls, token=token)
        self._scoring = scoring_pb2_grpc.ScoringServiceStub(self._channel)

    async def decide(self, version: Version, subjects: Sequence[Subject]) -> list[list[TierReceipt]]:
        """A receipt per step of each subject."""
        request = scoring_pb2.DecideTiersRequest(program_digest=version.digest)
        for subject in subjects:
            _add_subject(request, subject)
        with calling("scoring"):
            response = await knowing(self._scoring.DecideTiers, request, version.document)
        return [[_receipt(receipt) for receipt in decided.receipts] for decided in response.decisions]

    async def close(self) -> None:
        await self._channel.close()


class ExplanationClient:
    """Asks scoring to decide receipts again, and for paths to tiers."""

    def __init__(
        self, address: str, *, tls: Certificates | None = None, token: Callable[[], str] | None = None
    ) -> None:
        """By certificate; where there is none, in development, with a token."""
        self._channel = channel(address, _EXPLANATION, tls=tls, token=token)
        self._explanation = explanations_pb2_grpc.ExplanationServiceStub(self._channel)

    async def replay(
        self, digest: str, document: bytes, receipts: Sequence[receipts_pb2.Receipt]
    ) -> list[explanations_pb2.Replay]:
        """The receipts, decided again by a program."""
        request = explanations_pb2.ReplayReceiptsRequest(program_digest=digest, receipts=receipts)
        with calling("scoring"):
            response = await knowing(self._explanation.ReplayReceipts, request, document)
        return list(response.replays)

    async def find_paths(
        self, request: explanations_pb2.FindTierPathsRequest, document: bytes
    ) -> explanations_pb2.FindTierPathsResponse:
        """What would bring a tier about."""
        with calling("scoring"):
            return await knowing(self._explanation.FindTierPaths, request, document)

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

    async def facts(
        self, program_id: str, keys: Sequence[FactsKey], names: Sequence[str]
    ) -> list[Mapping[str, int]]:
        """Some facts at each key; nothing of a member whom members does not know (any more)."""
        found: list[Mapping[str, int]] = []
        for start in range(0, len(keys), FACTS_KEYS_MAX):
            request = members_pb2.BatchGetFactsRequest(
                program_id=program_id,
                keys=[_facts_key(each) for each in keys[start : start + FACTS_KEYS_MAX]],
                names=names,
            )
            with calling("members"):
                response = await self._members.BatchGetFacts(request)
            found += [{fact.name: fact.value for fact in each.facts} for each in response.results]
        return found

    async def latest_seqs(self, program_id: str, member_ids: Sequence[str]) -> dict[str, int]:
        """The sequence of the latest event of each of these members, five hundred at most, that there is."""
        request = members_pb2.BatchGetMembersRequest(program_id=program_id, member_ids=member_ids)
        with calling("members"):
            response = await self._members.BatchGetMembers(request)
        found = [each.member for each in response.results if each.status == lookup_pb2.LOOKUP_STATUS_FOUND]
        return {each.member_id: each.seq for each in found}

    async def attributes(
        self, program_id: str, names: Sequence[str]
    ) -> AsyncGenerator[members_pb2.StreamMemberAttributesResponse, None]:
        """Attributes of all members of a program, in the order of their ids."""
        attributes = [members_pb2.MemberAttribute.Value(f"MEMBER_ATTRIBUTE_{each.upper()}") for each in names]
        request = members_pb2.StreamMemberAttributesRequest(program_id=program_id, attributes=attributes)
        with calling("members"):
            async for answer in self._members.StreamMemberAttributes(request, timeout=STREAM_SECONDS):
                yield answer

    async def clocks(self, program_ids: Sequence[str]) -> dict[str, Reading]:
        """The clocks of those of the programs that members knows, five hundred at most."""
        request = members_pb2.BatchGetClocksRequest(program_ids=program_ids)
        with calling("members"):
            response = await self._members.BatchGetClocks(request)
        found = [each.clock for each in response.results if each.status == lookup_pb2.LOOKUP_STATUS_FOUND]
        return {each.program_id: Reading(moment(each.time), each.ticking) for each in found}

    async def close(self) -> None:
        await self._channel.close()


class RiskClient:
    """Asks risk how far members can be trusted."""

    def __init__(
        self, address: str, *, tls: Certificates | None = None, token: Callable[[], str] | None = None
    ) -> None:
        """By certificate; where there is none, in development, with a token."""
        self._channel = channel(address, _RISK, tls=tls, token=token)
        self._risk = risk_pb2_grpc.RiskServiceStub(self._channel)

    async def integrity(self, program_id: str, member_ids: Sequence[str]) -> dict[str, int]:
        """The integrity, 0 to 100, of those of the members whom risk knows, five hundred at most."""
        request = risk_pb2.BatchGetRiskProfilesRequest(program_id=program_id, member_ids=member_ids)
        with calling("risk"):
            response = await self._risk.BatchGetRiskProfiles(request)
        found = [each.profile for each in response.results if each.status == lookup_pb2.LOOKUP_STATUS_FOUND]
        return {each.member_id: each.integrity for each in found}

    async def close(self) -> None:
        await self._channel.close()


async def knowing(call: Callable[[Any], Awaitable[A]], request: Any, document: bytes) -> A:
    """Call scoring, and once more with the program's document where this replica does not hold it."""
    try:
        return await call(request)
    except grpc.aio.AioRpcError as error:
        if reason_of(error) != "PROGRAM_UNKNOWN":
            raise
    request.program_document = document
    return await call(request)


def _facts_key(key: FactsKey) -> members_pb2.FactsKey:
    return members_pb2.FactsKey(
        member_id=key.member_id,
        as_of=timestamp(key.as_of),
        through_seq=key.through_seq,
        possible=[
            members_pb2.PossibleCount(
                kind=events_pb2.EventKind.Value(f"EVENT_KIND_{each.kind.upper()}"),
                amount_minor=each.amount_minor,
                quantity=each.quantity,
            )
            for each in key.possible
        ],
    )


def _add_subject(request: scoring_pb2.DecideTiersRequest, subject: Subject) -> None:
    """Write a subject in its place: messages that are handed over are copied."""
    membership = subject.membership
    message = request.subjects.add(
        # Without the program, which the request names: with it, three long keys would be too long.
        subject_id=f"{membership.member_id}/{membership.tier_set}",
        tier_set=membership.tier_set,
        tier=membership.tier,
        decided_time=None if membership.as_of is None else timestamp(membership.as_of),
        term=term_message(membership),
        variant=subject.variant,
    )
    for step in subject.steps:
        told = message.steps.add(
            cause=_cause(step),
            occurred_time=timestamp(step.time),
            look=receipts_pb2.TierLook.Value(f"TIER_LOOK_{step.look}"),
            given=None if step.given is None else _order(step.given),
        )
        for name, value in step.facts.items():
            told.facts.add(name=name, value=value)


def _cause(step: Step) -> receipts_pb2.Cause:
    if step.run_id:
        return receipts_pb2.Cause(run_id=step.run_id)
    return receipts_pb2.Cause(event=receipts_pb2.EventCause(event_id=step.event_id, seq=step.seq))


def _order(order: Order) -> receipts_pb2.TierOrder:
    return receipts_pb2.TierOrder(
        tier=order.tier,
        code=order.code,
        until_time=optional_timestamp(order.until_time),
        decision_id=order.decision_id,
    )


def _receipt(receipt: receipts_pb2.Receipt) -> TierReceipt:
    after, codes = receipt.terms.after, {reason.code for reason in receipt.reasons}
    return TierReceipt(
        outcome=receipts_pb2.TierOutcome.Name(receipt.outcome).removeprefix("TIER_OUTCOME_"),
        from_tier=receipt.from_tier,
        to_tier=receipt.to_tier,
        as_of=moment(receipt.as_of),
        facts=tuple((fact.name, fact.value) for fact in receipt.facts),
        digest=receipt.digest,
        receipt=receipt.SerializeToString(deterministic=True),
        review_time=moment(after.review_time) if after.HasField("review_time") else None,
        in_grace=after.in_grace,
        override=in_force(after.override) if after.HasField("override") else None,
        held=UPGRADE_HELD in codes,
        news=not codes.isdisjoint(NEWS),
    )
