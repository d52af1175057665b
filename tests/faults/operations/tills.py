"""Points that tills redeem: reserved for a check, then captured or cancelled, and given back after all."""

import random

from laurel.benefits.v1 import tills_pb2
from tests.faults.operations.asking import DEADLINE_SECONDS, Answer, Ask, bytes_of, digest_of
from tests.faults.world import PARTNER, World

POINTS_MAX = 20


class Reserve:
    """Points are held for a check, named by the key. Who has too few is refused."""

    name, service, weight, steady, audited = "Reserve", "benefits", 8, True, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask:
        """From one shopper, whatever they have."""
        return self._ask(world, key, chance.choice(world.shoppers), chance.randint(1, POINTS_MAX))

    def _ask(self, world: World, key: str, member_id: str, points: int) -> Ask:
        request = tills_pb2.ReserveRequest(
            program_id=world.program_id, request_id=key, member_id=member_id, check_ref=key, points=points
        )

        async def send() -> Answer:
            answer = await world.tills.Reserve(request, timeout=DEADLINE_SECONDS)
            world.checks.reserved(key)
            return Answer(bytes_of(answer), (bool(answer.hold.hold_id),))

        return Ask(
            (hold_effect(PARTNER, key, 0),),
            digest_of(request),
            send,
            lambda: self._ask(world, key, member_id, points + 1),
        )


class Capture:
    """What is held for a check is spent, all of it or a part."""

    name, service, weight, steady, audited = "Capture", "benefits", 3, False, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask | None:
        """For a check that nobody else captures or cancels."""
        check = world.checks.to_resolve(chance)
        return None if check is None else self._ask(world, key, check, chance.choice([0, 1]))

    def _ask(self, world: World, key: str, check: str, points: int) -> Ask:
        request = tills_pb2.CaptureRequest(
            program_id=world.program_id, request_id=key, check_ref=check, points=points
        )

        async def send() -> Answer:
            answer = await world.tills.Capture(request, timeout=DEADLINE_SECONDS)
            world.checks.captured(check)
            return Answer(bytes_of(answer), (answer.hold.captured_points > 0,))

        return Ask(
            (capture_effect(PARTNER, check, 0),),
            digest_of(request),
            send,
            lambda: self._ask(world, key, check, 1 - points),
        )


class Cancel:
    """What is held for a check is given back."""

    name, service, weight, steady, audited = "Cancel", "benefits", 1, False, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask | None:
        """For a check that nobody else captures or cancels."""
        check = world.checks.to_resolve(chance)
        return None if check is None else self._ask(world, key, check, 0)

    def _ask(self, world: World, key: str, check: str, line: int) -> Ask:
        request = tills_pb2.CancelRequest(
            program_id=world.program_id, request_id=key, check_ref=check, line=line
        )

        async def send() -> Answer:
            answer = await world.tills.Cancel(request, timeout=DEADLINE_SECONDS)
            return Answer(bytes_of(answer), (answer.hold.state == tills_pb2.HOLD_STATE_RELEASED,))

        effects = (release_effect(PARTNER, check, line),)
        return Ask(effects, digest_of(request), send, lambda: self._ask(world, key, check, line + 1))


class Reverse:
    """What was captured for a check is given back, under the till's number of the return."""

    name, service, weight, steady, audited = "Reverse", "benefits", 2, False, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask | None:
        """For a check that nobody else reverses."""
        check = world.checks.to_reverse(chance)
        return None if check is None else self._ask(world, key, check, key)

    def _ask(self, world: World, key: str, check: str, number: str) -> Ask:
        request = tills_pb2.ReverseRequest(
            program_id=world.program_id,
            request_id=key,
            check_ref=check,
            return_ref=number,
            lines=[tills_pb2.ReversedLine(line=0)],
        )

        async def send() -> Answer:
            answer = await world.tills.Reverse(request, timeout=DEADLINE_SECONDS)
            return Answer(bytes_of(answer), tuple(hold.returned_points > 0 for hold in answer.holds))

        effects = (return_effect(PARTNER, number, 0),)
        return Ask(effects, digest_of(request), send, lambda: self._ask(world, key, check, f"{number}-other"))


def hold_effect(source: str, check_ref: str, line: int) -> str:
    """The name of points that are held."""
    return f"hold/{source}/{check_ref}/{line}"


def capture_effect(source: str, check_ref: str, line: int) -> str:
    """The name of points that are spent."""
    return f"capture/{source}/{check_ref}/{line}"


def release_effect(source: str, check_ref: str, line: int) -> str:
    """The name of held points that came back."""
    return f"release/{source}/{check_ref}/{line}"


def return_effect(source: str, return_ref: str, line: int) -> str:
    """The name of spent points that came back."""
    return f"return/{source}/{return_ref}/{line}"
