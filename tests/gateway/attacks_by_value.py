"""Attacks by the values of variables and arguments."""

from collections.abc import Iterator
from typing import Any

from tests.gateway.attack import MEMBER, Attack, document, member


def values() -> Iterator[Attack]:
    page = "query($n:Int!){members(first:$n){edges{cursor}}}"
    wrong: dict[str, Any] = {
        "an operator": {"$gt": ""},
        "a list": ["a"],
        "a text": "1",
        "a truth": True,
        "a fraction": 1.5,
        "beyond 32 bits": 2**31,
        "beyond 64 bits": 2**64,
        "nothing": None,
        "below 1": 0,
        "negative": -1,
        "above the largest page": 101,
    }
    for name, value in wrong.items():
        status = 200 if name in {"below 1", "negative", "above the largest page"} else 400
        yield document(f"a page size that is {name}", "BAD_USER_INPUT", page, {"n": value}, status=status)
    for text in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 400):
        body = f'{{"query":"{page}","variables":{{"n":{text}}}}}'.encode()
        yield Attack(f"a page size of {text[:12]}", "BAD_REQUEST", body)
    for digits in (41, 5_000, 30_000):
        yield document(
            f"a number of {digits} digits",
            "BAD_USER_INPUT",
            "{members(first:" + "9" * digits + "){edges{cursor}}}",
        )
    ids = {
        "an operator": {"$gt": ""},
        "where": "$where: 1",
        "of another kind": "UHJvZ3JhbTp4",
        "empty": "",
        "NUL": "mem_\u0000",
        "right to left": "\u202emem_1",
        "no base64": "%%%",
    }
    by_id = "query($id:ID!){member(id:$id){memberId}}"
    for name, given in ids.items():
        status = 400 if isinstance(given, dict) else 200
        yield document(f"an id that is {name}", "BAD_USER_INPUT", by_id, {"id": given}, status=status)
    yield document("an id of 2,000 characters", "BAD_USER_INPUT", by_id, {"id": "m" * 2_000})
    yield document(
        "a literal of 2,000 characters", "BAD_USER_INPUT", member("id").replace(MEMBER, "m" * 2_000)
    )
    yield document(
        "a cursor that is none",
        "BAD_USER_INPUT",
        '{members(after:"WyJceDAwIiwgMF0"){edges{cursor}}}',
        status=200,
    )


def lists() -> Iterator[Attack]:
    facts = 'query($names:[String!]){member(id:"x"){facts(names:$names){asOf}}}'
    yield document("101 names", "BAD_USER_INPUT", facts, {"names": ["a"] * 101})
    yield document("7,000 names", "BAD_USER_INPUT", facts, {"names": ["a"] * 6_000})
    yield document("200,000 names", "BODY_TOO_LARGE", facts, {"names": ["a"] * 200_000}, status=413)
    yield document(
        "a list that nobody asked for", "BAD_USER_INPUT", "{__typename}", {"x": {"y": [[0] * 101]}}
    )
    yield document(
        "101 fields of an object", "BAD_USER_INPUT", facts, {"names": {f"f{n}": 1 for n in range(101)}}
    )
    yield document("900 nested lists", "BAD_USER_INPUT", facts, {"names": _boxed(900)})
    literal = '{member(id:"x"){facts(names:[%s]){asOf}}}'
    yield document("101 literals", "BAD_USER_INPUT", literal % ('"a" ' * 101))
    yield document("3,000 literals", "TOKEN_LIMIT", literal % ('"a" ' * 3_000))
    yield document("50,000 literals", "BODY_TOO_LARGE", literal % ('"a" ' * 50_000), status=413)
    default = "query($names:[String!]=[%s])" % ('"a" ' * 101)
    yield document("101 literals as a default", "BAD_USER_INPUT", default + "{__typename}")
    register = "mutation($i:RegisterMembersInput!){registerMembers(input:$i){__typename}}"
    joins = [{"externalMemberId": str(number)} for number in range(101)]
    yield document(
        "101 registrations",
        "BAD_USER_INPUT",
        register,
        {"i": {"requestId": "r", "registrations": joins}},
        who="partner",
    )


def _boxed(depth: int) -> Any:
    box: Any = "a"
    for _ in range(depth):
        box = [box]
    return box


def inputs() -> Iterator[Attack]:
    record = "mutation($i:RecordEventsInput!){recordEvents(input:$i){__typename}}"
    event = {
        "kind": "PURCHASE",
        "member": {"externalMemberId": "x"},
        "externalRef": "r",
        "occurredTime": "2026-01-01T00:00:00Z",
        "currency": "USD",
    }
    wrong: dict[str, dict[str, Any]] = {
        "a negative amount": {"amountMinor": -1},
        "an amount with a fraction": {"amountMinor": 1.5},
        "an amount as a float": {"amountMinor": 1.0},
        "an amount as text": {"amountMinor": "1"},
        "an amount that is true": {"amountMinor": True},
        "too large an amount": {"amountMinor": 10**12 + 1},
        "an amount that is an operator": {"amountMinor": {"$gt": ""}},
        "a quantity as text": {"quantity": "1"},
        "a quantity that is true": {"quantity": True},
        "a quantity beyond 2^53": {"quantity": 2**53},
        "a line beyond 32 bits": {"line": 2**31},
        "a kind that is none": {"kind": "PAYMENT"},
        "a kind by number": {"kind": 1},
        "no kind": {"kind": None},
        "a time that is none": {"occurredTime": "yesterday"},
        "a time as a number": {"occurredTime": 5},
        "the year 10000": {"occurredTime": "10000-01-01T00:00:00Z"},
        "a time without a zone": {"occurredTime": "2026-01-01T00:00:00"},
        "two ids": {"member": {"externalMemberId": "x", "memberId": MEMBER}},
        "no id": {"member": {}},
        "an id that is null": {"member": {"memberId": None}},
        "a field that is not ours": {"programId": "other"},
        "a prototype": {"__proto__": {"admin": True}},
        "a text that is an operator": {"externalRef": {"$ne": None}},
        "two attributes of a name": {"attributes": [{"name": "a", "value": "1"}] * 2},
        "101 attributes": {"attributes": [{"name": f"a{n}", "value": ""} for n in range(101)]},
        "a reference of 2,000 characters": {"externalRef": "r" * 2_000},
        "an id of another kind": {"member": {"memberId": "UHJvZ3JhbTp4"}},
    }
    executed = {"a time without a zone", "two attributes of a name", "an id of another kind"}
    for name, changes in wrong.items():
        yield document(
            f"an event with {name}",
            "BAD_USER_INPUT",
            record,
            {"i": {"requestId": "r", "events": [event | changes]}},
            status=200 if name in executed else 400,
            who="partner",
        )
