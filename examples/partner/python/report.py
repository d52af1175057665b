"""What the till prints when it is done."""

from collections import Counter
from collections.abc import Sequence

from journal import Answer
from reads import Standing


def show_standings(standings: Sequence[Standing], currency: str) -> None:
    """Members, spend and points of each tier, and of all."""
    print(f"{'tier':<12}{'members':>9}{f'spend {currency}':>15}{'points':>10}")
    for tier, _ in Counter(each.tier for each in standings).most_common():
        _show_line(tier, [each for each in standings if each.tier == tier])
    _show_line("all", standings)


def _show_line(name: str, standings: Sequence[Standing]) -> None:
    units, cents = divmod(sum(each.spend_minor for each in standings), 100)
    points = sum(each.points for each in standings)
    print(f"{name:<12}{len(standings):>9}{f'{units}.{cents:02}':>15}{points:>10}")


def show_answers(registered: Answer, recorded: Answer) -> bool:
    """What was taken, and what a person has to look at; whether there is nothing for a person."""
    created = sum(row["created"] for row in registered)
    outcomes = Counter(row["outcome"].lower() for row in recorded)
    told = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in ("accepted", "duplicate", "rejected"))
    print(f"members: {len(registered)}, of them {created} new")
    print(f"events: {told}")
    for_people = [*_refused_members(registered), *_rejected_sales(recorded)]
    for line in for_people:
        print("for a person:", line)
    return not for_people


def _refused_members(registered: Answer) -> list[str]:
    return [f"member {row['customer']}: {row['reason']}" for row in registered if not row["member_id"]]


def _rejected_sales(recorded: Answer) -> list[str]:
    """What is never sent again as it is: it would be rejected again. DUPLICATE is as good as ACCEPTED."""
    return [
        f"{row['sale']}: {row['reason']} {row['detail']}".strip()
        for row in recorded
        if row["outcome"] not in {"ACCEPTED", "DUPLICATE"}
    ]
