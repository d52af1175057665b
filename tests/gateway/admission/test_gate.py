"""What is let in, what is kept of it, and that everything else is refused with a reason."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from graphql import DocumentNode

from libs.common.caller import Principal
from libs.common.errors import Refusal
from services.gateway.admission.gate import Asked, Gate, NotExecuted
from services.gateway.admission.limits import IntrospectionClosed, Limits, RateLimited
from services.gateway.codes import Code
from services.gateway.errors import BadRequest
from services.gateway.schema import schema

ANN = Principal("ann", "staff", "music_store", roles=("operations_manager",))
ADMINISTRATOR = Principal("root", "staff", "music_store", roles=("system_administrator",))
SCHEMA = '{ __type(name: "Member") { name } }'


def a_gate(*, development: bool = False, **limits: Any) -> Gate:
    return Gate(schema._schema, Limits(**limits), development=development, now=lambda: 0.0)


async def admitted(gate: Gate, query: str) -> DocumentNode:
    return (await gate.admit(asked(query), ANN)).document


def asked(query: str, operation: str | None = None, **variables: object) -> Asked:
    return Asked(query, operation, variables)


async def test_a_valid_document_is_read_once() -> None:
    gate = a_gate()

    first = await admitted(gate, "{ __typename }")

    assert await admitted(gate, "{ __typename }") is first


async def test_documents_are_kept_up_to_a_number_of_tokens_and_the_least_used_goes_first() -> None:
    gate = a_gate(tokens_kept=9)
    queries = [f"{{ {name}: __typename }}" for name in "abc"]  # five tokens each
    first, second, third = [await admitted(gate, query) for query in queries]

    assert await admitted(gate, queries[2]) is third
    assert await admitted(gate, queries[0]) is not first
    assert second is not await admitted(gate, queries[1])


async def test_a_document_weighs_what_its_text_weighs() -> None:
    gate = a_gate(tokens_kept=1_000, cost_per_minute=10**9)
    padded = [f"{{ __typename }} #{number}{'a' * 16_000}" for number in range(20)]

    for query in padded:
        await gate.admit(asked(query), ANN)

    assert len(gate._kept) == 1


async def test_reading_a_long_document_costs_more() -> None:
    gate = a_gate(cost_per_minute=300)

    with pytest.raises(NotExecuted):
        await gate.admit(asked("{ nonsense } #" + "a" * 10_000), ANN)

    with pytest.raises(RateLimited):
        await gate.admit(asked("{ nonsense } #" + "b" * 10_000), ANN)


async def test_refused_documents_push_none_out() -> None:
    gate = a_gate(tokens_kept=10)
    kept = await admitted(gate, "{ __typename }")

    for number in range(20):
        with pytest.raises(NotExecuted):
            await gate.admit(asked(f"{{ nonsense{number} }}"), ANN)

    assert await admitted(gate, "{ __typename }") is kept


async def test_a_document_costs_more_when_it_is_new_and_refused_ones_cost_too() -> None:
    gate = a_gate(cost_per_minute=30)
    await gate.admit(asked("{ __typename }"), ANN)  # 10 to read, 1 to answer
    await gate.admit(asked("{ __typename }"), ANN)

    with pytest.raises(NotExecuted):
        await gate.admit(asked("{ nonsense }"), ANN)

    with pytest.raises(RateLimited):
        await gate.admit(asked("{ nonsense }"), ANN)
    await gate.admit(asked("{ __typename }"), ANN)


async def test_the_operation_that_is_asked_for_is_paid_for_and_no_other() -> None:
    gate = a_gate()
    dear = "members(first: 100) { edges { node { points { entries { seq } } } } }"
    query = f"query A {{ __typename }} query B {{ {dear} }}"

    await gate.admit(asked(query, "A"), ANN)

    with pytest.raises(Refusal) as refusal:
        await gate.admit(asked(query, "B"), ANN)
    assert refusal.value.reason == Code.COST_LIMIT


async def test_a_subscription_is_let_in_by_its_own_door_and_nothing_else_is() -> None:
    gate = a_gate()
    subscription = asked('subscription { memberChanged(memberId: "a") { member { id } } }')

    _, event_cost = await gate.admit_live(subscription, ANN)

    assert event_cost == 1
    for refused in (gate.admit(subscription, ANN), gate.admit_live(asked("{ __typename }"), ANN)):
        with pytest.raises(BadRequest):
            await refused


async def test_introspection_is_for_administrators_and_developers() -> None:
    await a_gate().admit(asked(SCHEMA), ADMINISTRATOR)
    await a_gate(development=True).admit(asked(SCHEMA), ANN)

    with pytest.raises(IntrospectionClosed):
        await a_gate().admit(asked(SCHEMA), ANN)


async def test_the_role_of_an_administrator_counts_for_staff_only() -> None:
    member = Principal("mem_1", "member", "music_store", roles=ADMINISTRATOR.roles)

    with pytest.raises(IntrospectionClosed):
        await a_gate().admit(asked(SCHEMA), member)


async def test_a_document_that_one_may_introspect_with_is_still_refused_to_another() -> None:
    gate = a_gate()
    await gate.admit(asked(SCHEMA), ADMINISTRATOR)

    with pytest.raises(IntrospectionClosed):
        await gate.admit(asked(SCHEMA), ANN)


async def test_suggestions_are_for_developers() -> None:
    with pytest.raises(NotExecuted) as told:
        await a_gate(development=True).admit(asked("{ membr }"), ANN)
    with pytest.raises(NotExecuted) as untold:
        await a_gate().admit(asked("{ membr }"), ANN)

    assert "Did you mean" in str(told.value.errors[0])
    assert "Did you mean" not in str(untold.value.errors[0])


async def outcome(gate: Gate, request: Asked) -> tuple[str, int]:
    """The code and number of the errors that a request gets; no code when it is let in."""
    try:
        await gate.admit(request, ANN)
    except Refusal as refusal:
        return refusal.reason, 1
    except NotExecuted as refusal:
        return refusal.code, len(refusal.errors)
    return "", 0


def a_selection(chance: Random, depth: int) -> str:
    """A field, a spread of one of five fragments, or either with more inside."""
    kind = chance.randrange(8 if depth else 4)
    name = chance.choice(["a", "members", "edges", "node", "id", "memberId", "points", "__typename"])
    if kind < 4:
        return (name, f"...F{chance.randrange(5)}", f"x: {name}", f"{name} @include(if: $b)")[kind]
    outer = (name, "members(first: $n)", "... on Member", "...")[kind - 4]
    return f"{outer} {{ {a_body(chance, depth - 1)} }}"


def a_body(chance: Random, depth: int = 3) -> str:
    return " ".join(a_selection(chance, depth) for _ in range(chance.randint(1, 3)))


@pytest.mark.parametrize("seed", range(10))
async def test_any_document_is_let_in_or_refused_for_a_reason(seed: int) -> None:
    chance, gate = Random(seed), a_gate(cost_per_minute=10**9)
    codes = Counter[str]()

    for _ in range(50):
        fragments = " ".join(f"fragment F{number} on Query {{ {a_body(chance)} }}" for number in range(5))
        query = f"query($n: Int!, $b: Boolean!) {{ {a_body(chance)} }} {fragments}"
        value: object = chance.choice([1, 10**9, -1, "x", None, True, 0.5, {}])
        code, errors = await outcome(gate, asked(query, n=value, b=True))
        codes[code] += 1
        assert errors <= 5

    assert codes.keys() <= {"", *Code}
    assert len(codes) > 1


TILL = Principal("shop", "partner", "music_store")
MEMBER = Principal("mem_1", "member", "music_store")
WRITE = 'mutation { setBirthday(input: {requestId: "r", memberId: "m"}) { __typename } }'


@pytest.mark.parametrize(
    ("principal", "query", "importance"),
    [
        (TILL, WRITE, "WRITE"),
        (MEMBER, WRITE, "WRITE"),
        (ANN, WRITE, "READ"),
        (MEMBER, '{ member(id: "m") { points { entries(first: 2) { id } } } }', "READ"),
        (TILL, "{ members { edges { cursor } } }", "LIST"),
        (ANN, "{ tierReport { __typename } }", "REPORT"),
        (ANN, '{ member(id: "m") { id } ... on Query { fairnessReport { __typename } } }', "REPORT"),
        (ADMINISTRATOR, SCHEMA, "REPORT"),
    ],
)
async def test_what_members_and_tills_write_is_most_important_and_reports_least(
    principal: Principal, query: str, importance: str
) -> None:
    assert (await a_gate().admit(asked(query), principal)).importance.name == importance
