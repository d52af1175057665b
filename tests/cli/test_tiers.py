"""`laurel tier`: what is asked of benefits, and how overrides are shown."""

from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from laurel.benefits.v1 import tiers_pb2 as pb
from libs.cli import tiers
from libs.cli.clients import Clients
from libs.cli.commands.tier import Reason
from libs.common.rpc.time import moment, timestamp

JULY = datetime(2026, 7, 1, tzinfo=UTC)
GOLD = pb.TierOverride(
    override_id="ovr_1",
    member_id="mem_1",
    tier_set="main",
    tier="gold",
    reason=pb.TIER_OVERRIDE_REASON_APPEAL_UPHELD,
    state=pb.TIER_OVERRIDE_STATE_PENDING,
    asked_by="mia",
    until_time=timestamp(JULY),
)


class Answers:
    """Benefits, which writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def OverrideTier(self, request: pb.OverrideTierRequest) -> pb.OverrideTierResponse:
        self.asked.append(request)
        return pb.OverrideTierResponse(override=GOLD)

    @property
    def clients(self) -> Clients:
        return cast(Clients, SimpleNamespace(tiers=self))


@pytest.mark.parametrize("until", [JULY, None], ids=["with an end", "without end"])
async def test_an_override_is_asked_for_with_its_reason_and_end(until: datetime | None) -> None:
    answers = Answers()

    made = await tiers.override(
        answers.clients,
        "shop",
        "mem_1",
        "gold",
        tier_set="main",
        until=until,
        reason="appeal_upheld",
        explanation="case 4711",
        decision_id="dec_1",
    )

    (asked,) = answers.asked
    assert made == GOLD
    assert (asked.reason, asked.decision_id) == (pb.TIER_OVERRIDE_REASON_APPEAL_UPHELD, "dec_1")
    assert (moment(asked.until_time) if asked.HasField("until_time") else None) == until


def test_there_is_an_option_for_every_reason() -> None:
    assert {f"{tiers.REASON}{each.value.upper()}" for each in Reason} == set(pb.TierOverrideReason.keys()[1:])


def test_the_table_says_who_holds_what_until_when_and_why() -> None:
    console = Console(file=(text := StringIO()), width=200)

    console.print(tiers.table([GOLD]))

    shown = text.getvalue()
    assert all(
        each in shown for each in ("ovr_1", "main: gold", "2026-07-01 00:00 UTC", "appeal_upheld", "pending")
    )
