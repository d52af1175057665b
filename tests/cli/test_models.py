"""Models against a whole platform: trained on its members, registered, promoted, and scored by."""

import csv
import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from libs.cli.sample import FILE
from libs.models.documents import LATER_FACTS, parse
from libs.models.populations import Later, population
from libs.models.serving import have_purchased
from libs.models.training import READ
from tests.cli.terminal import Laurel, stop

ROWS = FILE.read_text().splitlines()[:1500]
CUT_OFF = ("--cut-off", "1997-09-30")
HORIZON = ("--horizon-days", "273")

EN = ["scoring report", "Calibration", "Purchase days, cumulated by week", "challenger", "no purchase"]
EN += ["lead over it", "Below: probability.", "Churn, challenger", "high value", " USD"]
ZH = ["评分报告", "校准曲线", "累计购买日", "候选对照", "价值分群"]
ZH += ["领先于它", "横轴：概率", "流失（候选对照）", "高价值"]


@pytest.fixture(scope="module")
def laurel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laurel]:
    """A platform with some of the sample."""
    laurel = Laurel(tmp_path_factory.mktemp("platform"))
    up = laurel.up()
    try:
        laurel("init", "program", "music_store")
        laurel("init", "program", "ecommerce_five")
        laurel("init", "store", "online", "--name", "Online")
        laurel("init", "partner", "cdnow", "--name", "CDNOW", "--store", "online")
        laurel.load(ROWS)
        laurel.drained()
        yield laurel
        stop(up)
    finally:
        up.kill()
        up.wait()


@pytest.fixture(scope="module")
def registered(laurel: Laurel) -> dict[str, Any]:
    """Models of every kind, registered by an analyst."""
    by = ("--register", "--by", "ana", "--json")
    return {
        "churn": json.loads(laurel("train", "churn", *CUT_OFF, *HORIZON, *by)),
        "lifetime_value": json.loads(laurel("train", "lifetime-value", *CUT_OFF, *HORIZON, *by)),
        "value_segment": json.loads(laurel("train", "value-segment", *CUT_OFF, *by)),
    }


@pytest.fixture(scope="module")
def promoted(laurel: Laurel, registered: dict[str, Any]) -> list[Any]:
    """All of them champions, by somebody else, and the churn of another horizon its challenger."""
    other = ("--cut-off", "1998-01-31", "--horizon-days", "150")
    laurel("train", "churn", *other, "--register", "--by", "ana")
    stages = [(kind, "1", "champion") for kind in registered] + [("churn", "2", "challenger")]
    return [
        json.loads(
            laurel("promote", kind, version, "--as", stage, "--by", "olga", "--note", "good", "--json")
        )
        for kind, version, stage in stages
    ]


@pytest.fixture(scope="module")
def scored(laurel: Laurel, promoted: list[Any]) -> dict[str, Any]:
    """All members scored, once every replica knows the models: that is after two seconds."""
    time.sleep(3)
    told: dict[str, Any] = json.loads(laurel("score", "--as-of", "1998-06-29", "--parts", "2", "--json"))
    return told


def test_models_are_registered_as_candidates(laurel: Laurel, registered: dict[str, Any]) -> None:
    found = json.loads(laurel("models", "list", "--json"))

    assert {each["kind"]: each["digest"] for each in found} == {
        kind: each["digest"] for kind, each in registered.items()
    }
    assert {each["stage"] for each in found} == {"candidate"}
    assert 0.6 < registered["churn"]["metrics"]["auc"] < 1
    assert registered["lifetime_value"]["metrics"]["actual"] > 0
    assert {f"{kind} 1" for kind in registered} <= {
        " ".join(line.split()[1:3]) for line in laurel("models", "list").splitlines() if line.startswith("│")
    }
    assert [
        each["kind"] for each in json.loads(laurel("models", "list", "--kind", "value-segment", "--json"))
    ] == ["value_segment"]
    assert "trained on" in laurel("models", "show", "churn", "1")


def test_the_same_members_give_the_same_document_and_version(
    laurel: Laurel, registered: dict[str, Any]
) -> None:
    file = laurel.folder / "churn.json"
    again = json.loads(
        laurel("train", "churn", *CUT_OFF, *HORIZON, "--register", "--out", str(file), "--json")
    )

    assert (again["version"], again["digest"]) == (1, registered["churn"]["digest"])
    assert parse(file.read_bytes()).digest() == again["digest"]


def test_an_export_with_the_horizon_has_the_very_data_that_training_reads(
    laurel: Laurel, registered: dict[str, Any]
) -> None:
    folder = laurel.folder / "facts"
    told = json.loads(
        laurel(
            "export", "facts", "--as-of", CUT_OFF[1], *HORIZON, "--out", str(folder), "--parts", "2", "--json"
        )
    )
    table = pa.concat_tables(pq.read_table(file) for file in sorted(folder.glob("part-*.parquet")))
    columns = {name: table[name].to_numpy() for name in table.column_names[1:]}
    there = have_purchased(columns)
    ends = json.loads((folder / "manifest.json").read_text())["ends"]
    later = [Later(days, {fact: columns[f"{fact}@{days}"][there] for fact in LATER_FACTS}) for days in ends]

    assert (told["horizon_days"], told["is_over"], ends[-1]) == (273, True, 273)
    for kind in ("churn", "lifetime_value"):
        members = population(
            {fact: columns[fact][there] for fact in READ[kind]},
            later,
            program_id="music_store",
            currency="USD",
            as_of=date(1997, 9, 30),
            horizon_days=273,
        )
        assert members.digest() == registered[kind]["data_digest"]


