"""The contract as a whole: what holds for every message, RPC and reason, whoever adds one."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions

from buf.validate import validate_pb2
from laurel.common.v1.error_reason_pb2 import ErrorReason
from libs.cli.codegen import generate
from libs.common.errors import Refusal
from tests.contracts.code import ROOT, SERVICES, modules_of, texts_in

PROTOS = ROOT / "protos"
FILES = sorted((PROTOS / "laurel").glob("*/v1/*.proto"))
# Their codes go to clients of the graph and of the shell, never into a google.rpc.Status.
OTHER_EDGES = {"services.gateway", "libs.cli"}
# Bounded by the size of a message alone: compared with what is stored, or sent by our own services.
AS_LONG_AS_A_MESSAGE = {
    "laurel.members.v1.CreatePartnerRequest.store_ids",
    "laurel.scoring.v1.Cause.actor",
    "laurel.scoring.v1.Cause.run_id",
    "laurel.scoring.v1.EventCause.event_id",
}

Comment = tuple[str, str]


def module_of(proto: Path) -> str:
    return ".".join(proto.relative_to(PROTOS).with_suffix("").parts) + "_pb2"


DESCRIPTORS = [import_module(module_of(proto)).DESCRIPTOR for proto in FILES]


def messages() -> Iterator[Descriptor]:
    waiting = [each for file in DESCRIPTORS for each in file.message_types_by_name.values()]
    while waiting:
        message = waiting.pop()
        yield message
        waiting += message.nested_types


def methods() -> list[MethodDescriptor]:
    return [
        method
        for file in DESCRIPTORS
        for service in file.services_by_name.values()
        for method in service.methods
    ]


def within(message: Descriptor, seen: set[str] | None = None) -> Iterator[FieldDescriptor]:
    """The fields of a message and of all messages inside it, of ours."""
    seen = set() if seen is None else seen
    if message.full_name in seen or not message.full_name.startswith("laurel."):
        return
    seen.add(message.full_name)
    for field in message.fields:
        yield field
        if field.message_type is not None:
            yield from within(field.message_type, seen)


def name_of(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}.{method.name}"


def is_read(method: MethodDescriptor) -> bool:
    return bool(method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS)


@pytest.fixture(scope="module")
def comments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the protos say of each RPC, by its full name."""
    folder = tmp_path_factory.mktemp("protos")
    generate(folder, folder / "image")
    files = FileDescriptorSet.FromString((folder / "image").read_bytes()).file
    return dict(said for file in files for said in rpc_comments(file))


def rpc_comments(file: FileDescriptorProto) -> Iterator[Comment]:
    service_field, method_field = 6, 2  # of FileDescriptorProto and ServiceDescriptorProto
    for place in file.source_code_info.location:
        match list(place.path):
            case [service, index, method, number] if (service, method) == (service_field, method_field):
                owner = file.service[index]
                yield f"{owner.name}.{owner.method[number].name}", place.leading_comments


# Messages


def test_no_number_of_ours_is_a_float() -> None:
    floats = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}

    assert [field.full_name for each in messages() for field in each.fields if field.type in floats] == []


def test_money_and_points_are_sixty_four_bits_wide_and_say_their_unit() -> None:
    named = re.compile(r"(^|_)(amount|balance|price|spend|held|available)(_|$)")
    amounts = [field for each in messages() for field in each.fields if named.search(field.name)]

    assert amounts
    assert [field.full_name for field in amounts if field.type != FieldDescriptor.TYPE_INT64] == []


@pytest.mark.parametrize("method", methods(), ids=name_of)
def test_every_list_that_a_caller_sends_is_bounded(method: MethodDescriptor) -> None:
    unbounded = [
        field.full_name for field in within(method.input_type) if field.is_repeated and not bound_of(field)
    ]

    assert unbounded == []


def bound_of(field: FieldDescriptor) -> int:
    rules = field.GetOptions().Extensions[validate_pb2.field]
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    return int(rules.map.max_pairs if is_map else rules.repeated.max_items)


