"""Usage figures as they were published, read page by page, and how they look in a terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from laurel.benefits.v1 import usage_pb2 as pb
from libs.cli.clients import Clients
from libs.cli.points_report import money, short
from libs.cli.retries import patiently
from libs.common.documents import WHOLE_BP
from libs.common.texts import Locale

MONTHS_AT_ONCE = 12
KINDS = {
    pb.USAGE_KIND_BENEFIT: ("权益", "benefit"),
    pb.USAGE_KIND_REWARD: ("奖励", "reward"),
    pb.USAGE_KIND_COUPON_CAMPAIGN: ("优惠券", "coupons"),
}


async def read(clients: Clients, program_id: str, months: int) -> list[pb.UsageMonth]:
    """So many of the latest months, latest first."""
    request = pb.ListUsageMonthsRequest(program_id=program_id, page_size=min(months, MONTHS_AT_ONCE))
    page = await patiently(lambda: clients.reports.ListUsageMonths(request))
    found = list(page.months)
    while page.more and len(found) < months:
        request.before_month = found[-1].month
        page = await patiently(lambda: clients.reports.ListUsageMonths(request))
        found.extend(page.months)
    return found[:months]


def table(month: pb.UsageMonth) -> Table:
    """What was used in a month, and by how many of each tier; within 80 columns."""
    title = f"Usage of {month.month} by {month.members_count:,} members"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    shown.add_column("", overflow="fold")
    for column in ("could", "did", "share", "uses", "amount"):
        shown.add_column(column, justify="right", no_wrap=True)
    for item in month.items:
        kind = KINDS[item.kind][1] if item.kind in KINDS else ""
        shown.add_row(
            f"{name(item, 'en')}, {kind}", *cells(item, item.everybody, month.currency), style="bold"
        )
        for group in item.groups if len(item.groups) > 1 else []:
            shown.add_row(f"  {', '.join(group.tiers)}", *cells(item, group, month.currency))
    return shown


def cells(item: pb.ItemUsage, group: pb.UsageGroup, currency: str) -> Sequence[str]:
    """Who could, who did, their share, how often, and how much that was."""
    counts = group.members_count, group.users_count
    return (*map(short, counts), share(group), short(group.uses_count), amount(item, group, currency))


def share(group: pb.UsageGroup) -> str:
    """The share of those who did among those who could."""
    return f"{group.users_count * WHOLE_BP // max(1, group.members_count) / 100:.1f} %"


def amount(item: pb.ItemUsage, group: pb.UsageGroup, currency: str) -> str:
    """How much was used: points of a reward, money of coupons, units of a benefit."""
    if item.kind == pb.USAGE_KIND_REWARD:
        return f"{short(group.spent_points)} points"
    if item.kind == pb.USAGE_KIND_COUPON_CAMPAIGN:
        return money(group.value_minor, currency)
    return f"{short(group.units_count)}"


def name(item: pb.ItemUsage, locale: Locale) -> str:
    """What an item is called."""
    return item.name_zh if locale == "zh" else item.name_en


def left_out(month: pb.UsageMonth) -> str:
    """What a month does not tell."""
    if not month.members_count:
        return f"{month.month}: fewer than {month.members_min} members, of whom nothing is told."
    return f"{month.month}: what fewer than {month.members_min} used, or all but fewer, is not told."
