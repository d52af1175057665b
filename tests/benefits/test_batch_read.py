"""BatchRead: whoever asks together with others hears what a call of their own tells them."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import pytest
from google.protobuf.message import Message

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import benefits_pb2_grpc
from libs.common.rpc.shared.reads import SharedRead
from services.benefits.shared_reads import READS, SERVICE
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import PROGRAM
from tests.support.sharing import HOMES, Asking, Sharing, everybody, sharing

PROGRAMS, MEMBERSHIPS, ACCOUNTS, ENTITLEMENTS, ENTRIES, TIER_CHANGES = READS


@pytest.fixture(scope="module")
async def ids(benefits: BenefitsWorld) -> dict[str, str]:
    """Three members at home in different places, each of whom has bought some things."""
    told = {name: Story(home=home).buys(9_900).buys(15_000) for name, home in HOMES.items()}
    for story in told.values():
        await benefits.apply(story.partition, story.registration(), story.told())
    return {name: story.member_id for name, story in told.items()}


@pytest.fixture
async def world(benefits: BenefitsWorld, ids: dict[str, str]) -> AsyncIterator[Sharing]:
    """The service and everybody who may ask it, or may not; and staff of a program that there is not."""
    tokens = everybody(benefits.keys, PROGRAM, ids, await benefits.a_program())
    tokens["somebody of no program"] = (benefits.keys.token("staff", "eve", "nowhere")(), "nowhere")
    stub = benefits_pb2_grpc.BenefitsServiceStub
    async with sharing(benefits.address, SERVICE, stub, tokens, pb.ReadArguments()) as world:
        yield world


def arguments(dice: random.Random, read: SharedRead) -> Message | None:
    first = dice.choice([0, 1, 100])
    if read is ENTRIES:
        return pb.ReadArguments(first=first, point_type=dice.choice(["", "tier_points"]))
    if read is TIER_CHANGES:
        return pb.ReadArguments(first=first, tier_set=dice.choice(["main", "none"]))
    return None


@pytest.mark.parametrize("seed", range(4))
async def test_whoever_asks_together_with_others_hears_what_they_hear_alone(
    world: Sharing, ids: dict[str, str], benefits: BenefitsWorld, seed: int
) -> None:
    foreign = await benefits.a_member(1_000, program_id=await benefits.a_program())
    members = [*ids.values(), foreign.member_id, "mem_" + "0" * 32, "no id at all"]

    def keys(read: SharedRead) -> Sequence[str]:
        return (
            [PROGRAM, "nowhere", world.tokens["somebody of another program"][1]]
            if read is PROGRAMS
            else members
        )

    asked = world.some(seed, READS, keys, arguments, count=60)

    together = await asyncio.gather(*(world.together(each) for each in asked))

    alone = [await world.alone(each) for each in asked]
    for ask, one, other in zip(asked, together, alone, strict=True):
        assert one == other, ask


async def test_arguments_that_are_wrong_are_told_to_those_who_gave_them(
    world: Sharing, ids: dict[str, str]
) -> None:
    ann = [ids["ann"]]
    asked = [
        Asking("shop", ENTRIES, ann, pb.ReadArguments(first=101)),
        Asking("member ann", ENTRIES, ann, pb.ReadArguments(point_type="NO")),
        Asking("a compliance officer", TIER_CHANGES, ann, pb.ReadArguments(first=-1)),
        Asking("a compliance officer", MEMBERSHIPS, ["x" * 65]),
        Asking("shop", MEMBERSHIPS, ann),
        Asking("member ann", ENTRIES, ann, pb.ReadArguments(first=1)),
    ]

    together = await asyncio.gather(*(world.together(each) for each in asked))

    assert together == [await world.alone(each) for each in asked]
    assert together[:4] == [["INVALID_REQUEST"]] * 4
    assert all(isinstance(each[0], Message) for each in together[4:])
