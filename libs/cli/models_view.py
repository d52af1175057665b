"""Versions of models as a terminal shows them."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from laurel.scoring.v1 import models_pb2 as pb
from libs.cli.registry import stage_name
from libs.common.rpc.time import moment

# What says most of each kind, in so many places.
TOLD = {
    "churn": ("auc", "calibration_error"),
    "lifetime_value": ("correlation", "value_within_bounds"),
    "value_segment": ("silhouette", "same_label_share"),
}


def table(models: Sequence[pb.Model]) -> Table:
    """One line a version: its stage, how good it is, and who registered it."""
    found = Table(title="Models", title_justify="left")
    for name in ("model", "stage", "how good", "by", "on"):
        found.add_column(name, no_wrap=name != "how good")
    for model in models:
        metrics = {each.name: float(each.value) for each in model.metrics}
        shown = [name for name in TOLD.get(model.kind, ()) if name in metrics]
        first = model.history[0] if model.history else pb.ModelStep()
        found.add_row(
            f"{model.kind} {model.version}",
            stage_name(model.stage),
            "\n".join(f"{name} {metrics[name]:.3f}" for name in shown),
            first.actor,
            f"{moment(first.create_time):%Y-%m-%d}",
        )
    return found


def history(model: pb.Model) -> Table:
    """What became of a version, in order."""
    found = Table(title=f"History of {model.kind} {model.version}", title_justify="left")
    for name in ("stage", "by", "note", "time (UTC)"):
        found.add_column(name)
    for step in model.history:
        found.add_row(
            stage_name(step.stage), step.actor, step.note, f"{moment(step.create_time):%Y-%m-%d %H:%M:%S}"
        )
    return found


def metrics(model: pb.Model) -> Table:
    """How good a version is, as training found it."""
    found = Table(title=f"{model.kind} {model.version}, {stage_name(model.stage)}", title_justify="left")
    found.add_column("figure")
    found.add_column("value", justify="right", overflow="fold")
    for each in model.metrics:
        found.add_row(each.name, f"{float(each.value):,.4f}")
    found.add_row("digest", model.digest)
    found.add_row("trained on", model.data_digest)
    return found


def as_document(model: pb.Model) -> dict[str, Any]:
    """A version for programs."""
    return {
        "program_id": model.program_id,
        "kind": model.kind,
        "version": model.version,
        "stage": stage_name(model.stage),
        "digest": model.digest,
        "data_digest": model.data_digest,
        "metrics": {each.name: float(each.value) for each in model.metrics},
        "history": [
            {
                "stage": stage_name(step.stage),
                "actor": step.actor,
                "note": step.note,
                "create_time": moment(step.create_time).isoformat(),
            }
            for step in model.history
        ],
    }
