"""Scores an export of facts on Spark, for `laurel score --engine spark` and for jobs of clusters.

Members go to Python as Arrow (`mapInArrow`), and are scored there by the very
code that scores frames, which goes with the job. So the scores are those of one
process, bit by bit, however the members are divided.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pyspark.errors import PySparkException
from pyspark.sql import functions as sql

from libs.models.documents import ModelInvalidError
from services.scoring.population import (
    MEMBER_ID,
    ModelForeignError,
    Population,
    PopulationScorer,
    PopulationTask,
)
from services.scoring.spark import MANIFEST, Export, JobError, named, parser_of, require_free, session, write


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job; one line of JSON says what came out. Exit 1 with what is wrong."""
    asked = _parser().parse_args(arguments)
    models = tuple(Path(file).read_bytes() for file in asked.model)
    with session(asked.master, asked.conf) as spark:
        try:
            figures = score(spark, asked.facts, asked.out, models=models, form=asked.format)
        except (JobError, PySparkException) as error:
            sys.exit(f"{error}")
    sys.stdout.write(json.dumps(figures) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument("--out", required=True, help="folder of the scores, or its URL")
    parser.add_argument("--model", action="append", default=[], help="file of a model's document")
    parser.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    return parser


def score(
    spark: Any,
    facts: str,
    out: str,
    *,
    models: tuple[bytes, ...] = (),
    form: str = "parquet",
    kernel: Literal["best", "numpy"] = "best",
) -> dict[str, Any]:
    """Score the members of an export into a folder, ascending by id, and say how many have each label."""
    export = Export.of(spark, facts)
    manifest = export.manifest
    population = Population(export.program, models)
    try:
        scorer = population.scorer()
    except (ModelInvalidError, ModelForeignError) as error:
        raise JobError(f"--model: {error}") from error
    export.require(scorer.facts)
    if not scorer.schema.names[1:]:
        raise JobError(f"{manifest['program_id']} has no score policy, and no model is named")
    require_free(spark, out)
    task = PopulationTask(population, kernel)
    scored = export.members(scorer.facts).mapInArrow(task, _spark_schema(scorer)).sort(MEMBER_ID)
    writer = scored.write.mode("overwrite")
    if form == "csv":
        writer.option("header", True).option("nullValue", "").option("emptyValue", "").csv(out)
        written = spark.read.option("header", True).csv(out)
    else:
        writer.parquet(out)
        written = spark.read.parquet(out)
    told = {key: manifest[key] for key in ("program_id", "program_version", "program_digest", "as_of")}
    told["models"] = [hashlib.sha256(document).hexdigest() for document in models]
    told["members"] = written.count()
    told["labels"] = _labels(written, scorer)
    write(spark, f"{out}/{MANIFEST}", json.dumps(told, indent=1).encode())
    return told | {"folder": out}


def _spark_schema(scorer: PopulationScorer) -> str:
    types = {"string": "string", "int32": "int", "int64": "bigint"}
    return ", ".join(f"`{each.name}` {types[str(each.type)]}" for each in scorer.schema)


def _labels(written: Any, scorer: PopulationScorer) -> dict[str, dict[str, int]]:
    """How many members have each label, by score; no label is the empty one."""
    names = [name for name in scorer.schema.names if name.endswith(".label")]
    return {
        name.removesuffix(".label"): {
            row[0] or "": row[1]
            for row in written.groupBy(named(name)).count().orderBy(sql.desc("count"), named(name)).collect()
        }
        for name in names
    }


if __name__ == "__main__":
    main()
