"""Scores by models: the same bits however members come, by what a replica holds, with Mongo or without."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import models_pb2
from laurel.scoring.v1 import scoring_pb2 as pb
from libs.cli.ports import Ports
from libs.common.program import Program, preset
from libs.common.rpc.time import timestamp
from libs.models import documents
from libs.models.documents import DAYS, FIRST, LAST, SPENT
from services.scoring import held_models
from tests.models.fitted import ALL, TREES, churn, lifetime_value, members, value_segment
from tests.risk.conftest import outcome
from tests.scoring.models_world import CHALLENGER, ModelsWorld, a_model, models_world
from tests.support.builders import NOON
from tests.support.platform import running_mongod
from tests.support.services import Keys

NO_VALUE = -(2**63)
UNKNOWN = "0" * 64
# Calls are repeated until their time is over.
GONE = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
FACTS = [FIRST, LAST, DAYS, SPENT, "purchase.count.90d", "login.days_since_last"]


def a_program(key: str) -> Program:
    """A program of a key, with a policy for RFM."""
    return preset("music_store").model_copy(update={"key": key})


def a_request(program: Program, subjects: Sequence[pb.ScoreSubject], *digests: str) -> pb.BatchScoreRequest:
    """Subjects to be scored by a program and models of it."""
    return pb.BatchScoreRequest(
        program_digest=program.digest(),
        program_document=program.canonical(),
        subjects=subjects,
        model_digests=digests,
    )


def subjects_of(facts: Any) -> list[pb.ScoreSubject]:
    """Members as a call brings them."""
    rows = len(facts[DAYS])
    return [
        pb.ScoreSubject(
            subject_id=f"m{row}",
            as_of=timestamp(NOON),
            facts=[
                fact_pb2.Fact(name=name, value=int(column[row]))
                for name, column in facts.items()
                if not np.isnan(column[row])
            ],
        )
        for row in range(rows)
    ]


async def serving(models: ModelsWorld, program_id: str) -> list[models_pb2.ServingModel]:
    """What the replica says that it scores by."""
    request = models_pb2.ListServingModelsRequest(program_id=program_id)
    return list((await models.officer(program_id).ListServingModels(request)).models)


async def test_scores_by_models_come_after_the_programs_own_with_why(models: ModelsWorld) -> None:
    program = a_program(models.a_program())
    registered = [
        await models.registered(program.key, model) for model in (churn(), lifetime_value(), value_segment())
    ]
    digests = [each.digest for each in registered]
    request = a_request(program, subjects_of(members(60)), *digests)

    results = (await models.scoring(program.key).BatchScore(request)).results

    scored = 0
    for result in results:
        names = [score.name for score in result.scores]
        assert names == ["rfm", "churn", "lifetime_value", "value_segment"]
        for score in list(result.scores)[1:]:
            assert score.policy_version == f"{score.name}/1"
            if score.absent_reason:
                assert (score.absent_reason, score.HasField("value_bp")) == ("NO_PURCHASES", False)
                continue
            scored += 1
            assert sum(each.contribution_bp for each in score.contributions) == score.value_bp
            assert score.reasons
        by_name = {score.name: score for score in result.scores}
        value = by_name["lifetime_value"]
        assert value.low_bp <= value.value_bp <= value.high_bp
        assert by_name["churn"].label in {"", "high", "medium", "low"}
    assert scored > 90


@pytest.mark.parametrize("name", ALL)
async def test_calls_and_frames_have_the_same_bits_in_any_batch_and_order(
    models: ModelsWorld, name: str
) -> None:
    program = a_program(models.a_program())
    model = await models.registered(program.key, ALL[name])
    facts = members(400, seed=7)
    stub, subjects = models.scoring(program.key), subjects_of(facts)
    whole = (await stub.BatchScore(a_request(program, subjects, model.digest))).results
    told = {result.subject_id: result.scores[-1] for result in whole}

    shuffled = random.Random(3).sample(subjects, len(subjects))
    for start, size in ((0, 1), (1, 2), (3, 97), (100, 300)):
        some = shuffled[start : start + size]
        for result in (await stub.BatchScore(a_request(program, some, model.digest))).results:
            assert result.scores[-1] == told[result.subject_id]

    values, labels, lows = [], [], []
    keys: list[str] = []
    async for answer in stub.ScoreFrames(frames(program, facts, [130, 270], model.digest)):
        (scores,) = answer.model_scores
        assert scores.name == model.kind
        keys = keys or list(scores.label_keys)
        values += np.frombuffer(scores.values_bp, "<i8").tolist()
        labels += np.frombuffer(scores.labels, "i1").tolist()
        lows += np.frombuffer(scores.lows_bp, "<i8").tolist()
    assert values == [
        told[f"m{row}"].value_bp if told[f"m{row}"].HasField("value_bp") else NO_VALUE for row in range(400)
    ]
    assert [keys[place] if place >= 0 else "" for place in labels] == [
        told[f"m{row}"].label for row in range(400)
    ]
    if lows:
        assert lows == [
            told[f"m{row}"].low_bp if told[f"m{row}"].HasField("low_bp") else NO_VALUE for row in range(400)
        ]


async def frames(program: Program, facts: Any, sizes: Sequence[int], digest: str) -> Any:
    """Members as frames of these sizes."""
    yield pb.ScoreFramesRequest(
        header=pb.FrameHeader(
            program_digest=program.digest(),
            program_document=program.canonical(),
            facts=FACTS,
            model_digests=[digest],
        )
    )
    start = 0
    for place, size in enumerate(sizes):
        rows = slice(start, start + size)
        columns = [facts[fact][rows].clip(0).astype("<f8").tobytes() for fact in FACTS[:3]]
        columns += [facts[fact][rows].astype("<f8").tobytes() for fact in FACTS[3:]]
        yield pb.ScoreFramesRequest(frame=pb.Frame(frame_id=place, rows_count=size, columns=columns))
        start += size


async def test_a_program_without_policies_is_scored_by_its_models(models: ModelsWorld) -> None:
    program = preset("ecommerce_points").model_copy(update={"key": models.a_program()})
    model = await models.registered(program.key, churn(TREES))
    request = a_request(program, subjects_of(members(2)), model.digest)

    results = (await models.scoring(program.key).BatchScore(request)).results

    assert {result.scores[-1].name for result in results} == {"churn"}


async def test_a_model_of_another_program_is_unknown(models: ModelsWorld) -> None:
    mine, other = a_program(models.a_program()), models.a_program()
    model = await models.registered(other)
    stub, subjects = models.scoring(mine.key), subjects_of(members(1))

    assert await outcome(stub.BatchScore(a_request(mine, subjects, model.digest))) == "MODEL_UNKNOWN"
    assert await outcome(stub.BatchScore(a_request(mine, subjects, UNKNOWN))) == "MODEL_UNKNOWN"
    await models.promoted(model)
    await models.held.look()
    assert await outcome(stub.BatchScore(a_request(mine, subjects, model.digest))) == "MODEL_UNKNOWN"


async def test_champions_and_challengers_are_told_with_what_they_read(models: ModelsWorld) -> None:
    program_id = models.a_program()
    champion = await models.promoted(await models.registered(program_id))
    challenger = await models.promoted(await models.registered(program_id, churn(TREES)), CHALLENGER)
    segments = await models.promoted(await models.registered(program_id, value_segment()))
    await models.registered(program_id, lifetime_value())

    await models.held.look()

    told = await serving(models, program_id)
    assert [(each.kind, each.version, each.stage, each.digest) for each in told] == [
        (each.kind, each.version, each.stage, each.digest) for each in (champion, challenger, segments)
    ]
    assert list(told[0].facts) == list(churn().facts)
    label = told[0].labels[0]
    assert (label.key, label.name_zh, label.name_en) == ("high", "高", "high")


async def test_what_is_held_is_bounded_and_read_again_when_it_is_asked_for(
    models: ModelsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = a_program(models.a_program())
    digests = [(await models.registered(program.key)).digest for _ in range(3)]
    monkeypatch.setattr(models.held, "_bytes_max", 1)
    stub, subjects = models.scoring(program.key), subjects_of(members(1))

    for digest in (*digests, digests[0]):
        assert await outcome(stub.BatchScore(a_request(program, subjects, digest))) == "OK"
        assert len(models.held._held) == 1


async def test_a_model_that_many_ask_for_at_once_is_read_once(
    models: ModelsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = a_program(models.a_program())
    model = await models.registered(program.key)
    read: list[bytes] = []

    def counted(document: bytes) -> Any:
        read.append(document)
        return documents.parse(document)

    monkeypatch.setattr(held_models, "parse", counted)
    stub, subjects = models.scoring(program.key), subjects_of(members(1))

    calls = [stub.BatchScore(a_request(program, subjects, model.digest)) for _ in range(10)]
    await asyncio.gather(*calls)

    assert len(read) == 1


async def test_a_model_that_this_code_cannot_read_serves_nobody_and_stops_nobody(
    models: ModelsWorld,
) -> None:
    program_id = models.a_program()
    broken = await models.promoted(await models.registered(program_id))
    well = await models.promoted(await models.registered(program_id, value_segment()))
    future = {"$set": {"document": b'{"kind":"of a later release"}'}}
    await models.database.models.update_one({"digest": broken.digest}, future)

    await models.held.look()

    assert [each.digest for each in await serving(models, program_id)] == [well.digest]


async def test_without_its_database_a_replica_scores_by_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, program = Keys.made_in(tmp_path), a_program("music_store")
    with Ports() as ports:
        mongod = running_mongod(tmp_path, ports.any())
        async with models_world(mongod.__enter__(), keys, emptied_after=False) as models:
            held = await models.promoted(await models.registered(program.key))
            other = await models.registered(program.key)
            await models.held.look()
            stub, subjects = models.scoring(program.key), subjects_of(members(1))
            before = await stub.BatchScore(a_request(program, subjects, held.digest))

            mongod.__exit__(None, None, None)

            assert await stub.BatchScore(a_request(program, subjects, held.digest)) == before
            assert await outcome(stub.BatchScore(a_request(program, subjects))) == "OK"
            assert [each.digest for each in await serving(models, program.key)] == [held.digest]
            asked = stub.BatchScore(a_request(program, subjects, other.digest))
            assert await outcome(asked) in GONE
            monkeypatch.setattr(held_models, "LOOK_SECONDS", 1.0)
            looking = asyncio.create_task(models.held.follow())
            async with asyncio.timeout(30):
                while not models.held.is_away:
                    await asyncio.sleep(0.1)
            asked = stub.BatchScore(a_request(program, subjects, other.digest))
            assert await outcome(asked) == "MODEL_UNKNOWN"
            looking.cancel()
            assert await outcome(models.analyst().RegisterModel(_registration())) in GONE


def _registration() -> models_pb2.RegisterModelRequest:
    return models_pb2.RegisterModelRequest(
        program_id="music_store", request_id="r1", document=a_model("music_store")
    )
