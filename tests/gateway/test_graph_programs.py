"""Programs in the graph: ladders with their rules of movement, terms of tiers, and versions on their way."""

import json
from typing import Any

import pytest

from laurel.benefits.v1 import programs_pb2 as pb
from laurel.scoring.v1 import receipts_pb2
from libs.common.program import Program
from libs.common.rpc.time import timestamp
from services.gateway.benefits.program_loaders import DOCUMENTS_MAX
from services.gateway.benefits.types.decisions import TierOutcome
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.fake_programs import VERSIONS
from tests.gateway.world import NOON, PROGRAM, a_program, member_id

LADDER = """
query($key: String!) {
  program(key: $key) {
    tierSets {
      window
      movement {
        upgrade downgrade maxStepDown graceDays newVersion nearUpgradeBp period { kind more months }
      }
      seasons { key name { en } fromTime toTime factorBp }
      tiers { key entry { path window fact } keep { path metric window fact op value } }
    }
  }
}
"""
TERMS = """
query($id: ID!) {
  member(id: $id) {
    memberships {
      reviewTime inGrace
      decision { outcome terms { look before { reviewTime inGrace } after { reviewTime inGrace } } }
    }
  }
}
"""
VERSION = """
  version state digest note basedOn proposedBy proposedTime decidedBy decidedTime reason effectiveTime
  recalculation { runId memberships decided upgraded downgraded startTime endTime }
"""
LIST = f"""
query($first: Int!, $after: String) {{
  programVersions(first: $first, after: $after) {{
    edges {{ cursor node {{ {VERSION} }} }} pageInfo {{ hasNextPage hasPreviousPage endCursor }}
  }}
}}
"""
DOCUMENTS = "{ programVersions(first: 3) { edges { node { version document } } } }"
CHANGED = f"... on ProgramChanged {{ programVersion {{ {VERSION} }} }} ... on Refused {{ reason }}"
DIGEST = "a" * 64
AT = "1998-07-01T12:00:00+00:00"
WRITES: dict[str, tuple[str, dict[str, Any]]] = {
    "proposeProgram": ("ProposeProgramInput", {"documentParts": ["{}"], "note": "less"}),
    "approveProgramVersion": ("ApproveProgramVersionInput", {"version": 3, "digest": DIGEST}),
    "rejectProgramVersion": ("RejectProgramVersionInput", {"version": 3, "reason": "a typo"}),
    "publishProgramVersion": ("PublishProgramVersionInput", {"version": 3}),
    "rollBackProgram": ("RollBackProgramInput", {"toVersion": 1, "reason": "complaints"}),
}


def moving() -> Program:
    """The world's program with periods, windows, grace and a season."""
    document = a_program().document()
    (tier_set,) = document["tier_sets"]
    tier_set |= {
        "window": "365d",
        "movement": {
            "downgrade": "step_down",
            "max_step_down": 2,
            "period": {"kind": "rolling", "months": 12},
            "grace_days": 30,
            "new_version": "apply",
        },
        "seasons": [
            {
                "key": "sale",
                "name": {"zh": "大促", "en": "Sale"},
                "from_time": "1998-11-01T00:00:00Z",
                "to_time": "1998-11-12T00:00:00Z",
                "factor_bp": 9_000,
            }
        ],
    }
    tier_set["tiers"][1]["keep"] = {
        "any": [
            {"metric": "spend", "op": ">=", "value": 5_000},
            {"metric": "orders", "op": ">=", "value": 3, "window": "lifetime"},
        ]
    }
    return Program.parse(document)


async def test_a_ladder_says_when_members_move_and_what_keeps_a_tier(graph: Graph) -> None:
    graph.services.benefits.fake.world.program = moving()

    (ladder,) = (await graph.data(LADDER, key=PROGRAM))["program"]["tierSets"]

    normal, silver, *_ = ladder.pop("tiers")
    assert ladder == {
        "window": "365d",
        "movement": {
            "upgrade": "realtime",
            "downgrade": "step_down",
            "maxStepDown": 2,
            "graceDays": 30,
            "newVersion": "apply",
            "nearUpgradeBp": 8_000,
            "period": {"kind": "rolling", "more": 0, "months": 12},
        },
        "seasons": [
            {
                "key": "sale",
                "name": {"en": "Sale"},
                "fromTime": "1998-11-01T00:00:00+00:00",
                "toTime": "1998-11-12T00:00:00+00:00",
                "factorBp": 9_000,
            }
        ],
    }
    assert (normal["entry"], normal["keep"]) == ([], [])
    assert silver["entry"] == [{"path": "entry", "window": "365d", "fact": "purchase.amount_minor.365d"}]
    assert [(each["path"], each["window"], each["fact"]) for each in silver["keep"]] == [
        ("keep.any[0]", "365d", "purchase.amount_minor.365d"),
        ("keep.any[1]", "lifetime", "purchase.count.lifetime"),
    ]


