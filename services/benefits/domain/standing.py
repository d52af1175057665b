"""Standing: the tier that a member holds by what they earned or by contract, and all that it grants."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.common.benefit_policy import BenefitGrant
from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.benefits.domain.contracts import Contract
from services.benefits.domain.entitlements import Entitlement, entitlements
from services.benefits.domain.memberships import Membership


@dataclass(frozen=True, slots=True)
class HeldTier:
    """The tier held in a tier set: the higher one of what was earned and what a contract grants.

    `contract` is the one that grants it, None where the member earned it.
    """

    tier: str
    earned_tier: str
    earned_time: datetime | None
    contract: Contract | None = None

    @property
    def since_time(self) -> datetime | None:
        """Since when it is held."""
        return self.earned_time if self.contract is None else self.contract.since_time


def in_force(contracts: Iterable[Contract], at: datetime) -> list[Contract]:
    """The contracts that grant something at a time: an add-on does while a plan that it needs does."""
    running = [each for each in contracts if each.runs(at)]
    plans = {each.terms.key for each in running}
    return [each for each in running if not each.terms.needs or plans.intersection(each.terms.needs)]


def held_tier(
    tier_set: TierSet, earned_tier: str, earned_time: datetime | None, granting: Iterable[Contract]
) -> HeldTier:
    """What is held of a tier set, given the contracts in force; where both are as high, it was earned."""
    ranks = {tier.key: rank for rank, tier in enumerate(tier_set.tiers)}
    held = HeldTier(earned_tier, earned_tier, earned_time)
    for contract in granting:
        grant = contract.terms.grants
        if grant is None or grant.tier_set != tier_set.key:
            continue
        if ranks.get(grant.tier, -1) > ranks.get(held.tier, -1):
            held = replace(held, tier=grant.tier, contract=contract)
    return held


def tier_at(tier_set: TierSet, earned_tier: str, contracts: Sequence[Contract], at: datetime) -> str:
    """The tier held at a time by who had earned this one by then, given contracts that may have run."""
    return held_tier(tier_set, earned_tier, None, in_force(contracts, at)).tier


def standing(
    program: Program, memberships: Iterable[Membership], granting: Iterable[Contract]
) -> dict[str, HeldTier]:
    """What a member holds of each tier set of which they hold anything, given the contracts in force."""
    earned = {each.tier_set: each for each in memberships}
    contracts, held = list(granting), {}
    for tier_set in program.tier_sets:
        membership = earned.get(tier_set.key)
        tier, since_time = ("", None) if membership is None else (membership.tier, membership.since_time)
        held[tier_set.key] = held_tier(tier_set, tier, since_time, contracts)
    return {key: each for key, each in held.items() if each.tier}


def entitlements_at(
    program: Program, memberships: Iterable[Membership], contracts: Sequence[Contract], at: datetime
) -> list[Entitlement]:
    """What a member has at a time: by their tiers, by contracts themselves, and what is offered to them."""
    granting = in_force(contracts, at)
    held = standing(program, memberships, granting)
    tier_sets = {each.key: each for each in program.tier_sets}
    by_tier = [one for key, each in held.items() for one in _of_tier(tier_sets[key], each)]
    by_contract = [_of_contract(each, one) for each in granting for one in each.terms.benefits]
    offered = [one for each in contracts for one in _offered(each, at)]
    return [*by_tier, *by_contract, *offered]


def _of_tier(tier_set: TierSet, held: HeldTier) -> list[Entitlement]:
    """The benefits of a tier; those that the earned one would not grant are by the contract."""
    earned = {each.grant.benefit for each in entitlements(tier_set, held.earned_tier)}
    by = held.contract
    return [
        replace(each, since_time=held.earned_time)
        if by is None or each.grant.benefit in earned
        else replace(each, since_time=by.since_time, contract_id=by.contract_id, plan=by.terms.key)
        for each in entitlements(tier_set, held.tier)
    ]


def _of_contract(contract: Contract, grant: BenefitGrant, since_time: datetime | None = None) -> Entitlement:
    return Entitlement(
        grant=grant,
        tier_set="",
        granted_by_tier="",
        inherited=False,
        contract_id=contract.contract_id,
        plan=contract.terms.key,
        since_time=since_time or contract.since_time,
    )


def _offered(contract: Contract, at: datetime) -> list[Entitlement]:
    """What is offered to a member whose contract ran out, while it may be taken."""
    said = contract.follow_up
    if said is None or said.offered_time is None or said.until_time is None:
        return []
    if not said.offered_time <= at < said.until_time:
        return []
    offers = contract.terms.follow_up.offers(said.satisfaction)
    return [_of_contract(contract, grant, said.offered_time) for grant in offers]
