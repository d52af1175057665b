"""Pages of contracts in the graph: those of the program, and the renewal pool."""

import strawberry
from strawberry import relay

from laurel.benefits.v1 import contracts_pb2 as pb
from services.gateway.benefits.types.contracts import Contract, PooledContract, contract_of, pooled_of
from services.gateway.pages import cursors, page_info


@strawberry.type(description="A contract in a list.")
class ContractEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: Contract = strawberry.field(description="The contract.")


@strawberry.type(description="A page of contracts.")
class ContractConnection:
    edges: list[ContractEdge] = strawberry.field(description="The contracts with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


@strawberry.type(description="A place in the renewal pool.")
class RenewalPoolEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: PooledContract = strawberry.field(description="Who is there, and why.")


@strawberry.type(description="A page of the renewal pool.")
class RenewalPoolConnection:
    edges: list[RenewalPoolEdge] = strawberry.field(description="Contracts that ran out, with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def page_of_contracts(
    page: pb.ListContractsResponse, page_token: str, after: str | None
) -> ContractConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.contracts))
    return ContractConnection(
        edges=[
            ContractEdge(cursor=cursor, node=contract_of(each))
            for cursor, each in zip(places, page.contracts, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def page_of_pool(
    page: pb.ListRenewalPoolResponse, page_token: str, after: str | None
) -> RenewalPoolConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.pooled))
    return RenewalPoolConnection(
        edges=[
            RenewalPoolEdge(cursor=cursor, node=pooled_of(each))
            for cursor, each in zip(places, page.pooled, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )
