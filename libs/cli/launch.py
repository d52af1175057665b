"""Becomes another program that dies with the process that asked for it: `launch.py PARENT_PID COMMAND …`.

Run as a script of its own, because code between fork and exec in a process
with threads (gRPC has some) may deadlock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, command: list[str]) -> None:
    """Replace this process by the command, bound to the life of its parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we were bound to it
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the point of this program


def bound(command: list[str]) -> list[str]:
    """The command, so started that it dies with this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
