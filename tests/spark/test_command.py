"""`laurel score --engine spark` as a person runs it: no platform, an export and a folder."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from libs.common.program import preset
from services.scoring.population import Population
from tests.models import fitted
from tests.scoring.exports import of, table_of, write_export

pytest.importorskip("pyspark", reason="pip install 'laurel[spark]'")
pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]


def laurel(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "libs.cli.main", "score", "--engine", "spark", "--master", "local[2]"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_an_export_is_scored_by_the_program_and_models(tmp_path: Path) -> None:
    program = preset("ecommerce_points")
    model = of(program, fitted.churn())
    (tmp_path / "churn.json").write_bytes(model)
    facts = Population(program.canonical(), (model,)).scorer().facts
    folder, out = write_export(tmp_path / "facts", program, table_of(facts, 500)), tmp_path / "scores"
    arguments = ("--facts", str(folder), "--out", str(out), "--model", str(tmp_path / "churn.json"))

    done = laurel(*arguments, "--json", "--conf", "spark.ui.enabled=false")
    again = laurel(*arguments)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["program_id"], told["as_of"], told["members"]) == ("ecommerce_points", "1998-06-30", 500)
    assert set(told["labels"]) == {*program.score_policies, "churn"}
    assert sum(pq.read_table(file).num_rows for file in out.glob("*.parquet")) == 500
    assert again.returncode == 1
    assert f"{out} is not empty: choose another with --out" in again.stderr
