"""The deployments of a prefect.yaml without a work pool: one process that waits for what is due and runs it.

    python -m flows.serve [prefect.yaml]

What `prefect deploy --all` reads of a deployment is read here too, but for its work pool, its steps (the flows run where this
is started) and its triggers. Schedules are paused when this process ends.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import load_flow_from_entrypoint
from prefect.schedules import Schedule
from prefect.types.entrypoint import EntrypointType
from pydantic import TypeAdapter, ValidationError

from etl.errors import JobError, told

DEFAULT_FILE = Path("prefect.yaml")
PASSED_ON = ("parameters", "description", "tags", "version", "paused", "enforce_parameter_schema")
NOT_HERE = ("work_pool", "pull", "triggers")
READ = {"name", "entrypoint", "schedules", "concurrency_limit", *PASSED_ON, *NOT_HERE}


def deployments(file: Path) -> list[RunnerDeployment]:
    """The file's deployments. Raises JobError for a file without any, or a field of one that is not read here."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise JobError(
            f"{file} cannot be read as YAML", advice="It is as Prefect's documentation describes it."
        ) from error
    described = content.get("deployments") if isinstance(content, dict) else None
    if not described:
        raise JobError(f"{file} has no deployments")
    return [_deployment(file, fields) for fields in described]


def _deployment(file: Path, fields: dict[str, Any]) -> RunnerDeployment:
    for needed in ("name", "entrypoint"):
        if needed not in fields:
            raise JobError(f"{file}: a deployment has no {needed}")
    unknown = sorted(set(fields) - READ)
    if unknown:
        raise JobError(f"{file}: {', '.join(unknown)} of a deployment is not read here", advice="Use `prefect deploy`.")
    limit = fields.get("concurrency_limit")
    deployment = load_flow_from_entrypoint(fields["entrypoint"]).to_deployment(
        fields["name"],
        schedules=[_schedule(file, described) for described in fields.get("schedules", [])],
        concurrency_limit=ConcurrencyLimitConfig(**limit) if isinstance(limit, dict) else limit,
        entrypoint_type=EntrypointType.MODULE_PATH,
        **{name: fields[name] for name in PASSED_ON if name in fields},
    )
    assert isinstance(deployment, RunnerDeployment)
    return deployment


def _schedule(file: Path, described: dict[str, Any]) -> Schedule:
    try:
        # Pydantic takes a number for seconds, and a text for a moment; what it does not know it passes over.
        schedule = TypeAdapter(Schedule).validate_python(described)
        unknown = sorted(set(described) - {field.name for field in dataclasses.fields(Schedule)})
    except (ValidationError, ValueError) as error:
        raise JobError(f"{file}: a schedule is not Prefect's: {error}") from error
    if unknown:
        raise JobError(f"{file}: {', '.join(unknown)} of a schedule is not read here", advice="Use `prefect deploy`.")
    return schedule


if __name__ == "__main__":
    with told():
        serve(*deployments(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE))
