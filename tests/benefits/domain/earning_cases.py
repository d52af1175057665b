"""Programs and events to earn by, chosen by hypothesis from what may stand in a document."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from libs.common.program import Program, preset
from services.benefits.domain.memberships import MemberEvent
from tests.support.builders import NOON, PROGRAM

Rule = dict[str, Any]
_STORE = preset(PROGRAM).document()


def for_event(kind: str, points: int, **fields: Any) -> Rule:
    """A rule that gives points for each event of a kind."""
    by_amount = {"unit_minor": None, "points_per_unit": None}
    return {"key": kind, "event_kind": kind, **by_amount, "points_per_event": points, **fields}


RULES: tuple[Rule, ...] = (
    {"key": "spend"},
    {"key": "large", "unit_minor": 700, "points_per_unit": 3, "min_amount_minor": 2_000},
    for_event("purchase", 10, key="visit", per_day={"times": 1}),
    {"key": "offline", "condition": "attributes.channel == 'offline'", "per_day": {"points": 40}},
    for_event("check_in", 5, per_day={"times": 1}),
    for_event("share", 7, per_day={"points": 10}, multiplied=False),
    for_event("review", 20, condition="member.orders >= 2 || weekday > 5"),
)
MULTIPLIERS: tuple[dict[str, Any], ...] = (
    {"key": "offline", "kind": "bonus", "bp": 3_000, "condition": "attributes.channel == 'offline'"},
    {"key": "frequent", "kind": "bonus", "bp": 750, "condition": "member.orders >= 2"},
    {"key": "monday", "kind": "multiplier", "bp": 15_000, "condition": "weekday == 1"},
    {"key": "members", "kind": "multiplier", "bp": 11_111, "condition": "tier != 'normal'"},
)
CAPS: tuple[dict[str, Any], ...] = (
    {"key": "social", "rules": ["share", "review"], "per_day": {"points": 25}},
    {"key": "day", "per_day": {"points": 60, "times": 6}},
)
TIERS = ("normal", "silver", "gold")


def earning_program(
    *rules: Rule, tiers: Mapping[str, int] | None = None, time_zone: str = "Asia/Shanghai", **points: Any
) -> Program:
    """The music store with these rules, multipliers of tiers, and other terms of earning."""
    document = deepcopy(_STORE)
    by_amount = {"event_kind": "purchase", "unit_minor": 100, "points_per_unit": 1}
    earn = [{"key": f"rule{place}", **by_amount, **rule} for place, rule in enumerate(rules)]
    document["points"] |= {"earn": earn, **points}
    for tier in document["tier_sets"][0]["tiers"]:
        tier["multiplier_bp"] = (tiers or {}).get(tier["key"], tier["multiplier_bp"])
    return Program.parse(document | {"time_zone": time_zone})


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A program of some of these rules in any order, multipliers, caps, stacking and rounding."""
    return earning_program(
        *draw(st.permutations(RULES)),
        tiers={"normal": 10_000, "silver": draw(st.sampled_from([12_500, 20_000]))},
        multipliers=[each for each in MULTIPLIERS if draw(st.booleans())],
        caps=[cap for cap in CAPS if draw(st.booleans())],
        stacking=draw(st.sampled_from(["max", "sum", "product"])),
        rounding=draw(st.sampled_from(["floor", "half_up"])),
        multiplier_max_bp=draw(st.sampled_from([12_000, 30_000, 1_000_000])),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[MemberEvent, str]]:
    """Events of a few days with their facts, and the tier held before each."""
    facts: dict[str, int] = {}
    history = []
    for seq in range(1, draw(st.integers(1, 8)) + 1):
        kind = draw(st.sampled_from(["purchase", "check_in", "share", "review", "login"]))
        amount_minor = draw(st.integers(0, 5_000)) if kind == "purchase" else 0
        name = f"{kind}.count.lifetime"
        facts = {**facts, name: facts.get(name, 0) + 1}
        at = NOON + timedelta(hours=draw(st.integers(0, 40)))
        attributes = draw(st.sampled_from([{}, {"channel": "offline"}, {"channel": "online"}]))
        history.append((event(seq, kind, amount_minor, at, attributes, facts), draw(st.sampled_from(TIERS))))
    return history


def event(
    seq: int, kind: str, amount_minor: int, at: datetime, attributes: dict[str, str], facts: dict[str, int]
) -> MemberEvent:
    return MemberEvent(
        event_id=f"evt_{seq}",
        seq=seq,
        kind=kind,
        source="shop",
        external_ref=f"ref_{seq}",
        line=0,
        occurred_time=at,
        amount_minor=amount_minor,
        facts=facts,
        attributes=attributes,
    )
