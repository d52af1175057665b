"""What `laurel demo` prints: tiers, the members who spent most, and one member's receipt."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from libs.common.documents import WHOLE_BP
from libs.common.program import Program


@dataclass(frozen=True, slots=True)
class DemoFigures:
    """`purchases_*` count this load, all else the program."""

    members: int
    purchases_accepted: int
    purchases_duplicate: int
    rejected: int
    spend_minor: int
    tiers: dict[str, int]
    points_issued: int
    ledger_sum: int
    accounts_broken: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """As the contract of `--json` names them."""
        named = asdict(self)
        del named["rejected"]
        return named


def show(
    console: Console,
    program: Program,
    found: DemoFigures,
    *,
    top: Sequence[dict[str, Any]],
    receipt: dict[str, Any] | None,
) -> None:
    """Print all tables."""
    console.print(_tiers(program, found))
    console.print(_top(program, top))
    if receipt is not None:
        _show_receipt(console, receipt)
    console.print(
        f"{found.members} members, {found.purchases_accepted} purchases accepted, "
        f"{found.purchases_duplicate} duplicates, {found.rejected} rejected; "
        f"{_money(found.spend_minor)} {program.currency} spent, {found.points_issued} points issued; "
        f"the ledger sums to {found.ledger_sum} with {found.accounts_broken} accounts broken; "
        f"{found.seconds} s",
        highlight=False,
    )


def _tiers(program: Program, found: DemoFigures) -> Table:
    table = _table("Tiers", "tier", "members")
    for tier in program.tier_sets[0].tiers:
        table.add_row(tier.name.en, str(found.tiers[tier.key]))
    return table


def _top(program: Program, members: Sequence[dict[str, Any]]) -> Table:
    table = _table(
        "Members who spent most", "member", "purchases", f"spent {program.currency}", "tier", "points"
    )
    for member in members:
        facts = {fact["name"]: fact["value"] for fact in member["facts"]["facts"]}
        table.add_row(
            member["memberId"],
            str(facts["purchase.count.lifetime"]),
            _money(facts["purchase.amount_minor.lifetime"]),
            member["memberships"][0]["tierKey"],
            str(member["points"]["available"] if member["points"] else 0),
        )
    return table


def _show_receipt(console: Console, member: dict[str, Any]) -> None:
    membership = member["memberships"][0]
    decision = membership["decision"]
    console.print(
        f"\nReceipt of {member['memberId']}: {membership['tierKey']}, {decision['outcome']}", style="bold"
    )
    for reason in decision["reasons"]:
        console.print(f"  {reason['text']}", highlight=False)
    rules = _table("Rules", "tier", "rule", "value", "met", "margin")
    for rule in decision["rules"]:
        asked = f"{rule['metric']} {rule['op']} {rule['threshold']}"
        rules.add_row(
            rule["tier"], asked, str(rule["value"]), "yes" if rule["met"] else "no", str(rule["margin"])
        )
    console.print(rules)
    if member["points"]:
        console.print(_entries(member["points"]))
    console.print(f"Digest of the receipt: {decision['digest']}\n", highlight=False)


def _entries(points: dict[str, Any]) -> Table:
    table = _table(
        f"Latest entries, {points['available']} points available",
        "when",
        "spent",
        "times",
        "points",
        "balance",
    )
    for entry in points["entries"]:
        earnings = entry["earnings"]
        table.add_row(
            entry["occurredTime"][:10],
            ", ".join(_money(earning["amountMinor"]) for earning in earnings),
            ", ".join(f"{earning['multiplierBp'] / WHOLE_BP:g} ({earning['tier']})" for earning in earnings),
            str(entry["points"]),
            str(entry["balanceAfter"]),
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _money(minor: int) -> str:
    return f"{minor // 100:,}.{minor % 100:02}"
