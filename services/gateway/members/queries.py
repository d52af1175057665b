"""Queries for members: one by id, and lists."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry
from strawberry import relay

from laurel.members.v1 import members_pb2 as pb
from libs.common.errors import Kind, ProgramUnknown, Refusal
from services.gateway.benefits.documents import parsed
from services.gateway.context import Info, may_see
from services.gateway.loading import each_by_itself
from services.gateway.members.ids import key_of_global_id, member_key
from services.gateway.members.types import Member, member_of
from services.gateway.pages import Cursor, cursors, page_info, page_token_at
from services.gateway.sources import loaded, one
from services.gateway.values import checked_first


class TierUnknown(Refusal):
    reason, kind, text = "TIER_UNKNOWN", Kind.INVALID, "the program has no such tier"


@strawberry.type
class MembersQuery:
    @loaded(
        relay.Node | None,
        lambda context: context.members.member,
        one(member_of),
        sees=lambda context, member: may_see(context, "Query.node", member),
        description="Any object of the graph by its global id; null when there is none.",
    )
    def node(
        self,
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id.")],  # noqa: A002
    ) -> str:
        return key_of_global_id(id)

    @strawberry.field(
        description="Objects by their global ids, in their order; null where there is none of an id."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="The global ids, at most 100.")],
    ) -> list[relay.Node | None] | None:
        return await each_by_itself(_node(info, each) for each in ids)

    @loaded(
        Member | None,
        lambda context: context.members.member,
        one(member_of),
        sees=lambda context, member: may_see(context, "Query.member", member),
        ahead=lambda key: Member(key=key, message=pb.Member()),
        description="One member of the program; null when there is none of this id.",
    )
    def member(
        self,
        id: Annotated[  # noqa: A002
            strawberry.ID, strawberry.argument(description="The global id, or the platform's own `mem_…`.")
        ],
    ) -> str:
        return member_key(id)

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

        async def page(size: int, token: str) -> pb.ListMembersResponse:
            return await info.context.members.page(page_size=size, page_token=token, tier=tier_filter)

        page_token = await page_token_at(start, page)
        if page_token is None:
            return _connection([], "", after)
        listed = await page(first, page_token)
        places = cursors(page_token, listed.next_page_token, len(listed.members))
        edges = [
            relay.Edge(cursor=cursor, node=member_of(each))
            for cursor, each in zip(places, listed.members, strict=True)
            # What is left out here keeps its place: cursors count what the service told.
            if may_see(info.context, "Query.members", each)
        ]
        return _connection(edges, listed.next_page_token, after)


def _connection(
    edges: list[relay.Edge[Member]], next_page_token: str, after: str | None
) -> relay.Connection[Member]:
    places = [each.cursor for each in edges]
    return relay.Connection[Member](edges=edges, page_info=page_info(places, next_page_token, after))


async def _node(info: Info, global_id: str) -> Member | None:
    return await seen_member(info, "Query.nodes", key_of_global_id(global_id))


async def seen_member(info: Info, field: str, member_id: str) -> Member | None:
    """A member whom the grant of this field reaches; None for any other."""
    member = await info.context.members.member.load(member_id)
    return member_of(member) if member is not None and may_see(info.context, field, member) else None


async def _tier_filter(info: Info, tier: str) -> tuple[str, str]:
    """The tier of the program's first tier set, which is the one that lists speak of."""
    program = await info.context.benefits.program.load(info.context.program_id)
    if program is None:
        raise ProgramUnknown
    tier_set = parsed(program.document).tier_sets[0]
    if tier not in {each.key for each in tier_set.tiers}:
        raise TierUnknown
    return tier_set.key, tier
