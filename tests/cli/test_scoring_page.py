"""The page of scores in currencies that have no hundredths, and with scores that nobody knows any more."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from libs.cli.report_page.scoring import Distribution, ScoringFindings, Serving, rendered
from libs.cli.score_run import Manifest, Part, ScoreRun
from libs.cli.scoring_report import _distributions
from libs.common.program import Program, preset
from libs.models import documents
from tests.models import fitted

GROUP = documents.Group(label="lost", members=7, values={"spent_minor": 158_300.0})


def a_program(currency: str) -> Program:
    document = preset("music_store").document() | {"currency": currency}
    return Program.parse(document)


def findings(currency: str, distributions: Sequence[Distribution] = ()) -> ScoringFindings:
    metrics = {"value_foretold": 5_557_100.0, "foretold": 1653.4, "of_the_future": 1.5}
    high = documents.Drawn(histogram=(3, 1), high=20_000.0 * 10_000)
    value = fitted.lifetime_value(currency=currency).model_copy(update={"metrics": metrics, "drawn": high})
    segments = fitted.value_segment().model_copy(update={"drawn": documents.Drawn(groups=(GROUP,))})
    models = [Serving(1, "champion", value), Serving(1, "champion", segments)]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return ScoringFindings(a_program(currency), now, models, distributions, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("currency", "foretold", "spent", "mark"),
    [
        ("USD", "55,571.00 USD", "1,583.00", ">100<"),
        ("JPY", "5,557,100 JPY", "158,300", ">10,000<"),
        ("KWD", "5,557.100 KWD", "158.300", ">10<"),
    ],
)
def test_money_is_in_the_major_units_of_its_currency(
    currency: str, foretold: str, spent: str, mark: str
) -> None:
    page = rendered(findings(currency), "en")

    assert f"<td>{foretold}</td>" in page
    assert f"<td>{spent}</td>" in page
    assert f"spend ({currency})" in page
    assert mark in page


def test_values_of_a_run_are_in_the_major_units_of_its_currency(tmp_path: Path) -> None:
    lines = ["member_id,lifetime_value.value_bp", *(f"m{place},{place * 10_000}" for place in range(101))]
    (tmp_path / "part.csv").write_text("\n".join(lines))
    part = Part(after="", through="", file="part.csv", members=101)
    manifest = Manifest(
        program_id="p", program_version=1, program_digest="d", as_of=date(2026, 1, 1), parts=[part]
    )

    (yen,) = _distributions(ScoreRun(tmp_path, manifest), "JPY")
    (dollars,) = _distributions(ScoreRun(tmp_path, manifest), "USD")

    assert (yen.high, dollars.high) == (99.0, 0.99)
    assert sum(yen.histogram) == 101


def test_labels_stand_in_their_order_and_by_their_names() -> None:
    counted = [("lost", 9), ("high_value", 2), ("of_yore", 1), ("", 4)]
    page = rendered(findings("USD", [Distribution("rfm", counted, [1], 0.0, 5.0)]), "zh")

    section = page[page.index('<section id="scores">') :]
    places = [section.index(f">{name}<") for name in ("高价值", "流失", "of_yore", "没有评分")]
    assert places == sorted(places)
    assert "of_the_future" in page
