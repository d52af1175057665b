"""Tiers that the staff of a running platform give by hand, through its services."""

from datetime import datetime

from rich.table import Table

from laurel.benefits.v1 import tiers_pb2 as pb
from libs.cli.clients import Clients
from libs.cli.retries import patiently
from libs.common.ids import new_id
from libs.common.rpc.time import moment, optional_timestamp

PAGE_SIZE = 100
REASON, STATE = "TIER_OVERRIDE_REASON_", "TIER_OVERRIDE_STATE_"


async def override(
    clients: Clients,
    program: str,
    member_id: str,
    tier: str,
    *,
    tier_set: str,
    until: datetime | None,
    reason: str,
    explanation: str,
    decision_id: str = "",
) -> pb.TierOverride:
    """Give a tier by hand, or ask for it where it takes two."""
    request = pb.OverrideTierRequest(
        program_id=program,
        request_id=new_id("req"),
        member_id=member_id,
        tier_set=tier_set,
        tier=tier,
        until_time=optional_timestamp(until),
        reason=pb.TierOverrideReason.Value(f"{REASON}{reason.upper()}"),
        explanation=explanation,
        decision_id=decision_id,
    )
    return (await patiently(lambda: clients.tiers.OverrideTier(request))).override


async def approve(clients: Clients, program: str, override_id: str) -> pb.TierOverride:
    """Apply what somebody else asked for."""
    request = pb.ApproveTierOverrideRequest(
        program_id=program, request_id=new_id("req"), override_id=override_id
    )
    return (await patiently(lambda: clients.tiers.ApproveTierOverride(request))).override


async def end(clients: Clients, program: str, override_id: str, explanation: str) -> pb.TierOverride:
    """Have rules decide again, or reject what waits."""
    request = pb.EndTierOverrideRequest(
        program_id=program, request_id=new_id("req"), override_id=override_id, explanation=explanation
    )
    return (await patiently(lambda: clients.tiers.EndTierOverride(request))).override


async def listed(clients: Clients, program: str, member_id: str, *, pending: bool) -> list[pb.TierOverride]:
    """The latest hundred."""
    request = pb.ListTierOverridesRequest(
        program_id=program, member_id=member_id, pending=pending, page_size=PAGE_SIZE
    )
    return list((await patiently(lambda: clients.tiers.ListTierOverrides(request))).overrides)


def table(overrides: list[pb.TierOverride]) -> Table:
    """Overrides as people read them; ids stay in one piece, as the next command asks for them."""
    shown = Table(title="Tiers given by hand", title_justify="left")
    shown.add_column("override, of member", no_wrap=True)
    for column in ("tier", "why", "state", "by"):
        shown.add_column(column, overflow="fold")
    for each in overrides:
        until = f"\nuntil {moment(each.until_time):%Y-%m-%d %H:%M} UTC" if each.HasField("until_time") else ""
        shown.add_row(
            f"{each.override_id}\n{each.member_id}",
            f"{each.tier_set}: {each.tier}{until}",
            pb.TierOverrideReason.Name(each.reason).removeprefix(REASON).lower(),
            state(each),
            f"{each.asked_by}\n{each.decided_by}".rstrip(),
        )
    return shown


def state(override: pb.TierOverride) -> str:
    """What became of an override, in a word."""
    return pb.TierOverrideState.Name(override.state).removeprefix(STATE).lower()
