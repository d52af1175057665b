"""The attributes of members are joined to a walk in the order of ids, whatever either of them lacks."""

from collections.abc import AsyncGenerator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from laurel.members.v1 import members_pb2
from services.benefits.handlers.attributes import Attributes


async def answers(
    *members: Sequence[str],
) -> AsyncGenerator[members_pb2.StreamMemberAttributesResponse, None]:
    """Answers with so many members each, whose attribute is their own id in capitals."""
    for some in members:
        yield members_pb2.StreamMemberAttributesResponse(
            member_ids=some,
            columns=[
                members_pb2.AttributeColumn(values=[each.upper() for each in some], places=range(len(some)))
            ],
        )


@given(st.sets(st.sampled_from("abcdefghij")), st.sets(st.sampled_from("abcdefghij")), st.integers(1, 4))
async def test_who_is_known_has_their_own_values_and_others_are_left_out(
    known: set[str], asked: set[str], size: int
) -> None:
    ordered, walked = sorted(known), sorted(asked)
    attributes = Attributes(answers(*(ordered[at : at + size] for at in range(0, len(ordered), size))))

    found: dict[str, tuple[str, ...]] = {}
    for at in range(0, len(walked), 3):
        found |= await attributes.of(walked[at : at + 3])

    assert found == {each: (each.upper(),) for each in known & asked}


async def test_without_attributes_everybody_is_known_by_nothing() -> None:
    assert await Attributes(None).of(["a", "b"]) == {"a": (), "b": ()}


async def test_what_is_not_read_to_its_end_is_ended() -> None:
    told = answers("a", "b")
    async with Attributes(told) as attributes:
        await attributes.of("a")

    assert await anext(told, None) is None