def test_it_takes_two_people(laurel: Laurel, promoted: list[Any]) -> None:
    refused = laurel("promote", "churn", "1", "--as", "challenger", "--by", "ana", "--note", "x", exits=1)

    assert "it takes two people" in refused
    assert [step["actor"] for step in promoted[0]["history"]] == ["ana", "olga"]
    assert {each["stage"] for each in promoted} == {"champion", "challenger"}


def test_members_are_scored_by_champions_and_challengers(laurel: Laurel, scored: dict[str, Any]) -> None:
    told = scored
    files = Path(told["folder"]).glob("*.csv")
    lines = [line for file in files for line in csv.DictReader(file.read_text().splitlines())]

    assert len(lines) == told["members"]
    for line in lines:
        assert 0 <= int(line["churn.value_bp"]) <= 10_000
        assert line["churn.label"] in {"high", "medium", "low"}
        assert line["churn.challenger.value_bp"]
        low, value, high = (int(line[f"lifetime_value.{part}"]) for part in ("low_bp", "value_bp", "high_bp"))
        assert 0 <= low <= value <= high
        assert line["value_segment.label"] in {"high_value", "potential", "general", "lost"}
    assert sum(told["labels"]["churn"].values()) == told["members"]


@pytest.mark.parametrize(("language", "words"), [("en", EN), ("zh", ZH)])
def test_the_report_shows_models_and_scores_in_both_languages(
    laurel: Laurel, scored: dict[str, Any], language: str, words: list[str]
) -> None:
    file = laurel.folder / f"{language}.html"
    laurel("report", "scoring", "--out", str(file), "--language", language)
    page = file.read_text(encoding="utf-8")

    for word in words:
        assert word in page
    for anchor in ("models", "churn", "lifetime", "segments", "scores"):
        assert f'<section id="{anchor}">' in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page


def test_the_report_is_there_for_programs(laurel: Laurel, scored: dict[str, Any]) -> None:
    found = json.loads(laurel("report", "scoring", "--json"))

    assert [(each["kind"], each["stage"]) for each in found["models"]] == [
        ("churn", "champion"),
        ("churn", "challenger"),
        ("lifetime_value", "champion"),
        ("value_segment", "champion"),
    ]
    assert found["scored"] == "1998-06-29"
    churn = next(each for each in found["scores"] if each["name"] == "churn")
    assert sum(churn["histogram"]) == sum(churn["labels"].values()) == scored["members"]
    assert "holds no finished scores" in laurel("report", "scoring", "--scores", "/nowhere", exits=1)


def test_new_segments_begin_at_the_champion_s(laurel: Laurel, promoted: list[Any]) -> None:
    later = json.loads(laurel("train", "value-segment", "--cut-off", "1997-10-31", "--json"))

    assert later["metrics"]["same_label_share"] > 0.8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "churn", "--cut-off", "1998-06-01", "--horizon-days", "1"), "needed to learn from"),
        (("train", "churn", "--cut-off", "1998-06-01"), "are not over on"),
        (("train", "churn", "--cut-off", "1996-01-01"), "nobody had purchased by 1996-01-01"),
        (("train", "churn", "--cut-off", "2999-01-01"), "later days are not known"),
        (("train", "churn", "--cut-off", "soon"), "expected a day that exists"),
        (("train", "churn", "--program", "nope"), "There is no program 'nope'"),
        (
            ("train", "value-segment", "--cut-off", "1997-01-01", "--segments", "20"),
            "Ask for fewer with --segments",
        ),
        (("train", "rfm-cuts", "--cut-off", "1997-01-01"), "Keep the cuts that are there"),
        (("train", "churn", "--program", "ecommerce_five"), "nobody had purchased by"),
        (("train", "value-segment", "--program", "ecommerce_five"), "nobody had purchased by"),
        (("train", "rfm-cuts", "--program", "ecommerce_five"), "has no `rfm`"),
        (("report", "scoring", "--program", "nope"), "There is no program 'nope'"),
        (("models", "show", "churn", "99"), "has no churn 99"),
        (("promote", "churn", "99", "--as", "retired", "--note", "x"), "has no churn 99"),
        (("models", "list", "--program", "nope"), "There is no program 'nope'"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_to_do(
    laurel: Laurel, registered: dict[str, Any], arguments: tuple[str, ...], said: str
) -> None:
    assert said in laurel(*arguments, exits=1)


def test_cuts_are_a_proposal_that_changes_nothing(laurel: Laurel) -> None:
    draft = laurel.folder / "draft.yaml"
    told = laurel("train", "rfm-cuts", "--cut-off", "1998-06-30", "--out", str(draft))

    assert "laurel program propose" in told
    assert "fitted-1998-06-30" in draft.read_text()
    proposed = laurel("program", "propose", str(draft), "--note", "cuts by the members we have")
    assert "recency" in proposed
