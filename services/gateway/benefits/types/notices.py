"""What the graph shows of notices: what members and the staff are told, and what members want to be told."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import relay

from laurel.benefits.v1 import notices_pb2 as pb
from services.gateway.languages import InLocale, language_of
from services.gateway.pages import cursors, page_info
from services.gateway.values import NamedText, known, texts_of, time_of


@strawberry.enum(description="What a notice is about.")
class NoticeCode(Enum):
    TIER_CHANGED = strawberry.enum_value(
        pb.NOTICE_CODE_TIER_CHANGED, description="Their tier is another. Service notice."
    )
    TIER_AT_RISK = strawberry.enum_value(
        pb.NOTICE_CODE_TIER_AT_RISK,
        description="Their tier is held by grace: what keeps it was not met. Service notice.",
    )
    POINTS_EXPIRING = strawberry.enum_value(
        pb.NOTICE_CODE_POINTS_EXPIRING, description="Points expire soon. Service notice."
    )
    WAKE_UP = strawberry.enum_value(pb.NOTICE_CODE_WAKE_UP, description="They were away for long. Marketing.")
    NEAR_UPGRADE = strawberry.enum_value(
        pb.NOTICE_CODE_NEAR_UPGRADE, description="Little is missing to the next tier. Marketing."
    )
    CONTRACT_ENDING = strawberry.enum_value(
        pb.NOTICE_CODE_CONTRACT_ENDING, description="A contract of theirs ends soon. Service notice."
    )
    TIER_REWARD = strawberry.enum_value(
        pb.NOTICE_CODE_TIER_REWARD,
        description="They were given points for a tier that they reached. Service notice.",
    )
    BIRTHDAY = strawberry.enum_value(
        pb.NOTICE_CODE_BIRTHDAY, description="It is their birthday. Service notice."
    )
    WEBHOOK_FAILING = strawberry.enum_value(
        pb.NOTICE_CODE_WEBHOOK_FAILING,
        description="A webhook endpoint does not take what it is sent. For the staff, whatever members want.",
    )
    BREAK_GLASS_OPENED = strawberry.enum_value(
        pb.NOTICE_CODE_BREAK_GLASS_OPENED,
        description="Somebody may reveal members for a while. For compliance officers, at once.",
    )


@strawberry.enum(description="What became of a notice.")
class NoticeStatus(Enum):
    SCHEDULED = strawberry.enum_value(
        pb.NOTICE_STATUS_SCHEDULED, description="To be sent, at once or after quiet hours."
    )
    SENT = strawberry.enum_value(pb.NOTICE_STATUS_SENT, description="Handed to the channels.")
    WITHHELD = strawberry.enum_value(
        pb.NOTICE_STATUS_WITHHELD, description="Not sent: `withheldReason` says why."
    )


@strawberry.type(description="Something to tell a member, or a group of the staff.")
class Notice:
    zh: strawberry.Private[str]
    en: strawberry.Private[str]
    id: strawberry.ID = strawberry.field(description="Id of the notice.")
    member_id: strawberry.ID | None = strawberry.field(
        description="Whom it is about: `mem_…`; null where it is about no member."
    )
    staff_role: str | None = strawberry.field(
        description="The group of the staff that is told, such as `operations_manager`; null for the member."
    )
    code: NoticeCode | None = strawberry.field(description="What it is about.")
    params: list[NamedText] = strawberry.field(description="What the text speaks of, by name.")
    occurred_time: datetime | None = strawberry.field(
        description="When its cause happened, by the program's clock."
    )
    due_time: datetime | None = strawberry.field(
        description="It is sent from then on, by the program's clock."
    )
    status: NoticeStatus | None = strawberry.field(description="What became of it.")
    withheld_reason: str | None = strawberry.field(
        description="Why it is not sent, such as `NO_CONSENT` or `DAILY_CAP`; null unless it is withheld."
    )

    @strawberry.field(description="The notice as a sentence for people.")
    def text(self, locale: InLocale = None) -> str:
        return self.zh if language_of(locale) == "zh" else self.en


@strawberry.type(description="A notice in a list.")
class NoticeEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: Notice = strawberry.field(description="The notice.")


@strawberry.type(description="A page of notices.")
class NoticeConnection:
    edges: list[NoticeEdge] = strawberry.field(description="The notices with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


@strawberry.type(description="What a member wants to be told.")
class NoticePreferences:
    marketing: bool | None = strawberry.field(
        description="Whether marketing may come; null when they never said, and the program's rule holds."
    )
    muted: list[NoticeCode] = strawberry.field(description="What they do not want to be told.")


def notice_of(notice: pb.Notice) -> Notice:
    """A notice as the graph shows it."""
    return Notice(
        zh=notice.text_zh,
        en=notice.text_en,
        id=strawberry.ID(notice.notice_id),
        member_id=strawberry.ID(notice.member_id) if notice.member_id else None,
        staff_role=notice.staff_role or None,
        code=known(NoticeCode, notice.code),
        params=texts_of(notice.params),
        occurred_time=time_of(notice, "occurred_time"),
        due_time=time_of(notice, "due_time"),
        status=known(NoticeStatus, notice.status),
        withheld_reason=notice.withheld_reason or None,
    )


def page_of_notices(
    page: pb.ListStaffNoticesResponse, page_token: str, after: str | None
) -> NoticeConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.notices))
    return NoticeConnection(
        edges=[
            NoticeEdge(cursor=cursor, node=notice_of(each))
            for cursor, each in zip(places, page.notices, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def preferences_of(preferences: pb.NoticePreferences) -> NoticePreferences:
    """Preferences as the graph shows them."""
    muted = (known(NoticeCode, code) for code in preferences.muted)
    return NoticePreferences(
        marketing=preferences.marketing if preferences.HasField("marketing") else None,
        muted=[code for code in muted if code is not None],
    )
