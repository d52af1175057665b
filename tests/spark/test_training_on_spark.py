"""Training on Spark, two threads of this machine: the document of one process, however divided."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from libs.cli import cdnow
from libs.common.program import preset
from libs.models.documents import LATER_FACTS, PURCHASE_FACTS, ValueSegment, parse
from libs.models.features import FACTS
from libs.models.populations import Later, Population, in_sample, population
from libs.models.purchases import PurchaseLog, ends_of, facts_of
from libs.models.training import READ, trained
from tests.models.conftest import CDNOW
from tests.scoring.exports import MEMBER_ID, write_export

job = pytest.importorskip("services.scoring.training_job", reason="pip install 'laurel[spark]'")
pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

PROGRAM = preset("music_store")
DAY, HORIZON = date(1997, 9, 30), 273
ENDS = ends_of(HORIZON)
BUYERS, NOBODIES = 700, 200


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    """Of the first customers of CDNOW every column; those who bought nothing are among them."""
    _, read = cdnow.read(CDNOW)
    log = PurchaseLog.of((row.customer, row.day, row.quantity, row.amount_minor) for row in read)
    day = DAY.toordinal()
    customers = log.of_buyers_until(day)
    columns = {fact: np.full(BUYERS, np.nan) for fact in FACTS} | {
        fact: column[:BUYERS] for fact, column in facts_of(customers, day).items() if fact in FACTS
    }
    for days in ENDS:
        later = facts_of(customers, day + days)
        columns |= {f"{fact}@{days}": later[fact][:BUYERS] for fact in LATER_FACTS}
    places = np.sort(np.random.default_rng(1).permutation(BUYERS + NOBODIES)[:BUYERS])
    found = {}
    for name, column in columns.items():
        found[name] = np.full(BUYERS + NOBODIES, np.nan)
        found[name][places] = column
    return found


@pytest.fixture(scope="module")
def table(rows: dict[str, Any]) -> Any:
    ids = pa.array([f"mem_{number:032x}" for number in range(BUYERS + NOBODIES)])
    return pa.table(
        [ids, *(pa.array(column, pa.float64(), from_pandas=True) for column in rows.values())],
        names=[MEMBER_ID, *rows],
    )


def alone(rows: dict[str, Any], kind: str, ends: list[int], drawn: Any = None) -> Population:
    """The members as one process has them."""
    there = ~np.isnan(rows[PURCHASE_FACTS[0]])
    among = int(there.sum())
    if drawn is not None:
        there &= drawn
    return population(
        {fact: rows[fact][there] for fact in READ[kind]},
        [Later(days, {fact: rows[f"{fact}@{days}"][there] for fact in LATER_FACTS}) for days in ends],
        program_id=PROGRAM.key,
        currency=PROGRAM.currency,
        as_of=DAY,
        horizon_days=HORIZON,
        drawn_from=among if there.sum() < among else None,
    )


@pytest.fixture(scope="module")
def documents(rows: dict[str, Any]) -> dict[str, bytes]:
    """What one process learns."""
    return {kind: trained(kind, alone(rows, kind, ENDS)).canonical() for kind in READ}


@pytest.mark.parametrize(("parts", "batch"), [(1, "700"), (2, "64"), (7, "10000")])
def test_it_is_the_document_of_one_process(
    spark: Any, table: Any, documents: dict[str, bytes], tmp_path: Path, parts: int, batch: str
) -> None:
    folder = write_export(tmp_path / "facts", PROGRAM, table, parts, DAY, HORIZON)
    before = spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", batch)
    try:
        found = {kind: job.train(spark, kind, str(folder)).canonical() for kind in READ}
    finally:
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", before)

    assert found == documents


def test_members_are_the_same_with_the_same_digest(spark: Any, rows: Any, table: Any, tmp_path: Path) -> None:
    folder = write_export(tmp_path / "facts", PROGRAM, table, 3, DAY, HORIZON)

    for kind, facts in READ.items():
        found = job.members_of(job.Export.of(spark, str(folder)), facts)
        assert found.digest() == alone(rows, kind, ENDS).digest()
        assert found.count == BUYERS


def test_of_too_many_the_same_sample_is_learned_from(
    spark: Any, rows: Any, table: Any, tmp_path: Path
) -> None:
    folder = write_export(tmp_path / "facts", PROGRAM, table, 3, DAY, HORIZON)
    drawn = in_sample(table[MEMBER_ID].to_pylist(), BUYERS, 300)

    found = job.train(spark, "lifetime_value", str(folder), at_most=300)

    assert (
        found.canonical() == trained("lifetime_value", alone(rows, "lifetime_value", ENDS, drawn)).canonical()
    )
    assert 200 < found.members_count < 400
    assert found.metrics["drawn_from"] == BUYERS


def test_segments_go_on_from_those_before(
    spark: Any, rows: Any, table: Any, documents: dict[str, bytes], tmp_path: Path
) -> None:
    folder = write_export(tmp_path / "facts", PROGRAM, table, 3, DAY, HORIZON)
    before = parse(documents["value_segment"])
    assert isinstance(before, ValueSegment)

    found = job.train(spark, "value_segment", str(folder), segments=4, before=before)

    alone_ = trained("value_segment", alone(rows, "value_segment", ENDS), before=before)
    assert found.canonical() == alone_.canonical()
    assert found.metrics["same_label_share"] > 0.99
    other = before.model_copy(update={"program_id": "demo"})
    with pytest.raises(job.JobError, match="--before is of demo, the members of music_store"):
        job.train(spark, "value_segment", str(folder), before=other)


def test_what_cannot_be_learned_from_is_told(spark: Any, table: Any, tmp_path: Path) -> None:
    at_once = write_export(tmp_path / "at_once", PROGRAM, table, 2, DAY)
    nobody = table.filter(pa.compute.is_null(table[PURCHASE_FACTS[0]]))
    without = table.select([name for name in table.column_names if "@" not in name])
    for folder, said in [
        (at_once, "no horizon: export again with --horizon-days"),
        (write_export(tmp_path / "running", PROGRAM, without, 2, DAY, HORIZON), "273 days after .* not over"),
        (write_export(tmp_path / "nobody", PROGRAM, nobody, 2, DAY, HORIZON), "nobody had purchased by"),
        (
            write_export(tmp_path / "few", PROGRAM, table.drop_columns([FACTS[9]]), 2, DAY, HORIZON),
            f"lacks {FACTS[9]}: export again",
        ),
    ]:
        with pytest.raises(job.JobError, match=said):
            job.train(spark, "churn", str(folder))


def test_a_horizon_that_is_not_over_still_gives_lifetime_value(
    spark: Any, rows: Any, table: Any, tmp_path: Path
) -> None:
    without = table.select([name for name in table.column_names if "@" not in name])
    folder = write_export(tmp_path / "facts", PROGRAM, without, 2, DAY, HORIZON)

    found = job.train(spark, "lifetime_value", str(folder))

    assert found.canonical() == trained("lifetime_value", alone(rows, "lifetime_value", [])).canonical()


def laurel(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "libs.cli.main", "train", *arguments]
    spark = ("--engine", "spark", "--master", "local[2]", "--conf", "spark.ui.enabled=false")
    return subprocess.run([*command, *spark], capture_output=True, text=True, check=False)


def test_a_person_trains_without_a_platform(table: Any, documents: dict[str, bytes], tmp_path: Path) -> None:
    folder = write_export(tmp_path / "facts", PROGRAM, table, 3, DAY, HORIZON)
    out = tmp_path / "churn.json"

    done = laurel("churn", "--facts", str(folder), "--out", str(out), "--json")
    refused = laurel("value-segment", "--facts", str(folder), "--before", str(out))

    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == documents["churn"]
    told = json.loads(done.stdout)
    assert (told["kind"], told["members_count"], told["version"]) == ("churn", BUYERS, None)
    assert refused.returncode == 1
    assert "is a model of churn, and not of value_segment" in refused.stderr
