"""What a webhook says of a notice: made once, so that every attempt sends the same bytes."""

from datetime import datetime

from libs.common.canonical import canonical
from services.benefits.domain.notices import Notice


def webhook_body(notice: Notice, *, zh: str, en: str) -> bytes:
    """The body about a notice: ids, keys, numbers and the texts, and nothing that says who somebody is."""
    return canonical(
        {
            "type": f"notice.{notice.code.value.lower()}",
            "timestamp": _instant(notice.created_time),
            "data": {
                "notice_id": notice.notice_id,
                "program_id": notice.program_id,
                "member_id": notice.member_id,
                "staff_role": notice.staff_role,
                "code": notice.code.value,
                "params": dict(notice.params),
                "text": {"zh": zh, "en": en},
                "occurred_time": _instant(notice.occurred_time),
            },
        }
    )


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
