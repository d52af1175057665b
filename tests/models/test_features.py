"""features/v1: names that never change meaning, and the same facts as members keeps."""

import hashlib
from collections import defaultdict
from datetime import date

import numpy as np
import pytest

from libs.cli import cdnow
from libs.models import features, features_page
from libs.models.features import FACTS, FEATURES, KINDS, feature_matrix
from libs.models.purchases import PurchaseLog, facts_of
from services.members.domain.facts import MONEY_KINDS, Counts, added, facts_at
from tests.models.conftest import CDNOW, UNTIL

# Another list is another version: whoever changes this changes VERSION, and keeps the list before.
LIST_OF_V1 = "333fc2d49de02600719099704f7aea0e97883d0a29e7685bb358507976809a2d"


def test_there_are_more_than_two_hundred_with_texts_of_their_own() -> None:
    assert len(FEATURES) >= 200
    for texts in ([each.zh for each in FEATURES.values()], [each.en for each in FEATURES.values()]):
        assert len(set(texts)) == len(texts)


def test_the_list_of_a_version_never_changes() -> None:
    told = "\n".join(f"{each.name}\t{each.unit}\t{each.formula.told()}" for each in FEATURES.values())

    assert (features.VERSION, hashlib.sha256(told.encode()).hexdigest()) == ("features/v1", LIST_OF_V1)


def test_facts_of_a_log_are_those_that_members_keeps(log: PurchaseLog) -> None:
    """Customer by customer, against the facts that members answers for the same days."""
    _, rows = cdnow.read(CDNOW)
    customers = sorted({row.customer for row in rows})
    days: dict[str, dict[date, dict[str, Counts]]] = defaultdict(dict)
    for row in rows:
        if row.day <= UNTIL:
            counts = Counts(1, row.amount_minor, row.quantity)
            days[row.customer][row.day] = added(days[row.customer].get(row.day, {}), "purchase", counts)
    ours = facts_of(log, UNTIL.toordinal())

    for place, customer in enumerate(customers):
        theirs = facts_at(days[customer], UNTIL)
        assert {name: column[place] for name, column in ours.items() if column[place]} == {
            name: value for name, value in theirs.items() if value
        }


def test_ratios_of_nothing_are_nothing_and_days_of_nothing_are_unknown() -> None:
    nobody = {"purchase.count.7d": np.array([0.0])}
    found = feature_matrix(
        nobody, ["purchase.trend.7d_of_30d", "login.days_since_last", "login.lapse", "view.count.30d"]
    )

    np.testing.assert_array_equal(found, [[0, np.nan, np.nan, 0]])


def test_the_lapse_counts_in_the_members_own_intervals() -> None:
    """Bought every 10 days until 33 days ago: three intervals (of ten days and one) of silence."""
    facts = {
        "purchase.days_since_first": np.array([83.0]),
        "purchase.days_since_last": np.array([33.0]),
        "purchase.distinct_days.lifetime": np.array([6.0]),
    }
    assert feature_matrix(facts, ["purchase.interval", "purchase.lapse"]).tolist() == [[10.0, 3.0]]


def test_all_facts_are_of_kinds_that_members_knows() -> None:
    kinds = {fact.split(".")[0] for fact in FACTS}
    assert kinds == {*KINDS, "purchase_gross"}
    assert set(MONEY_KINDS) <= kinds


def test_the_table_in_the_documentation_is_the_list() -> None:
    assert features_page.PAGE.read_text(encoding="utf-8") == features_page.page(), "make features"


def test_an_unknown_name_is_a_defect() -> None:
    with pytest.raises(KeyError):
        feature_matrix({"purchase.count.7d": np.array([0.0])}, ["purchase.count.8d"])
