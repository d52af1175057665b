"""The policy table is whole: every RPC and field has a row, and every row is about one that is there."""

from importlib import import_module

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from graphql import GraphQLInterfaceType, GraphQLObjectType

from libs.cli import access_page
from libs.common.policy import policy
from services.gateway.schema import schema
from tests.contracts.test_protos import FILES, is_read, methods, module_of


def rpcs() -> dict[str, object]:
    return {f"{method.containing_service.full_name}/{method.name}": method for method in methods()}


def graph_fields() -> set[str]:
    return {
        f"{kind.name}.{field}"
        for kind in schema._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not kind.name.startswith("__")
        for field in kind.fields
    }


def test_every_rpc_has_a_row_and_every_row_an_rpc() -> None:
    assert FILES
    assert [import_module(module_of(file)) for file in FILES]

    assert set(policy().rpcs) == set(rpcs())


def test_every_field_of_the_graph_has_a_row_and_every_row_a_field() -> None:
    assert set(policy().graph) == graph_fields()


@pytest.mark.parametrize("name", sorted(policy().rpcs))
def test_what_is_masked_in_an_answer_is_a_text_of_it(name: str) -> None:
    answer = next(m.output_type for m in methods() if f"{m.containing_service.full_name}/{m.name}" == name)
    paths = {path for grant in policy().rpcs[name].grants.values() for path in grant.mask}

    assert {path for path in paths if not is_text(answer, path.split("."))} == set()


def is_text(message: Descriptor, path: list[str]) -> bool:
    field = message.fields_by_name.get(path[0])
    if field is None or not path[1:]:
        return field is not None and field.type == FieldDescriptor.TYPE_STRING
    return field.message_type is not None and is_text(field.message_type, path[1:])


@pytest.mark.parametrize("method", methods(), ids=lambda each: each.name)
def test_only_writes_are_audited_as_acts_and_only_reads_as_reads(method: object) -> None:
    rule = policy().rpcs[f"{method.containing_service.full_name}/{method.name}"]  # type: ignore[attr-defined]

    assert rule.audit != ("act" if is_read(method) else "read")  # type: ignore[arg-type]


def test_whoever_is_not_of_one_program_is_a_service() -> None:
    rows = {**policy().rpcs, **policy().graph}
    wide = {
        (row, principal)
        for row, rule in rows.items()
        for principal, grant in rule.grants.items()
        if grant.scope == "all"
    }

    assert {principal for _, principal in wide} == {"service"}


def test_members_reach_no_record_but_their_own_by_any_read() -> None:
    reads = {f"{m.containing_service.full_name}/{m.name}" for m in methods() if is_read(m)}
    open_to_members = {
        row: rule.grants["member"].scope for row, rule in policy().rpcs.items() if "member" in rule.grants
    }

    assert {row for row in reads if open_to_members.get(row) not in {None, "self"}} == {
        "laurel.benefits.v1.BenefitsService/BatchGetPrograms",  # the program itself
        "laurel.benefits.v1.ProofService/ListLedgerRoots",  # which say nothing of anybody
        "laurel.benefits.v1.ReportsService/ListUsageMonths",  # which are published
        "laurel.benefits.v1.RewardsService/BatchGetRewards",  # the catalogue
        "laurel.benefits.v1.RewardsService/ListRewards",
        "laurel.members.v1.MembersService/BatchGetClocks",  # what time it is in it
        "laurel.scoring.v1.ModelService/ListServingModels",  # which say what scores, and nobody's score
        "laurel.scoring.v1.ScoringService/BatchScore",  # scores of facts that the caller brings
    }


def test_the_page_of_the_table_is_current() -> None:
    assert access_page.is_current()
