"""What the attacks by foreign ids have to know of each id that may be sent, over gRPC and in the graph."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from tests.attacks import schema
from tests.attacks.contract import served
from tests.attacks.hand import foreign, foreign_graph

TEXTS = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}


def in_message(message: Descriptor, before: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of fields that hold ids, at any depth."""
    if message.full_name in before:
        return
    for each in message.fields:
        if each.message_type is not None:
            yield from in_message(each.message_type, before | {message.full_name})
        elif each.type in TEXTS and foreign.IDS.fullmatch(each.name):
            yield each.name


def in_arguments(arguments: Mapping[str, Any]) -> Iterator[str]:
    """The names of arguments and of fields of inputs, at any depth."""
    for name, argument in arguments.items():
        of_type = get_named_type(argument.type)
        if isinstance(of_type, GraphQLInputObjectType):
            yield from in_arguments(of_type.fields)
        else:
            yield name


def test_every_id_in_a_request_is_of_a_kind_that_the_attack_knows() -> None:
    missing = {
        f"{method.name}: {name}"
        for _, method in served()
        for name in in_message(method.input_type)
        if name not in {*foreign.KINDS, *foreign.NAMES}
        and method.name.lower() != f"create{name.removesuffix('_id')}"
    }

    assert missing == set()


def test_every_id_in_an_operation_is_of_a_kind_that_the_attack_knows() -> None:
    missing = set()
    for root, name in schema.entries():
        owner = schema.SCHEMA.type_map[root]
        assert isinstance(owner, GraphQLObjectType)
        wanted = in_arguments(owner.fields[name].args)
        missing |= {
            f"{name}: {each}"
            for each in wanted
            if foreign_graph.takes_an_id(name, (each,)) and each not in foreign_graph.KINDS
        }

    assert missing == set()
