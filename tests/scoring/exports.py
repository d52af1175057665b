"""Exports of facts as `laurel export facts` writes them, with members that somebody may really have."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from libs.cli.score_run import Manifest, Part
from libs.common.program import Program
from libs.models.documents import ModelDocument

MEMBER_ID = "member_id"


def of(program: Program, model: ModelDocument) -> bytes:
    """The document of a model, as one of this program."""
    return model.model_copy(update={"program_id": program.key}).canonical()


def columns_of(facts: Sequence[str], rows: int, seed: int = 1) -> Mapping[str, NDArray[np.float64]]:
    """Facts of members; every fifth number is missing, and some are 0, net below it, or very large."""
    random = np.random.default_rng(seed)
    columns = {}
    for fact in facts:
        if "days" in fact:
            column = random.integers(0, 900, rows).astype(np.float64)
        else:
            column = np.floor(random.pareto(0.4, rows)).clip(0, 2.0**53 - 1)
        column[random.random(rows) < 0.2] = np.nan
        columns[fact] = column
    if {"purchase.days_since_first", "purchase.days_since_last"} <= columns.keys():
        first, last = columns["purchase.days_since_first"], columns["purchase.days_since_last"]
        columns["purchase.days_since_first"] = np.maximum(first, last)
    return columns


def table_of(facts: Sequence[str], rows: int, seed: int = 1) -> Any:
    """The same as Arrow, with ids that ascend."""
    columns = columns_of(facts, rows, seed)
    ids = pa.array([f"mem_{number:032x}" for number in range(rows)])
    numbers = [pa.array(column, pa.float64(), from_pandas=True) for column in columns.values()]
    return pa.table([ids, *numbers], names=[MEMBER_ID, *columns])


def write_export(
    folder: Path,
    program: Program,
    table: Any,
    parts: int = 3,
    as_of: date = date(1998, 6, 30),
    horizon_days: int = 0,
) -> Path:
    """A folder with these facts in so many files; with a horizon, those of its ends are `<fact>@<days>`."""
    folder.mkdir()
    size, ids = -(-table.num_rows // parts), table[MEMBER_ID].to_pylist()
    told = []
    for number in range(parts):
        some = table.slice(number * size, size)
        file = folder / f"part-{number + 1:04}.parquet"
        pq.write_table(some, file)
        bounds = ids[number * size - 1] if number else "", ids[min((number + 1) * size, len(ids)) - 1]
        told.append(
            Part(
                after=bounds[0],
                through=bounds[1] if number + 1 < parts else "",
                file=file.name,
                bytes_count=file.stat().st_size,
                members=some.num_rows,
            )
        )
    manifest = Manifest(
        program_id=program.key,
        program_version=3,
        program_digest=program.digest(),
        as_of=as_of,
        facts=[name for name in table.column_names[1:] if "@" not in name],
        horizon_days=horizon_days,
        ends=sorted({int(name.partition("@")[2]) for name in table.column_names if "@" in name}),
        parts=told,
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    (folder / "program.json").write_bytes(program.canonical())
    return folder
