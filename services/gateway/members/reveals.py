"""Contact data of members, shown whole: for a reason, or under a break-glass, of which some are open."""

# strawberry.field and strawberry.mutation are typed as Any where they decorate.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Protocol

import strawberry
from strawberry import relay

from laurel.members.v1 import access_pb2 as pb
from services.gateway.clients import LIST_SECONDS, WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.pages import Cursor, cursors, page_info, page_token_at
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import checked_first, time_of

_REASON = "Why, for the audit log: 8 to 500 characters, no personal data."


@strawberry.input(description="Whom to reveal, and why.")
class RevealMemberInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(description="Whom: the global id, or `mem_…`.")
    reason: str = strawberry.field(description=_REASON)


@strawberry.input(description="Why a break-glass is opened.")
class OpenBreakGlassInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    reason: str = strawberry.field(description=_REASON)


@strawberry.input(description="Which break-glass to end.")
class EndBreakGlassInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    break_glass_id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="Whom to reveal, under which break-glass.")
class RevealByBreakGlassInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    break_glass_id: strawberry.ID = strawberry.field(description="One that the caller has open.")
    member_id: strawberry.ID = strawberry.field(description="Whom: the global id, or `mem_…`.")


@strawberry.type(description="The id of a member at a partner, whole.")
class RevealedIdentity:
    source: str = strawberry.field(description="The partner.")
    external_id: str = strawberry.field(description="Its id of the member.")


@strawberry.type(description="Contact data of one member, whole.")
class Reveal:
    id: strawberry.ID = strawberry.field(description="Its id, as in the audit log.")
    member_id: strawberry.ID = strawberry.field(description="Whose.")
    identities: list[RevealedIdentity] = strawberry.field(description="Ids at the partners that know them.")
    birthday: str | None = strawberry.field(
        description="Month and day of their birthday, such as `05-17`, where they told it."
    )
    until_time: datetime | None = strawberry.field(
        description="Until when the same `requestId` is answered; nothing of the answer is kept."
    )
    left_count: int = strawberry.field(
        description="How many more members the caller may reveal on this business day."
    )


@strawberry.type(description="A time in which who reads no personal data may reveal members.")
class BreakGlass:
    id: strawberry.ID = strawberry.field(description="Its id.")
    opened_by: str = strawberry.field(description="Who opened it, and alone may use it.")
    opened_time: datetime | None = strawberry.field(description="When it was opened.")
    until_time: datetime | None = strawberry.field(description="When it ends by itself, or was ended.")
    reveals_count: int = strawberry.field(description="How many members were revealed under it.")


@strawberry.type(description="A break-glass in a list.")
class BreakGlassEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: BreakGlass = strawberry.field(description="The break-glass.")


