"""The order in which operations are refused when there is too much to do."""

from contextlib import ExitStack

import pytest
from prometheus_client import REGISTRY

from libs.common.errors import Overloaded
from services.gateway.admission.places import AtOnce, Importance


def let_in(at_once: AtOnce, stack: ExitStack, importance: Importance) -> bool:
    try:
        stack.enter_context(at_once.place(importance))
    except Overloaded:
        return False
    return True


def test_the_least_important_are_refused_first_and_what_tills_write_last() -> None:
    at_once, refused_at = AtOnce(100), dict[Importance, int]()

    with ExitStack() as stack:
        for taken in range(100):
            for each in Importance:
                with ExitStack() as tried:
                    if not let_in(at_once, tried, each):
                        refused_at.setdefault(each, taken)
            assert let_in(at_once, stack, Importance.WRITE)
        assert not let_in(at_once, stack, Importance.WRITE)

    assert refused_at == {Importance.REPORT: 50, Importance.LIST: 70, Importance.READ: 85}
    assert list(refused_at) == sorted(Importance)[:-1]


def test_a_place_is_free_again_however_an_operation_ends() -> None:
    at_once = AtOnce(1)

    for _ in range(3):
        with pytest.raises(ValueError, match="defect"), at_once.place(Importance.WRITE):
            raise ValueError("defect")

    with at_once.place(Importance.REPORT):
        pass


def test_where_there_is_one_place_everybody_may_have_it() -> None:
    for each in Importance:
        with AtOnce(1).place(each):
            pass


def test_what_is_refused_is_counted_by_importance() -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("laurel_graphql_shed_total", {"importance": "list"}) or 0.0

    before, at_once = count(), AtOnce(1)
    with at_once.place(Importance.WRITE), ExitStack() as stack:
        assert not let_in(at_once, stack, Importance.LIST)

    assert count() == before + 1
