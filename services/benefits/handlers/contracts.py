"""Use cases that change contracts: sell, renew, refund, cancel the renewal, say how content a member is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.contract_policy import Plan, Satisfaction
from libs.common.homes import is_visible
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.contract_ends import refund_amount, refunded, renewal_cancelled, satisfied
from services.benefits.domain.contract_sales import Selling
from services.benefits.domain.contracts import Contract, Outcome, Refund, Sale
from services.benefits.domain.errors import ContractUnknown, MemberUnknown, PlanUnknown
from services.benefits.handlers.contract_commands import (
    Payment,
    RefundContract,
    RenewContract,
    SellContract,
    bought_before,
    refunded_before,
)
from services.benefits.handlers.contract_keeping import Became, keep_contracts
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import contracts as kept
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[Contract, str, datetime], M]
"""Gives the response about a contract, in a currency, at a time of the program."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """The version and the time of a program that a use case works by."""

    program: Program
    at: datetime


class ContractHandlers:
    """Keeps contracts. Whoever changes those of one member takes turns with all others who do."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._now, self._new_id = now, new_id

    async def sell(self, command: SellContract, request: Request[M], answer: Answer[M]) -> M:
        """Sell a plan; the same payment again answers what it bought."""

        async def attempt(benefits: BenefitsStore, moment: _Moment) -> tuple[Outcome, Contract | None]:
            if not await is_visible(benefits.database, command.program_id, command.member_id):
                raise MemberUnknown(member_id=command.member_id)
            await kept.claim(benefits, command.program_id, [command.member_id])
            if (bought := await bought_before(benefits, command)) is not None:
                return Outcome(bought), bought
            selling = await self._selling(
                benefits, moment, command.member_id, command.plan, command.payment, command.digest
            )
            return selling.now() if command.start == "now" else selling.after_running(), None

        return await self._once(command.program_id, request, answer, attempt)

    async def renew(self, command: RenewContract, request: Request[M], answer: Answer[M]) -> M:
        """Renew a contract, once; the same payment again answers what it bought."""

        async def attempt(benefits: BenefitsStore, moment: _Moment) -> tuple[Outcome, Contract | None]:
            before = await _claimed(benefits, command.program_id, command.contract_id)
            if (bought := await bought_before(benefits, command)) is not None:
                return Outcome(bought), bought
            plan = command.plan or before.terms.key
            selling = await self._selling(
                benefits, moment, before.member_id, plan, command.payment, command.digest
            )
            return selling.renewing(before), before

        return await self._once(command.program_id, request, answer, attempt)

    async def refund(self, command: RefundContract, request: Request[M], answer: Answer[M]) -> M:
        """Give money back and end the contract; the same reference again answers the same refund."""

        async def attempt(benefits: BenefitsStore, moment: _Moment) -> tuple[Outcome, Contract | None]:
            contract = await _claimed(benefits, command.program_id, command.contract_id)
            if await refunded_before(benefits, command, contract):
                return Outcome(contract), contract
            amount_minor = refund_amount(contract, command.kind, moment.at, moment.program.time_zone)
            refund = Refund(command.kind, command.source, command.reference, amount_minor, moment.at)
            followed = await kept.by_ids(benefits, command.program_id, [contract.follows])
            before = followed.get(contract.follows)
            return refunded(contract, before, refund, moment.program.time_zone), contract

        return await self._once(command.program_id, request, answer, attempt, reason=command.reason)

    async def cancel_renewal(
        self, program_id: str, contract_id: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Keep a contract from being renewed without its member."""

        async def attempt(benefits: BenefitsStore, moment: _Moment) -> tuple[Outcome, Contract | None]:
            contract = await _claimed(benefits, program_id, contract_id)
            return renewal_cancelled(contract, moment.at), contract

        return await self._once(program_id, request, answer, attempt)

    async def set_satisfaction(
        self,
        program_id: str,
        contract_id: str,
        satisfaction: Satisfaction,
        request: Request[M],
        answer: Answer[M],
    ) -> M:
        """Keep how content a member is with a contract."""

        async def attempt(benefits: BenefitsStore, moment: _Moment) -> tuple[Outcome, Contract | None]:
            contract = await _claimed(benefits, program_id, contract_id)
            return satisfied(contract, satisfaction, moment.at), contract

        return await self._once(program_id, request, answer, attempt)

    async def _selling(
        self,
        benefits: BenefitsStore,
        moment: _Moment,
        member_id: str,
        plan: str,
        payment: Payment,
        sale_digest: str,
    ) -> Selling:
        program, terms = moment.program, _on_sale(moment.program, plan)
        paid_minor = payment.amount_minor
        return Selling(
            contract_id=self._new_id("ctr"),
            program_id=program.key,
            member_id=member_id,
            terms=terms,
            sale=Sale(
                program_version=program.version,
                source=payment.source,
                payment_reference=payment.reference,
                digest=sale_digest,
                amount_minor=terms.amount_minor if paid_minor is None else paid_minor,
                sold_time=moment.at,
            ),
            time_zone=program.time_zone,
            held=await kept.held(benefits, program.key, [member_id], moment.at),
        )

    async def _once(
        self,
        program_id: str,
        request: Request[M],
        answer: Answer[M],
        attempt: Callable[[BenefitsStore, _Moment], Awaitable[tuple[Outcome, Contract | None]]],
        *,
        reason: str = "",
    ) -> M:
        """Run an attempt, which gives what becomes of a contract and what it was before; keep all of it."""
        program = (await self._programs.live(program_id)).program
        moment = _Moment(program, await self._times.of(program))

        async def work(benefits: BenefitsStore) -> M:
            outcome, before = await attempt(benefits, moment)
            became = [Became(outcome, moment.at)]
            await keep_contracts(benefits, became, program.currency, now=self._now())
            contract = outcome.contract
            act = Act(
                request,
                [contract.member_id, contract.contract_id],
                reason=reason,
                before=None if before is None else _audited(before),
                after=_audited(contract),
            )
            await trail.record(benefits.database, benefits.session, act, now=self._now())
            return answer(contract, program.currency, moment.at)

        return await self._store.once(request, work, now=self._now)


def _on_sale(program: Program, key: str) -> Plan:
    plan = program.contracts.plan(key)
    if plan is None or not plan.on_sale:
        raise PlanUnknown(plan=key)
    return plan


async def _claimed(benefits: BenefitsStore, program_id: str, contract_id: str) -> Contract:
    """A contract of a member whom the caller may see; others who change one of theirs wait for us."""
    found = (await kept.by_ids(benefits, program_id, [contract_id])).get(contract_id)
    if found is None or not await is_visible(benefits.database, program_id, found.member_id):
        raise ContractUnknown(contract_id=contract_id)
    await kept.claim(benefits, program_id, [found.member_id])
    return found


def _audited(contract: Contract) -> Mapping[str, object]:
    """What an audit record says of a contract."""
    until, refund, said = contract.until_time, contract.refund, contract.follow_up
    told: dict[str, object] = {
        "plan": contract.terms.key,
        "amount_minor": contract.sale.amount_minor,
        "start_time": contract.period.start_time.isoformat(),
        "until_time": "" if until is None else until.isoformat(),
        "renewal_cancelled": int(contract.renewal_cancelled_time is not None),
    }
    if said is not None:
        told["satisfaction"] = said.satisfaction
    return told if refund is None else {**told, "refund_minor": refund.amount_minor, "refund": refund.kind}
