"""The comparison with other gateways: what it says without Node, and how its figures come about."""

import json
from pathlib import Path

import pytest

from laurel.scoring.v1 import scoring_pb2
from tests.bench.graph import CALLERS, QUERIES_EACH
from tests.bench.rivals.__main__ import Round, measure, rows
from tests.bench.rivals.install import SOURCES, descriptors
from tests.bench.rows import write


async def test_without_node_both_rows_say_so_and_other_rows_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "bench.json"
    file.write_text(json.dumps([{"key": "up_seconds", "value": 7.0}]))

    write(await measure(), file)

    before, *added = json.loads(file.read_text())
    assert before == {"key": "up_seconds", "value": 7.0}
    assert [(row["key"], row["value"], row["reason"]) for row in added] == [
        ("query64_vs_apollo", None, "node and npm not on the PATH"),
        ("query64_vs_mesh", None, "node and npm not on the PATH"),
    ]


def test_a_row_is_the_median_of_its_rounds_with_the_cpu_of_a_query_in_each_gateway() -> None:
    queries = CALLERS * QUERIES_EACH
    ours = [Round(1.0, 0.001 * queries), Round(2.0, 0.002 * queries), Round(1.0, 0.001 * queries)]
    taken = {
        "ours": ours,
        "raw": ours,
        "apollo": [Round(6.0, 0.0), Round(6.0, 0.0), Round(4.0, 0.0)],
        "mesh": [Round(9.0, 0.0), Round(9.0, 0.0), Round(9.0, 0.0)],
    }

    apollo, mesh = [dict(each.document()) for each in rows(taken)]

    assert (apollo["value"], apollo["low"], apollo["high"]) == (4.0, 3.0, 6.0)
    assert (mesh["value"], mesh["low"], mesh["high"]) == (9.0, 4.5, 9.0)
    assert apollo["cpu_us_per_query"] == {"ours": 1000, "raw": 1000, "apollo": 0, "mesh": 0}


def test_rivals_get_the_whole_contract_but_the_rules_that_no_package_ships() -> None:
    files = json.loads(json.dumps(descriptors(scoring_pb2.DESCRIPTOR)))["file"]

    names = [file["name"] for file in files]
    assert names[-1] == "laurel/scoring/v1/scoring.proto"
    assert "laurel/common/v1/fact.proto" in names
    assert not any(name.startswith("buf/") for name in names)


def test_the_lock_names_no_address_to_install_from() -> None:
    packages = json.loads((SOURCES / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []
