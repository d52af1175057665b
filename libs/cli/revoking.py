"""Takes back what somebody was given: a line in the revocations that services read as they run."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager

from libs.cli.data_folder import DataFolder, write_whole
from libs.cli.errors import CommandError
from libs.common.revocations import RevocationList, RevokedSubject, RevokedToken, parse_revocations


def revoke(folder: DataFolder, revoked: RevokedToken | RevokedSubject) -> None:
    """Add to the revocations."""
    if not folder.revocations_file.exists():
        raise CommandError(f"There is no platform in {folder.path}: `laurel up` makes one.")
    with _alone(folder):
        before = RevocationList.model_validate_json(folder.revocations_file.read_bytes())
        after = RevocationList(revoked=(*before.revoked, revoked))
        content = json.dumps(after.model_dump(mode="json", exclude_none=True), indent=2)
        parse_revocations(content.encode())
        write_whole(folder.revocations_file, content)


@contextmanager
def _alone(folder: DataFolder) -> Iterator[None]:
    """Two commands at once must not overwrite each other's line."""
    with (folder.keys / "revocations.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
