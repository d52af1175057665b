"""What is masked in an answer, and what stays."""

import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.masking import mask, masked_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", ""), ("123", "•••"), ("12345", "•••"), ("123456", "•••56"), ("李小龙", "•••")],
    ids=["nothing", "short", "just short", "long enough", "a name"],
)
def test_a_text_keeps_its_last_two_characters_when_it_is_long_enough(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_the_texts_at_a_path_are_masked_through_lists_and_messages() -> None:
    identities = [pb.Identity(source="shop", external_id=f"customer-{number}") for number in (10, 11)]
    answer = pb.BatchGetMembersResponse(
        results=[
            pb.MemberResult(member=pb.Member(member_id="mem_1", identities=identities)),
            pb.MemberResult(),
        ]
    )

    mask(answer, ["results.member.identities.external_id"])

    assert [each.external_id for each in answer.results[0].member.identities] == ["•••10", "•••11"]
    assert answer.results[0].member.identities[0].source == "shop"
    assert not answer.results[1].HasField("member")


def test_lists_of_texts_are_masked_each() -> None:
    partner = pb.Partner(store_ids=["online", "downtown"])

    mask(partner, ["store_ids"])

    assert list(partner.store_ids) == ["•••ne", "•••wn"]
