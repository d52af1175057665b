"""`laurel train`: models learned from a program's own members; somebody else promotes what is registered."""

from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from libs.cli.clients import STAFF
from libs.cli.errors import CommandError
from libs.cli.options import (
    DATA_DIR,
    MASTER,
    PROGRAM,
    DataDirOption,
    Engine,
    EngineOption,
    FactsFolderOption,
    JsonOption,
    MasterOption,
    ProgramOption,
    SettingsOption,
    refuse,
    running_platform,
)
from libs.cli.spark_run import Spark

HORIZON_DAYS, HORIZON_DAYS_MAX = 90, 3650
SEGMENTS_MIN, SEGMENTS, SEGMENTS_MAX = 2, 4, 20

app = typer.Typer(no_args_is_help=True, help="Learn models from a program's own members.")
CutOffOption = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Models see what was by the end of this day; else as late as can be."),
]
HorizonOption = Annotated[
    int,
    typer.Option("--horizon-days", min=1, max=HORIZON_DAYS_MAX, help="How far is foretold."),
]
RegisterOption = Annotated[
    bool, typer.Option("--register", help="Register the model as a candidate, to be promoted.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write the document; it is replaced.")]
WhoOption = Annotated[str, typer.Option("--by", help="Who does it: somebody else promotes the model.")]


@app.callback()
def train() -> None:
    """Learn models from a program's own members."""


@app.command("churn")
def churn(
    context: typer.Context,
    *,
    program: ProgramOption = PROGRAM,
    cut_off: CutOffOption = None,
    horizon_days: HorizonOption = HORIZON_DAYS,
    register: RegisterOption = False,
    out_file: OutOption = None,
    who: WhoOption = STAFF,
    engine: EngineOption = Engine.PLATFORM,
    facts: FactsFolderOption = "",
    master: MasterOption = MASTER,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Learn who does not buy in the horizon, from who did not, and measure it out of fold."""
    wanted = _view().Wanted(program, _day(cut_off), horizon_days, register, out_file, who)
    spark = Spark(facts, master, settings or ()) if engine is Engine.SPARK else None
    _train(context, "churn", wanted, spark, data_dir, as_json=as_json)


@app.command("lifetime-value")
def lifetime_value(
    context: typer.Context,
    *,
    program: ProgramOption = PROGRAM,
    cut_off: CutOffOption = None,
    horizon_days: HorizonOption = HORIZON_DAYS,
    register: RegisterOption = False,
    out_file: OutOption = None,
    who: WhoOption = STAFF,
    engine: EngineOption = Engine.PLATFORM,
    facts: FactsFolderOption = "",
    master: MasterOption = MASTER,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Fit BG/NBD and Gamma-Gamma: what members will spend, measured by week where the horizon is over."""
    wanted = _view().Wanted(program, _day(cut_off), horizon_days, register, out_file, who)
    spark = Spark(facts, master, settings or ()) if engine is Engine.SPARK else None
    _train(context, "lifetime_value", wanted, spark, data_dir, as_json=as_json)


@app.command("value-segment")
def value_segment(
    context: typer.Context,
    *,
    program: ProgramOption = PROGRAM,
    cut_off: CutOffOption = None,
    segments: Annotated[int, typer.Option(min=SEGMENTS_MIN, max=SEGMENTS_MAX, help="How many.")] = SEGMENTS,
    before: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Spark: the document of the segments whose labels go on."),
    ] = None,
    register: RegisterOption = False,
    out_file: OutOption = None,
    who: WhoOption = STAFF,
    engine: EngineOption = Engine.PLATFORM,
    facts: FactsFolderOption = "",
    master: MasterOption = MASTER,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Divide members by recency, frequency and money; labels go on from the champion's segments."""
    wanted = _view().Wanted(program, _day(cut_off), HORIZON_DAYS, register, out_file, who, segments)
    spark = Spark(facts, master, settings or ()) if engine is Engine.SPARK else None
    _train(context, "value_segment", wanted, spark, data_dir, as_json=as_json, before=before)


def _train(
    context: typer.Context,
    kind: str,
    wanted: Any,
    spark: Spark | None,
    data_dir: Path,
    *,
    as_json: bool,
    before: Path | None = None,
) -> None:
    """On the platform, or on Spark; options of the other one are refused."""
    view = _view()
    if spark is None:
        refuse(context, ("facts", "master", "settings", "before"), "it is for --engine spark")
        view.train(running_platform(data_dir), kind, wanted, as_json=as_json)
        return
    refuse(context, ("program", "cut_off", "horizon_days"), "the export of --facts says it")
    if not spark.facts:
        raise CommandError("--engine spark needs --facts, of `laurel export facts --horizon-days …`.")
    # Asked before Spark works, as it would be in vain without.
    run = running_platform(data_dir) if wanted.is_registered else None
    view.train_on_spark(spark, run, kind, wanted, before=before, as_json=as_json)


@app.command("rfm-cuts")
def rfm_cuts(
    program: ProgramOption = PROGRAM,
    cut_off: CutOffOption = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write a draft of the program with the cuts; it is replaced.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Fit the cuts of RFM to the members: a proposal for `laurel program propose`, which changes nothing."""
    view = _view()
    wanted = view.Wanted(program, _day(cut_off), 1, is_registered=False, file=out_file)
    view.rfm_cuts(running_platform(data_dir), wanted, as_json=as_json)


def _view() -> Any:
    """What trains. It is an extra, and takes a second to import."""
    try:
        return import_module("libs.cli.training_view")
    except ImportError as error:
        raise CommandError(
            f"`laurel train` needs {error.name}, which is not here: pip install 'laurel[models]'."
        ) from error


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        raise CommandError(f"--cut-off {text}: expected a day that exists, such as 1998-03-31.") from None
