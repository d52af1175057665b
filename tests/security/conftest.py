"""Keys for identities of every kind."""

import pytest

from tests.support.services import Keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The signing key of a test."""
    return Keys.made_in(tmp_path_factory.mktemp("keys"))
