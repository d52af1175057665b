"""The registry of models: registered by one, promoted by another, and one champion of a kind at any time."""

import asyncio
import hashlib
from collections.abc import Callable

import grpc
import pytest

from laurel.scoring.v1 import models_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.errors import error_info
from libs.models.documents import parse
from services.scoring import registry
from tests.models.fitted import ALL, lifetime_value, value_segment
from tests.risk.conftest import outcome
from tests.scoring.models_world import (
    CANDIDATE,
    CHALLENGER,
    CHAMPION,
    RETIRED,
    ModelsWorld,
    a_model,
    a_promotion,
    a_registration,
)


async def test_a_model_is_registered_as_the_next_version_of_its_kind(models: ModelsWorld) -> None:
    program_id = models.a_program()
    document = a_model(program_id)

    first = (await models.analyst(program_id).RegisterModel(a_registration(document, program_id))).model
    second = await models.registered(program_id)
    other = await models.registered(program_id, lifetime_value())

    assert (first.kind, first.version, first.stage) == ("churn", 1, CANDIDATE)
    assert first.digest == hashlib.sha256(document).hexdigest()
    assert first.data_digest == parse(document).data_digest
    assert [(metric.name, metric.value) for metric in first.metrics] == [("auc", "0.779")]
    assert [(step.stage, step.actor) for step in first.history] == [(CANDIDATE, "ann")]
    assert (second.version, other.kind, other.version) == (2, "lifetime_value", 1)


@pytest.mark.parametrize("name", ALL)
async def test_what_is_registered_is_read_back_as_it_was(models: ModelsWorld, name: str) -> None:
    program_id = models.a_program()
    document = a_model(program_id, ALL[name])
    registered = (await models.analyst(program_id).RegisterModel(a_registration(document, program_id))).model
    keys = [pb.ModelKey(kind=registered.kind, version=number) for number in (7, 1)]

    answer = await models.officer(program_id).BatchGetModels(
        pb.BatchGetModelsRequest(program_id=program_id, keys=keys)
    )

    registered.document = document
    assert list(answer.models) == [registered]


async def test_the_same_model_again_is_the_version_that_it_has(models: ModelsWorld) -> None:
    program_id = models.a_program()
    document = a_model(program_id)
    requests = [a_registration(document, program_id) for _ in range(6)]

    answers = await asyncio.gather(*map(models.analyst(program_id).RegisterModel, requests))

    assert [answer.model.version for answer in answers] == [1] * len(requests)
    assert await models.database.models.count_documents({"program_id": program_id}) == 1


async def test_models_registered_at_once_have_versions_of_their_own(models: ModelsWorld) -> None:
    program_id = models.a_program()

    registered = await asyncio.gather(*(models.registered(program_id) for _ in range(6)))

    assert sorted(model.version for model in registered) == list(range(1, 7))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda text: text.replace(b'"bias":0.3', b'"bias":1e999'), "scorer.bias"),
        (lambda text: text.replace(b'"bias":0.3', b'"bias":"0.3"'), "scorer.bias"),
        (lambda text: text.replace(b'"slope":1.1', b'"slope":1.1,"code":"import os"'), "code"),
        (lambda text: text.replace(b'"kind":"churn"', b'"kind":"oracle"'), "document"),
        (lambda text: text + b" ", "document"),
        (lambda text: b"\x80\x04\x95", "document"),
    ],
)
async def test_what_is_no_model_is_refused_with_what_is_wrong(
    models: ModelsWorld, change: Callable[[bytes], bytes], field: str
) -> None:
    program_id = models.a_program()
    document = change(a_model(program_id))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await models.analyst(program_id).RegisterModel(a_registration(document, program_id))

    told = error_info(refused.value)
    assert told is not None
    assert (told.reason, list(told.metadata)) == ("MODEL_INVALID", [field])


async def test_a_model_of_another_program_is_refused(models: ModelsWorld) -> None:
    program_id = models.a_program()
    asked = a_registration(a_model(models.a_program()), program_id)

    assert await outcome(models.analyst(program_id).RegisterModel(asked)) == "MODEL_INVALID"


