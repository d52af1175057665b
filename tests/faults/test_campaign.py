"""A long campaign goes on where it was ended; its report keeps to its form, and says what was missed."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.faults import campaign as campaigns
from tests.faults.campaign import Campaign, Outcome
from tests.faults.control import Control
from tests.faults.model.bugs import Bug
from tests.faults.mutants import Caught
from tests.faults.nemesis import PLANS
from tests.faults.report import Report
from tests.faults.rounds import Order, Round

ALL = Caught((), dict.fromkeys(Bug, True))


def a_round(**fields: Any) -> Round:
    known: dict[str, Any] = {
        "count": 10,
        "operations": 100,
        "acknowledged": 99,
        "unknown": 1,
        "lost": 0,
        "doubled": 0,
        "broken": 0,
        "gaps_s": [1.0, 3.5],
        "snapshots": 20,
        "seconds": 60.0,
        "findings": [],
    }
    return Round(**{**known, **fields})


def a_campaign(folder: Path, seed: int = 1, *, smoke: bool = False) -> Campaign:
    return Campaign(seed=seed, smoke=smoke, faults=["N4"], folder=folder, firewall=None)


async def played(campaign: Campaign, monkeypatch: pytest.MonkeyPatch, *, dies_at: int = -1) -> list[int]:
    """The seeds of the rounds that a campaign plays, until it dies in the round of this number."""
    seeds: list[int] = []

    async def play(cluster: object, order: Order, *_: object) -> Round:
        if len(seeds) == dies_at:
            raise KeyboardInterrupt
        seeds.append(order.seed)
        return a_round(count=order.count)

    monkeypatch.setattr(campaigns, "play", play)
    cluster: Any = object()
    outcome = Outcome(None, {})
    try:
        await campaigns._play_all(campaign, cluster, outcome, lambda *_: None)
    except KeyboardInterrupt:
        return seeds
    assert sum(each.count for each in outcome.played["N4"]) == PLANS["N4"].release
    return seeds


async def test_a_long_campaign_goes_on_where_it_was_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await played(a_campaign(tmp_path), monkeypatch, dies_at=2)
    after = await played(a_campaign(tmp_path), monkeypatch)

    assert len(before) == 2
    assert before + after == [order.seed for order in a_campaign(tmp_path).orders(PLANS["N4"])]


async def test_one_of_another_seed_or_one_that_was_whole_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await played(a_campaign(tmp_path), monkeypatch, dies_at=2)
    other = await played(a_campaign(tmp_path, seed=2), monkeypatch)
    again = await played(a_campaign(tmp_path, seed=2), monkeypatch)

    assert other == again
    assert len(other) == len(a_campaign(tmp_path).orders(PLANS["N4"]))


def a_report(folder: Path, *rounds: Round, caught: Caught = ALL, stopped: str = "") -> Report:
    campaign = Campaign(seed=7, smoke=True, faults=["N1", "N3"], folder=folder, firewall=None)
    outcome = Outcome(Control(20, 20), {"N1": list(rounds)}, stopped)
    return Report(campaign, caught, outcome, {"N3": "dropping packets needs root"})


def test_a_report_has_the_figures_of_all_rounds_and_says_why_a_fault_was_left_out(tmp_path: Path) -> None:
    report = a_report(tmp_path, a_round(), a_round(gaps_s=[4.5]))

    report.write(tmp_path / "faults.json")

    written = json.loads((tmp_path / "faults.json").read_text())
    first, left_out = written["faults"]
    assert (written["seed"], written["size"], written["mutants_caught"]) == (7, "smoke", 14)
    assert (first["fault"], first["count"], first["operations"], first["acknowledged"]) == (
        "N1",
        20,
        200,
        198,
    )
    assert (first["lost"], first["doubled"], first["longest_gap_s"]) == (0, 0, 4.5)
    assert (left_out["fault"], left_out["count"], left_out["lost"]) == ("N3", None, None)
    assert left_out["reason"] == "dropping packets needs root"
    assert report.missed() == []


@pytest.mark.parametrize(
    ("report", "told"),
    [
        ({"rounds": a_round(lost=1)}, "N1: 1 lost"),
        ({"rounds": a_round(doubled=2)}, "N1: 2 doubled"),
        ({"rounds": a_round(broken=1)}, "N1: 1 broken"),
        ({"caught": Caught((), {Bug.INBOX_OFF: False})}, "the bug `inbox off` was not caught"),
        ({"caught": Caught(("D1: sale",), {})}, "a false alarm: D1: sale"),
        ({"stopped": "TimeoutError()"}, "ended early: TimeoutError()"),
    ],
    ids=["lost", "doubled", "broken", "a bug missed", "a false alarm", "ended early"],
)
def test_what_is_not_as_it_has_to_be_is_missed(tmp_path: Path, report: dict[str, Any], told: str) -> None:
    rounds = [report.pop("rounds")] if "rounds" in report else [a_round()]
    made = a_report(tmp_path, *rounds, **report)

    assert made.missed() == [told]


def test_the_table_fits_into_eighty_columns(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        console = Console(width=80, file=out)
        a_report(tmp_path, a_round(operations=200_000, acknowledged=199_999, gaps_s=[25.0])).show(console)

    table = (tmp_path / "out").read_text()
    assert "…" not in table
    assert all(word in table for word in ("N1 primary killed", "200000", "199999", "25.0 > 5", "doubled"))
