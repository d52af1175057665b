"""Page tokens: good for the list that gave them, and for no other."""

import base64
import hashlib
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import PageTokenInvalid
from libs.common.paging import page_after, page_token

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FILTERS = ("music_store", "main", "gold")
BOUND = hashlib.sha256("\0".join(FILTERS).encode()).hexdigest()[:16]


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_a_token_leads_back_to_the_key_that_the_page_ended_with(after: str, filters: list[str]) -> None:
    assert page_after(page_token(after, *filters), *filters) == after


def test_the_first_page_has_no_token() -> None:
    assert page_after("", *FILTERS) is None


def test_a_token_passes_urls_as_it_is() -> None:
    assert page_token("mem_1\xff\xfe?", *FILTERS).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "filters",
    [("dating", "main", "gold"), ("music_store", "main", "silver"), ("music_store",), ()],
    ids=["another program", "another tier", "no filter", "nothing"],
)
def test_a_token_of_another_list_is_refused(filters: tuple[str, ...]) -> None:
    with pytest.raises(PageTokenInvalid):
        page_after(page_token("mem_1", *filters), *FILTERS)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "not a token",
        "é",
        page_token("mem_1", *FILTERS)[:-5],
        page_token("mem_1", *FILTERS) + "!",
        " " + page_token("mem_1", *FILTERS),
        encoded("text"),
        encoded([]),
        encoded(["mem_1"]),
        encoded(["mem_1", BOUND, 3]),
        encoded([1, BOUND]),
        encoded([None, BOUND]),
        encoded([{"$gt": ""}, BOUND]),
        encoded({"after": "mem_1", "bound": BOUND}),
        encoded(["mem_1", [BOUND]]),
        encoded(["\ud800", BOUND]),
    ],
    ids=[
        "one letter",
        "words",
        "beyond ASCII",
        "cut off",
        "a mark after it",
        "a space before it",
        "a text",
        "nothing",
        "unbound",
        "three parts",
        "a number",
        "null",
        "a Mongo operator",
        "an object",
        "a list as bound",
        "half a character",
    ],
)
def test_a_token_that_no_list_gave_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        page_after(token, *FILTERS)


@given(st.text(max_size=200))
def test_no_text_whatever_is_more_than_refused(token: str) -> None:
    with suppress(PageTokenInvalid):
        page_after(token, *FILTERS)
