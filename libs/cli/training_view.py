"""Trains a model of a program from beginning to end, and tells what came out."""

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.progress import Progress, TaskID
from rich.table import Table

from laurel.scoring.v1 import models_pb2
from libs.cli import foreground, programs, registry, training
from libs.cli.clients import ROLES, STAFF, Clients, connected, staff_token
from libs.cli.console import err, out, percentage_bar
from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError
from libs.cli.spark_run import Spark
from libs.common.program import Program
from libs.models import training as fits
from libs.models.documents import (
    CHURN,
    LIFETIME_VALUE,
    VALUE_SEGMENT,
    Churn,
    LifetimeValue,
    ModelDocument,
    ValueSegment,
    parse,
)
from libs.models.populations import Population, TrainingError
from libs.models.rfm import CutsInvalidError, fitted_cuts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be trained, of which program, and what becomes of it."""

    program_id: str
    cut_off: date | None
    horizon_days: int
    is_registered: bool
    file: Path | None
    who: str = STAFF
    segments: int = 4


@contextmanager
def _bar() -> Any:
    with percentage_bar(err) as progress:
        yield progress, progress.add_task("Reading facts", total=1.0)


def _told(progress: Progress, bar: TaskID, what: str, done: float, total: float = 1.0) -> None:
    progress.update(bar, description=what, completed=done, total=total or None)


def train(run: RunFile, kind: str, wanted: Wanted, *, as_json: bool) -> None:
    """Train, write or register, and print what came out."""
    document, model = _finished(foreground.run(_trained(run, kind, wanted)))
    _show(document, model, wanted, as_json=as_json)


def train_on_spark(
    spark: Spark, run: RunFile | None, kind: str, wanted: Wanted, *, before: Path | None, as_json: bool
) -> None:
    """The same of an export, on Spark. A platform has to run only to register what is trained."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        spark.train(kind, file, segments=wanted.segments, before=before)
        document = parse(file.read_bytes())
    model = None if run is None else _finished(foreground.run(_registered(run, document, wanted.who)))
    if wanted.file is not None:
        _write(wanted.file, document.canonical())
    _show(document, model, wanted, as_json=as_json)


async def _registered(run: RunFile, document: ModelDocument, who: str) -> models_pb2.Model:
    token = staff_token(run, document.program_id, [*ROLES, registry.ANALYST], subject=who)
    async with connected(run, token) as clients:
        return await registry.register(clients, document.program_id, document.canonical())


def _show(document: ModelDocument, model: models_pb2.Model | None, wanted: Wanted, *, as_json: bool) -> None:
    if as_json:
        told = {
            "kind": document.kind,
            "digest": document.digest(),
            "version": model.version if model is not None else None,
            "facts": list(document.facts),
            **document.model_dump(mode="json", include={"program_id", "as_of", "horizon_days", "metrics"}),
            **document.model_dump(mode="json", include={"members_count", "data_digest"}),
        }
        print(json.dumps(told, allow_nan=False))  # noqa: T201 - for programs, so without colours
        return
    out.print(metrics_table(document))
    if wanted.file is not None:
        out.print(f"Wrote {wanted.file}.", highlight=False)
    if model is not None:
        out.print(
            f"Registered as {model.kind} {model.version}, a {registry.stage_name(model.stage)}: somebody "
            f"else promotes it with `laurel promote {model.kind} {model.version} --as champion "
            "--by … --note …`.",
            highlight=False,
        )


def _finished(found: T | None) -> T:
    if found is None:
        err.print("Interrupted: nothing was registered.")
        raise SystemExit(130)
    return found


async def _trained(run: RunFile, kind: str, wanted: Wanted) -> tuple[ModelDocument, models_pb2.Model | None]:
    token = staff_token(run, wanted.program_id, [*ROLES, registry.ANALYST], subject=wanted.who)
    async with connected(run, token) as clients:
        asked = await training.span(
            clients, wanted.program_id, wanted.cut_off, wanted.horizon_days, back=kind != VALUE_SEGMENT
        )
        if kind == CHURN and not asked.is_over:
            raise CommandError(
                f"The {asked.horizon_days} days after {asked.as_of} are not over on {asked.today}, so who "
                "buys in them is not known yet: choose an earlier --cut-off, or a shorter --horizon-days."
            )
        with _bar() as (progress, bar):
            told = partial(_told, progress, bar)
            members = await training.read(clients, asked, fits.READ[kind], told)
            before = await _champion(clients, wanted.program_id) if kind == VALUE_SEGMENT else None
            document = _fitted(kind, members, wanted, before, told)
            told("Trained", 1.0)
        if wanted.file is not None:
            _write(wanted.file, document.canonical())
        if not wanted.is_registered:
            return document, None
        return document, await registry.register(clients, wanted.program_id, document.canonical())


