"""Goods: rewards for points, coupons for checks, contracts for money; each taken, and some given back."""

import random
from collections.abc import Awaitable, Callable

from laurel.benefits.v1 import contracts_pb2, coupons_pb2, rewards_pb2
from tests.faults.operations.asking import DEADLINE_SECONDS, Answer, Ask, bytes_of, digest_of
from tests.faults.shelf import COUPON_AMOUNT_MINOR, PLAN, REWARDS
from tests.faults.world import PARTNER, World


class RedeemReward:
    """A reward is reserved for a shopper. Who has too few points, or comes too late, is refused."""

    name, service, weight, steady, audited = "RedeemReward", "benefits", 5, False, True

    def ask(self, world: World, key: str, chance: random.Random) -> Ask:
        """Whatever is left of it."""
        return self._ask(world, key, chance.choice(world.shoppers), chance.choice(list(REWARDS)))

    def _ask(self, world: World, key: str, member_id: str, reward: str) -> Ask:
        request = rewards_pb2.RedeemRewardRequest(
            program_id=world.program_id, request_id=key, member_id=member_id, reward_id=reward
        )

        async def send() -> Answer:
            answer = await world.rewards.RedeemReward(request, timeout=DEADLINE_SECONDS)
            world.redemptions.known(answer.redemption.redemption_id)
            return Answer(bytes_of(answer), (bool(answer.redemption.redemption_id),))

        other = next(each for each in REWARDS if each != reward)
        return Ask(
            (redemption_effect(key),),
            digest_of(request),
            send,
            lambda: self._ask(world, key, member_id, other),
        )


class CancelRedemption:
    """What is reserved goes back, with its points."""

    name, service, weight, steady, audited = "CancelRedemption", "benefits", 2, False, True

    def ask(self, world: World, key: str, chance: random.Random) -> Ask | None:
        """One that nobody else cancels."""
        redemption_id = world.redemptions.to_follow(chance)
        return None if redemption_id is None else self._ask(world, key, redemption_id, "no longer wanted")

    def _ask(self, world: World, key: str, redemption_id: str, why: str) -> Ask:
        request = rewards_pb2.CancelRedemptionRequest(
            program_id=world.program_id, request_id=key, redemption_id=redemption_id, explanation=why
        )

        async def send() -> Answer:
            answer = await world.rewards.CancelRedemption(request, timeout=DEADLINE_SECONDS)
            cancelled = answer.redemption.state == rewards_pb2.REDEMPTION_STATE_CANCELLED
            return Answer(bytes_of(answer), (cancelled,))

        effects = (cancelled_effect(redemption_id),)
        return Ask(
            effects, digest_of(request), send, lambda: self._ask(world, key, redemption_id, "otherwise")
        )


class ReserveCoupons:
    """A code is kept for a check, named by the key. What is used up is refused."""

    name, service, weight, steady, audited = "ReserveCoupons", "benefits", 5, False, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask:
        """Any code, for any shopper."""
        code = chance.choice(world.codes)
        return self._ask(world, key, chance.choice(world.shoppers), code, COUPON_AMOUNT_MINOR)

    def _ask(self, world: World, key: str, member_id: str, code: str, amount_minor: int) -> Ask:
        basket = coupons_pb2.CouponBasket(
            currency=world.program.currency,
            lines=[coupons_pb2.BasketLine(line=1, amount_minor=amount_minor)],
        )
        request = coupons_pb2.ReserveCouponsRequest(
            program_id=world.program_id,
            request_id=key,
            check_ref=key,
            member_id=member_id,
            basket=basket,
            coupons=[coupons_pb2.CouponKey(code=code)],
        )

        async def send() -> Answer:
            answer = await world.coupons.ReserveCoupons(request, timeout=DEADLINE_SECONDS)
            world.coupon_checks.known(key)
            return Answer(bytes_of(answer), (bool(answer.reservation.reservation_id),))

        return Ask(
            (coupons_effect(PARTNER, key),),
            digest_of(request),
            send,
            lambda: self._ask(world, key, member_id, code, amount_minor + 1),
        )


