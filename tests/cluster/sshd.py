"""A real sshd on this machine, on a port of its own, with keys of its own, for one user: whoever runs the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

STARTS_WITHIN_SEC = 20.0
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
# pytest's folders may be opened by their group.
StrictModes no
LogLevel VERBOSE
# What a session leaves lying about is told from what others leave on this machine.
SetEnv TMPDIR={folder}/tmp
"""


@dataclass(frozen=True)
class Sshd:
    """A running server, and what a client needs to log in."""

    port: int
    user: str
    key: Path
    known_hosts: Path
    log: Path
    temporary: Path
    """Where its sessions keep temporary files."""
    pid: int


@contextmanager
def running(folder: Path) -> Iterator[Sshd]:
    """A server, stopped at the end with every session of it."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("there is no sshd: `sh .ci/sshd.sh` installs one")
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    temporary = folder / "tmp"
    temporary.mkdir()
    config = folder / "sshd_config"
    config.write_text(CONFIG.format(port=port, folder=folder))
    public = (folder / "host_key.pub").read_text().rsplit(maxsplit=1)[0]
    known_hosts = folder / "known_hosts"
    known_hosts.write_text("".join(f"[{host}]:{port} {public}\n" for host in ("127.0.0.1", "localhost")))
    log = folder / "sshd.log"
    process = subprocess.Popen([program, "-D", "-f", str(config), "-E", str(log)])
    try:
        _wait_until_it_listens(port, process, log)
        yield Sshd(port, getpass.getuser(), folder / "user_key", known_hosts, log, temporary, process.pid)
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SEC
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError(log.read_text())
