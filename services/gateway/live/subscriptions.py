"""Subscriptions: the changes of one member."""

# strawberry.subscription is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from services.gateway.context import Info
from services.gateway.live.changes import change_of
from services.gateway.live.cursor import Service, cursor_of, places_in
from services.gateway.live.feed import follow
from services.gateway.live.types import MemberChange
from services.gateway.members.ids import member_key
from services.gateway.values import wire


@strawberry.type
class LiveSubscription:
    @strawberry.subscription(
        description=(
            "Changes of one member as they happen, each once and in order. The first event comes at once: "
            "it says where the stream stands, and shows the member."
        )
    )
    async def member_changed(
        self,
        info: Info,
        member_id: Annotated[
            strawberry.ID, strawberry.argument(description="The global id, or the platform's own `mem_…`.")
        ],
        after: Annotated[
            str | None,
            strawberry.argument(
                description="Cursor of the last event that came, to go on from there; from now on when null."
            ),
        ] = None,
    ) -> AsyncGenerator[MemberChange, None]:
        key, places = member_key(member_id), places_in(after)
        watches = info.context.clients.watches(info.context.program_id)
        named = {service: watches[wire(service)] for service in Service}
        async with aclosing(follow(named, key, places)) as steps:
            async for step in steps:
                yield MemberChange(
                    key=key,
                    cursor=cursor_of(step.places),
                    changes=[change_of(change) for change in step.changes],
                    waiting_for=[service for service in Service if service in step.waiting],
                )