async def test_a_ladder_on_which_nobody_falls_has_neither_period_nor_keep_rules(graph: Graph) -> None:
    (ladder,) = (await graph.data(LADDER, key=PROGRAM))["program"]["tierSets"]

    assert (ladder["movement"]["period"], ladder["seasons"]) == (None, [])
    assert [each["keep"] for each in ladder["tiers"]] == [[]] * 5


async def test_a_membership_says_until_when_it_is_held_and_its_decision_what_made_us_look(
    graph: Graph,
) -> None:
    (membership,) = (await graph.data(TERMS, id=member_id(1)))["member"]["memberships"]

    review = "1998-07-31T12:00:00+00:00"
    assert (membership["reviewTime"], membership["inGrace"]) == (review, True)
    assert membership["decision"]["terms"] == {
        "look": "REVIEW",
        "before": {"reviewTime": AT, "inGrace": False},
        "after": {"reviewTime": review, "inGrace": True},
    }


def test_the_graph_knows_every_outcome_of_a_decision() -> None:
    outcomes = {name.removeprefix("TIER_OUTCOME_") for name in receipts_pb2.TierOutcome.keys()}  # noqa: SIM118

    assert {each.name for each in TierOutcome} == outcomes - {"UNSPECIFIED"}


async def test_versions_are_listed_in_pages_from_any_cursor(graph: Graph) -> None:
    token = graph.token("staff", PROGRAM, subject="ann", roles=["analyst"])

    first = (await graph.data(LIST, token=token, first=2))["programVersions"]
    rest = await graph.data(LIST, token=token, first=2, after=first["pageInfo"]["endCursor"])
    second = await graph.data(LIST, token=token, first=2, after=first["edges"][0]["cursor"])

    assert first["edges"][0]["node"] == {
        "version": 3,
        "state": "LIVE",
        "digest": f"{3:064x}",
        "note": "Gold asks for more",
        "basedOn": 2,
        "proposedBy": "max",
        "proposedTime": AT,
        "decidedBy": "sue",
        "decidedTime": AT,
        "reason": None,
        "effectiveTime": None,
        "recalculation": {
            "runId": "run_1",
            "memberships": 2**41,
            "decided": 2**40,
            "upgraded": 1,
            "downgraded": 7,
            "startTime": AT,
            "endTime": AT,
        },
    }
    assert (_numbers(first), first["pageInfo"]["hasNextPage"]) == ([3, 2], True)
    assert (_numbers(rest["programVersions"]), rest["programVersions"]["pageInfo"]["hasNextPage"]) == (
        [1],
        False,
    )
    assert _numbers(second["programVersions"]) == [2, 1]


async def test_documents_are_read_when_they_are_asked_for_and_together(graph: Graph) -> None:
    await graph.data(LIST, first=3)
    listed = (await graph.data(DOCUMENTS))["programVersions"]

    assert [json.loads(each["node"]["document"]) for each in listed["edges"]] == [
        {"version": number} for number in range(VERSIONS, 0, -1)
    ]
    assert graph.services.asked.calls["BatchGetProgramVersions"] == 1


