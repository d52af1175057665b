"""What may be asked of contracts, and the numbers of sellers by which each sale and refund happens once."""

from dataclasses import asdict, dataclass
from typing import Literal

from libs.common.canonical import digest
from services.benefits.domain.contracts import Contract, RefundKind
from services.benefits.domain.errors import BusinessKeyConflict
from services.benefits.repository import contracts as kept
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that a member paid: whom, under which number, and how much where it is not the price."""

    source: str
    reference: str
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class SellContract:
    """Somebody sells a plan to a member."""

    program_id: str
    member_id: str
    plan: str
    start: Literal["now", "after_running"]
    payment: Payment

    @property
    def digest(self) -> str:
        """What tells this sale from another one of the same payment."""
        return digest(asdict(self))


@dataclass(frozen=True, slots=True)
class RenewContract:
    """Somebody renews a contract, by its own plan where no other is named."""

    program_id: str
    contract_id: str
    plan: str
    payment: Payment

    @property
    def digest(self) -> str:
        """What tells this sale from another one of the same payment."""
        return digest(asdict(self))


@dataclass(frozen=True, slots=True)
class RefundContract:
    """Somebody gives money back for a contract."""

    program_id: str
    contract_id: str
    kind: RefundKind
    source: str
    reference: str
    reason: str


async def bought_before(benefits: BenefitsStore, command: SellContract | RenewContract) -> Contract | None:
    """What a payment bought before, if it was for the same."""
    payment = command.payment
    bought = await kept.by_payment(benefits, command.program_id, payment.source, payment.reference)
    if bought is not None and bought.sale.digest != command.digest:
        raise BusinessKeyConflict(contract_id=bought.contract_id)
    return bought


async def refunded_before(benefits: BenefitsStore, command: RefundContract, contract: Contract) -> bool:
    """Whether a contract was refunded so before; refuses a reference that another refund has."""
    told = await kept.by_refund(benefits, command.program_id, command.source, command.reference)
    if told is None:
        return False
    if told.contract_id != contract.contract_id or told.refund is None or told.refund.kind != command.kind:
        raise BusinessKeyConflict(contract_id=told.contract_id)
    return True
