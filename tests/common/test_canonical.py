"""The canonical form: RFC 8785 for what we digest, and nothing that has more than one form."""

import hashlib
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from libs.common.canonical import canonical, digest

SAFE = 2**53 - 1
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(VALUES)
def test_the_form_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_nothing_is_lost_in_it(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(KEYS, st.integers(-SAFE, SAFE)))
def test_the_order_of_the_keys_does_not_matter(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))

    assert digest(turned) == digest(value)


def test_a_digest_is_the_sha_256_of_the_form() -> None:
    assert digest({"b": 1, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()


def test_a_tuple_is_a_list() -> None:
    assert canonical((1, (2,))) == b"[1,[2]]"


@pytest.mark.parametrize("value", [SAFE, -SAFE], ids=["largest", "smallest"])
def test_a_number_that_json_holds_exactly_is_accepted(value: int) -> None:
    assert canonical(value) == str(value).encode()


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), 2**53, -(2**53), b"bytes", {1}, {1: "a"}, {"钱": 1}, {"a": [{"b": 0.5}]}, "\ud800"],
    ids=[
        "a float",
        "no number",
        "too large",
        "too small",
        "bytes",
        "a set",
        "a number as key",
        "a key beyond ASCII",
        "a float deep inside",
        "half a character",
    ],
)
def test_what_has_no_certain_form_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)
