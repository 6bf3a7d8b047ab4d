"""A cluster that is started over ssh for a run, and ends with it: Dask's scheduler on the first host, workers on each."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from etl import extras
from etl.cluster import sent_code, ssh_processes
from etl.cluster.description import SshHosts
from etl.cluster.ssh_processes import Input
from etl.errors import EtlError, JobError

with extras.needed("distributed", "a cluster over ssh", "dask"):
    from distributed import Security
    from distributed.deploy.spec import SpecCluster

CERTIFICATE_SETTINGS = {
    "CA_FILE": "tls_ca_file",
    "CLIENT__KEY": "tls_client_key",
    "CLIENT__CERT": "tls_client_cert",
    "SCHEDULER__KEY": "tls_scheduler_key",
    "SCHEDULER__CERT": "tls_scheduler_cert",
    "WORKER__KEY": "tls_worker_key",
    "WORKER__CERT": "tls_worker_cert",
}
"""Variables that Dask reads as `distributed.comm.tls` → fields of a Security, which may hold the certificate itself."""

PRIVATE = {
    "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
    "DASK_DISTRIBUTED__SCHEDULER__HTTP_ROUTES": "[]",
    "DASK_DISTRIBUTED__WORKER__HTTP_ROUTES": "[]",
}
"""Nobody listens, and nobody is shown Dask's web pages."""


@contextmanager
def started(hosts: SshHosts, workers: int) -> Iterator[SpecCluster]:
    """A cluster with so many worker processes on each host. What they say to each other is encrypted, with a key of its own.

    Raises ConnectError and LoginFailed for a host that cannot be reached, JobError for one that lacks what a worker needs.
    """

    with ThreadPoolExecutor(1) as thread:  # A notebook has an event loop running in this one.
        thread.submit(asyncio.run, _require_all(hosts)).result()
    security = Security.temporary()
    try:
        cluster = SpecCluster(
            scheduler=_scheduler(hosts, security),
            workers=dict(enumerate(_workers(hosts, security, workers))),
            security=security,
            silence_logs=logging.CRITICAL,
            name="SSHCluster",
        )
    except RuntimeError as error:
        # The scheduler's; those of workers come as they are.
        raise (error.__cause__ if isinstance(error.__cause__, EtlError) else error) from error
    with cluster:
        yield cluster


async def _require_all(hosts: SshHosts) -> None:
    await asyncio.gather(*(ssh_processes.require_packages(host, hosts) for host in dict.fromkeys(hosts.ssh)))


def _scheduler(hosts: SshHosts, security: Security) -> dict[str, Any]:
    given = Input.of({"variables": _certificate(security), "code": _code(())})
    kwargs = {"protocol": "tls://", "port": 0, "dashboard": False, "dashboard_address": ":0", "allowed_failures": 0}
    options = _options(hosts, hosts.ssh[0], given, kwargs)
    return {"cls": ssh_processes.RemoteScheduler, "options": options}


def _workers(hosts: SshHosts, security: Security, workers: int) -> Iterator[dict[str, Any]]:
    given = Input.of({"variables": _variables(hosts) | _certificate(security), "code": _code(hosts.send)})
    kwargs = {"protocol": "tls://", "nthreads": 1, "n_workers": workers, "memory_limit": 0}
    for host in hosts.ssh:
        yield {"cls": ssh_processes.RemoteWorker, "options": _options(hosts, host, given, kwargs)}


def _options(hosts: SshHosts, host: str, given: Input, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {
        "given": given,
        "address": host,
        "connect_options": ssh_processes.connect_options(hosts),
        "remote_python": ssh_processes.remote_python(hosts),
        "kwargs": kwargs | _host(hosts),
    }


def _host(hosts: SshHosts) -> dict[str, str]:
    """One machine's processes need no other address than its own."""
    return {"host": "127.0.0.1"} if len(hosts.ssh) == 1 else {}


def _certificate(security: Security) -> dict[str, str]:
    settings = {name: getattr(security, field) for name, field in CERTIFICATE_SETTINGS.items()}
    return {f"DASK_DISTRIBUTED__COMM__TLS__{name}": value for name, value in settings.items()} | PRIVATE


def _variables(hosts: SshHosts) -> dict[str, str]:
    lacking = [name for name in hosts.environment if name not in os.environ]
    if lacking:
        raise JobError(
            f"the environment variable {lacking[0]}, which the cluster's workers are to get, is not set here",
            advice=f"Export {lacking[0]}, or take it out of `environment` of the cluster.",
        )
    return {name: os.environ[name] for name in hosts.environment}


def _code(paths: Any) -> str:
    return base64.b64encode(sent_code.packed(paths)).decode()