async def test_a_program_keeps_so_many_models_and_no_more(
    models: ModelsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_id = models.a_program()
    monkeypatch.setattr(registry, "MODELS_MAX", 2)
    first = a_registration(a_model(program_id), program_id)
    await models.analyst(program_id).RegisterModel(first)
    await models.registered(program_id)

    asked = a_registration(a_model(program_id), program_id)

    assert await outcome(models.analyst(program_id).RegisterModel(asked)) == "MODELS_FULL"
    again = a_registration(first.document, program_id)
    assert await outcome(models.analyst(program_id).RegisterModel(again)) == "OK"


async def test_who_registered_a_model_does_not_promote_it_but_may_retire_it(models: ModelsWorld) -> None:
    program_id = models.a_program()
    model = await models.registered(program_id)
    author = models.staff("ann", program_id=program_id)

    assert await outcome(author.PromoteModel(a_promotion(model))) == "MODEL_OF_OWN"
    assert await outcome(author.PromoteModel(a_promotion(model, CHALLENGER))) == "MODEL_OF_OWN"
    assert (await author.PromoteModel(a_promotion(model, RETIRED))).model.stage == RETIRED


async def test_a_promotion_retires_what_was_there_of_the_kind(models: ModelsWorld) -> None:
    program_id = models.a_program()
    first, second = [await models.registered(program_id) for _ in range(2)]
    other = await models.promoted(await models.registered(program_id, value_segment()))

    await models.promoted(first)
    await models.promoted(second, CHALLENGER)
    promoted = await models.promoted(second)

    assert [step.stage for step in promoted.history] == [CANDIDATE, CHALLENGER, CHAMPION]
    assert [(step.actor, step.note) for step in promoted.history][-1] == ("olaf", "calibrates better")
    listed = (await models.officer(program_id).ListModels(pb.ListModelsRequest(program_id=program_id))).models
    assert {(each.kind, each.version): each.stage for each in listed} == {
        ("churn", 1): RETIRED,
        ("churn", 2): CHAMPION,
        (other.kind, 1): CHAMPION,
    }


async def test_a_retired_version_is_the_way_back(models: ModelsWorld) -> None:
    program_id = models.a_program()
    first, second = [await models.registered(program_id) for _ in range(2)]
    await models.promoted(first)
    await models.promoted(second)

    await models.promoted(first)

    assert await models.stages(program_id) == {1: CHAMPION, 2: RETIRED}


async def test_of_versions_that_are_promoted_at_once_one_is_champion(models: ModelsWorld) -> None:
    program_id = models.a_program()
    versions = [await models.registered(program_id) for _ in range(4)]

    await asyncio.gather(*map(models.promoted, versions))

    stages = sorted((await models.stages(program_id)).values())
    assert stages == [CHAMPION, RETIRED, RETIRED, RETIRED]


async def test_a_promotion_to_where_a_version_stands_changes_nothing(models: ModelsWorld) -> None:
    model = await models.promoted(await models.registered(models.a_program()))

    assert await models.promoted(model) == model


async def test_a_version_that_is_not_there_is_not_promoted(models: ModelsWorld) -> None:
    program_id = models.a_program()
    model = await models.registered(program_id)

    unknown = a_promotion(pb.Model(program_id=program_id, kind="churn", version=9))
    of_another = a_promotion(pb.Model(program_id=models.a_program(), kind="churn", version=model.version))

    assert await outcome(models.officer(program_id).PromoteModel(unknown)) == "MODEL_UNKNOWN"
    other = models.officer(of_another.program_id)
    assert await outcome(other.PromoteModel(of_another)) == "MODEL_UNKNOWN"


async def test_models_are_listed_page_by_page_the_latest_first(models: ModelsWorld) -> None:
    program_id = models.a_program()
    for model in (None, lifetime_value(), None):
        await models.registered(program_id, model)
    officer, seen = models.officer(program_id), []
    request = pb.ListModelsRequest(program_id=program_id, page_size=1)

    while True:
        page = await officer.ListModels(request)
        seen += [(each.kind, each.version) for each in page.models]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token

    assert seen == [("churn", 2), ("lifetime_value", 1), ("churn", 1)]
    request.kind = "churn"
    assert await outcome(officer.ListModels(request)) == "PAGE_TOKEN_INVALID"
    churns = await officer.ListModels(pb.ListModelsRequest(program_id=program_id, kind="churn"))
    assert [each.version for each in churns.models] == [2, 1]
    assert not any(each.document for each in churns.models)


async def test_acts_leave_a_record_each(models: ModelsWorld) -> None:
    program_id = models.a_program()
    first = await models.promoted(await models.registered(program_id))
    await models.promoted(await models.registered(program_id))

    records = await models.database.audit.find({"program_id": program_id}).sort("_id", 1).to_list(None)

    assert [(each["act"], each["objects"], each["actor"]["subject"]) for each in records] == [
        ("RegisterModel", ["churn/1"], "ann"),
        ("PromoteModel", ["churn/1"], "olaf"),
        ("RegisterModel", ["churn/2"], "ann"),
        ("PromoteModel", ["churn/1", "churn/2"], "olaf"),
    ]
    assert first.stage == CHAMPION


@pytest.mark.parametrize("role", ["consultant", "store_manager"])
async def test_who_is_in_a_store_has_nothing_to_do_with_models(models: ModelsWorld, role: str) -> None:
    program_id = models.a_program()
    stub = models.staff("sue", role, program_id)

    listing = pb.ListModelsRequest(program_id=program_id)
    registering = a_registration(a_model(program_id), program_id)

    assert await outcome(stub.ListModels(listing)) == "FORBIDDEN"
    assert await outcome(stub.RegisterModel(registering)) == "FORBIDDEN"
    assert await outcome(
        stub.PromoteModel(a_promotion(pb.Model(program_id=program_id, kind="c", version=1)))
    ) == ("FORBIDDEN")


async def test_an_analyst_does_not_promote_and_a_manager_does_not_register(models: ModelsWorld) -> None:
    program_id = models.a_program()
    model = await models.registered(program_id)

    assert await outcome(
        models.staff(new_id("s"), "analyst", program_id).PromoteModel(a_promotion(model))
    ) == ("FORBIDDEN")
    asked = a_registration(a_model(program_id), program_id)
    assert await outcome(models.officer(program_id).RegisterModel(asked)) == "FORBIDDEN"
