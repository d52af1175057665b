"""What `laurel report scoring` shows: the models that score, and the scores in a run's folder."""

import csv
from array import array
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from libs.cli import programs, registry
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.report_page.scoring import Distribution, ScoringFindings, Serving
from libs.cli.score_run import MANIFEST, Manifest, ScoreRun
from libs.common.clock import now
from libs.common.currencies import minor_per_major
from libs.common.documents import WHOLE_BP
from libs.models.documents import CHURN, LIFETIME_VALUE, parse

BINS = 20
VALUES = (".total_bp", ".value_bp")
DRAWN_PART = 0.99


async def findings(clients: Clients, program_id: str, scores: Path, folder: Path | None) -> ScoringFindings:
    """The models of a program, and the scores in a folder, or in the last one of `scores` that is whole."""
    program = await programs.live_program(clients, program_id)
    serving = await registry.serving(clients, program_id)
    stages = {(each.kind, each.version): registry.stage_name(each.stage) for each in serving}
    models = [
        Serving(each.version, stages[each.kind, each.version], parse(each.document))
        for each in await registry.with_documents(clients, program_id, list(stages))
    ]
    run = _run(folder) if folder is not None else _latest(scores, program_id)
    if folder is not None and run is None:
        raise CommandError(f"{folder} holds no finished scores: choose a folder that `laurel score` wrote.")
    scored = None if run is None else run.manifest.as_of
    distributions = [] if run is None else list(_distributions(run, program.currency))
    return ScoringFindings(program, now(), models, distributions, scored)


def _latest(scores: Path, program_id: str) -> ScoreRun | None:
    """The run of the latest day of a program."""
    found: dict[date, ScoreRun] = {}
    for folder in sorted(scores.glob(f"{program_id}-*")):
        run = _run(folder)
        if run is not None and run.manifest.program_id == program_id:
            found[run.manifest.as_of] = run
    return found[max(found)] if found else None


def _run(folder: Path) -> ScoreRun | None:
    """The run in a folder, if it is whole."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None
    run = ScoreRun(folder, manifest)
    return run if manifest.parts and not run.waiting() else None


def _distributions(run: ScoreRun, currency: str) -> Iterator[Distribution]:
    """How members are distributed by each score, in the order of the columns; money in major units."""
    labels = run.labels()
    for column, values in _values(run).items():
        name = column.rpartition(".")[0]
        counted = sorted(labels.get(name, {}).items(), key=lambda each: (each[0] == "", -each[1], each[0]))
        ordered = sorted(values)
        low = min(0, ordered[0]) if ordered else 0
        high = max(ordered[int((len(ordered) - 1) * DRAWN_PART)], low + 1) if ordered else 1
        if (kind := name.partition(".")[0]) == CHURN:
            high = WHOLE_BP
        histogram = [0] * BINS
        for value in values:
            histogram[min(BINS - 1, max(0, (value - low) * BINS // (high - low)))] += 1
        unit = WHOLE_BP * minor_per_major(currency) if kind == LIFETIME_VALUE else WHOLE_BP
        yield Distribution(name, counted, histogram if ordered else [], low / unit, high / unit)


def _values(run: ScoreRun) -> dict[str, "array[int]"]:
    """The values of each score, of all members who have one."""
    found: dict[str, array[int]] = {}
    for part in run.manifest.parts:
        with (run.folder / part.file).open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            names = next(rows, [])
            places = [(place, name) for place, name in enumerate(names) if name.endswith(VALUES)]
            columns = [(place, found.setdefault(name, array("q"))) for place, name in places]
            for row in rows:
                for place, column in columns:
                    if row[place]:
                        column.append(int(row[place]))
    return found
