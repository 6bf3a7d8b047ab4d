"""What a job may say of its cluster, and what it is told otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from etl.cluster import needs
from etl.cluster.description import SshHosts
from etl.errors import JobError
from etl.job import Job, make, read_yaml

FIELDS = {"source": "sqlite:///a.db", "target": "env:T", "source_table": "a", "target_table": "b", "executor": "dask"}


def described(cluster: Any) -> Job:
    return make(**FIELDS, cluster=cluster)


@pytest.mark.parametrize("cluster", [None, "local", "tcp://scheduler:8786", "tls://[::1]:8786", "scheduler.json"])
def test_a_name_an_address_or_a_file(cluster: str | None) -> None:
    job = described(cluster)
    assert job.cluster == cluster
    assert job.runs_elsewhere == (cluster not in {None, "local"})


def test_hosts_over_ssh_survive_the_ledger_and_change_no_jobs_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T", "sqlite:///b.db")
    file = tmp_path / "job.yaml"
    lines = [f"{name}: {value}" for name, value in FIELDS.items()]
    file.write_text("\n".join([*lines, "cluster:", "  ssh: [one, two]", "  key: ~/.ssh/key", "  environment: [A]"]))
    job = read_yaml(file)
    assert job.cluster == SshHosts(ssh=("one", "two"), key=Path("~/.ssh/key"), environment=("A",))
    stored = Job.model_validate(json.loads(job.model_dump_json()) | {"source": FIELDS["source"]})
    assert stored.cluster == job.cluster
    assert stored.hash() == make(**{**FIELDS, "executor": "serial"}).hash()


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ("somewhere", "cluster must be local, a scheduler's address such as tcp://host:8786"),
        (7, "cluster must be local"),
        ("tcp://user:secret@host:1", "cluster is a database URL, which belongs in source or target"),
        ({"hosts": ["a"]}, "cluster has no ssh"),
        ({"ssh": ["a"], "keys": "b"}, "keys is not a field of a cluster over ssh; did you mean key?"),
        ({"ssh": []}, "ssh of the cluster is not what it must be: Hosts"),
        ({"ssh": ["a; reboot"]}, "ssh of the cluster is not what it must be: Hosts"),
        ({"ssh": ["a"], "python": "python3; reboot"}, "python of the cluster is not what it must be"),
        ({"ssh": ["a"], "environment": ["A=secret"]}, "environment of the cluster is not what it must be"),
        ({"ssh": ["a"], "port": 0}, "port of the cluster is not what it must be"),
    ],
)
def test_what_is_none_is_told_without_its_value(cluster: Any, said: str) -> None:
    with pytest.raises(JobError) as raised:
        described(cluster)
    assert said in raised.value.message
    assert "secret" not in str(raised.value)
    assert "reboot" not in str(raised.value)


def test_a_cluster_without_dask_is_refused() -> None:
    with pytest.raises(JobError, match="a cluster is for executor: dask"):
        make(**{**FIELDS, "executor": "process"}, cluster="local")


def test_hosts_get_the_modules_and_the_variables_that_the_job_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("T", "sqlite:///b.db")
    monkeypatch.setenv("P", "secret")
    package = tmp_path / "sent_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (tmp_path / "sent_module.py").touch()
    job = make(
        **{**FIELDS, "source": "mssql+pyodbc://user@host:1433/db?password_from=env:P"},
        transform="sent_package.part:clean",
        output_schema="sent_module:SCHEMA",
        schema="json:loads",
        cluster={"ssh": ["host"], "send": ["more.py"]},
    )
    cluster = needs.cluster_of(job)
    assert isinstance(cluster, SshHosts)
    assert cluster.environment == ("P", "T")
    assert cluster.send == (Path("more.py"), tmp_path / "sent_module.py", package)
