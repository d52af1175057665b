"""Scores an export of facts on Spark, for `laurel score --engine spark` and for jobs of clusters.

Members go to Python as Arrow (`mapInArrow`), and are scored there by the very
code that scores frames, which goes with the job. So the scores are those of one
process, bit by bit, however the members are divided.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as sql

from libs.models.documents import ModelInvalidError
from services.scoring.population import (
    MEMBER_ID,
    ModelForeignError,
    Population,
    PopulationScorer,
    PopulationTask,
)

MANIFEST, PROGRAM = "manifest.json", "program.json"
ROOT = Path(__file__).parents[2]
# What Python on the executors reads of us; the rest comes from wheels.
SHIPPED = ("libs/__init__.py", "libs/common", "libs/models", "services/__init__.py", "services/scoring")
UNFINISHED = "_temporary"


class JobError(Exception):
    """What keeps the job from running; the text says what to do."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job; one line of JSON says what came out. Exit 1 with what is wrong."""
    asked = _parser().parse_args(arguments)
    models = tuple(Path(file).read_bytes() for file in asked.model)
    with session(asked.master, dict(pair.split("=", 1) for pair in asked.conf)) as spark:
        try:
            figures = score(spark, asked.facts, asked.out, models=models, form=asked.format)
        except (JobError, PySparkException) as error:
            sys.exit(f"{error}")
    sys.stdout.write(json.dumps(figures) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", required=True, help="folder of `laurel export facts`, or its URL")
    parser.add_argument("--out", required=True, help="folder of the scores, or its URL")
    parser.add_argument("--model", action="append", default=[], help="file of a model's document")
    parser.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    parser.add_argument("--master", default="", help="of the cluster; that of Spark's settings by default")
    parser.add_argument("--conf", action="append", default=[], help="a setting of Spark: key=value")
    return parser


def session(master: str, settings: dict[str, str]) -> Any:
    """A session that ships our code. Executors run PYSPARK_PYTHON, by default the driver's own."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("laurel-population")
    if master:
        builder = builder.master(master)
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.addPyFile(str(_code()))
    return spark


@cache
def _code() -> Path:
    """Our own code in a file."""
    file = Path(tempfile.mkdtemp(prefix="laurel-")) / "laurel_code.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in SHIPPED:
            found = [ROOT / name] if name.endswith(".py") else sorted((ROOT / name).rglob("*"))
            for each in found:
                if each.suffix in {".py", ".yaml"}:
                    packed.write(each, each.relative_to(ROOT))
    return file


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
    manifest = _manifest(spark, facts)
    population = Population(_program(spark, facts, manifest), models)
    try:
        scorer = population.scorer()
    except (ModelInvalidError, ModelForeignError) as error:
        raise JobError(f"--model: {error}") from error
    if lacking := [fact for fact in scorer.facts if fact not in manifest["facts"]]:
        raise JobError(f"{facts} lacks {', '.join(lacking)}: export again with these facts")
    if not scorer.schema.names[1:]:
        raise JobError(f"{manifest['program_id']} has no score policy, and no model is named")
    target = _Folder(spark, out)
    target.require_free()
    files = [f"{facts}/{part['file']}" for part in manifest["parts"]]
    members = spark.read.parquet(*files).select(MEMBER_ID, *(_named(fact) for fact in scorer.facts))
    task = PopulationTask(population, kernel)
    # Dots in the names of columns mean something to it.
    by_place = members.toDF(*(f"column_{place}" for place in range(len(members.columns))))
    scored = by_place.mapInArrow(task, _spark_schema(scorer)).sort(MEMBER_ID)
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
    target.write(MANIFEST, json.dumps(told, indent=1))
    return told | {"folder": out}


def _named(column: str) -> Any:
    return sql.col(f"`{column}`")


def _spark_schema(scorer: PopulationScorer) -> str:
    types = {"string": "string", "int32": "int", "int64": "bigint"}
    return ", ".join(f"`{each.name}` {types[str(each.type)]}" for each in scorer.schema)


def _labels(written: Any, scorer: PopulationScorer) -> dict[str, dict[str, int]]:
    """How many members have each label, by score; no label is the empty one."""
    names = [name for name in scorer.schema.names if name.endswith(".label")]
    return {
        name.removesuffix(".label"): {
            row[0] or "": row[1]
            for row in written.groupBy(_named(name))
            .count()
            .orderBy(sql.desc("count"), _named(name))
            .collect()
        }
        for name in names
    }


def _manifest(spark: Any, facts: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_read(spark, f"{facts}/{MANIFEST}"))
    if not found.get("facts"):
        raise JobError(f"{facts} is no export of facts: make one with `laurel export facts`")
    if any(part["bytes_count"] < 0 for part in found["parts"]):
        raise JobError(f"{facts} is not finished: run `laurel export facts` again, it goes on")
    return found


def _program(spark: Any, facts: str, manifest: dict[str, Any]) -> bytes:
    document = _read(spark, f"{facts}/{PROGRAM}")
    if hashlib.sha256(document).hexdigest() != manifest["program_digest"]:
        raise JobError(f"{facts}/{PROGRAM} is not the document that the manifest names: export again")
    return document


def _read(spark: Any, file: str) -> bytes:
    """A whole file, wherever Spark can read."""
    rows = spark.read.format("binaryFile").load(file).select("content").collect()
    if not rows:
        raise JobError(f"{file} is not there: make it with `laurel export facts`")
    return bytes(rows[0][0])


class _Folder:
    """A folder to write to, wherever Spark can write."""

    def __init__(self, spark: Any, folder: str) -> None:
        context = spark.sparkContext
        self._path = context._jvm.org.apache.hadoop.fs.Path  # noqa: SLF001 - Python has no name for it
        self._folder = self._path(folder)
        self._files = self._folder.getFileSystem(context._jsc.hadoopConfiguration())  # noqa: SLF001

    def require_free(self) -> None:
        """Nothing is there, or what a run left that did not end."""
        if self._files.exists(self._folder):
            names = {each.getPath().getName() for each in self._files.listStatus(self._folder)}
            if names - {UNFINISHED}:
                raise JobError(f"{self._folder.toString()} is not empty: choose another with --out")

    def write(self, name: str, content: str) -> None:
        """Write a file."""
        stream = self._files.create(self._path(self._folder, name))
        stream.write(bytearray(content.encode()))
        stream.close()


if __name__ == "__main__":
    main()
