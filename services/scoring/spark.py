"""What jobs on Spark share: a session that ships our code, exports of facts, and where results go."""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from pyspark.sql import SparkSession
from pyspark.sql import functions as sql

from services.scoring.population import MEMBER_ID

MANIFEST, PROGRAM = "manifest.json", "program.json"
ROOT = Path(__file__).parents[2]
# What Python on the executors reads of us; the rest comes from wheels.
SHIPPED = ("libs/__init__.py", "libs/common", "libs/models", "services/__init__.py", "services/scoring")
UNFINISHED = "_temporary"


class JobError(Exception):
    """What keeps a job from running; the text says what to do."""


def parser_of(description: str) -> argparse.ArgumentParser:
    """The arguments that all jobs have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--facts", required=True, help="folder of `laurel export facts`, or its URL")
    parser.add_argument("--master", default="", help="of the cluster; that of Spark's settings by default")
    parser.add_argument("--conf", action="append", default=[], help="a setting of Spark: key=value")
    return parser


def session(master: str, settings: Sequence[str]) -> Any:
    """A session that ships our code. Executors run PYSPARK_PYTHON, by default the driver's own."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("laurel-population")
    if master:
        builder = builder.master(master)
    for key, _, value in (setting.partition("=") for setting in settings):
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


def named(column: str) -> Any:
    """A column whose name has dots, which mean something to Spark."""
    return sql.col(f"`{column}`")


@dataclass(frozen=True)
class Export:
    """A folder of `laurel export facts`: what it holds, and the program of its members."""

    spark: Any
    folder: str
    manifest: dict[str, Any]
    program: bytes

    @classmethod
    def of(cls, spark: Any, folder: str) -> Self:
        """What is in a folder. JobError where that is no export, or not a whole one."""
        manifest: dict[str, Any] = json.loads(_read(spark, f"{folder}/{MANIFEST}"))
        if not manifest.get("facts"):
            raise JobError(f"{folder} is no export of facts: make one with `laurel export facts`")
        if any(part["bytes_count"] < 0 for part in manifest["parts"]):
            raise JobError(f"{folder} is not finished: run `laurel export facts` again, it goes on")
        program = _read(spark, f"{folder}/{PROGRAM}")
        if hashlib.sha256(program).hexdigest() != manifest["program_digest"]:
            raise JobError(f"{folder}/{PROGRAM} is not the document that the manifest names: export again")
        return cls(spark, folder, manifest, program)

    def require(self, facts: Sequence[str]) -> None:
        """JobError where it lacks some of these facts."""
        if lacking := [fact for fact in facts if fact not in self.manifest["facts"]]:
            raise JobError(f"{self.folder} lacks {', '.join(lacking)}: export again with these facts")

    def members(self, columns: Sequence[str]) -> Any:
        """The ids of members and these columns, named by their places: `column_0`, …"""
        files = [f"{self.folder}/{part['file']}" for part in self.manifest["parts"]]
        found = self.spark.read.parquet(*files).select(MEMBER_ID, *map(named, columns))
        return found.toDF(*(f"column_{place}" for place in range(len(columns) + 1)))


def _read(spark: Any, file: str) -> bytes:
    """A whole file, wherever Spark can read."""
    rows = spark.read.format("binaryFile").load(file).select("content").collect()
    if not rows:
        raise JobError(f"{file} is not there: make it with `laurel export facts`")
    return bytes(rows[0][0])


def _located(spark: Any, place: str) -> tuple[Any, Any]:
    """A path, and the file system that it is in. Python has no names for them."""
    context = spark.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(place)  # noqa: SLF001
    return path, path.getFileSystem(context._jsc.hadoopConfiguration())  # noqa: SLF001


def write(spark: Any, file: str, content: bytes) -> None:
    """Write a file wherever Spark can write, or replace it."""
    path, files = _located(spark, file)
    stream = files.create(path)
    stream.write(bytearray(content))
    stream.close()


def require_free(spark: Any, folder: str) -> None:
    """JobError for a folder that holds something else than what a run left that did not end."""
    path, files = _located(spark, folder)
    if files.exists(path):
        names = {each.getPath().getName() for each in files.listStatus(path)}
        if names - {UNFINISHED}:
            raise JobError(f"{path.toString()} is not empty: choose another with --out")
