"""The graph: every area's queries and mutations in one schema, and `schema.graphql`, its committed text.

`python -m services.gateway.schema --write` writes the text, `--check` fails when it is not current or would
break a client of the schema as released; `--release` records it as that.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import strawberry
from graphql import GraphQLError, build_schema, find_breaking_changes
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from services.gateway.authorization import guard
from services.gateway.benefits.badge_mutations import BadgesMutation
from services.gateway.benefits.badge_queries import BadgesQuery
from services.gateway.benefits.campaign_mutations import CampaignsMutation
from services.gateway.benefits.contract_mutations import ContractsMutation
from services.gateway.benefits.contract_queries import ContractsQuery
from services.gateway.benefits.coupon_mutations import CouponsMutation
from services.gateway.benefits.coupon_queries import CouponsQuery
from services.gateway.benefits.mutations import BenefitsMutation
from services.gateway.benefits.notice_queries import NoticesQuery
from services.gateway.benefits.point_mutations import PointsMutation
from services.gateway.benefits.point_queries import PointsQuery
from services.gateway.benefits.program_mutations import ProgramsMutation
from services.gateway.benefits.program_queries import ProgramsQuery
from services.gateway.benefits.proof_queries import ProofQuery
from services.gateway.benefits.queries import BenefitsQuery
from services.gateway.benefits.redemption_mutations import RedemptionsMutation
from services.gateway.benefits.report_queries import ReportQuery
from services.gateway.benefits.reward_mutations import RewardsMutation
from services.gateway.benefits.reward_queries import RewardsQuery
from services.gateway.benefits.simulation_mutations import SimulationsMutation
from services.gateway.benefits.tier_mutations import TiersMutation
from services.gateway.benefits.tier_queries import TiersQuery
from services.gateway.federation import REPRESENTATION, FederationQuery, Representation
from services.gateway.live.subscriptions import LiveSubscription
from services.gateway.members.mutations import MembersMutation
from services.gateway.members.queries import MembersQuery
from services.gateway.members.reveals import RevealsMutation, RevealsQuery
from services.gateway.risk.mutations import RiskMutation
from services.gateway.risk.queries import RiskQuery
from services.gateway.scoring.queries import ModelsQuery
from services.gateway.values import AMOUNT_MINOR, LONG, AmountMinor, Long

SCHEMA_FILE = Path(__file__).with_name("schema.graphql")
RELEASED_FILE = Path(__file__).parents[2] / "protos" / "released.graphql"


@strawberry.type(description="What can be read, within the program of the caller's token.")
class Query(
    MembersQuery,
    RevealsQuery,
    BenefitsQuery,
    ProgramsQuery,
    ContractsQuery,
    CouponsQuery,
    RewardsQuery,
    PointsQuery,
    TiersQuery,
    BadgesQuery,
    NoticesQuery,
    ProofQuery,
    ReportQuery,
    RiskQuery,
    ModelsQuery,
    FederationQuery,
):
    pass


@strawberry.type(
    description="What can be written, each with one input and a `requestId` that makes it safe to repeat."
)
class Mutation(
    MembersMutation,
    RevealsMutation,
    BenefitsMutation,
    ProgramsMutation,
    SimulationsMutation,
    ContractsMutation,
    CouponsMutation,
    CampaignsMutation,
    RewardsMutation,
    RedemptionsMutation,
    PointsMutation,
    TiersMutation,
    BadgesMutation,
    RiskMutation,
):
    pass


@strawberry.type(description="What is told as it happens, over a WebSocket by graphql-transport-ws.")
class Subscription(LiveSubscription):
    pass


class Admitted(SchemaExtension):
    """Executes the document that the gate let in, which was parsed and validated there."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.execution_context.context.document
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


class Graph(strawberry.Schema):
    """A schema that leaves the logging of errors to errors.mask, which knows the request."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        pass


schema = Graph(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(
        scalar_map={Long: LONG, AmountMinor: AMOUNT_MINOR, Representation: REPRESENTATION}
    ),
    extensions=[Admitted],
)


guard(schema._schema)  # noqa: SLF001 - strawberry gives no other way to the graphql-core schema


def is_current() -> bool:
    """Whether the committed text is the schema's."""
    return SCHEMA_FILE.exists() and SCHEMA_FILE.read_text(encoding="utf-8") == schema.as_str() + "\n"


def broken_since(released: str) -> list[str]:
    """What would break clients of a released schema, each in a sentence."""
    changes = find_breaking_changes(build_schema(released), build_schema(schema.as_str()))
    return [each.description for each in changes]


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write schema.graphql")
    what.add_argument("--check", action="store_true", help="fail when schema.graphql is not current")
    what.add_argument("--release", action="store_true", help="record the schema as released")
    arguments = parser.parse_args()
    if arguments.write or arguments.release:
        file = SCHEMA_FILE if arguments.write else RELEASED_FILE
        file.write_text(schema.as_str() + "\n", encoding="utf-8")
        return 0
    return _check()


def _check() -> int:
    if not is_current():
        sys.stderr.write(f"{SCHEMA_FILE.name} is not current: python -m services.gateway.schema --write\n")
        return 1
    broken = broken_since(RELEASED_FILE.read_text(encoding="utf-8"))
    sys.stderr.writelines(f"{SCHEMA_FILE.name} breaks what is released: {each}\n" for each in broken)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(_main())
