"""What is lost with a value that cannot be had, on a small schema: as graphql-core has it, and at once."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
import strawberry
from graphql import GraphQLError, OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values

from libs.common.caller import Principal
from libs.common.errors import Unavailable
from services.gateway.context import Context
from services.gateway.loading import DataLoader, ending_together
from services.gateway.plans import planner
from services.gateway.plans.planner import Plan, Planner
from services.gateway.sources import loaded, one


class Toy:
    """A request: words by key, of which `bad` cannot be had and `none` is not there, and some never come."""

    def __init__(self) -> None:
        self.grants: Mapping[str, object] = {}
        self.principal = Principal("ann", "staff", "music_store")
        self.there = asyncio.Event()
        self.asked: list[list[str]] = []
        self.ended: list[str] = []
        self.words = DataLoader(self._load, max_batch_size=500)
        self.never = DataLoader(self._never, max_batch_size=500)
        self.held = DataLoader(self._hold, max_batch_size=500)

    async def _load(self, keys: list[str]) -> Sequence[str | Exception | None]:
        self.asked.append(keys)
        known: dict[str, Exception | None] = {"bad": Unavailable(), "none": None}
        return [known.get(key, key.upper()) for key in keys]

    async def _hold(self, keys: list[str]) -> Sequence[str | None]:
        await self.there.wait()
        return [None if key == "none" else key for key in keys]

    async def _never(self, keys: list[str]) -> Sequence[str | Exception | None]:
        try:
            return await asyncio.Event().wait() and []
        finally:
            self.ended += keys


def _words(context: Any) -> DataLoader[str, str | None]:
    found: DataLoader[str, str | None] = context.words
    return found


def _held(context: Any) -> DataLoader[str, str | None]:
    found: DataLoader[str, str | None] = context.held
    return found


def _never(context: Any) -> DataLoader[str, str | None]:
    found: DataLoader[str, str | None] = context.never
    return found


@strawberry.type
class Word:
    key: str

    @loaded(str, _words, one(str), description="A word that must be there.")
    def must(self) -> str:
        return self.key

    @loaded(str | None, _words, one(str), description="A word that may be there.")
    def may(self) -> str:
        return self.key

    @loaded(str | None, _never, one(str), description="A word that never comes.")
    def never(self) -> str:
        return self.key

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(0)
        if self.key == "bad":
            raise Unavailable
        return self.key


@strawberry.type
class Page:
    keys: strawberry.Private[list[str]]

    @strawberry.field
    def words(self) -> list[Word]:
        return [Word(key=key) for key in self.keys]

    @strawberry.field
    def perhaps(self) -> list[Word | None]:
        return [None if key == "none" else Word(key=key) for key in self.keys]

    @strawberry.field
    def inner(self) -> "Page | None":
        return self

    @strawberry.field
    def defect(self) -> str:
        raise ValueError("defect")


@strawberry.type
class Query:
    @strawberry.field
    def page(self, keys: list[str]) -> Page | None:
        return Page(keys=keys)

    @loaded(
        Word | None,
        _held,
        one(lambda key: Word(key=key)),
        description="A word that is held somewhere.",
        ahead=lambda key: Word(key=key),
    )
    def held(self, key: str) -> str:
        return key

    @strawberry.field
    async def whole(self, keys: list[str]) -> Page:
        return Page(keys=keys)


SCHEMA = strawberry.Schema(Query)


@pytest.fixture(autouse=True)
def _no_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "may_mask", lambda _: False)


def planned(query: str) -> Plan:
    document = parse(query)
    (operation,) = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    plan = Planner(SCHEMA).plan(document, operation, variables())
    assert plan is not None
    return plan


def variables() -> Any:
    return get_variable_values(SCHEMA._schema, (), {})


async def by_plan(query: str, toy: Toy, *, but: str = "") -> Any:
    plan = planned(query)
    toy.grants = dict.fromkeys(plan.guarded - {but})
    with ending_together():
        return await plan.run(cast(Context, toy), variables()).execute(plan.write)


async def both(query: str) -> tuple[Any, set[tuple[str, str]]]:
    """Data and errors, which are the same by plan and by graphql-core."""
    result = await by_plan(query, Toy())
    with ending_together():
        reference = await SCHEMA.execute(query, context_value=Toy())
    assert result.data == reference.data
    assert _shown(result.errors) == _shown(reference.errors)
    return result.data, _shown(result.errors)


def _shown(errors: Sequence[GraphQLError] | None) -> set[tuple[str, str]]:
    return {(error.message, ".".join(map(str, error.path or ()))) for error in errors or ()}


DOWN = Unavailable().message


async def test_one_load_is_asked_for_all_parents_of_a_level() -> None:
    toy = Toy()

    result = await by_plan('{page(keys: ["a", "b"]) {words {must} inner {words {may}}}}', toy)

    words = [{"must": "A"}, {"must": "B"}]
    assert result.data == {"page": {"words": words, "inner": {"words": [{"may": "A"}, {"may": "B"}]}}}
    assert toy.asked == [["a", "b"]]


async def test_a_value_that_may_be_null_costs_nothing_else() -> None:
    data, errors = await both('{page(keys: ["a", "bad", "none"]) {words {may}}}')

    assert data == {"page": {"words": [{"may": "A"}, {"may": None}, {"may": None}]}}
    assert errors == {(DOWN, "page.words.1.may")}


async def test_a_value_that_must_be_there_costs_the_nearest_that_may_be_null() -> None:
    data, errors = await both('{page(keys: ["a", "bad"]) {perhaps {must}}}')

    assert data == {"page": {"perhaps": [{"must": "A"}, None]}}
    assert errors == {(DOWN, "page.perhaps.1.must")}


async def test_it_costs_lists_and_objects_on_the_way_there() -> None:
    data, errors = await both('{page(keys: ["a", "bad"]) {perhaps {key} inner {words {must}}}}')

    assert data == {"page": {"perhaps": [{"key": "a"}, {"key": "bad"}], "inner": None}}
    assert errors == {(DOWN, "page.inner.words.1.must")}


async def test_it_costs_the_whole_answer_where_nothing_may_be_null() -> None:
    data, errors = await both('{page(keys: []) {inner {__typename}} whole(keys: ["bad"]) {words {slow}}}')

    assert data is None
    assert errors == {(DOWN, "whole.words.0.slow")}


async def test_nothing_found_where_there_must_be_something_is_told_with_the_field() -> None:
    data, errors = await both('{page(keys: ["none"]) {words {must}}}')

    assert data == {"page": None}
    assert errors == {("Cannot return null for non-nullable field Word.must.", "page.words.0.must")}


async def test_a_defect_at_once_leaves_nothing_that_comes_later() -> None:
    data, errors = await both('{page(keys: ["a"]) {inner {words {must} defect}}}')

    assert data == {"page": {"inner": None}}
    assert errors == {("defect", "page.inner.defect")}


async def test_a_null_in_a_list_that_may_hold_one_is_no_error() -> None:
    data, errors = await both('{page(keys: ["none", "a"]) {perhaps {key slow}}}')

    assert data == {"page": {"perhaps": [None, {"key": "a", "slow": "a"}]}}
    assert not errors


async def test_an_error_is_told_where_it_happened_in_each_of_several_places() -> None:
    data, errors = await both(
        '{a: page(keys: ["bad"]) {words {may slow}} b: page(keys: ["bad", "c"]) {words {may}}}'
    )

    assert data == {"a": None, "b": {"words": [{"may": None}, {"may": "C"}]}}
    assert (DOWN, "b.words.0.may") in errors


async def test_what_was_lost_is_not_waited_for() -> None:
    toy = Toy()

    async with asyncio.timeout(30):
        result = await by_plan('{page(keys: ["bad"]) {inner {words {never slow}} words {key}}}', toy)

    assert result.data == {"page": {"inner": None, "words": [{"key": "bad"}]}}
    await asyncio.sleep(0)
    assert toy.ended == ["bad"]


async def test_what_hangs_on_a_value_is_loaded_with_it() -> None:
    toy = Toy()
    request = asyncio.create_task(by_plan('{held(key: "a") {may must}}', toy))
    async with asyncio.timeout(30):
        while not toy.asked:
            await asyncio.sleep(0)
        toy.there.set()

        result = await request

    assert result.data == {"held": {"may": "A", "must": "A"}}
    assert toy.asked == [["a"]]


async def test_what_would_hang_on_a_value_that_is_not_there_is_neither_told_nor_waited_for() -> None:
    toy = Toy()
    toy.there.set()

    async with asyncio.timeout(30):
        result = await by_plan('{held(key: "none") {never must}}', toy)

    assert (result.data, result.errors) == ({"held": None}, None)


async def test_what_was_not_granted_is_not_loaded_ahead() -> None:
    toy = Toy()
    toy.there.set()

    result = await by_plan('{held(key: "a") {may}}', toy, but="Word.may")

    assert result.data == {"held": {"may": None}}
    assert toy.asked == []


async def test_a_whole_answer_that_is_lost_is_not_waited_for() -> None:
    toy = Toy()

    async with asyncio.timeout(30):
        result = await by_plan('{whole(keys: ["bad"]) {words {never must}}}', toy)

    assert (result.data, _shown(result.errors)) == (None, {(DOWN, "whole.words.0.must")})


async def test_a_cancelled_request_leaves_no_work_behind() -> None:
    toy = Toy()
    before = asyncio.all_tasks()
    request = asyncio.create_task(by_plan('{page(keys: ["a", "b"]) {words {never slow}}}', toy))
    for _ in range(10):
        await asyncio.sleep(0)

    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request
    for _ in range(5):
        await asyncio.sleep(0)
    assert toy.ended == ["a", "b"]
    assert asyncio.all_tasks() == before


async def test_a_defect_of_a_plan_ends_it_and_hangs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("services.gateway.plans.run.Run._loaded", broken)

    with pytest.raises(RuntimeError, match="a defect"):
        async with asyncio.timeout(30):
            await by_plan('{page(keys: ["a"]) {words {may}}}', Toy())
