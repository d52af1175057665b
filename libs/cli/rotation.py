"""A new signing key for a platform that may be running: published first, used once everybody has it."""

from collections.abc import Callable

from libs.cli.data_folder import DataFolder
from libs.cli.errors import CommandError
from libs.common.keys import new_private, public_jwk, publish, read_private
from libs.common.watched import FileSource

# A service looks at its key set so often, and once more in between.
READ_BY_ALL_SECONDS = 2 * FileSource.every_seconds


def rotate(folder: DataFolder, *, wait: Callable[[float], object]) -> str:
    """Sign with a new key from now on; gives its id. What the last key signed stays good until it expires.

    Killed anywhere, it leaves a platform that works: the key that is signed
    with is always published.
    """
    if not folder.signing_key_file.exists():
        raise CommandError(f"There is no platform in {folder.path}: `laurel up` makes one.")
    current = read_private(folder.signing_key_file)
    fresh_file = folder.signing_key_file.with_suffix(".fresh")
    fresh_file.unlink(missing_ok=True)
    fresh = new_private(fresh_file)
    publish(folder.key_set_file, [fresh, current])
    wait(READ_BY_ALL_SECONDS)
    fresh_file.replace(folder.signing_key_file)
    return str(public_jwk(fresh)["kid"])
