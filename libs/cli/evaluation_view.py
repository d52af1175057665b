"""An evaluation of models as a terminal shows it, or as JSON for programs."""

import json
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.table import Table

from libs.cli import cdnow
from libs.cli.console import err, out, percentage_bar
from libs.cli.errors import CommandError
from libs.cli.report_page.models import rendered
from libs.common.texts import Locale
from libs.models import bgnbd, gamma_gamma
from libs.models.evaluation import (
    Churn,
    Cuts,
    Divided,
    Evaluation,
    EvaluationError,
    Holdout,
    Value,
    as_document,
    evaluate,
)
from libs.models.fitting import Maximum
from libs.models.measures import Lead
from libs.models.purchases import MINOR_PER_MAJOR, PurchaseLog


def measure(file: Path, until: date, *, as_json: bool, page: Path | None, language: Locale) -> None:
    """Fit models to the purchases of a file up to a day, measure them on the rest, print what came out.

    With `page`, it is written as a page of HTML as well.
    """
    if page is not None and not page.absolute().parent.is_dir():
        raise CommandError(f"{page} cannot be written: make the folder {page.parent} first.")
    started, rows = time.monotonic(), cdnow.read(file)[1]
    if not rows:
        raise CommandError(f"{file} has no purchases: {cdnow.EXPECTED}.")
    log = PurchaseLog.of((row.customer, row.day, row.quantity, row.amount_minor) for row in rows)
    try:
        with percentage_bar(err) as progress:
            bar = progress.add_task("Fitting lifetime value", total=1.0)

            def told(what: str, part: float) -> None:
                progress.update(bar, description=what, completed=part)

            found = evaluate(log, until, told)
            told("Measured", 1.0)
    except EvaluationError as error:
        raise CommandError(f"{error}. Choose another --calibration-end.") from error
    if page is not None:
        _write(page, rendered(found, file.name, language))
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        print(json.dumps(as_document(found, seconds), allow_nan=False))  # noqa: T201 - for programs
    else:
        _show(found)


def _write(page: Path, content: str) -> None:
    try:
        page.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{page} cannot be written: {error.strerror}.") from error
    err.print(f"Written to {page}")


def _show(found: Evaluation) -> None:
    out.print(
        f"{found.customers:,} customers who bought by {found.calibration_end}, "
        f"measured on what followed until {found.holdout_end}"
    )
    table = Table(title="Models", title_justify="left")
    for name in ("model", "parameters", "log-likelihood"):
        table.add_column(name, justify="left" if name != "log-likelihood" else "right")
    _fitted(table, "BG/NBD: how often", found.bgnbd, bgnbd.NAMES)
    _fitted(table, "Gamma-Gamma: how much", found.gamma_gamma, gamma_gamma.NAMES)
    out.print(table)
    out.print(_holdout(found.holdout))
    if found.holdout.value is not None:
        out.print(_value(found.holdout.value))
    out.print(_churn(found.churn))
    out.print(_divided(found.divided, found.calibration_end))
    out.print(_cuts(found.cuts))


def _fitted(table: Table, model: str, fit: Maximum, names: Sequence[str]) -> None:
    if not fit.parameters:
        table.add_row(model, f"[red]not fitted: {fit.problem}[/red]", "")
        return
    values = ", ".join(f"{name} {value:.3f}" for name, value in zip(names, fit.parameters, strict=True))
    if fit.problem:
        values += f"\n[red]not identified: {fit.problem}; historic value serves[/red]"
    table.add_row(model, values, f"{fit.log_likelihood:,.1f}")


def _holdout(found: Holdout) -> Table:
    table = Table(title=f"Purchase days in {found.weeks:.1f} weeks, by {found.model}", title_justify="left")
    for name in ("foretold", "came", "correlation", "mean absolute error"):
        table.add_column(name, justify="right")
    correlation = "-" if found.correlation is None else f"{found.correlation:.3f}"
    table.add_row(f"{found.predicted:,.0f}", f"{found.actual:,.0f}", correlation, f"{found.mae:.3f}")
    return table


def _value(found: Value) -> Table:
    table = Table(title="Spend in these weeks: lifetime value foretold, and spent", title_justify="left")
    for name in ("foretold", "came", "correlation", "purchases within bounds"):
        table.add_column(name, justify="right")
    correlation = "-" if found.correlation is None else f"{found.correlation:.3f}"
    table.add_row(f"{found.predicted:,.2f}", f"{found.actual:,.2f}", correlation, f"{found.within:.0%}")
    return table


def _churn(found: Churn) -> Table | str:
    if found.problem:
        return f"Churn: nothing to learn from: {found.problem}."
    title = f"Who did not buy again: {found.churned:,} of {found.customers:,}; by {found.model}, out of fold"
    table = Table(title=title, title_justify="left")
    for name in ("ranked by", "AUC", "our lead", "calibration error"):
        table.add_column(name, justify="left" if name == "ranked by" else "right")
    table.add_row(f"[green]{found.model}[/green]", f"{found.auc:.4f}", "", f"{found.ece:.4f}")
    table.add_row("days since the last purchase", f"{found.auc_recency:.4f}", _led(found.lead_recency), "")
    table.add_row("BG/NBD", f"{found.auc_bgnbd:.4f}", _led(found.lead_bgnbd), "")
    return table


def _divided(found: Divided, day: date) -> Table | str:
    if found.problem:
        return f"Segments: {found.problem}."
    table = Table(
        title=f"Value segments on {day}, by K-means; silhouette {found.silhouette:.2f}", title_justify="left"
    )
    for name in ("segment", "customers", "days ago", "purchase days", "spend", "bought again"):
        table.add_column(name, justify="left" if name == "segment" else "right")
    for each in found.segments:
        table.add_row(
            each.label,
            f"{each.customers:,}",
            f"{each.days_since_last:.0f}",
            f"{each.purchase_days:.1f}",
            f"{each.spend_minor / MINOR_PER_MAJOR:,.2f}",
            f"{each.bought_again / each.customers:.0%}" if each.customers else "-",
        )
    return table


def _cuts(found: Cuts) -> str:
    if found.problem:
        return f"Cuts of RFM: {found.problem}."
    return (
        f"Cuts of RFM: recency {list(found.recency)} days, frequency {list(found.frequency)} purchases, "
        f"monetary {list(found.monetary)} minor units"
    )


def _led(lead: Lead | None) -> str:
    assert lead is not None, "there is one wherever there is a model"
    return f"{lead.value:+.4f} ({lead.low:+.4f} to {lead.high:+.4f})"
