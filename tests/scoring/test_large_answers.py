"""Scores of 500 members by all models: what a caller can read, or a refusal that says how many fit."""

from typing import Any

import grpc
import numpy as np
import orjson
import pytest

from libs.common.program import Program, preset
from libs.common.rpc.errors import error_info
from libs.models import documents
from libs.models.documents import DAYS, FIRST, LAST, SPENT
from libs.models.features import FEATURES
from libs.models.redundancy import Kept
from libs.models.training import limited
from services.scoring.score_messages import ANSWER_BYTES_MAX
from tests.models import fitted
from tests.scoring.models_world import ModelsWorld
from tests.scoring.test_model_scores import a_request, subjects_of

MEMBERS = 500
ALL_BANDS = [{"key": "all", "name": {"zh": "全部", "en": "All"}, "min_total_bp": 0}]


def a_wide_churn() -> documents.Churn:
    """As many features as a model may learn from all of the list."""
    kept = limited(Kept(tuple(FEATURES), np.zeros(len(FEATURES)))).names
    inputs = len(kept) + 1
    weights = np.random.default_rng(1).uniform(-0.5, 0.5, inputs)
    scorer = documents.Logistic(
        means=(0.0,) * inputs, scales=(1.0,) * inputs, weights=tuple(weights.tolist()), bias=0.1
    )
    return fitted.churn(scorer, kept=tuple(documents.KeptFeature(name=name, missing=0.0) for name in kept))


def a_program(key: str, scale: Any) -> Program:
    """As many scorecards of as many dimensions as there may be, with names as long."""
    document = preset("ecommerce_five").document() | {"key": key, "rfm": None}
    document["scorecards"] = [
        {
            "key": f"card_{card}",
            "version": "1",
            "name": {"zh": "价值", "en": "Value"},
            "dimensions": [
                {
                    "key": f"{'d' * 60}_{place}",
                    "fact": DAYS,
                    "name": {"zh": "项", "en": "Item"},
                    "scale": scale,
                    "weight_bp": 1000,
                }
                for place in range(10)
            ],
            "bands": ALL_BANDS,
        }
        for card in range(12)
    ]
    return Program.parse(orjson.dumps({name: part for name, part in document.items() if part is not None}))


async def all_models(models: ModelsWorld, program_id: str) -> list[str]:
    """The digests of a champion and a challenger of every kind."""
    kinds: list[documents.ModelDocument] = [a_wide_churn(), fitted.lifetime_value(), fitted.value_segment()]
    return [(await models.registered(program_id, each)).digest for each in kinds for _ in range(2)]


def some_members() -> dict[str, Any]:
    facts = {DAYS: 50.0, FIRST: 900.0, LAST: 800.0, SPENT: 100_000.0}
    return {fact: np.full(MEMBERS, value) for fact, value in facts.items()}


async def test_scores_by_all_models_and_scorecards_fit_into_an_answer(models: ModelsWorld) -> None:
    program = a_program(models.a_program(), {"kind": "linear", "high": 10})
    digests = await all_models(models, program.key)
    request = a_request(program, subjects_of(some_members()), *digests)

    answer = await models.scoring(program.key).BatchScore(request, timeout=60)

    assert [len(result.scores) for result in answer.results] == [12 + 6] * MEMBERS
    assert 4 * 1024 * 1024 < answer.ByteSize() <= ANSWER_BYTES_MAX


async def test_what_does_not_fit_is_refused_and_what_is_said_to_fit_does(models: ModelsWorld) -> None:
    """A hundred cuts of each scale are told with each contribution."""
    program = a_program(models.a_program(), {"kind": "cuts", "cuts": [10**12 + n for n in range(100)]})
    digests = await all_models(models, program.key)
    stub, subjects = models.scoring(program.key), subjects_of(some_members())

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.BatchScore(a_request(program, subjects, *digests), timeout=60)

    info = error_info(raised.value)
    assert info is not None
    assert (raised.value.code(), info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    told = info.metadata["subjects"]
    assert told.startswith(f"have scores of more than {ANSWER_BYTES_MAX} bytes: ask for ")
    fit = int(told.split()[-3])
    assert 50 < fit < MEMBERS
    answer = await stub.BatchScore(a_request(program, subjects[:fit], *digests), timeout=60)
    assert len(answer.results) == fit
