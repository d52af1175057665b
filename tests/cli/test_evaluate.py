"""`laurel evaluate` as a person at a terminal has it: figures, and what it says of files it cannot use."""

import json
from pathlib import Path

import pytest

from libs.cli import main
from libs.cli.sample import FILE

ON = ["--format", "cdnow", "--calibration-end"]


def evaluated(page: Path, *options: str) -> None:
    """Evaluates the sample; it takes seconds, so that each run is looked at from several sides."""
    with pytest.raises(SystemExit) as ended:
        main.run(["evaluate", "purchases", str(FILE), *ON, "1997-09-30", "--page", str(page), *options])
    assert ended.value.code == 0


def assert_has_charts_of_everything_and_fetches_nothing(page: Path, words: str) -> None:
    content = page.read_text(encoding="utf-8")
    assert words in content
    assert content.count("<svg") == 4
    assert content.count("<polyline") == 4
    assert "1,882" in content
    assert "http" not in content.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


def test_the_sample_as_json_and_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated(tmp_path / "page.html", "--json")

    found = json.loads(capsys.readouterr().out)
    assert found["bgnbd"]["log_likelihood"] == pytest.approx(-9582.4, abs=0.1)
    assert found["gamma_gamma"]["gamma"] == pytest.approx(15.44, rel=0.02)
    assert found["holdout"]["weeks"] == 39
    assert found["churn"]["auc"] >= 0.775
    assert found["seconds"] > 0
    assert_has_charts_of_everything_and_fetches_nothing(tmp_path / "page.html", "Lifetime value")


def test_the_sample_as_tables_and_as_a_page_in_chinese(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(tmp_path / "page.html", "--language", "zh")

    said = capsys.readouterr()
    for words in ("2,357 customers", "BG/NBD", "Gamma-Gamma", "out of fold", "days since the last"):
        assert words in said.out
    assert str(tmp_path / "page.html") in said.err
    assert_has_charts_of_everything_and_fetches_nothing(tmp_path / "page.html", "生命周期价值")


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


def test_what_is_no_text_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes("0001 19970101 1 5.00".encode("utf-16"))

    with pytest.raises(SystemExit):
        main.run(["evaluate", "purchases", str(file), *ON, "1997-09-30"])

    assert "save it as such" in " ".join(capsys.readouterr().err.split())


def test_a_page_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "nowhere" / "page.html"

    with pytest.raises(SystemExit):
        main.run(["evaluate", "purchases", str(tmp_path / "log.txt"), *ON, "1997-09-30", "--page", str(page)])

    assert "make the folder" in " ".join(capsys.readouterr().err.split())