@pytest.mark.parametrize("method", methods(), ids=name_of)
def test_every_text_that_a_caller_sends_is_bounded(method: MethodDescriptor) -> None:
    kinds = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}
    unbounded = {
        field.full_name
        for field in within(method.input_type)
        if field.type in kinds and not is_in_map(field) and not length_of(field)
    }

    assert unbounded - AS_LONG_AS_A_MESSAGE == set()


def is_in_map(field: FieldDescriptor) -> bool:
    return field.containing_type is not None and bool(field.containing_type.GetOptions().map_entry)


def length_of(field: FieldDescriptor) -> bool:
    rules = field.GetOptions().Extensions[validate_pb2.field]
    if field.is_repeated:
        rules = rules.repeated.items
    text = rules.bytes if field.type == FieldDescriptor.TYPE_BYTES else rules.string
    # A pattern that ends, and repeats nothing without end, is a bound as well.
    ends = (
        text.pattern.startswith("^") and text.pattern.endswith("$") and not re.search(r"[*+]", text.pattern)
    )
    return bool(text.max_len or text.len or ends)


# RPCs


@pytest.mark.parametrize("method", methods(), ids=name_of)
def test_every_rpc_says_what_it_does_whether_it_may_be_repeated_and_who_may_call(
    method: MethodDescriptor, comments: dict[str, str]
) -> None:
    said = comments[name_of(method)]

    assert said.strip()
    assert ("No side effects" in said) == is_read(method)
    assert is_read(method) or re.search(r"Idempotent|same rules as", said)
    assert re.search(r"caller must|Errors:|same rules as|No side effects", said)


@pytest.mark.parametrize("method", methods(), ids=name_of)
def test_every_rpc_has_a_request_and_a_response_of_its_own(method: MethodDescriptor) -> None:
    assert method.input_type.name == f"{method.name}Request"
    assert method.output_type.name == f"{method.name}Response"
    assert method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN


@pytest.mark.parametrize("method", [each for each in methods() if not is_read(each)], ids=name_of)
def test_every_write_takes_a_request_id(method: MethodDescriptor) -> None:
    request = method.input_type
    batch = request.fields_by_name.get("batch")  # of a stream: each of its messages is a whole request
    fields = ((batch and batch.message_type) or request).fields_by_name

    assert fields["request_id"].GetOptions().Extensions[validate_pb2.field].string.pattern


# Reasons


def reasons() -> set[str]:
    names = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118 - no mapping
    return names - {"UNSPECIFIED"}


def refusals(of: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for each in of.__subclasses__():
        yield each
        yield from refusals(each)


def ours() -> list[type[Refusal]]:
    """Every refusal that code of the product defines and a google.rpc.Status may carry."""
    for service in SERVICES:
        for module in modules_of(service):
            if ".domain.errors" in module:
                import_module(module)
    return [
        each
        for each in refusals()
        if each.__module__.startswith(("libs.", "services."))
        and not any(each.__module__.startswith(edge) for edge in OTHER_EDGES)
    ]


def test_every_refusal_has_a_reason_of_the_contract() -> None:
    assert {each.__name__ for each in ours() if each.reason not in reasons()} == set()


def test_every_reason_of_the_contract_is_given_by_somebody() -> None:
    told = texts_in("services") | texts_in("libs/common")

    given = {each.reason for each in ours()} | {reason for reason in reasons() if reason in told}

    assert reasons() - given == set()


def test_every_reason_says_what_it_means_and_no_two_share_a_number() -> None:
    source = (PROTOS / "laurel/common/v1/error_reason.proto").read_text()
    lines = [line.strip() for line in source.splitlines()]
    values = [index for index, line in enumerate(lines) if line.startswith("ERROR_REASON_")]

    assert len(values) == len(set(ErrorReason.values()))
    assert [lines[index] for index in values if not lines[index - 1].startswith("//")] == []