def _fitted(
    kind: str,
    members: Population,
    wanted: Wanted,
    before: ValueSegment | None,
    told: Callable[[str, float], None],
) -> ModelDocument:
    try:
        return fits.trained(kind, members, segments=wanted.segments, before=before, told=told)
    except TrainingError as error:
        raise CommandError(f"{_sentence(str(error))}\n{ADVICE[kind]}") from error


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


ADVICE = {
    CHURN: "Choose another --cut-off or --horizon-days, or come back with more members.",
    LIFETIME_VALUE: "Choose another --cut-off, or come back with more members.",
    VALUE_SEGMENT: "Ask for fewer with --segments, or come back with more members.",
}


async def _champion(clients: Clients, program_id: str) -> ValueSegment | None:
    """The segments that members have now: where new ones begin."""
    keys = [
        (each.kind, each.version)
        for each in await registry.serving(clients, program_id)
        if (each.kind, each.stage) == (VALUE_SEGMENT, models_pb2.MODEL_STAGE_CHAMPION)
    ]
    for model in await registry.with_documents(clients, program_id, keys):
        document = parse(model.document)
        if isinstance(document, ValueSegment):
            return document
    return None


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error


def metrics_table(document: ModelDocument) -> Table:
    """What a model is, and how good."""
    table = Table(
        title=f"{document.kind} of {document.program_id}: {document.members_count:,} members on "
        f"{document.as_of}, {document.horizon_days} days",
        title_justify="left",
    )
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in document.metrics.items():
        table.add_row(name, f"{value:,.4f}")
    if isinstance(document, Churn):
        table.add_row("method", document.scorer.method)
        table.add_row("features", str(len(document.kept)))
    if isinstance(document, LifetimeValue) and document.problem:
        table.add_row("problem", f"{document.problem}; historic rates serve")
    for group in document.drawn.groups:
        table.add_row(group.label, f"{group.members:,}")
    return table


def rfm_cuts(run: RunFile, wanted: Wanted, *, as_json: bool) -> None:
    """Fit the cuts of a program's RFM to its members, and write a draft of the program that has them."""
    before, after = _finished(foreground.run(_cuts(run, wanted)))
    assert before.rfm is not None, "it was asked for"
    assert after.rfm is not None, "it has what it had"
    if wanted.file is not None:
        _write(wanted.file, programs.yaml_of(after).encode())
    names = ("recency_cuts", "frequency_cuts", "monetary_cuts")
    found = {name: list(getattr(after.rfm, name)) for name in names}
    if as_json:
        print(json.dumps(found))  # noqa: T201 - for programs, so without colours
        return
    table = Table(title=f"Cuts of RFM of {before.key}, fitted to its members", title_justify="left")
    for column in ("cuts", "live", "fitted"):
        table.add_column(column)
    for name in names:
        table.add_row(name, str(list(getattr(before.rfm, name))), str(found[name]))
    out.print(table)
    if wanted.file is None:
        out.print("Nothing is changed. --out FILE writes a draft of the program with them.")
    else:
        out.print(
            f"Wrote {wanted.file}; nothing is changed yet. Look at it, and propose it: "
            f'`laurel program propose {wanted.file} --note "…"`.',
            highlight=False,
        )


async def _cuts(run: RunFile, wanted: Wanted) -> tuple[Program, Program]:
    token = staff_token(run, wanted.program_id, subject=wanted.who)
    async with connected(run, token) as clients:
        asked = await training.span(clients, wanted.program_id, wanted.cut_off, 1, back=False)
        program = asked.program
        if program.rfm is None:
            raise CommandError(f"{program.key} has no `rfm`: propose a version that has, with any cuts.")
        with _bar() as (progress, bar):
            members = await training.read(clients, asked, program.rfm.facts, partial(_told, progress, bar))
    return program, _with_cuts(program, members.facts, asked.as_of)


def _with_cuts(program: Program, facts: Mapping[str, Any], day: date) -> Program:
    """The program with fitted cuts, named by the day."""
    rfm = program.rfm
    assert rfm is not None, "it was asked for"
    try:
        recency, frequency, money = (
            fitted_cuts(np.maximum(np.nan_to_num(facts[fact]), 0), fact) for fact in rfm.facts
        )
    except CutsInvalidError as error:
        raise CommandError(f"{_sentence(str(error))} Keep the cuts that are there.") from error
    changed = rfm.model_copy(
        update={
            "cuts_version": f"fitted-{day}",
            "recency_cuts": recency,
            "frequency_cuts": frequency,
            "monetary_cuts": money,
        }
    )
    return program.model_copy(update={"rfm": changed})
