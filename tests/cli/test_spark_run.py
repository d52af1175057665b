"""`laurel score --engine spark`: what it refuses before Spark is started."""

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from libs.cli import main, spark_run


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, command: str = "score") -> str:
    with pytest.raises(SystemExit) as ended:
        main.run([*command.split(), *arguments])
    assert ended.value.code == 1
    return capsys.readouterr().err


SPARK = ("--engine", "spark", "--facts", "facts", "--out", "scores")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "spark"), "needs --facts"),
        (("--engine", "spark", "--facts", "facts"), "and --out"),
        ((*SPARK, "--program", "shop"), "--program cannot be given here: the export of --facts says it"),
        ((*SPARK, "--as-of", "1998-06-30"), "--as-of cannot be given here"),
        ((*SPARK, "--parts", "3"), "--parts cannot be given here"),
        (("--facts", "facts"), "--facts cannot be given here: it is for --engine spark"),
        (("--master", "local[2]"), "--master cannot be given here"),
        (("--format", "csv"), "--format cannot be given here"),
    ],
)
def test_options_that_would_be_left_aside_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str], said: str
) -> None:
    assert said in refused(capsys, *arguments)


@pytest.mark.parametrize("kind", ["churn", "lifetime-value", "value-segment"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "spark"), "needs --facts"),
        ((*SPARK, "--program", "shop"), "--program cannot be given here: the export of --facts says it"),
        ((*SPARK, "--cut-off", "1998-06-30"), "--cut-off cannot be given here"),
        ((*SPARK, "--register", "--data-dir", "nowhere"), "nowhere"),
        (("--facts", "facts"), "--facts cannot be given here: it is for --engine spark"),
        (("--conf", "a=b"), "--conf cannot be given here"),
    ],
)
def test_training_refuses_them_too(
    capsys: pytest.CaptureFixture[str], kind: str, arguments: Sequence[str], said: str
) -> None:
    assert said in refused(capsys, *arguments, command=f"train {kind}")


def test_without_pyspark_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(spark_run, "find_spec", lambda name: None if name == "pyspark" else find(name))

    assert "pip install 'laurel[spark]'" in refused(capsys, *SPARK)


def test_without_java_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spark_run, "find_spec", lambda name: name)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    assert "apt-get install openjdk-17-jre-headless" in refused(capsys, *SPARK)
