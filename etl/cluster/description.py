"""What a job says of its cluster: nothing, `local`, an address, a scheduler's file, or hosts to reach over ssh."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from etl import job_form
from etl.errors import JobError
from etl.nearest import did_you_mean

LOCAL = "local"
ADDRESS = re.compile(r"(?:tcp|tls)://[^\s/@]+:\d{1,5}/?")
"""Of a scheduler. The other protocols of Dask are for one process, for browsers, or for one kind of network card."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HOST = re.compile(r"[A-Za-z0-9_.:%-]+")
"""A name, an address, or an alias of ~/.ssh/config."""
WORDS = (
    "local, a scheduler's address such as tcp://host:8786, the path of its .json file, or a mapping with ssh: [host, …]"
)
TOLD = "cluster"
"""The kind of a validation error whose message is all there is to say."""

Host = Annotated[str, Field(pattern=f"^{HOST.pattern}$")]
VariableName = Annotated[str, Field(pattern=f"^{VARIABLE.pattern}$")]


class SshHosts(BaseModel):
    """Machines on which a cluster is started over ssh for the run, and ended with it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, strict=False, json_schema_extra=job_form.shape
    )

    ssh: tuple[Host, ...] = Field(
        min_length=1,
        description="Hosts. Each runs as many workers as the job says, the first one Dask's scheduler as well.",
    )
    user: str | None = Field(default=None, description="Login name; by default as ~/.ssh/config says, else your own.")
    port: int | None = Field(default=None, ge=1, le=65_535, description="Port of the ssh servers; by default 22.")
    key: Path | None = Field(
        default=None, description="Private key; by default the agent's, and those in ~/.ssh. Its passphrase: ssh-add."
    )
    known_hosts: Path | None = Field(
        default=None, description="The hosts' own keys; by default ~/.ssh/known_hosts. A host must be in it."
    )
    python: str = Field(
        default="python3",
        pattern=r"^[^\s'\"\\;&|<>$`()*?\[\]#]+$",
        description="The remote Python that has tablehaul[dask], e.g. /opt/tablehaul/bin/python.",
    )
    environment: tuple[VariableName, ...] = Field(
        default=(),
        description="Variables of this machine that the workers get too. No command line shows their values.",
    )
    send: tuple[Path, ...] = Field(
        default=(),
        description="Files and folders with code that the workers import; what the job names here goes anyway.",
    )


def described(value: Any) -> Any:
    """What the field says, checked. Raises PydanticCustomError, with a sentence that says what is wrong, for anything else."""
    if value is None or isinstance(value, SshHosts):
        return value
    if isinstance(value, Mapping):
        return _over_ssh(value)
    if not isinstance(value, str) or not (value == LOCAL or is_address(value) or value.endswith(".json")):
        raise PydanticCustomError(TOLD, "cluster must be {words}", {"words": WORDS})
    return value


def checked(value: Any) -> str | SshHosts | None:
    """As `described`, for a call in Python. Raises JobError."""
    try:
        found: str | SshHosts | None = described(value)
    except PydanticCustomError as error:
        raise JobError(error.message()) from None
    return found


Cluster = Annotated[str | SshHosts | None, BeforeValidator(described)]


def is_address(text: str) -> bool:
    """Whether the text is a scheduler's address."""
    return ADDRESS.fullmatch(text) is not None


def _over_ssh(fields: Mapping[Any, Any]) -> SshHosts:
    try:
        return SshHosts.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    raise PydanticCustomError(TOLD, "{sentence}", {"sentence": _sentence(name, first["type"])})


def _sentence(name: str, kind: str) -> str:
    known = SshHosts.model_fields
    if kind == "missing":
        return f"cluster has no ssh: it must be {WORDS}"
    if name not in known:
        shown = name if VARIABLE.fullmatch(name) else "a name"
        return (
            f"{shown} is not a field of a cluster over ssh{did_you_mean(name, known)}; its fields: {', '.join(known)}"
        )
    return f"{name} of the cluster is not what it must be: {known[name].description}"
