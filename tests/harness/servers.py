"""Private servers for the tests: PostgreSQL, Redis and the chat itself, on free loopback ports.

Each lives in a folder of its own, starts when it is first asked for and is stopped by the
fixture that started it. PostgreSQL refuses to run as root; then it runs as another user.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self
from uuid import uuid4

import httpx
import psutil

from tests.harness import programs
from tests.harness.forks import Fork
from tests.harness.tls import trusted

ROOT = Path(__file__).resolve().parents[2]
START_S = 180
STOP_S = 60
LOOPBACK = "127.0.0.1"
# The settings that nodes of one chat share.
JOINING = {"CHAT_DATABASE_URL", "CHAT_REDIS_URL"}


class ServerFailed(RuntimeError):
    """A server ended, or did not answer in time; the text is the end of its log."""


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One child process with its log. Stopped by `stop`, or by the system when we are killed."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.log = log
        self.process: subprocess.Popen[bytes] | Fork
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*_tied_to_us(), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment) if environment is not None else None,
                cwd=cwd,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
                # A Ctrl-C at the terminal is for pytest, whose fixtures then stop the servers.
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = START_S) -> None:
        """Wait until `ready` returns true. Raises ServerFailed on a time-out or an early exit."""
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise ServerFailed(f"{self.process.args!r}\n{self.text()[-4000:]}")
            time.sleep(0.05)

    def text(self) -> str:
        """Return the server's log so far."""
        return self.log.read_text(errors="replace")

    def stop(self, *, with_signal: int = signal.SIGTERM) -> int:
        """Stop the process, by SIGKILL if it does not react, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class ForkedServer(Server):
    """An API server that was forked instead of started as a program."""

    def __init__(self, *arguments: str, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        log.touch()
        self.process = Fork(*arguments, log=log, environment=environment)


def _tied_to_us() -> list[str]:
    # On Linux the kernel ends the server when the tests are killed.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


class Redis:
    """A private Redis that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://{LOOPBACK}:{self.port}/0"
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start the server, empty; also once more, after `stop`."""
        options = f"--port {self.port} --bind {LOOPBACK} --appendonly no".split()
        command = [str(programs.redis_server()), *options, "--save", "", "--dir", str(self._folder)]
        self.server = Server(command, log=self._folder / f"redis-{self.port}.log")
        self.server.wait_until(self._answers)

    def freeze(self) -> None:
        """Stop the process from answering; its connections stay open."""
        self.server.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the process continue where it was."""
        self.server.process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Delete every key."""
        if b"OK" not in self._ask(b"FLUSHALL"):
            raise ServerFailed("Redis does not forget")

    def stop(self) -> None:
        """Stop the server."""
        self.server.stop()

    def _answers(self) -> bool:
        try:
            return b"PONG" in self._ask(b"PING")
        except OSError:
            return False

    def _ask(self, command: bytes) -> bytes:
        with socket.create_connection((LOOPBACK, self.port), 5) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(64)


class Postgres:
    """A private PostgreSQL. `new_database` is empty, `new_chat_database` has every table.

    What tests write need not outlive the machine; `durable` is for those who measure.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._durable = durable
        self._bin = programs.postgres_folder()
        self._user = _unprivileged_user()
        self._folder = Path(tempfile.mkdtemp(prefix="chat-pg-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self.port = free_port()
        data = self._folder / "data"
        options = ["-U", "chat", "-A", "trust", "-E", "UTF8", "--no-sync"]
        self._run("initdb", "-D", str(data), *options, user=self._user)
        self._log = folder / f"postgres-{self.port}.log"
        self._template: str | None = None
        self.server = self._started()

    def _started(self) -> Server:
        settings = [f"listen_addresses={LOOPBACK}", "unix_socket_directories="]
        settings += ["max_connections=300"]
        if self._durable:
            settings += ["shared_buffers=512MB", "max_wal_size=4GB"]
        else:
            settings += ["fsync=off", "full_page_writes=off"]
        command = [str(self._bin / "postgres"), "-D", str(self._folder / "data")]
        command += ["-p", str(self.port)]
        command += [word for setting in settings for word in ("-c", setting)]
        server = Server(command, log=self._log, user=self._user, cwd=self._folder)
        server.wait_until(self._answers)
        return server

    def new_database(self, *, template: str | None = None) -> str:
        """Make a database and return its SQLAlchemy address."""
        name = f"chat_{uuid4().hex}"
        options = ["-T", template] if template else []
        # As the user that we are: to change it, a process is copied before it is replaced.
        self._run("createdb", "-h", LOOPBACK, "-p", str(self.port), "-U", "chat", *options, name)
        return self._address(name)

    def new_chat_database(self) -> str:
        """Make a database with the newest tables and return its SQLAlchemy address."""
        if self._template is None:
            address = self.new_database()
            migrate(address)
            self._template = address.rpartition("/")[2]
        return self.new_database(template=self._template)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Stop the server inside, closing its clients' connections."""
        self.server.stop(with_signal=signal.SIGINT)
        try:
            yield
        finally:
            self.server = self._started()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of the server from answering; its connections stay open."""
        root = psutil.Process(self.server.process.pid)
        processes = [root, *root.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def stop(self) -> None:
        """Stop the server as it is, and remove its data: nothing need be written."""
        self.server.stop(with_signal=signal.SIGQUIT)
        if self._durable:
            shutil.rmtree(self._folder, ignore_errors=True)
        else:
            # Each database has four hundred files: the tests end without waiting for that.
            command = ["/bin/sh", "-c", 'rm -rf "$0" &', str(self._folder)]
            subprocess.run(
                command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def _address(self, name: str) -> str:
        return f"postgresql+asyncpg://chat@{LOOPBACK}:{self.port}/{name}"

    def _answers(self) -> bool:
        address = ["-h", LOOPBACK, "-p", str(self.port)]
        command = [str(self._bin / "pg_isready"), "-q", *address]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str, user: str | None = None) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self._folder,
            user=user,
        )
        if done.returncode:
            raise ServerFailed(f"{program}: {done.stderr}")


class PgBouncer:
    """A private PgBouncer before a PostgreSQL."""

    def __init__(self, folder: Path, postgres: Postgres, *, mode: str, size: int = 5) -> None:
        self._postgres = postgres
        self._port = free_port()
        # Its user must read this, and cannot read the folders of pytest.
        self._folder = Path(tempfile.mkdtemp(prefix="chat-pgbouncer-"))
        (self._folder / "users").write_text('"chat" ""\n')
        config = self._folder / "pgbouncer.ini"
        config.write_text(
            f"""[databases]
* = host={LOOPBACK} port={postgres.port}
[pgbouncer]
listen_addr = {LOOPBACK}
listen_port = {self._port}
unix_socket_dir =
auth_type = trust
auth_file = {self._folder}/users
pool_mode = {mode}
default_pool_size = {size}
"""
        )
        user = _unprivileged_user()
        if user:
            shutil.chown(self._folder, user)
        command = [str(programs.pgbouncer()), str(config)]
        log = folder / f"pgbouncer-{self._port}.log"
        self.server = Server(command, log=log, user=user, cwd=self._folder)
        self.server.wait_until(self._listens)

    def before(self, database_url: str) -> str:
        """Return the address of a database of the PostgreSQL, through this pooler."""
        return database_url.replace(f":{self._postgres.port}/", f":{self._port}/")

    def stop(self) -> None:
        """Stop the pooler and remove its files."""
        self.server.stop(with_signal=signal.SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listens(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self._port), 5):
                return True
        except OSError:
            return False


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def migrate(database_url: str) -> None:
    """Bring the database up to date with the command that operators use."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=chat_environment(CHAT_DATABASE_URL=database_url, CHAT_DATA_DIR=folder),
        )
    if done.returncode:
        raise ServerFailed(f"alembic: {done.stdout}{done.stderr}")


def chat_environment(**settings: str) -> dict[str, str]:
    """Return our environment with the chat's settings replaced by `settings`."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    return {**ours, **settings}


class ChatServer:
    """The chat, running in a process of its own at `url`; without a command a forked API server."""

    def __init__(
        self, command: Sequence[str | Path] | None, *, folder: Path, port: int, **settings: str
    ) -> None:
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self.settings = {"CHAT_PUBLIC_URL": self.url, "CHAT_DATA_DIR": str(folder), **settings}
        self._command = command
        self._log = folder / f"chat-{port}.log"
        self.server = self._started()

    @property
    def processes(self) -> Sequence["ChatServer"]:
        """Return each process of the chat, to be queried by itself."""
        return [self]

    @property
    def joining(self) -> dict[str, str]:
        """Return the settings with which another node joins this chat."""
        return {name: self.settings[name] for name in JOINING}

    @property
    def is_running(self) -> bool:
        """Return whether none of its processes has ended."""
        return all(one.server.process.poll() is None for one in self.processes)

    def cpu_seconds(self) -> float:
        """Return how much time of the processor its processes have taken."""
        times = [psutil.Process(one.server.process.pid).cpu_times() for one in self.processes]
        return sum(time.user + time.system for time in times)

    @property
    def monitoring(self) -> Mapping[str, str]:
        """Return the headers that a monitoring system sends to a process, if it needs any."""
        token = self.settings.get("CHAT_METRICS_TOKEN")
        return {"Authorization": f"Bearer {token}"} if token else {}

    def wait_until_ready(self, *, seconds: float = START_S) -> Self:
        """Wait until the health check passes."""
        self.server.wait_until(self._ready, seconds=seconds)
        return self

    def restart(self, *, with_signal: int = signal.SIGTERM) -> None:
        """Stop the process and start another on the same data and port."""
        self.end(with_signal=with_signal)
        self.launch()
        self.wait_until_ready()

    async def restart_aside(self, *, with_signal: int = signal.SIGTERM) -> None:
        """Restart while our event loop goes on."""
        await asyncio.to_thread(self.end, with_signal=with_signal)
        # Not in a thread: the process ends with the thread that has started it.
        self.launch()
        await asyncio.to_thread(self.wait_until_ready)

    def end(self, *, with_signal: int = signal.SIGTERM) -> None:
        """End the process; another may take its place."""
        self.server.stop(with_signal=with_signal)

    def launch(self) -> None:
        """Start another process in the place of one that has ended, without waiting.

        It ends with the thread that this is called from.
        """
        self.server = self._started()

    def stop(self) -> int:
        """Stop the process and return its exit status."""
        return self.server.stop()

    def log(self) -> str:
        """Return everything the chat has logged."""
        return self.server.text()

    def _started(self) -> Server:
        environment = chat_environment(**self.settings)
        if self._command is None:
            return ForkedServer(str(self.port), log=self._log, environment=environment)
        return Server(self._command, log=self._log, environment=environment)

    def _ready(self) -> bool:
        try:
            address = f"{self.url}/api/health/ready"
            return httpx.get(address, timeout=5, verify=trusted()).status_code == 200
        except httpx.TransportError:
            return False
