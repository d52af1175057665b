"""The report of a program's points, read page by page, and how it looks in a terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from laurel.benefits.v1 import reports_pb2 as pb
from libs.cli.clients import Clients
from libs.cli.retries import patiently
from libs.common.currencies import minor_digits

MONTHS_AT_ONCE = 120
CHART_WIDTH = 48
# What becomes of points, from left to right, each with its sign in bars and its colour.
SHARES = (
    ("spent", "█", "green"),
    ("held", "▓", "yellow"),
    ("active", "▒", "cyan"),
    ("pending", "░", "blue"),
    ("expired", "x", "red"),
    ("reversed", "-", "magenta"),
    ("moved", ">", "white"),
)
UNITS = ((10**9, "G"), (10**6, "M"), (10**3, "k"))


async def read(clients: Clients, program_id: str, months: int) -> pb.PointsReport:
    """The report with so many of the latest months."""
    request = pb.GetPointsReportRequest(program_id=program_id, page_size=min(months, MONTHS_AT_ONCE))
    page = await patiently(lambda: clients.reports.GetPointsReport(request))
    report = page.report
    while page.next_page_token and len(report.cohorts) < months:
        request.page_token = page.next_page_token
        page = await patiently(lambda: clients.reports.GetPointsReport(request))
        report.cohorts.extend(page.report.cohorts)
    del report.cohorts[months:]
    return report


def money(amount_minor: int, currency: str) -> str:
    """An amount with its currency, such as 1,234.50 USD."""
    digits = minor_digits(currency)
    whole, part = divmod(abs(amount_minor), 10**digits)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole:,}{f'.{part:0{digits}}' if digits else ''} {currency}"


def summary(report: pb.PointsReport) -> Table:
    """Where all points are, and what they may cost."""
    table = Table(title="Points", title_justify="left", show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("issued", f"{report.issued_points:,}")
    for each in report.states:
        table.add_row(f"  {each.state}", f"{each.points:,}")
    if report.difference_points:
        table.add_row("nowhere: the books are wrong", f"{report.difference_points:,}", style="red")
    table.add_row("outstanding", f"{report.outstanding_points:,}")
    if report.arrears_points:
        table.add_row("owed by members", f"{report.arrears_points:,}")
    table.add_row(
        "value of points", f"{report.value_points:,} = {money(report.value_minor, report.currency)}"
    )
    table.add_row("expected redemption", _expected(report))
    table.add_row("liability", money(report.liability_minor, report.currency))
    return table


def _expected(report: pb.PointsReport) -> str:
    months = report.expected_redemption_months
    by = f"by {months} closed month{'s' if months > 1 else ''}" if months else "assumed"
    return f"{report.expected_redemption_bp / 100:.2f} %, {by}"


def cohorts(report: pb.PointsReport) -> Table:
    """What became of the points of each month, latest first; within 80 columns."""
    table = Table(title="Points by month of accrual", title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    table.add_column("month", no_wrap=True)
    for column in ("came", "pending", "active", "held", "spent", "expired", "reversed", "moved"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in report.cohorts:
        names = ("pending", "active", "held", "spent", "expired", "reversed", "moved")
        counts = [getattr(each, f"{name}_points") for name in names]
        table.add_row(each.month, *map(short, (came(each), *counts)))
    return table


def costs(report: pb.PointsReport) -> Table:
    """What the points of each month may cost, and how many of those that ended were not spent."""
    table = Table(title="Cost by month of accrual", title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    table.add_column("month", no_wrap=True)
    for column in ("outstanding", "worth", "liability", "breakage"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in report.cohorts:
        outstanding = each.pending_points + each.active_points + each.held_points
        liability = money(each.liability_minor, report.currency)
        worth = f"{each.worth_bp / 100:.1f} %"
        table.add_row(each.month, short(outstanding), worth, liability, breakage(each))
    return table


def breakage(cohort: pb.PointsCohort) -> str:
    """The share that expired of what was spent or expired; a dash as long as nothing was."""
    ended = cohort.spent_points + cohort.expired_points
    return f"{cohort.breakage_bp / 100:.1f} %" if ended > 0 else "–"


def chart(report: pb.PointsReport) -> list[Text]:
    """A bar for each month, as long as its points are many, and what the signs in it mean."""
    most = max((came(each) for each in report.cohorts), default=0)
    if not most:
        return []
    lines = [_bar(each, most) for each in report.cohorts]
    legend = Text("  ").join(Text(f"{sign} {name}", style=colour) for name, sign, colour in SHARES)
    return [*lines, legend]


def came(cohort: pb.PointsCohort) -> int:
    """All points of a month."""
    return cohort.earned_points + cohort.received_points


def short(points: int) -> str:
    """A count in at most six signs, such as 12.3M."""
    for unit, sign in UNITS:
        if points >= 10 * unit:
            whole = points / unit
            return f"{whole:.1f}{sign}" if whole < 100 else f"{whole:.0f}{sign}"  # noqa: PLR2004 - two digits
    return str(points)


def _bar(cohort: pb.PointsCohort, most: int) -> Text:
    bar = Text(f"{cohort.month} ")
    points = [getattr(cohort, f"{name}_points") for name, _, _ in SHARES]
    length = round(CHART_WIDTH * came(cohort) / most)
    for (_, sign, colour), width in zip(SHARES, parts(points, length), strict=True):
        bar.append(sign * width, style=colour)
    return bar.append(f" {short(came(cohort))}")


def parts(points: Sequence[int], length: int) -> list[int]:
    """A length divided as these numbers are, with nothing left over."""
    total, before, found = sum(points), 0, []
    for each in points:
        found.append(length * (before + each) // max(1, total) - length * before // max(1, total))
        before += each
    return found
