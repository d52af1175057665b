"""The supervisor: restarts what dies, ends in order, and takes its children with it."""

import asyncio
import json
import os
import signal
import socket
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from libs.cli.child import ChildSpec
from libs.cli.data_folder import STORING_SERVICES, DataFolder, RunFile
from libs.cli.embedded import explain_failed_start
from libs.cli.errors import CommandError
from libs.cli.ports import HOST, Ports
from libs.cli.supervisor import Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def a_spec(folder: Path, name: str = "one", command: list[str] = SLEEP) -> ChildSpec:
    return ChildSpec(name, command, folder / f"{name}.log")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def until(holds: Callable[[], bool], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


async def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    async with Supervisor() as supervisor:
        supervisor.start([a_spec(tmp_path)])
        child = supervisor.children["one"]
        await until(lambda: child.pid is not None)
        first = child.pid
        assert first is not None

        os.kill(first, signal.SIGKILL)

        await until(lambda: child.pid not in {None, first})
        assert child.restarts == 1
        assert not alive(first)


async def test_a_change_of_processes_is_told(tmp_path: Path) -> None:
    told: list[int | None] = []
    supervisor = Supervisor(changed=lambda: told.append(supervisor.children["one"].pid))

    async with supervisor:
        supervisor.start([a_spec(tmp_path)])
        await until(lambda: len(told) == 1)

    assert told[0] is not None
    assert told[1] is None


async def test_groups_end_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    code = textwrap.dedent(
        """
        import signal, sys, time
        def end(*_):
            time.sleep(0.2)
            open(sys.argv[1], "a").write(sys.argv[2] + "\\n")
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        time.sleep(60)
        """
    )
    names = ["mongod", "valkey", "members", "gateway"]
    async with Supervisor() as supervisor:
        for name in names:
            supervisor.start([a_spec(tmp_path, name, [sys.executable, "-c", code, str(ended), name])])
        await until(lambda: all("ready" in child.last_output() for child in supervisor.children.values()))

    assert ended.read_text().split() == names[::-1]


async def test_a_child_that_keeps_ending_is_told_with_its_last_output(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    async with Supervisor() as supervisor:
        supervisor.start([a_spec(tmp_path, command=["/bin/sh", "-c", "echo no such key; exit 3"])])
        with pytest.raises(CommandError, match=r"ended 5 times(.|\n)*no such key"):
            await supervisor.serving("one", never)


async def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import asyncio
        from pathlib import Path
        from libs.cli.child import ChildSpec
        from libs.cli.supervisor import Supervisor

        async def main():
            async with Supervisor() as supervisor:
                supervisor.start([ChildSpec("one", {SLEEP!r}, Path({str(tmp_path / "one.log")!r}))])
                while (pid := supervisor.children["one"].pid) is None:
                    await asyncio.sleep(0.01)
                print(pid, flush=True)
                await asyncio.sleep(60)

        asyncio.run(main())
        """
    )
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    pid = int(await supervisor.stdout.readline())
    assert alive(pid)

    supervisor.kill()
    await supervisor.wait()

    await until(lambda: not alive(pid))


def test_a_second_supervisor_is_refused(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()

    with (
        folder.locked(),
        pytest.raises(CommandError, match=r"running in .* already"),
        DataFolder(tmp_path).locked(),
    ):
        pass

    with DataFolder(tmp_path).locked():
        pass


def a_run_file() -> RunFile:
    return RunFile.model_validate(
        {
            "started_time": "2026-01-01T00:00:00Z",
            "supervisor_pid": 1,
            "mongodb_uri": "mongodb://x",
            "redis_url": "redis://x",
            "gateway_url": "http://x",
            "signing_key_file": "a",
            "tls_folder": "b",
            "processes": {},
        }
    )


def test_a_platform_is_found_while_its_supervisor_lives(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    with pytest.raises(CommandError, match="No platform is running"):
        folder.running()

    with folder.locked():
        folder.write(a_run_file())
        assert DataFolder(tmp_path).running() == a_run_file()

    with pytest.raises(CommandError, match="No platform is running"):
        folder.running()


def test_what_a_killed_supervisor_left_is_no_platform(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    folder.write(a_run_file())

    with pytest.raises(CommandError, match="No platform is running"):
        folder.running()


def test_keys_are_made_once_and_are_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    key = folder.signing_key_file.read_bytes()

    folder.prepare()

    assert folder.signing_key_file.read_bytes() == key
    assert folder.signing_key_file.stat().st_mode & 0o777 == 0o600
    assert folder.keys.stat().st_mode & 0o777 == 0o700
    assert len(json.loads(folder.key_set_file.read_text())["keys"]) == 1


def test_each_storing_service_has_an_audit_key_of_its_own_that_is_published(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    keys = [folder.audit_key_file(service) for service in STORING_SERVICES]
    before = [key.read_bytes() for key in keys]

    folder.prepare()

    assert [key.read_bytes() for key in keys] == before
    assert len(set(before)) == 4
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
    published = json.loads(folder.audit_key_set_file.read_text())["keys"]
    assert [each["kid"].partition(".")[0] for each in published] == list(STORING_SERVICES)


def test_a_taken_port_gives_the_next_free_one() -> None:
    with socket.socket() as taken, Ports() as ports:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert ports.first_from(port) > port


def test_two_platforms_never_choose_the_same_port() -> None:
    with Ports() as one, Ports() as other:
        port = one.first_from(one.any() + 1)

        assert other.first_from(port) > port


def test_a_server_can_listen_on_a_port_that_is_kept_for_it() -> None:
    with Ports() as ports, socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HOST, ports.any()))
        server.listen()

        socket.create_connection(server.getsockname(), timeout=1).close()


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        (
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file",
            "apt-get install libcurl4",
        ),
        (
            "mongod: error while loading shared libraries: libodd.so.7: cannot open shared object file",
            "libodd.so.7",
        ),
        ("mongod: /lib/libc.so.6: version `GLIBC_2.34' not found", "GLIBC_2.34"),
    ],
)
def test_a_missing_library_is_named_with_what_to_install(stderr: str, told: str) -> None:
    assert told in explain_failed_start(Path("mongod"), stderr)


async def test_the_backoff_doubles(tmp_path: Path) -> None:
    started = time.monotonic()
    async with Supervisor() as supervisor:
        supervisor.start([a_spec(tmp_path, command=["/bin/false"])])
        await until(lambda: supervisor.children["one"].restarts == 3)

    assert 1.4 <= time.monotonic() - started < 5
