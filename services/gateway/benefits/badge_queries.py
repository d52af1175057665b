"""The query of badges: one by its number, with what proves it."""

from typing import Annotated

import strawberry

from services.gateway.benefits.types.badges import VerifiedBadge, verified_of
from services.gateway.sources import loaded, one

SERIAL_MAX = 1_000_000_000


@strawberry.type
class BadgesQuery:
    @loaded(
        VerifiedBadge | None,
        lambda context: context.badges.verified,
        one(verified_of),
        description="A badge by its number, with its proofs: it is genuine. Null where none was ever issued.",
    )
    def badge(
        self,
        key: Annotated[str, strawberry.argument(description="Key of the badge in the program.")],
        serial: Annotated[int, strawberry.argument(description="Its number: 1, 2, 3, …")],
    ) -> tuple[str, int] | None:
        return (key, serial) if 1 <= serial <= SERIAL_MAX else None
