"""Scores by the models of a program: beside its own, by the facts of champions, and never instead of them."""

from typing import Any

import pytest

from laurel.scoring.v1 import models_pb2
from services.gateway import serving
from tests.gateway.conftest import Graph
from tests.gateway.fakes import FakeScoring
from tests.gateway.world import a_serving_model, member_id

SCORES = """query($id: ID!) { member(id: $id) { scores {
  name policyVersion valueBp lowBp highBp label title { zh en } labelName { zh en }
  contributions { factor contributionBp } reasons { code zh: text(locale: ZH) en: text(locale: EN) }
} } }"""


def scoring_of(graph: Graph) -> FakeScoring:
    """The fake that says which models serve."""
    fake = graph.services.scoring.fake
    assert isinstance(fake, FakeScoring)
    return fake


async def scores(graph: Graph) -> Any:
    """The scores of a member."""
    return (await graph.data(SCORES, id=member_id(1)))["member"]["scores"]


async def test_scores_by_champions_come_after_the_programs_own(graph: Graph) -> None:
    scoring_of(graph).serving = [a_serving_model()]

    rfm, churn = await scores(graph)

    assert (rfm["name"], rfm["lowBp"], rfm["highBp"]) == ("rfm", None, None)
    assert churn == {
        "name": "churn",
        "policyVersion": "churn/3",
        "valueBp": 7_000,
        "lowBp": 6_000,
        "highBp": 8_000,
        "label": "high",
        "title": {"zh": "流失风险", "en": "Risk of leaving"},
        "labelName": {"zh": "高", "en": "High"},
        "contributions": [{"factor": "centre", "contributionBp": 7_000}],
        "reasons": [churn["reasons"][0]],
    }
    assert churn["reasons"][0]["code"] == "NO_PURCHASES"
    assert churn["reasons"][0]["zh"] != churn["reasons"][0]["en"]


async def test_the_facts_of_champions_are_read_with_those_of_policies(graph: Graph) -> None:
    scoring_of(graph).serving = [a_serving_model()]

    await scores(graph)

    assert list(graph.services.asked.requests["BatchGetFacts"].names) == [
        "purchase.amount_minor.lifetime",
        "purchase.count.lifetime",
        "purchase.days_since_last",
        "purchase.distinct_days.lifetime",
    ]
    assert list(graph.services.asked.requests["BatchScore"].model_digests) == [a_serving_model().digest]


async def test_challengers_are_not_shown(graph: Graph) -> None:
    challenger = a_serving_model()
    challenger.stage = models_pb2.MODEL_STAGE_CHALLENGER
    scoring_of(graph).serving = [challenger]

    assert [score["name"] for score in await scores(graph)] == ["rfm"]


async def test_which_models_serve_is_asked_once_for_many_queries_and_by_no_other(graph: Graph) -> None:
    scoring_of(graph).serving = [a_serving_model()]
    await graph.data("query($id: ID!) { member(id: $id) { memberId } }", id=member_id(1))
    assert scoring_of(graph).serving_told == 0

    for _ in range(5):
        await scores(graph)

    assert scoring_of(graph).serving_told == 1


async def test_a_promotion_is_shown_after_some_seconds(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    scoring_of(graph).serving = [a_serving_model(3)]
    await scores(graph)
    scoring_of(graph).serving = [a_serving_model(4)]
    assert (await scores(graph))[-1]["policyVersion"] == "churn/3"

    for name in ("FRESH_SECONDS", "KNOWN_SECONDS"):
        monkeypatch.setattr(serving, name, 0.0)

    assert (await scores(graph))[-1]["policyVersion"] == "churn/4"


async def test_without_an_answer_what_was_known_serves_on(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring_of(graph).serving = [a_serving_model()]
    await scores(graph)
    for name in ("FRESH_SECONDS", "KNOWN_SECONDS"):
        monkeypatch.setattr(serving, name, 0.0)
    monkeypatch.setattr(FakeScoring, "ListServingModels", _failing)

    assert [score["name"] for score in await scores(graph)] == ["rfm", "churn"]


async def test_without_any_answer_the_programs_own_scores_are_shown(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeScoring, "ListServingModels", _failing)

    assert [score["name"] for score in await scores(graph)] == ["rfm"]


async def _failing(*_: object) -> Any:
    raise RuntimeError("a defect of scoring")


async def test_a_model_that_scoring_does_not_know_costs_no_other_score(graph: Graph) -> None:
    fake = scoring_of(graph)
    fake.serving, fake.unknown = [a_serving_model()], {a_serving_model().digest}

    assert [score["name"] for score in await scores(graph)] == ["rfm"]

    fake.unknown.clear()
    assert [score["name"] for score in await scores(graph)] == ["rfm", "churn"]
    assert fake.serving_told == 2


MODELS = """query($after: String) { models(kind: "churn", first: 2, after: $after) {
  edges { cursor node {
    kind version stage digest dataDigest metrics { name value } history { stage actor note createTime }
  } }
  pageInfo { hasNextPage endCursor }
} }"""


async def test_staff_list_the_models_of_the_program_page_by_page(graph: Graph) -> None:
    token = graph.token(kind="staff", roles=["analyst"])

    first = (await graph.data(MODELS, token=token))["models"]
    rest = (await graph.data(MODELS, token=token, after=first["pageInfo"]["endCursor"]))["models"]

    assert [edge["node"]["version"] for edge in first["edges"] + rest["edges"]] == [3, 2, 1]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    node = first["edges"][0]["node"]
    assert (node["stage"], node["metrics"]) == ("CHAMPION", [{"name": "auc", "value": "0.814"}])
    assert (node["history"][0]["actor"], node["history"][0]["note"]) == ("olga", "calibrates better")
    assert graph.services.asked.requests["ListModels"].kind == "churn"
