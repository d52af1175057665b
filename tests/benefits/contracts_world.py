"""A dating site of its own for each test that sells contracts, with a clock that the test moves."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import grpc

from laurel.benefits.v1 import benefits_pb2, contracts_pb2_grpc
from laurel.benefits.v1 import contracts_pb2 as pb
from libs.common.calendar import CALENDAR, Calendar, Kind
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import Document
from libs.common.program import Program, preset
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import moment
from libs.common.visibility import Home
from services.benefits.handlers.contract_calendar import ContractEnds, ContractReminders
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story

SERVICE = pb.DESCRIPTOR.services_by_name["ContractsService"]
BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)  # two in the afternoon in Shanghai
DAY = timedelta(days=1)
NOW, AFTER_RUNNING = pb.CONTRACT_START_NOW, pb.CONTRACT_START_AFTER_RUNNING


@dataclass
class Site:
    """A dating site and who deals with it."""

    benefits: BenefitsWorld
    program: Program

    @property
    def key(self) -> str:
        return self.program.key

    @property
    def at(self) -> datetime:
        """What time it is on the site."""
        return self.benefits.members.times[self.key]

    def stub(self, kind: PrincipalKind, subject: str, **claims: Any) -> Any:
        """A stub of ContractsService that calls as this principal."""
        made = contracts_pb2_grpc.ContractsServiceStub
        return self.benefits.stub(SERVICE, made, kind, subject, self.key, **claims)

    @cached_property
    def partner(self) -> Any:
        """The partner that registers the members."""
        return self.stub("partner", "shop")

    @cached_property
    def staff(self) -> Any:
        """Staff who see the whole program."""
        return self.stub("staff", "ann", roles=["operations_manager"])

    async def a_member(self, *amounts: int, home: Home | None = None) -> Story:
        """A member who joined and made these purchases."""
        story = Story(self.key, home=home).buys(*amounts)
        self.benefits.members.knows([story])
        told = [story.told()] if story.events else []
        await self.benefits.apply(story.partition, story.registration(), *told)
        return story

    async def sell(self, story: Story, plan: str = "gold_year", **fields: Any) -> pb.Contract:
        answer: pb.SellContractResponse = await self.partner.SellContract(self.selling(story, plan, **fields))
        return answer.contract

    def selling(self, story: Story, plan: str = "gold_year", **fields: Any) -> pb.SellContractRequest:
        given = {"start": NOW, "payment_reference": new_id("pay"), **fields}
        return pb.SellContractRequest(
            program_id=self.key, request_id=new_id("req"), member_id=story.member_id, plan=plan, **given
        )

    def renewing(self, contract: pb.Contract, **fields: Any) -> pb.RenewContractRequest:
        given = {"payment_reference": new_id("pay"), **fields}
        return pb.RenewContractRequest(
            program_id=self.key, request_id=new_id("req"), contract_id=contract.contract_id, **given
        )

    def refunding(self, contract: pb.Contract, **fields: Any) -> pb.RefundContractRequest:
        given = {"refund_reference": new_id("back"), "kind": pb.REFUND_KIND_WHOLE, **fields}
        return pb.RefundContractRequest(
            program_id=self.key, request_id=new_id("req"), contract_id=contract.contract_id, **given
        )

    def cancelling(self, contract: pb.Contract) -> pb.CancelRenewalRequest:
        return pb.CancelRenewalRequest(
            program_id=self.key, request_id=new_id("req"), contract_id=contract.contract_id
        )

    def saying(self, contract: pb.Contract, satisfaction: Any) -> pb.SetSatisfactionRequest:
        return pb.SetSatisfactionRequest(
            program_id=self.key,
            request_id=new_id("req"),
            contract_id=contract.contract_id,
            satisfaction=satisfaction,
        )

    async def contracts(self, story: Story) -> list[pb.Contract]:
        """The contracts of a member as anybody reads them, in the order of their sales."""
        request = pb.BatchListContractsRequest(program_id=self.key, member_ids=[story.member_id])
        (result,) = (await self.staff.BatchListContracts(request)).results
        return list(reversed(result.contracts))

    async def pool(self, **filters: Any) -> list[pb.PooledContract]:
        request = pb.ListRenewalPoolRequest(program_id=self.key, **filters)
        return list((await self.staff.ListRenewalPool(request)).pooled)

    async def membership(self, story: Story) -> benefits_pb2.Membership:
        request = benefits_pb2.BatchGetMembershipsRequest(program_id=self.key, member_ids=[story.member_id])
        (result,) = (await self.benefits.service.BatchGetMemberships(request)).results
        (membership,) = result.memberships
        return membership

    async def benefits_of(self, story: Story) -> dict[str, str]:
        """The benefits of a member, and the plan without which they would not have them."""
        request = benefits_pb2.BatchListEntitlementsRequest(program_id=self.key, member_ids=[story.member_id])
        (result,) = (await self.benefits.service.BatchListEntitlements(request)).results
        return {each.benefit: each.plan for each in result.entitlements}

    async def told(self, story: Story) -> list[Document]:
        """What the member is told of the ends of contracts, in the order in which it was made."""
        wanted = {"member_id": story.member_id, "code": "CONTRACT_ENDING"}
        return await self.benefits.database.notices.find(wanted).sort("_id", 1).to_list(None)

    async def move(self, until: datetime) -> None:
        """Move the clock, and let the calendar of one replica make happen what is due until then."""
        self.benefits.members.times[self.key] = until
        await self.calendar().run_once()

    def calendar(self) -> Calendar:
        """The calendar of a replica, which looks at this site alone."""

        async def times() -> dict[str, datetime]:
            return {self.key: self.at}

        store = BenefitsStore(self.benefits.database)
        programs = ProgramHandlers(store, now)
        kinds: list[Kind] = [
            ContractReminders(store, programs, now=now, new_id=new_id),
            ContractEnds(store, programs, now=now),
        ]
        leases = HeldLeases(self.benefits.database, [CALENDAR], group="jobs", holder=new_id("rep"), now=now)
        return Calendar(self.benefits.database, leases, kinds, times, service="benefits")


class HeldLeases(Leases):
    """A lease that is held: two replicas may be at it at once, which must do no harm."""

    def held(self) -> frozenset[str]:
        return frozenset({CALENDAR})


async def a_site(benefits: BenefitsWorld, *, at: datetime = BEGIN, **changes: Any) -> Site:
    """A dating site of its own, at a time, without quiet hours."""
    document = preset("dating_annual").document()
    document |= {"key": f"site_{new_id('x')[-12:]}", "clock": {"replay_from": "2026-01-01T00:00:00Z"}}
    document["notices"] |= {"quiet_hours": None}
    document |= changes
    program = Program.parse(document)
    benefits.members.times[program.key] = at
    await benefits.publish(program)
    return Site(benefits, program)


def end_of(contract: pb.Contract) -> datetime:
    return moment(contract.end_time)


def reasons(answers: list[Any]) -> list[str]:
    """What was refused among answers, by the reason; whatever else went wrong is raised."""
    refused = [each for each in answers if isinstance(each, grpc.aio.AioRpcError)]
    if defect := next(
        (each for each in answers if isinstance(each, BaseException) and each not in refused), None
    ):
        raise defect
    return sorted(reason_of(each) for each in refused)
