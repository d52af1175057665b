"""Scoring on Spark, two executors' threads on this machine: the same bits as one process, however divided."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from libs.common.program import preset
from services.scoring.population import MEMBER_ID, Population, PopulationTask
from tests.models import fitted
from tests.scoring.exports import of, table_of, write_export

job = pytest.importorskip("services.scoring.population_job", reason="pip install 'laurel[spark]'")
pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]

PROGRAM = preset("ecommerce_points")
MODELS = tuple(
    of(PROGRAM, each)
    for each in (fitted.churn(fitted.TREES), fitted.lifetime_value(), fitted.value_segment())
)
POPULATION = Population(PROGRAM.canonical(), MODELS)
ROWS = 3000


@pytest.fixture(scope="module")
def facts() -> Any:
    return table_of(POPULATION.scorer().facts, ROWS)


@pytest.fixture(scope="module")
def alone(facts: Any) -> Any:
    """What one process comes to, by the reference."""
    return pa.Table.from_batches(PopulationTask(POPULATION, "numpy")(facts.to_batches()))


def read(out: Path) -> Any:
    tables = [pq.read_table(file) for file in sorted(out.glob("part-*.parquet"))]
    return pa.concat_tables(tables).cast(POPULATION.scorer().schema)


@pytest.mark.parametrize("kernel", ["numpy", "best"])
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_it_is_the_same_bits_as_one_process(
    spark: Any, facts: Any, alone: Any, tmp_path: Path, parts: int, kernel: Literal["numpy", "best"]
) -> None:
    folder, out = write_export(tmp_path / "facts", PROGRAM, facts, parts), tmp_path / "scores"

    told = job.score(spark, str(folder), str(out), models=MODELS, kernel=kernel)

    assert read(out).equals(alone)
    assert told["members"] == ROWS
    assert json.loads((out / "manifest.json").read_text())["labels"] == told["labels"]
    assert sum(told["labels"]["rfm"].values()) == ROWS


@pytest.mark.parametrize("size", ["3000b", "100kb"])
def test_nor_does_it_matter_how_spark_divides_files(
    spark: Any, facts: Any, alone: Any, tmp_path: Path, size: str
) -> None:
    spark.conf.set("spark.sql.files.maxPartitionBytes", size)
    try:
        job.score(
            spark,
            str(write_export(tmp_path / "facts", PROGRAM, facts, 2)),
            str(tmp_path / "scores"),
            models=MODELS,
        )
    finally:
        spark.conf.unset("spark.sql.files.maxPartitionBytes")

    assert read(tmp_path / "scores").equals(alone)


def test_csv_has_the_columns_of_laurel_score_and_empty_cells(
    spark: Any, facts: Any, alone: Any, tmp_path: Path
) -> None:
    out = tmp_path / "scores"

    job.score(
        spark, str(write_export(tmp_path / "facts", PROGRAM, facts)), str(out), models=MODELS, form="csv"
    )

    rows = [
        row
        for file in sorted(out.glob("part-*.csv"))
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    ]
    wanted = [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in alone.to_pylist()
    ]
    assert rows == wanted


def test_the_code_that_goes_with_it_is_all_that_it_needs_of_ours(spark: Any) -> None:
    def shipped(batches: Any) -> Any:
        for _ in batches:
            paths = [path for path in sys.path if path.endswith("laurel_code.zip")]
            yield pa.record_batch([pa.array(paths)], names=["path"])

    (found,) = {row[0] for row in spark.range(1).mapInArrow(shipped, "path string").collect()}
    alone = (
        "import sys; sys.meta_path = [each for each in sys.meta_path if 'editable' not in repr(each)];"
        f"sys.path.insert(0, {found!r}); from services.scoring import population; print(population.__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", alone], capture_output=True, text=True, check=True)

    assert done.stdout.startswith(found)


def test_who_has_scores_there_already_keeps_them(spark: Any, facts: Any, tmp_path: Path) -> None:
    folder, out = write_export(tmp_path / "facts", PROGRAM, facts), tmp_path / "scores"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")

    with pytest.raises(job.JobError, match="not empty"):
        job.score(spark, str(folder), str(out))

    assert [each.name for each in out.iterdir()] == ["thesis.txt"]


def test_a_run_that_did_not_end_is_no_obstacle(spark: Any, facts: Any, alone: Any, tmp_path: Path) -> None:
    (tmp_path / "scores" / "_temporary" / "0").mkdir(parents=True)

    folder = write_export(tmp_path / "facts", PROGRAM, facts)
    job.score(spark, str(folder), str(tmp_path / "scores"), models=MODELS)

    assert read(tmp_path / "scores").equals(alone)


def changed(folder: Path, **values: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | values))


def test_exports_that_cannot_be_scored_are_told(spark: Any, facts: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "scores")
    few = facts.drop_columns(["login.days_since_last"])
    lacking = write_export(tmp_path / "lacking", PROGRAM, few)
    unfinished, other = (write_export(tmp_path / name, PROGRAM, facts) for name in ("unfinished", "other"))
    parts = json.loads((unfinished / "manifest.json").read_text())["parts"]
    changed(unfinished, parts=[*parts[:-1], parts[-1] | {"bytes_count": -1}])
    (other / "program.json").write_bytes(preset("music_store").canonical())

    for folder, said in [
        (lacking, "lacks login.days_since_last: export again"),
        (unfinished, "not finished: run `laurel export facts` again"),
        (other, "not the document that the manifest names"),
        (tmp_path / "nowhere", "nowhere"),
    ]:
        with pytest.raises((job.JobError, job.PySparkException), match=said):
            job.score(spark, str(folder), out, models=MODELS)
    assert not Path(out).exists()


def test_ids_are_unique_and_ascend(spark: Any, facts: Any, tmp_path: Path) -> None:
    job.score(
        spark,
        str(write_export(tmp_path / "facts", PROGRAM, facts, 5)),
        str(tmp_path / "scores"),
        models=MODELS,
    )

    ids = read(tmp_path / "scores")[MEMBER_ID].to_pylist()

    assert ids == sorted(set(ids))
