"""Reports of tiers, of fairness and of usage in the graph."""

from typing import Any

import pytest

from tests.gateway.conftest import Graph
from tests.gateway.fake_reports import FakeReports
from tests.gateway.world import member_id

TIERS = """
query($months: Int!) {
  tierReport(months: $months) {
    programVersion asOf firstMonth
    tierSets {
      tierSet members
      tiers { tier members }
      moves { month fromTier toTier count }
      margins { tier rule path metric fact op threshold members below above tenths }
    }
  }
}
"""
FAIRNESS = """
fragment Rates on GroupFairness {
  group members
  rates {
    tier members rateBp rateLowBp rateHighBp gapBp gapFinding ratioBp ratioFinding
  }
}
{
  fairnessReport {
    countedMembers
    report {
      asOf programVersion membersMin gapBp ratioBp members findingsCount
      attributes {
        tierSet attribute suppressed pooledGroupsCount
        everybody { ...Rates } groups { ...Rates } pooled { ...Rates }
      }
      equalTreatment {
        decisionsCount comparedBp situationsCount unequalCount replayedCount sameCount
        differentDecisionIds seed
        unequal { tierSet decisions { decisionId outcome toTier } }
      }
    }
  }
}
"""

USAGE = """
fragment Used on UsageGroup { tiers members users uses units spentPoints valueMinor }
query($first: Int!, $after: String) {
  usageMonths(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges {
      cursor
      node {
        month settledTime programVersion membersMin members currency
        tierSets { tierSet groups { tiers members } }
        items { kind key name { zh en } tierSet everybody { ...Used } groups { ...Used } }
      }
    }
  }
}
"""


async def test_a_report_of_tiers_shows_who_is_where_who_moved_and_who_is_near(graph: Graph) -> None:
    report = (await graph.data(TIERS, months=3))["tierReport"]

    (ladder,) = report["tierSets"]
    assert (report["programVersion"], report["firstMonth"]) == (1, "1998-05")
    assert (ladder["members"], ladder["tiers"]) == (2**40, [{"tier": "normal", "members": 2**40}])
    assert [(each["fromTier"], each["toTier"], each["count"]) for each in ladder["moves"]] == [
        (None, "normal", 2**40),
        ("normal", "gold", 3),
    ]
    (margin,) = ladder["margins"]
    assert (margin["threshold"], margin["below"], margin["above"], len(margin["tenths"])) == (2**40, 2, 1, 21)
    assert graph.services.asked.requests["GetTierReport"].months == 3


@pytest.mark.parametrize("months", [0, 61, -1])
async def test_moves_of_months_that_nobody_keeps_are_refused(graph: Graph, months: int) -> None:
    (error,) = (await graph.ask(TIERS, months=months))["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_report_of_fairness_shows_groups_and_decisions_that_should_be_equal(graph: Graph) -> None:
    found = (await graph.data(FAIRNESS))["fairnessReport"]

    report, (audit,) = found["report"], found["report"]["attributes"]
    (rate,) = audit["groups"][0]["rates"]
    assert (found["countedMembers"], report["findingsCount"]) == (2**40, 2)
    assert (audit["groups"][0]["group"], rate["gapBp"], rate["gapFinding"]) == ("online", -600, "BEYOND")
    assert audit["everybody"]["group"] is None
    assert audit["everybody"]["rates"][0]["gapFinding"] is None
    assert (audit["pooled"]["rates"][0]["ratioBp"], audit["pooledGroupsCount"]) == (None, 2)
    equal = report["equalTreatment"]
    assert (equal["unequalCount"], equal["sameCount"], equal["differentDecisionIds"]) == (1, 199, ["dec_2"])
    assert [each["toTier"] for each in equal["unequal"][0]["decisions"]] == ["gold", "silver"]


async def test_while_it_is_counted_there_is_no_report(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeReports, "counting", True)

    found = (await graph.data(FAIRNESS))["fairnessReport"]

    assert found == {"countedMembers": 5, "report": None}


@pytest.mark.parametrize(
    "field", ["tierReport(months: 1) { firstMonth }", "fairnessReport { countedMembers }"]
)
async def test_members_read_no_reports(graph: Graph, field: str) -> None:
    token = graph.token("member", subject=member_id(1))

    answer = await graph.ask(f"{{ {field} }}", token=token)

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_everybody_of_the_program_reads_what_is_used_page_by_page(graph: Graph) -> None:
    token = graph.token("member", subject=member_id(1))

    async def page(after: str | None) -> dict[str, Any]:
        return (await graph.data(USAGE, token=token, first=2, after=after))["usageMonths"]  # type: ignore[no-any-return]

    first = await page(None)
    pages = [first, await page(first["pageInfo"]["endCursor"]), await page(first["edges"][0]["cursor"])]

    shown = [[edge["node"]["month"] for edge in page["edges"]] for page in pages]
    assert shown == [["1998-06", "1998-05"], ["1998-04"], ["1998-05", "1998-04"]]
    assert [page["pageInfo"]["hasNextPage"] for page in pages] == [True, False, False]
    june, april = pages[0]["edges"][0]["node"], pages[1]["edges"][0]["node"]
    others, coffee = june["items"]
    assert (others["key"], coffee["key"], coffee["kind"]) == (None, "coffee", "REWARD")
    assert coffee["name"] == {"zh": "咖啡", "en": "Coffee"}
    assert coffee["everybody"] == coffee["groups"][0] | {"tiers": ["gold", "diamond"]}
    assert (coffee["everybody"]["users"], coffee["everybody"]["spentPoints"]) == (30, 2**42)
    assert june["tierSets"] == [
        {"tierSet": "main", "groups": [{"tiers": ["gold", "diamond"], "members": 2**40}]}
    ]
    assert (april["members"], april["tierSets"], april["items"]) == (None, [], [])


async def test_a_page_of_usage_has_a_year_at_most(graph: Graph) -> None:
    await graph.data(USAGE, first=100, after=None)

    assert graph.services.asked.requests["ListUsageMonths"].page_size == 12


@pytest.mark.parametrize("after", ["W10=", "WyIiLCAxXQ==", "x"])
async def test_what_is_no_cursor_of_usage_is_refused(graph: Graph, after: str) -> None:
    (error,) = (await graph.ask(USAGE, first=2, after=after))["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