async def test_a_request_for_more_documents_than_anybody_reads_is_told_so(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.benefits.program_loaders.DOCUMENTS_MAX", 2)

    answer = await graph.ask(DOCUMENTS)

    assert DOCUMENTS_MAX == 20
    assert [each["node"]["document"] for each in answer["data"]["programVersions"]["edges"]] == [None] * 3
    assert {each["extensions"]["code"] for each in answer["errors"]} == {"BAD_USER_INPUT"}


async def test_a_program_is_changed_by_two(graph: Graph) -> None:
    manager = graph.token("staff", PROGRAM, subject="max", roles=["operations_manager"])
    officer = graph.token("staff", PROGRAM, subject="sue", roles=["compliance_officer"])
    parts = ['{"key": "music', '_store"}']

    draft = await _change(graph, manager, "proposeProgram", documentParts=parts, note="less")
    approved = await _change(graph, officer, "approveProgramVersion", version=4, digest=DIGEST)
    scheduled = await _change(graph, manager, "publishProgramVersion", version=4, effectiveTime=AT)

    requests = graph.services.asked.requests
    assert requests["ProposeProgram"] == pb.ProposeProgramRequest(
        program_id=PROGRAM, request_id="r1", document=b'{"key": "music_store"}', note="less"
    )
    assert requests["ApproveProgramVersion"] == pb.ApproveProgramVersionRequest(
        program_id=PROGRAM, request_id="r1", version=4, digest=DIGEST
    )
    assert requests["PublishProgramVersion"] == pb.PublishProgramVersionRequest(
        program_id=PROGRAM, request_id="r1", version=4, effective_time=timestamp(NOON)
    )
    assert (draft["version"], draft["state"], draft["decidedBy"]) == (4, "DRAFT", None)
    assert (approved["state"], approved["proposedBy"], approved["decidedBy"]) == ("APPROVED", "max", "sue")
    assert (scheduled["state"], scheduled["effectiveTime"]) == ("SCHEDULED", AT)


async def test_without_a_time_a_version_takes_effect_at_once(graph: Graph) -> None:
    await _change(graph, graph.token(), "publishProgramVersion", version=3)

    assert not graph.services.asked.requests["PublishProgramVersion"].HasField("effective_time")


async def test_a_time_without_its_zone_is_not_guessed(graph: Graph) -> None:
    asked = {"requestId": "r1", "version": 3, "effectiveTime": "1998-07-01T12:00:00"}

    answer = await graph.ask(_document("publishProgramVersion"), input=asked)

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert graph.services.asked.calls["PublishProgramVersion"] == 0


async def test_a_version_is_rejected_and_a_program_goes_back_with_a_reason(graph: Graph) -> None:
    officer = graph.token("staff", PROGRAM, subject="sue", roles=["compliance_officer"])

    rejected = await _change(graph, officer, "rejectProgramVersion", version=3, reason="a typo")
    back = await _change(graph, officer, "rollBackProgram", toVersion=1, reason="complaints")

    assert graph.services.asked.requests["RollBackProgram"].to_version == 1
    assert (rejected["state"], rejected["reason"]) == ("REJECTED", "a typo")
    assert (back["state"], back["reason"], back["recalculation"]["downgraded"]) == ("LIVE", "complaints", 7)


@pytest.mark.parametrize("field", WRITES)
async def test_a_refusal_is_an_answer(graph: Graph, field: str) -> None:
    _, asked = WRITES[field]

    token = graph.token("staff", PROGRAM, subject="sue", roles=["operations_manager", "compliance_officer"])
    data = await graph.data(_document(field), token=token, input={"requestId": REFUSED, **asked})

    assert data[field] == {"reason": "MEMBER_UNKNOWN"}


async def _change(graph: Graph, token: str, field: str, **asked: object) -> Any:
    data = await graph.data(_document(field), token=token, input={"requestId": "r1", **asked})
    return data[field]["programVersion"]


def _document(field: str) -> str:
    name, _ = WRITES[field]
    return f"mutation($input: {name}!) {{ {field}(input: $input) {{ {CHANGED} }} }}"


def _numbers(page: dict[str, Any]) -> list[int]:
    return [edge["node"]["version"] for edge in page["edges"]]


CHARTER = """
query($key: String!) {
  program(key: $key) {
    industry scope { stores } labels { lifecycle { key } segments { key name { zh } } }
    tierSets {
      movement { text zh: text(locale: ZH) } variants { key }
      tiers { key kind parent inherits entryText zh: entryText(locale: ZH) keepText }
    }
  }
}
"""
KPIS = "query($key: String!) { program(key: $key) { kpis { key metric op valueBp action } } }"


async def test_members_are_shown_the_rules_in_words(graph: Graph) -> None:
    token = graph.token("member", subject=member_id(1))

    program = (await graph.data(CHARTER, token=token, key=PROGRAM))["program"]

    (ladder,) = program["tierSets"]
    assert ladder["movement"] == {
        "text": "A tier is given as soon as it is reached. No tier is taken away.",
        "zh": "达到要求即刻升级。不降级。",
    }
    normal, silver = ladder["tiers"][:2]
    assert (normal["entryText"], normal["zh"], normal["keepText"]) == ("from registration on", "注册即享", "")
    assert (normal["kind"], silver["kind"]) == (None, "thresholds")
    assert (silver["entryText"], silver["keepText"]) == ("Lifetime spend at least $100.00", "")
    assert silver["zh"] == "累计消费至少US$100.00"
    assert (program["scope"], ladder["variants"]) == ({"stores": []}, [])


async def test_what_a_program_is_held_to_is_for_those_who_run_it(graph: Graph) -> None:
    answer = await graph.ask(KPIS, token=graph.token("member", subject=member_id(1)), key=PROGRAM)

    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
    assert (await graph.data(KPIS, key=PROGRAM))["program"]["kpis"] == []