@strawberry.type(description="A page of break-glasses.")
class BreakGlassConnection:
    edges: list[BreakGlassEdge] = strawberry.field(description="The break-glasses with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


@strawberry.type(description="The member was revealed; it is counted and audited.")
class MemberRevealed:
    reveal: Reveal = strawberry.field(description="What is shown.")


@strawberry.type(description="The break-glass is open, and compliance officers are told.")
class BreakGlassOpened:
    break_glass: BreakGlass = strawberry.field(description="The break-glass.")


@strawberry.type(description="The break-glass is over.")
class BreakGlassEnded:
    break_glass: BreakGlass = strawberry.field(description="The break-glass.")


RevealMemberResult = Annotated[
    MemberRevealed | Refused,
    strawberry.union("RevealMemberResult", description="Contact data, or a refusal."),
]
OpenBreakGlassResult = Annotated[
    BreakGlassOpened | Refused,
    strawberry.union("OpenBreakGlassResult", description="The break-glass, or a refusal."),
]
EndBreakGlassResult = Annotated[
    BreakGlassEnded | Refused,
    strawberry.union("EndBreakGlassResult", description="The break-glass, or a refusal."),
]


class _Answer(Protocol):
    @property
    def reveal(self) -> pb.Reveal: ...


@strawberry.type
class RevealsQuery:
    @strawberry.field(description="The break-glasses that are open, the latest first.")
    async def break_glasses(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> BreakGlassConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListBreakGlassesResponse:
            request = pb.ListBreakGlassesRequest(
                program_id=info.context.program_id, page_size=size, page_token=token
            )
            return await info.context.clients.access.ListBreakGlasses(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return _page_of_break_glasses(pb.ListBreakGlassesResponse(), "", after)
        return _page_of_break_glasses(await page(first, page_token), page_token, after)


@strawberry.type
class RevealsMutation:
    @strawberry.mutation(
        description="Shows what is masked of one member whole, for a reason; counted by day, and audited."
    )
    async def reveal_member(
        self,
        info: Info,
        input: Annotated[RevealMemberInput, strawberry.argument(description="Whom, and why.")],  # noqa: A002
    ) -> RevealMemberResult | None:
        request = pb.RevealMemberRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            reason=input.reason,
        )
        return await _revealed(info.context.clients.access.RevealMember(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(
        description="Lets the caller reveal members for a short time; compliance officers are told at once."
    )
    async def open_break_glass(
        self,
        info: Info,
        input: Annotated[OpenBreakGlassInput, strawberry.argument(description="Why.")],  # noqa: A002
    ) -> OpenBreakGlassResult | None:
        request = pb.OpenBreakGlassRequest(
            program_id=info.context.program_id, request_id=input.request_id, reason=input.reason
        )
        answer = await attempted(info.context.clients.access.OpenBreakGlass(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return BreakGlassOpened(break_glass=_break_glass(answer.break_glass))

    @strawberry.mutation(
        description="Shows what is masked of one member whole, under a break-glass that the caller has open."
    )
    async def reveal_by_break_glass(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            RevealByBreakGlassInput, strawberry.argument(description="Whom, and by which.")
        ],
    ) -> RevealMemberResult | None:
        request = pb.RevealByBreakGlassRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            break_glass_id=input.break_glass_id,
            member_id=member_key(input.member_id),
        )
        return await _revealed(info.context.clients.access.RevealByBreakGlass(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Ends a break-glass before its time, whoever has opened it.")
    async def end_break_glass(
        self,
        info: Info,
        input: Annotated[EndBreakGlassInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> EndBreakGlassResult | None:
        request = pb.EndBreakGlassRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            break_glass_id=input.break_glass_id,
        )
        answer = await attempted(info.context.clients.access.EndBreakGlass(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return BreakGlassEnded(break_glass=_break_glass(answer.break_glass))


async def _revealed(call: Awaitable[_Answer]) -> MemberRevealed | Refused:
    answer = await attempted(call)
    if isinstance(answer, Refused):
        return answer
    shown = answer.reveal
    return MemberRevealed(
        reveal=Reveal(
            id=strawberry.ID(shown.reveal_id),
            member_id=strawberry.ID(shown.member_id),
            identities=[
                RevealedIdentity(source=each.source, external_id=each.external_id)
                for each in shown.identities
            ],
            birthday=shown.birthday or None,
            until_time=time_of(shown, "until_time"),
            left_count=shown.left_count,
        )
    )


def _page_of_break_glasses(
    page: pb.ListBreakGlassesResponse, page_token: str, after: str | None
) -> BreakGlassConnection:
    places = cursors(page_token, page.next_page_token, len(page.break_glasses))
    return BreakGlassConnection(
        edges=[
            BreakGlassEdge(cursor=cursor, node=_break_glass(each))
            for cursor, each in zip(places, page.break_glasses, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def _break_glass(glass: pb.BreakGlass) -> BreakGlass:
    return BreakGlass(
        id=strawberry.ID(glass.break_glass_id),
        opened_by=glass.opened_by,
        opened_time=time_of(glass, "opened_time"),
        until_time=time_of(glass, "until_time"),
        reveals_count=glass.reveals_count,
    )
