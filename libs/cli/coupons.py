"""Coupons as commands know them: campaigns, their windows, and coupons page by page."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.cli.cells import cell
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.common.ids import new_id
from libs.common.rpc.time import moment

PAGE_SIZE = 1_000
CAMPAIGNS_PAGE_SIZE = 100
HEADER = "coupon_id,campaign,member_id,ending,status,used_count,reserved_count,created_time\n"


def beginning(text: str, time_zone: str) -> datetime:
    """When a window opens: at a time, or as a day of the program begins."""
    day = _day(text)
    return _time("--from", text, time_zone) if day is None else _midnight(day, time_zone)


def ending(text: str, time_zone: str) -> datetime:
    """When a window closes: at a time, or as a day of the program ends, which is in it."""
    day = _day(text)
    return _time("--until", text, time_zone) if day is None else _midnight(day + timedelta(days=1), time_zone)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(time_zone))


def _time(option: str, text: str, time_zone: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{option} {text}: expected a day or a time, such as 2026-06-18 or 2026-06-18T12:00."
        ) from None
    return told if told.tzinfo is not None else told.replace(tzinfo=ZoneInfo(time_zone))


def step(text: str) -> pb.CouponStep:
    """A step of a threshold, such as 30000:5000."""
    start, colon, off = text.partition(":")
    if not (colon and start.isascii() and start.isdigit() and off.isascii() and off.isdigit()):
        raise CommandError(f"--step {text}: expected minor units from which on how many are off: 30000:5000.")
    return pb.CouponStep(from_minor=int(start), off_minor=int(off))


async def create(
    clients: Clients, program: str, campaign: str, *, name_zh: str, name_en: str, terms: pb.CouponTerms
) -> pb.CouponCampaign:
    """Make a campaign."""
    request = pb.CreateCouponCampaignRequest(
        program_id=program,
        request_id=new_id("req"),
        campaign=campaign,
        name_zh=name_zh,
        name_en=name_en,
        terms=terms,
    )
    return (await patiently(lambda: clients.coupons.CreateCouponCampaign(request))).campaign


async def set_paused(clients: Clients, program: str, campaign: str, *, paused: bool) -> pb.CouponCampaign:
    """Stop a campaign, or let it go on."""
    names = {"program_id": program, "request_id": new_id("req"), "campaign": campaign}
    if paused:
        pausing = pb.PauseCouponCampaignRequest(**names)
        return (await patiently(lambda: clients.coupons.PauseCouponCampaign(pausing))).campaign
    resuming = pb.ResumeCouponCampaignRequest(**names)
    return (await patiently(lambda: clients.coupons.ResumeCouponCampaign(resuming))).campaign


async def campaigns(clients: Clients, program: str) -> list[pb.CouponCampaign]:
    """The campaigns of a program, by key."""
    found: list[pb.CouponCampaign] = []
    request = pb.ListCouponCampaignsRequest(program_id=program, page_size=CAMPAIGNS_PAGE_SIZE)
    while True:
        page = await patiently(lambda: clients.coupons.ListCouponCampaigns(request))
        found += page.campaigns
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def coupons(clients: Clients, program: str, campaign: str) -> AsyncIterator[list[pb.Coupon]]:
    """The coupons of a campaign, a page at a time, oldest first."""
    request = pb.ListCouponsRequest(program_id=program, campaign=campaign, page_size=PAGE_SIZE)
    while True:
        page = await patiently(lambda: clients.coupons.ListCoupons(request))
        yield list(page.coupons)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def row(coupon: pb.Coupon) -> str:
    """A coupon as a line of a file that people open with spreadsheets."""
    status = pb.CouponStatus.Name(coupon.status).removeprefix("COUPON_STATUS_")
    texts = (coupon.coupon_id, coupon.campaign, coupon.member_id, coupon.ending, status)
    numbers = (str(coupon.used_count), str(coupon.reserved_count))
    return ",".join([*map(cell, texts), *numbers, moment(coupon.created_time).isoformat()]) + "\n"
