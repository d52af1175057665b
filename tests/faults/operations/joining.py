"""Members who join while things go wrong."""

import random
from collections.abc import Sequence

from laurel.members.v1 import members_pb2
from tests.faults.operations.asking import DEADLINE_SECONDS, Answer, Ask, bytes_of, digest_of
from tests.faults.world import PARTNER, World


class RegisterMembers:
    """One who joins, and goes shopping from then on."""

    name, service, weight, steady, audited = "RegisterMembers", "members", 2, False, False
    shoppers_max = 150

    def ask(self, world: World, key: str, chance: random.Random) -> Ask:
        """Known at the partner by the key."""
        return self._ask(world, key, [key])

    def _ask(self, world: World, key: str, names: Sequence[str]) -> Ask:
        request = members_pb2.RegisterMembersRequest(
            program_id=world.program_id,
            request_id=key,
            registrations=[members_pb2.Registration(external_member_id=name) for name in names],
        )

        async def send() -> Answer:
            answer = await world.partner.RegisterMembers(request, timeout=DEADLINE_SECONDS)
            for each in answer.results:
                member_id = each.member.member_id
                if member_id not in world.shoppers and len(world.shoppers) < self.shoppers_max:
                    world.shoppers.append(member_id)
            return Answer(bytes_of(answer), tuple(each.HasField("member") for each in answer.results))

        effects = tuple(f"member/{PARTNER}/{name}" for name in names)
        return Ask(effects, digest_of(request), send, lambda: self._ask(world, key, [*names, f"{key}-other"]))
