"""Trains a model on Spark, for `laurel train --engine spark` and for jobs of clusters.

Members come from an export of facts. Executors look who had purchased, and learn
the parts of churn's cross-validation, by the very functions that one process
learns by; fits that are a second's work are the driver's. So the document is
that of one process, byte by byte.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException

from libs.common.program import Program
from libs.models.churn import Data, Part, Run
from libs.models.documents import (
    HORIZON_DAYS_MAX,
    LATER_FACTS,
    PURCHASE_FACTS,
    VALUE_SEGMENT,
    ModelDocument,
    ModelInvalidError,
    ValueSegment,
    parse,
)
from libs.models.populations import LEARNED_MAX, Later, Population, TrainingError, population
from libs.models.training import READ, trained
from services.scoring.population_learning import PART_SCHEMA, BuyersTask, FoldsTask, part_in
from services.scoring.spark import Export, JobError, parser_of, session, write

# So many columns come to the driver at a time.
COLUMNS_PER_READING = 50


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job; one line of JSON says what came out. Exit 1 with what is wrong."""
    asked = _parser().parse_args(arguments)
    with session(asked.master, asked.conf) as spark:
        try:
            document = train(
                spark, asked.kind, asked.facts, segments=asked.segments, before=_before(asked.before)
            )
            write(spark, asked.out, document.canonical())
        except (JobError, PySparkException) as error:
            sys.exit(f"{error}")
    told = {"kind": document.kind, "digest": document.digest(), "members": document.members_count}
    sys.stdout.write(json.dumps(told | {"file": asked.out}) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument("kind", choices=sorted(READ))
    parser.add_argument("--out", required=True, help="file of the document, or its URL; it is replaced")
    parser.add_argument("--segments", type=int, default=4, help="how many value segments")
    parser.add_argument("--before", default="", help="file of value segments whose labels go on")
    return parser


def _before(file: str) -> ValueSegment | None:
    if not file:
        return None
    try:
        document = parse(Path(file).read_bytes())
    except (OSError, ModelInvalidError) as error:
        raise JobError(f"--before {file}: {error}") from error
    if not isinstance(document, ValueSegment):
        raise JobError(f"--before {file} is a model of {document.kind}, and not of {VALUE_SEGMENT}")
    return document


def train(
    spark: Any,
    kind: str,
    facts: str,
    *,
    segments: int = 4,
    before: ValueSegment | None = None,
    at_most: int = LEARNED_MAX,
) -> ModelDocument:
    """A model of the members of an export."""
    export = Export.of(spark, facts)
    if before is not None and before.program_id != export.manifest["program_id"]:
        raise JobError(f"--before is of {before.program_id}, the members of {export.manifest['program_id']}")
    try:
        members = members_of(export, READ[kind], at_most)
        return trained(kind, members, segments=segments, before=before, run=on_spark(spark))
    except TrainingError as error:
        raise JobError(
            f"{error}: export another day or horizon with `laurel export facts`, or more members"
        ) from error


def members_of(export: Export, facts: Sequence[str], at_most: int = LEARNED_MAX) -> Population:
    """Who had purchased by the day of an export, as one process has them: ascending by id."""
    manifest = export.manifest
    if not 1 <= manifest.get("horizon_days", 0) <= HORIZON_DAYS_MAX:
        raise JobError(f"{export.folder} has no horizon: export again with --horizon-days")
    export.require(facts)
    among = _buyers(export, (), BuyersTask()).count()
    task = BuyersTask(among, at_most)
    later = [f"{fact}@{days}" for days in manifest["ends"] for fact in LATER_FACTS]
    names = [*dict.fromkeys([*PURCHASE_FACTS, *facts]), *later]
    columns: dict[str, Any] = {}
    for start in range(0, len(names), COLUMNS_PER_READING):
        some = names[start : start + COLUMNS_PER_READING]
        columns |= _columns(export, some, task)
    members = len(columns[PURCHASE_FACTS[0]])
    return population(
        {fact: columns[fact] for fact in dict.fromkeys([*PURCHASE_FACTS, *facts])},
        [Later(days, {fact: columns[f"{fact}@{days}"] for fact in LATER_FACTS}) for days in manifest["ends"]],
        program_id=manifest["program_id"],
        currency=Program.parse(export.program).currency,
        as_of=date.fromisoformat(manifest["as_of"]),
        horizon_days=manifest["horizon_days"],
        drawn_from=among if among > members else None,
    )


def _buyers(export: Export, names: Sequence[str], task: BuyersTask) -> Any:
    """Who is learned from, with PURCHASE_FACTS and these columns, by places."""
    found = export.members([*PURCHASE_FACTS, *names])
    return found.mapInArrow(task, found.schema)


def _columns(export: Export, names: Sequence[str], task: BuyersTask) -> dict[str, Any]:
    found = _buyers(export, names, task).sort("column_0")
    first = 1 + len(PURCHASE_FACTS)
    table = found.select(*(f"column_{first + place}" for place in range(len(names)))).toArrow()
    return {name: column.to_numpy() for name, column in zip(names, table.columns, strict=True)}


def on_spark(spark: Any) -> Run:
    """Runs parts of learning as tasks of Spark."""

    def run(data: Data, folds: Sequence[int]) -> Iterable[Part]:
        shared = spark.sparkContext.broadcast(data)
        try:
            places = spark.range(0, len(folds), 1, len(folds))
            rows = places.mapInArrow(FoldsTask(shared, tuple(folds)), PART_SCHEMA).collect()
        finally:
            shared.destroy()
        return [part_in(row) for row in sorted(rows, key=lambda row: row.place)]

    return run


if __name__ == "__main__":
    main()
