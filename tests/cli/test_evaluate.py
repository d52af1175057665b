"""`laurel evaluate` as a person at a terminal has it: figures, and what it says of files it cannot use."""

import json
from pathlib import Path

import pytest

from libs.cli import main
from libs.cli.sample import FILE

ON = ["--format", "cdnow", "--calibration-end"]


def test_the_sample_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.run(["evaluate", "purchases", str(FILE), *ON, "1997-09-30", "--json"])

    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bgnbd"]["log_likelihood"] == pytest.approx(-9582.4, abs=0.1)
    assert found["gamma_gamma"]["gamma"] == pytest.approx(15.44, rel=0.02)
    assert found["holdout"]["weeks"] == 39
    assert found["churn"]["auc"] >= 0.775
    assert found["seconds"] > 0


def test_the_sample_as_tables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.run(["evaluate", "purchases", str(FILE), *ON, "1997-09-30"])

    said = capsys.readouterr().out
    for words in ("2,357 customers", "BG/NBD", "Gamma-Gamma", "out of fold", "days since the last"):
        assert words in said


@pytest.mark.parametrize(("language", "words"), [("en", "Lifetime value"), ("zh", "生命周期价值")])
def test_the_page_has_charts_of_everything_and_fetches_nothing(
    tmp_path: Path, language: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    with pytest.raises(SystemExit):
        main.run(
            [
                "evaluate",
                "purchases",
                str(FILE),
                *ON,
                "1997-09-30",
                "--page",
                str(page),
                "--language",
                language,
            ]
        )

    content = page.read_text(encoding="utf-8")
    assert words in content
    assert content.count("<svg") == 4
    assert content.count("<polyline") == 4
    assert "1,882" in content
    assert "http" not in content.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert str(page) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "day", "words"),
    [
        (["0001 19970101 1 5.00"], "1997-02-30", "a day that exists"),
        (["0001 19970101 1 5.00"], "1997-09-30", "nothing was bought after 1997-09-30"),
        (["0001 19970101 1 5.00"], "1996-09-30", "nobody bought by 1996-09-30"),
        (["0001 19970101 1 5"], "1997-09-30", "line 1: expected"),
        ([], "1997-09-30", "has no purchases"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_message(
    tmp_path: Path, lines: list[str], day: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log.txt"
    file.write_text("\n".join(lines))
    with pytest.raises(SystemExit) as ended:
        main.run(["evaluate", "purchases", str(file), *ON, day])

    assert ended.value.code == 1
    assert words in " ".join(capsys.readouterr().err.split())
