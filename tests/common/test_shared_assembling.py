"""Answers of shared calls as they are put together: each result once, and for each ask where it is."""

import random
from collections.abc import Sequence

import pytest

from laurel.common.v1 import sharing_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.errors import InvalidRequest
from libs.common.rpc.shared.asks import runs_of, wanted
from libs.common.rpc.shared.assembling import DENIED, ERROR, MISSING, UNKNOWN_TOKEN, Answered, assemble

KEYS = ["a", "b", "c", "d"]
FOUND = {each: pb.MemberResult(member=pb.Member(member_id=each, birthday=each)) for each in KEYS}


def run(place: int, keys: str, seen: str = "abcd", *, found: object = FOUND, mask: str = "") -> Answered:
    """A run that gets these keys, of which its caller sees some."""
    return Answered(place, list(keys), found, frozenset(seen), (mask,) if mask else ())  # type: ignore[arg-type]


def assembled(*runs: Answered) -> pb.SharedMembers:
    """The part of an answer; what is masked says by what."""
    answer = pb.SharedMembers()
    assemble(
        answer,
        runs,
        lambda result, mask: pb.MemberResult(
            member=pb.Member(member_id=result.member.member_id, birthday=mask[0])  # type: ignore[attr-defined]
        ),
    )
    return answer


def items(answer: pb.SharedMembers) -> list[tuple[str, str]]:
    return [(each.member.member_id, each.member.birthday) for each in answer.items]


def results(answer: pb.SharedMembers) -> list[int]:
    return list(answer.results) or list(range(len(answer.items)))


def test_results_are_left_out_where_ask_n_is_item_n() -> None:
    answer = assembled(run(0, "ab"), run(1, "cd"))

    assert items(answer) == [(each, each) for each in KEYS]
    assert list(answer.results) == []


def test_what_several_see_alike_stands_once() -> None:
    answer = assembled(run(0, "ab"), run(1, "ba"), run(2, "bbb"))

    assert items(answer) == [("a", "a"), ("b", "b")]
    assert list(answer.results) == [0, 1, 1, 0, 1, 1, 1]


def test_what_is_masked_for_some_stands_once_for_each_mask() -> None:
    answer = assembled(run(0, "a", mask="x"), run(1, "a"), run(2, "a", mask="y"), run(3, "a", mask="x"))

    assert items(answer) == [("a", "x"), ("a", "a"), ("a", "y")]
    assert list(answer.results) == [0, 1, 2, 0]


def test_results_that_were_read_apart_are_apart() -> None:
    other = {"a": pb.MemberResult(member=pb.Member(member_id="another"))}

    answer = assembled(run(0, "a"), run(1, "a", found=other))

    assert [each for each, _ in items(answer)] == ["a", "another"]


def test_what_a_caller_may_not_know_of_is_missing_like_what_is_not_there() -> None:
    answer = assembled(run(0, "ab", seen="b"), run(1, "xa", seen="xa"))

    assert items(answer) == [("b", "b"), ("a", "a")]
    assert list(answer.results) == [MISSING, 0, MISSING, 1]


def test_what_is_refused_says_how_and_what_failed_says_why() -> None:
    answer = assembled(
        Answered(0, ["a", "b"], outcome=DENIED),
        run(1, "a"),
        Answered(4, ["a"], outcome=ERROR, status=b"why"),
        Answered(5, ["a"], outcome=UNKNOWN_TOKEN),
    )

    assert list(answer.results) == [DENIED, DENIED, 0, ERROR, UNKNOWN_TOKEN]
    assert [(each.run, each.status) for each in answer.errors] == [(4, b"why")]


def test_nothing_at_all_is_an_answer_of_nothing() -> None:
    assert assembled(run(0, "ab", seen="")).results == [MISSING, MISSING]


@pytest.mark.parametrize("seed", range(50))
def test_each_ask_gets_what_was_found_for_its_key_and_nothing_else(seed: int) -> None:
    dice = random.Random(seed)
    runs = [
        run(
            place,
            "".join(dice.choices("abcdx", k=dice.randint(1, 5))),
            "".join(dice.sample("abcdx", k=dice.randint(0, 5))),
            mask=dice.choice(["", "x", "y"]),
        )
        if dice.random() < 0.8
        else Answered(place, dice.choices(KEYS, k=dice.randint(1, 3)), outcome=DENIED)
        for place in range(dice.randint(1, 8))
    ]

    answer = assembled(*runs)

    got = iter(results(answer))
    for each in runs:
        for key in each.keys:
            place = next(got)
            if each.outcome:
                assert place == each.outcome
            elif key not in each.seen or key not in FOUND:
                assert place == MISSING
            else:
                assert items(answer)[place] == (key, each.mask[0] if each.mask else key)
    assert next(got, None) is None


def a_request(**asks: Sequence[int]) -> pb.BatchReadRequest:
    told = {"run_caller": [0, 1], "run_length": [2, 1], "run_want": [1, 3], "run_arguments": [0, 1]} | asks
    return pb.BatchReadRequest(
        asks=sharing_pb2.SharedAsks(caller_digests=[b"\0" * 32, b"\1" * 32], **told),  # type: ignore[arg-type]
        keys=["a", "b", "c"],
        arguments=[pb.ReadArguments()],
    )


def test_keys_are_cut_into_runs() -> None:
    first, second = runs_of(a_request())

    assert (first.place, first.caller, first.want, first.arguments, list(first.keys)) == (
        0,
        0,
        1,
        0,
        ["a", "b"],
    )
    assert (second.place, second.caller, second.want, second.arguments, list(second.keys)) == (
        1,
        1,
        3,
        1,
        ["c"],
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"run_length": [2, 2]},
        {"run_length": [2]},
        {"run_length": [3, 0, 0]},
        {"run_caller": [0, 2]},
        {"run_want": [1]},
        {"run_arguments": [0, 2]},
    ],
)
def test_runs_that_do_not_fit_together_are_none(broken: dict[str, list[int]]) -> None:
    with pytest.raises(InvalidRequest):
        runs_of(a_request(**broken))


def test_each_read_has_a_bit_of_its_own() -> None:
    assert [wanted(pb.BatchReadResponse, each) for each in ("members", "facts")] == [1, 2]
