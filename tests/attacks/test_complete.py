"""That attacks know a request for whatever is served: there must be one to spoil."""

from tests.attacks import contract, schema


def test_every_rpc_has_a_valid_request() -> None:
    served = {(method.name, contract.path_of(method)) for _, method in contract.served()}

    assert {path for name, path in served if not {name, path} & contract.VALID.keys()} == set()


def test_every_field_has_valid_variables_and_none_is_of_a_field_that_is_gone() -> None:
    assert {name for _, name in schema.entries()} == schema.VALID.keys()
