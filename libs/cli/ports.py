"""Ports on loopback, kept for one platform from the moment they are chosen."""

import contextlib
import socket
import sys

from libs.cli.errors import CommandError

HOST = "127.0.0.1"
TRIED = 200


class Ports:
    """Chooses free ports and keeps them until closed.

    Each is held by a socket that is bound and does not listen: a server with
    SO_REUSEADDR can still listen on it, and the kernel gives it to no outgoing
    connection while that server is being restarted.
    """

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()

    def __enter__(self) -> "Ports":
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def any(self) -> int:
        """A free port of the kernel's choice."""
        held = self._held.enter_context(socket.socket())
        held.bind((HOST, 0))  # reusable only afterwards: so the kernel gives it out once
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return int(held.getsockname()[1])

    def first_from(self, preferred: int) -> int:
        """This port, or the next one above it that is free."""
        for port in range(preferred, preferred + TRIED):
            if self._hold(port):
                return port
        raise CommandError(f"no free port from {preferred} to {preferred + TRIED - 1}")

    def _hold(self, port: int) -> bool:
        with contextlib.ExitStack() as attempt:
            try:
                if sys.platform == "linux":  # two platforms that start at once must not choose the same
                    claim = attempt.enter_context(socket.socket(socket.AF_UNIX))
                    claim.bind(f"\0laurel-port-{port}")
                held = attempt.enter_context(socket.socket())
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                held.bind((HOST, port))  # refused when somebody listens on it
            except OSError:
                return False
            self._held.enter_context(attempt.pop_all())
        return True
