"""Dask's own remote processes over ssh, which besides get what no command line may show, and tell what they lack."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from etl import extras
from etl.cluster import remote_end
from etl.cluster.description import SshHosts
from etl.errors import ConnectError, EtlError, JobError, LoginFailed

with extras.needed("distributed with asyncssh", "a cluster over ssh", "dask"):
    import asyncssh
    from distributed.deploy import ssh

PROGRAM = (Path(remote_end.__file__).read_text(encoding="utf-8") + "\nmain()\n").encode()
READS_PROGRAM = "import sys; exec(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))"
"""What stands on the command line; the program itself comes over standard input, and so do variables and code."""
LOGIN_TIMEOUT_SEC = 20
KEEPALIVE_SEC = 15
END_TIMEOUT_SEC = 10


@dataclass(frozen=True, slots=True)
class Input:
    """What a process is given on its standard input. What shows it shows none of it."""

    content: bytes

    @classmethod
    def of(cls, asked: Any) -> Input:
        """The program and what it is asked."""
        return cls(b"%d\n%s%s\n" % (len(PROGRAM), PROGRAM, json.dumps(asked).encode()))

    def __repr__(self) -> str:
        return f"Input({len(self.content)} bytes)"


class _Fed(ssh.Process):
    """A process that gets its input as soon as it is there."""

    given: Input
    problem: str
    address: Any
    connection: Any

    @property
    def proc(self) -> Any:
        """asyncssh's process."""
        return self._proc

    @proc.setter
    def proc(self, proc: Any) -> None:
        self._proc = proc
        if proc is not None:
            proc.stdin.write(self.given.content.decode())

    async def start(self) -> None:
        """Start it. Raises EtlError that says which host it is and what is wrong there."""
        host = self.address
        dasks_own: Any = super()  # its methods have no types
        try:
            await dasks_own.start()
        except EtlError:
            raise
        except Exception as error:
            raise await self._told(host, error) from error

    async def _told(self, host: str, error: Exception) -> EtlError:
        if self._proc is None:
            return connect_error(host, error)
        # The sign to end, where it has not ended by itself.
        self._proc.stdin.write_eof()
        said = (await self._proc.stdout.read()).strip().splitlines()
        return ConnectError(f"{self.problem} on {host}: {said[-1] if said else error}", advice="\n".join(said[:-1]))

    async def close(self) -> None:
        """End it: the end of its input is the sign to tidy up."""
        if self._proc is not None and not self._proc.is_closing():
            self._proc.stdin.write_eof()
            await asyncio.wait([asyncio.ensure_future(self._proc.wait_closed())], timeout=END_TIMEOUT_SEC)
        dasks_own: Any = super()
        await dasks_own.close()


class RemoteScheduler(_Fed, ssh.Scheduler):
    """Dask's scheduler on a host. We reach it through the same ssh connection: no other port of the host need be open to us."""

    problem = "Dask's scheduler does not start"

    def __init__(self, given: Input, **options: Any) -> None:
        self.given = given
        super().__init__(**options)

    async def start(self) -> None:
        """Start it, and a tunnel to it."""
        await super().start()
        host, _, port = self.address.partition("://")[2].rpartition(":")
        self.tunnel = await self.connection.forward_local_port("127.0.0.1", 0, host, int(port))
        self.external_address = f"tls://127.0.0.1:{self.tunnel.get_port()}"


class RemoteWorker(_Fed, ssh.Worker):
    """Dask's workers on a host."""

    problem = "Dask's workers do not start"

    def __init__(self, *arguments: Any, given: Input, **options: Any) -> None:
        self.given = given
        super().__init__(*arguments, **options)


def connect_options(hosts: SshHosts) -> dict[str, Any]:
    """What asyncssh is told. What is not said, it takes from ~/.ssh/config as ssh does."""
    options: dict[str, Any] = {"login_timeout": LOGIN_TIMEOUT_SEC, "keepalive_interval": KEEPALIVE_SEC}
    if hosts.user is not None:
        options["username"] = hosts.user
    if hosts.port is not None:
        options["port"] = hosts.port
    if hosts.key is not None:
        options["client_keys"] = [str(hosts.key.expanduser())]
    if hosts.known_hosts is not None:
        options["known_hosts"] = str(hosts.known_hosts.expanduser())
    return options


def remote_python(hosts: SshHosts) -> str:
    """The command that reads the program."""
    return f"{hosts.python} -c '{READS_PROGRAM}'"


async def require_packages(host: str, hosts: SshHosts) -> None:
    """Raise JobError, ConnectError or LoginFailed where the host cannot be reached or lacks what a worker needs."""
    try:
        async with asyncssh.connect(host, **connect_options(hosts)) as connection:
            answer = await connection.run(remote_python(hosts), input=Input.of(None).content, encoding=None)
    except (OSError, asyncssh.Error, ValueError) as error:
        raise connect_error(host, error) from error
    try:
        facts = json.loads(_text(answer.stdout))
    except ValueError:
        said = _text(answer.stderr).strip().splitlines()
        raise JobError(
            f"{host} has no Python at {hosts.python}: {said[-1] if said else 'it says nothing'}",
            advice="Give the path of the one that has tablehaul as `python` of the cluster.",
        ) from None
    ours = version("tablehaul")
    found = facts["packages"]["tablehaul"]
    if found != ours:
        raise JobError(
            f"{host} has {'no tablehaul' if found is None else f'tablehaul {found}'} in {facts['executable']}, here is {ours}",
            advice=f"There: {facts['executable']} -m pip install 'tablehaul[dask]=={ours}'. Or name another `python`.",
        )
    if facts["packages"]["distributed"] is None:
        raise JobError(
            f"{host} has no distributed in {facts['executable']}",
            advice=f"There: {facts['executable']} -m pip install 'tablehaul[dask]=={ours}'.",
        )


def _text(said: bytes | str | None) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said or ""


def connect_error(host: str, error: Exception) -> EtlError:
    """asyncssh's error as ours."""
    if isinstance(error, asyncssh.PermissionDenied):
        return LoginFailed(
            f"{host} refused the login over ssh: {error.reason}", advice="Check `user` and `key` of the cluster."
        )
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return ConnectError(
            f"the host key of {host} is not known: {error.reason}",
            advice=f"Log in once with ssh, or put the key that `ssh-keyscan {host}` prints, once checked, into known_hosts.",
        )
    if isinstance(error, asyncssh.KeyEncryptionError | asyncssh.KeyImportError):
        return JobError(
            f"the ssh key cannot be read: {error}", advice="Has it a passphrase? Add it to the agent: ssh-add."
        )
    return ConnectError(
        f"cannot reach {host} over ssh: {error}", advice="Check host, port, user and key of the cluster."
    )
