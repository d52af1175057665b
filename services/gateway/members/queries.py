"""Queries for members: one by id, and lists."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

import re
from typing import Annotated

import strawberry
from strawberry import relay

from libs.common.errors import Kind, ProgramUnknown, Refusal
from services.gateway.benefits.documents import parsed
from services.gateway.context import Info
from services.gateway.errors import InvalidInput
from services.gateway.members.pages import Cursor, cursors
from services.gateway.members.types import Member, member_of
from services.gateway.values import checked_first

_MEMBER_ID = re.compile(r"mem_[0-9a-f]{32}")


class TierUnknown(Refusal):
    reason, kind, text = "TIER_UNKNOWN", Kind.INVALID, "the program has no such tier"


@strawberry.type
class MembersQuery:
    @strawberry.field(description="Any object of the graph by its global id; null when there is none.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id.")],  # noqa: A002
    ) -> relay.Node | None:
        return await _member(info, _key_of_global_id(id))

    @strawberry.field(description="One member of the program; null when there is none of this id.")
    async def member(
        self,
        info: Info,
        id: Annotated[  # noqa: A002
            strawberry.ID, strawberry.argument(description="The global id, or the platform's own `mem_…`.")
        ],
    ) -> Member | None:
        return await _member(info, id if _MEMBER_ID.fullmatch(id) else _key_of_global_id(id))

    @strawberry.field(description="The members of the program, oldest first.")
    async def members(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to go on after; with the same tier.")
        ] = None,
        tier: Annotated[
            str | None,
            strawberry.argument(description="Only members of this tier of the program's first tier set."),
        ] = None,
    ) -> relay.Connection[Member] | None:
        checked_first(first)
        start = Cursor.decode(after)
        tier_filter = None if tier is None else await _tier_filter(info, tier)
        page_token = await _page_token(info, start, tier_filter)
        if page_token is None:
            return _connection([], "", "", after)
        page = await info.context.members.page(page_size=first, page_token=page_token, tier=tier_filter)
        return _connection(
            [member_of(each) for each in page.members], page_token, page.next_page_token, after
        )


def _connection(
    members: list[Member], page_token: str, next_page_token: str, after: str | None
) -> relay.Connection[Member]:
    places = cursors(page_token, next_page_token, len(members))
    return relay.Connection[Member](
        edges=[
            relay.Edge[Member](cursor=cursor, node=member)
            for cursor, member in zip(places, members, strict=True)
        ],
        page_info=relay.PageInfo(
            has_next_page=bool(next_page_token),
            has_previous_page=after is not None,
            start_cursor=places[0] if places else None,
            end_cursor=places[-1] if places else None,
        ),
    )


async def _member(info: Info, member_id: str) -> Member | None:
    member = await info.context.members.member.load(member_id)
    return None if member is None else member_of(member)


def _key_of_global_id(text: str) -> str:
    try:
        global_id = relay.GlobalID.from_id(text)
    except relay.GlobalIDValueError as error:
        raise InvalidInput("not an id of the graph") from error
    if global_id.type_name != "Member" or not _MEMBER_ID.fullmatch(global_id.node_id):
        raise InvalidInput("not the id of a member")
    return global_id.node_id


async def _tier_filter(info: Info, tier: str) -> tuple[str, str]:
    """The tier of the program's first tier set, which is the one that lists speak of."""
    program = await info.context.benefits.program.load(info.context.program_id)
    if program is None:
        raise ProgramUnknown
    tier_set = parsed(program.document).tier_sets[0]
    if tier not in {each.key for each in tier_set.tiers}:
        raise TierUnknown
    return tier_set.key, tier


async def _page_token(info: Info, start: Cursor, tier: tuple[str, str] | None) -> str | None:
    """The token of the page that begins at a cursor; None at the end of the list.

    Cursors of edges inside a page cost a call more, which skips what is before them.
    """
    if not start.skipped:
        return start.page_token
    before = await info.context.members.page(page_size=start.skipped, page_token=start.page_token, tier=tier)
    return before.next_page_token or None