class UseCoupons:
    """A check with coupons was paid."""

    name, service, weight, steady, audited = "UseCoupons", "benefits", 2, False, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask | None:
        """For a check that nobody else uses or gives up."""
        check = world.coupon_checks.to_follow(chance)
        return None if check is None else self._ask(world, key, check)

    def _ask(self, world: World, key: str, check: str) -> Ask:
        request = coupons_pb2.UseCouponsRequest(program_id=world.program_id, request_id=key, check_ref=check)
        answered = _status_of(
            lambda: world.coupons.UseCoupons(request, timeout=DEADLINE_SECONDS),
            coupons_pb2.COUPON_RESERVATION_STATUS_USED,
        )
        effects = (used_effect(PARTNER, check),)
        return Ask(effects, digest_of(request), answered, lambda: self._ask(world, key, f"{check}-other"))


class CancelCoupons:
    """A check with coupons was given up: they are good again."""

    name, service, weight, steady, audited = "CancelCoupons", "benefits", 1, False, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask | None:
        """For a check that nobody else uses or gives up."""
        check = world.coupon_checks.to_follow(chance)
        return None if check is None else self._ask(world, key, check)

    def _ask(self, world: World, key: str, check: str) -> Ask:
        request = coupons_pb2.CancelCouponsRequest(
            program_id=world.program_id, request_id=key, check_ref=check
        )
        answered = _status_of(
            lambda: world.coupons.CancelCoupons(request, timeout=DEADLINE_SECONDS),
            coupons_pb2.COUPON_RESERVATION_STATUS_CANCELLED,
        )
        effects = (given_up_effect(PARTNER, check),)
        return Ask(effects, digest_of(request), answered, lambda: self._ask(world, key, f"{check}-other"))


class SellContract:
    """A paid period, behind the one that runs; the key is the payment. Who has two is refused."""

    name, service, weight, steady, audited = "SellContract", "benefits", 3, False, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask:
        """To any shopper."""
        return self._ask(world, key, chance.choice(world.shoppers), 100)

    def _ask(self, world: World, key: str, member_id: str, amount_minor: int) -> Ask:
        request = contracts_pb2.SellContractRequest(
            program_id=world.program_id,
            request_id=key,
            member_id=member_id,
            plan=PLAN,
            payment_reference=key,
            amount_minor=amount_minor,
            start=contracts_pb2.CONTRACT_START_AFTER_RUNNING,
        )

        async def send() -> Answer:
            answer = await world.contracts.SellContract(request, timeout=DEADLINE_SECONDS)
            return Answer(bytes_of(answer), (bool(answer.contract.contract_id),))

        return Ask(
            (contract_effect(PARTNER, key),),
            digest_of(request),
            send,
            lambda: self._ask(world, key, member_id, amount_minor - 1),
        )


Reserved = coupons_pb2.UseCouponsResponse | coupons_pb2.CancelCouponsResponse


def _status_of(
    call: Callable[[], Awaitable[Reserved]], status: coupons_pb2.CouponReservationStatus.ValueType
) -> Callable[[], Awaitable[Answer]]:
    """Sends, and says whether the reservation is as it has to be."""

    async def send() -> Answer:
        answer = await call()
        return Answer(bytes_of(answer), (answer.reservation.status == status,))

    return send


def redemption_effect(key: str) -> str:
    """The name of a redemption that was asked for under a request id."""
    return f"redemption/{key}"


def cancelled_effect(redemption_id: str) -> str:
    """The name of a redemption that was taken back."""
    return f"cancelled/{redemption_id}"


def coupons_effect(source: str, check_ref: str) -> str:
    """The name of coupons that are kept for a check."""
    return f"coupons/{source}/{check_ref}"


def used_effect(source: str, check_ref: str) -> str:
    """The name of coupons that were used."""
    return f"used/{source}/{check_ref}"


def given_up_effect(source: str, check_ref: str) -> str:
    """The name of coupons that were given back."""
    return f"given up/{source}/{check_ref}"


def contract_effect(source: str, payment: str) -> str:
    """The name of a contract."""
    return f"contract/{source}/{payment}"
